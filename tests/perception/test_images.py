"""Image files of all formats become upright RGB uint8 arrays; other files are reported."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.perception.images import MAX_PIXELS, as_array, read_image, to_grey


def encoded(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_header(width, height):
    """The header of a PNG with a size, without data."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    checked = struct.pack(">I", len(header) - 4) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + checked + struct.pack(">I", 10) + b"IDAT"


@pytest.fixture
def pixels(generator):
    return generator.integers(0, 256, (30, 40, 3), dtype=np.uint8)


@pytest.fixture
def smooth():
    """A smooth image, which JPEG compresses with little loss."""
    rows, columns = np.mgrid[:48, :64]
    return np.stack([rows * 4, columns * 3, (rows + columns) * 2], axis=2).astype(np.uint8)


def test_a_png_round_trips_from_a_file_and_from_bytes(tmp_path, pixels):
    path = tmp_path / "image.png"
    path.write_bytes(encoded(Image.fromarray(pixels)))
    np.testing.assert_array_equal(read_image(path), pixels)
    np.testing.assert_array_equal(read_image(str(path)), pixels)
    np.testing.assert_array_equal(read_image(path.read_bytes()), pixels)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "BMP", "TIFF", "PPM"])
def test_common_formats_are_read(smooth, kind):
    read = read_image(encoded(Image.fromarray(smooth), kind))
    assert read.dtype == np.uint8 and read.shape == smooth.shape
    assert np.abs(read.astype(int) - smooth).mean() < 4


@pytest.mark.parametrize("turned", range(1, 9))
def test_exif_orientations_are_turned_upright(smooth, turned):
    undo = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: np.rot90(p),
        7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
        8: lambda p: np.rot90(p, -1),
    }
    tag = Image.Exif()
    tag[0x0112] = turned
    stored = Image.fromarray(np.ascontiguousarray(undo[turned](smooth)))
    np.testing.assert_array_equal(read_image(encoded(stored, exif=tag)), smooth)


def test_grey_palette_and_one_bit_become_rgb(pixels):
    grey = pixels[..., 0]
    np.testing.assert_array_equal(read_image(encoded(Image.fromarray(grey))), np.dstack([grey] * 3))
    palette = Image.fromarray(pixels).quantize(16)
    np.testing.assert_array_equal(read_image(encoded(palette)), np.array(palette.convert("RGB")))
    black_and_white = Image.fromarray(grey > 127)
    np.testing.assert_array_equal(read_image(encoded(black_and_white))[..., 1], np.where(grey > 127, 255, 0))


def test_transparent_pixels_become_grey_and_opaque_ones_are_unchanged(pixels):
    alpha = np.zeros((30, 40, 1), np.uint8)
    alpha[:, 20:] = 255
    read = read_image(encoded(Image.fromarray(np.dstack([pixels, alpha]))))
    assert (read[:, :20] == 128).all()
    np.testing.assert_array_equal(read[:, 20:], pixels[:, 20:])


def test_a_transparent_palette_colour_becomes_grey():
    image = Image.new("P", (4, 4), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((0, 0), 0)
    read = read_image(encoded(image, transparency=0))
    assert read[0, 0].tolist() == [128, 128, 128] and read[1, 1].tolist() == [0, 255, 0]


def test_cmyk_becomes_rgb(smooth):
    read = read_image(encoded(Image.fromarray(smooth).convert("CMYK"), "JPEG", quality=95))
    assert np.abs(read.astype(int) - smooth).mean() < 6


def test_sixteen_bit_images_are_scaled_by_their_full_range():
    wide = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    read = read_image(encoded(Image.fromarray(wide)))
    np.testing.assert_array_equal(read[..., 0], np.round(wide / 257).astype(np.uint8))
    assert (read == read[..., :1]).all()


def test_float_tiffs_are_scaled_to_eight_bits():
    values = np.linspace(-1, 1, 16, dtype=np.float32).reshape(4, 4)
    read = read_image(encoded(Image.fromarray(values), "TIFF"))
    assert read.min() == 0 and read.max() == 255 and (np.diff(read[..., 0].ravel().astype(int)) > 0).all()


@pytest.mark.parametrize("mode", ["I;16", "I", "F", "L", "LA", "P", "RGBA", "CMYK", "1"])
def test_a_pillow_image_is_read_as_its_file_is(mode):
    if mode in ("I;16", "I", "F"):
        types = {"I;16": np.uint16, "I": np.int32, "F": np.float32}
        image = Image.fromarray(np.linspace(0, 60000, 64).reshape(8, 8).astype(types[mode]))
    else:
        alpha = np.linspace(0, 255, 64).reshape(8, 8).astype(np.uint8)
        image = Image.fromarray(np.dstack([alpha.T, alpha, alpha.T, alpha])).convert(mode)
    np.testing.assert_array_equal(
        as_array(image), read_image(encoded(image, "TIFF" if mode in ("I", "F", "CMYK") else "PNG"))
    )


def test_images_of_extreme_sizes_are_read():
    assert read_image(encoded(Image.new("RGB", (1, 1), (1, 2, 3)))).tolist() == [[[1, 2, 3]]]
    assert read_image(encoded(Image.new("L", (20_000, 3)))).shape == (3, 20_000, 3)


@pytest.mark.parametrize("size", [(100_000, 100_000), (8001, 8000)])
def test_too_many_pixels_are_refused_from_the_header(size):
    with pytest.raises(DataError, match=rf"huge\.png must have at most {MAX_PIXELS:,} pixels.*reduce it"):
        read_image(png_header(*size), name="huge.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_truncated_images_are_refused_by_name(tmp_path, generator, kind, share):
    content = encoded(Image.fromarray(generator.integers(0, 256, (60, 60, 3), dtype=np.uint8)), kind)
    path = tmp_path / "cut"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match=r"cut (is damaged|must be an image)"):
        read_image(path)


def test_damaged_bytes_raise_only_data_errors(generator, smooth):
    content = np.frombuffer(encoded(Image.fromarray(smooth)), np.uint8)
    outcomes = set()
    for _ in range(60):
        broken = content.copy()
        broken[generator.integers(8, len(broken), 4)] = generator.integers(0, 256, 4)
        try:
            outcomes.add(read_image(broken.tobytes()).dtype)
        except DataError:
            outcomes.add(DataError)
    assert outcomes <= {DataError, np.dtype(np.uint8)} and DataError in outcomes


def test_other_files_empty_files_missing_files_and_folders_are_reported(tmp_path):
    text, empty = tmp_path / "notes.jpg", tmp_path / "empty.png"
    text.write_text("a note, not an image\n" * 20)
    empty.touch()
    for source, sentence in [
        (text, r"notes\.jpg must be an image"),
        (empty, r"empty\.png is empty \(0 bytes\)"),
        (tmp_path / "none.png", r"none\.png does not exist"),
        (tmp_path, "cannot be read"),
        (b"", "image is empty"),
    ]:
        with pytest.raises(DataError, match=sentence):
            read_image(source)


class TestToGrey:
    def test_any_array_layout_is_accepted_and_not_modified(self, pixels):
        before = pixels.copy()
        pixels.setflags(write=False)
        expected = to_grey(pixels)
        np.testing.assert_array_equal(to_grey(np.asfortranarray(pixels)), expected)
        np.testing.assert_array_equal(to_grey(pixels[:, ::-1])[:, ::-1], expected)
        np.testing.assert_array_equal(to_grey(pixels[..., ::-1].copy()[..., ::-1]), expected)
        np.testing.assert_array_equal(pixels, before)

    def test_grey_arrays_are_returned_contiguous(self, pixels):
        view = pixels[..., 0]
        assert to_grey(view).flags.c_contiguous
        np.testing.assert_array_equal(to_grey(view), view)

    def test_equal_channels_become_that_grey(self, pixels):
        grey = pixels[..., 0]
        np.testing.assert_array_equal(to_grey(np.dstack([grey] * 3)), grey)

    @pytest.mark.parametrize(
        "wrong", [np.zeros((4, 4)), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4), np.uint8), np.zeros(4, np.uint8)]
    )
    def test_other_arrays_are_refused(self, wrong):
        with pytest.raises(InputError, match=r"image must be a uint8 array of shape \(height, width, 3\)"):
            to_grey(wrong)
