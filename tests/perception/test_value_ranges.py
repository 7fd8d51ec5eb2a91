"""Images whose values do not fill their type are read like the 8-bit image that they were made from."""

import io
import itertools
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from landmark_fer.core.errors import DataError
from landmark_fer.perception.images import decode_image, read_frames, read_image
from landmark_fer.perception.wide_images import ValueRange, full_range, to_eight_bits, usual_range

MIN_SAMPLE, MAX_SAMPLE, SMIN_SAMPLE, SMAX_SAMPLE = 280, 281, 340, 341


@pytest.fixture(scope="module")
def grey():
    """An eight-bit image that uses the full range, shape (48, 64)."""
    rows, columns = np.mgrid[:48, :64]
    wave = np.sin(rows / 5) * np.cos(columns / 7)
    return np.round(255 * (wave - wave.min()) / (wave.max() - wave.min())).astype(np.uint8)


@pytest.fixture(scope="module")
def rgb(grey):
    return np.dstack([grey, grey[::-1], grey[:, ::-1] // 2])


def scaled(image, high, dtype):
    """An eight-bit image scaled to the range from 0 to `high`."""
    values = image.astype(np.float64) * high / 255
    return (np.round(values) if np.dtype(dtype).kind in "ui" else values).astype(dtype)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(values, *chunks):
    """A PNG of 8 or 16 bits with unchanged values and chunks of (kind, content) before its data."""
    values = values if values.ndim == 3 else values[..., None]
    height, width, channels = values.shape
    own = values.astype(f">u{values.dtype.itemsize}")
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in own))
    header = struct.pack(
        ">IIBBBBB", width, height, 8 * values.dtype.itemsize, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0
    )
    parts = [(b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def tiff(values, **options):
    stream = io.BytesIO()
    photometric = "rgb" if values.ndim > 2 and values.shape[-1] in (3, 4) else "minisblack"
    tifffile.imwrite(stream, values, **({"photometric": photometric, "metadata": None} | options))
    return stream.getvalue()


def stated(low, high, kind, *, tags=(SMIN_SAMPLE, SMAX_SAMPLE), channels=1):
    """Return the tags of a range, for `tiff`."""
    ends = [end if channels == 1 else (end,) * channels for end in (low, high)]
    return {"extratags": [(tag, kind, channels, end, True) for tag, end in zip(tags, ends, strict=True)]}


def pnm(values, largest):
    letter = b"P6" if values.ndim == 3 else b"P5"
    size = f"{values.shape[1]} {values.shape[0]}"
    return letter + f"\n# made by a camera\n{size}\n{largest}\n".encode() + values.astype(">u2").tobytes()


def check(content, eight, *, off=0):
    """Check that a file is read like an eight-bit image, and return the decoded image with its notes."""
    decoded = decode_image(content, name="it")
    eight = eight if eight.ndim == 3 else np.dstack([eight] * 3)
    assert decoded.pixels.shape == eight.shape and decoded.pixels.dtype == np.uint8
    assert np.abs(decoded.pixels.astype(int) - eight).max() <= off
    return decoded


BITS = [8, 10, 12, 14, 16]
WRITERS = {"png": png, "tiff": tiff, "tiff, packed": lambda values: tiff(values, compression="zlib")}
WRITERS |= {"tiff, big-endian": lambda values: tiff(values, byteorder=">"), "pnm": lambda values: pnm(values, 65535)}
WRITERS |= {"tiff, tiled": lambda values: tiff(values, tile=(16, 16)), "bigtiff": lambda v: tiff(v, bigtiff=True)}


@pytest.mark.parametrize(("writer", "bits", "coloured"), list(itertools.product(WRITERS, BITS, [False, True])))
def test_unstated_ranges_in_sixteen_bits_are_guessed(grey, rgb, writer, bits, coloured):
    eight = rgb if coloured else grey
    decoded = check(WRITERS[writer](scaled(eight, 2**bits - 1, np.uint16)), eight)
    assert decoded.guessed[1:] == (0, 2**bits - 1) and decoded.guessed.type.endswith(" uint16")
    if bits == 16:  # which fills the type: nothing to say
        assert decoded.notes == ()
    else:
        ((kind, detail),) = decoded.notes
        assert kind == "range" and detail.endswith(f"(uint16) are read as 0 to {2**bits - 1}")


def tags_of(bits, values, **options):
    return stated(0, 2**bits - 1, "H", channels=values.shape[2] if values.ndim == 3 else 1, **options)


STATEMENTS = {
    "png, sBIT": lambda values, bits: png(values, (b"sBIT", bytes([bits] * (3 if values.ndim == 3 else 1)))),
    "tiff, MaxSampleValue": lambda values, bits: tiff(values, **tags_of(bits, values, tags=(MIN_SAMPLE, MAX_SAMPLE))),
    "tiff, SMaxSampleValue": lambda values, bits: tiff(values, **tags_of(bits, values)),
    "pnm, largest": lambda values, bits: pnm(values, 2**bits - 1),
}


@pytest.mark.parametrize("darkness", [1, 8])
@pytest.mark.parametrize(
    ("statement", "bits", "coloured"), list(itertools.product(STATEMENTS, [9, 10, 12, 14], [False, True]))
)
def test_stated_ranges_apply_to_dark_images(grey, rgb, statement, bits, coloured, darkness):
    eight = (rgb if coloured else grey) // darkness
    values = scaled(eight, 2**bits - 1, np.uint16)
    decoded = check(STATEMENTS[statement](values, bits), eight, off=1 if statement.startswith("pnm") else 0)
    assert decoded.notes == () and decoded.guessed is None


def test_pngs_with_scaled_samples_are_not_scaled_again(grey):
    twelve = scaled(grey, 4095, np.uint16)
    assert check(png((twelve << 4) | (twelve >> 8), (b"sBIT", b"\x0c")), grey).notes == ()


def test_stated_ranges_may_have_any_limits(grey):
    check(tiff(scaled(grey, 3000, np.uint16), **stated(0, 3000, "H")), grey)
    check(tiff(scaled(grey, 3000, np.uint16) + 1000, **stated(1000, 4000, "H")), grey)
    check(tiff(scaled(grey, 100, np.float32), **stated(0.0, 100.0, "f")), grey)
    check(tiff(scaled(grey, 6, np.float32) - 3, **stated(-3.0, 3.0, "f")), grey)
    check(tiff(scaled(grey, 2**20 - 1, np.uint32), **stated(0, 2**20 - 1, "I")), grey)


def test_stated_ranges_below_eight_bits_are_scaled(grey):
    four = grey // 16
    by_four = (four * 17).astype(np.uint8)
    check(tiff(four, **stated(0, 15, "H", tags=(MIN_SAMPLE, MAX_SAMPLE))), by_four)
    check(png(four, (b"sBIT", b"\4")), by_four)
    np.testing.assert_array_equal(read_image(png(grey, (b"sBIT", b"\4")))[..., 0], grey)
    np.testing.assert_array_equal(read_image(png(grey // 4))[..., 0], grey // 4)  # eight bits, and dark


def test_contradicted_stated_ranges_are_ignored(grey):
    decoded = check(tiff(scaled(grey, 4095, np.uint16), **stated(0, 255, "H")), grey)
    assert [note.kind for note in decoded.notes] == ["stated"]


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("factor", [1, 4])
def test_packed_samples_of_a_tiff_are_read(grey, bits, factor):
    """For example 12 bits per sample: two samples in three bytes."""
    eight = grey // factor
    values = scaled(eight, 2**bits - 1, np.uint16)
    lines = np.unpackbits(values.astype(">u2").view(np.uint8).reshape(*values.shape, 2), axis=2)[..., 16 - bits :]
    strip = np.packbits(lines.reshape(48, -1), axis=1).tobytes()
    tags = [(256, 4, 64), (257, 4, 48), (258, 3, bits), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1),
            (278, 4, 48), (279, 4, len(strip))]  # fmt: skip
    directory = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags
    )
    check(struct.pack("<2sHI", b"II", 42, 8 + len(strip)) + strip + directory + bytes(4), eight, off=1)


FLOATS = {"0 to 1": (0, 1), "0 to 255": (0, 255), "0 to 65535": (0, 65535), "-1 to 1": (-1, 1), "0 to 4095": (0, 4095)}
FLOATS |= {"-128 to 128": (-128, 128), "0 to 2": (0, 2)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("coloured", [False, True])
@pytest.mark.parametrize("usual", FLOATS)
def test_floats_in_usual_ranges_are_scaled(grey, rgb, usual, coloured, dtype):
    low, high = FLOATS[usual]
    eight = rgb if coloured else grey
    decoded = check(tiff(scaled(eight, high - low, dtype) + dtype(low)), eight)
    assert decoded.guessed[1:] == (low, high) and f"read as {low} to {high}" in decoded.notes[0].detail


@pytest.mark.parametrize("high", [1, 255])
def test_dark_floats_stay_dark_and_overshoots_are_clipped(grey, high):
    check(tiff(scaled(grey // 3, high, np.float32)), grey // 3)
    overshot = scaled(grey, high, np.float32) * np.float32(1.05) - np.float32(0.02 * high)
    check(tiff(overshot), np.round((grey * 1.05 - 0.02 * 255).clip(0, 255)).astype(np.uint8), off=1)


@pytest.mark.parametrize("usual", [255, 65535])
def test_a_pfm_is_read_like_a_float_tiff(grey, usual):
    values = np.flipud(scaled(grey, usual, "<f4"))
    check(b"Pf\n64 48\n-1.0\n" + values.tobytes(), grey)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0, -1.0, 200.0])
@pytest.mark.parametrize("dtype", [np.float32, np.uint16])
def test_constant_images_are_read(value, dtype):
    decoded = decode_image(tiff(np.full((5, 7), max(0, value) if dtype == np.uint16 else value, dtype)))
    assert decoded.pixels.shape == (5, 7, 3) and len(np.unique(decoded.pixels)) == 1


def test_nan_becomes_black_and_is_reported(grey):
    values = scaled(grey, 1, np.float32)
    values[:5], values[5, 0], values[5, 1] = np.nan, np.inf, -np.inf
    decoded = decode_image(tiff(values))
    expected = grey.copy()
    expected[:5], expected[5, 0], expected[5, 1] = 0, 255, 0
    np.testing.assert_array_equal(decoded.pixels[..., 0], expected)
    assert "numbers" in [note.kind for note in decoded.notes] and "320 values" in decoded.notes[-1].detail
    assert (decode_image(tiff(np.full((4, 4), np.nan, np.float32))).pixels == 0).all()


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_signed_values_are_scaled_from_minimum_to_maximum(grey, dtype):
    bits = 8 * np.dtype(dtype).itemsize
    check(tiff((scaled(grey, 2**bits - 1, np.float64) - 2 ** (bits - 1)).astype(dtype)), grey)


def test_nonnegative_signed_values_are_read_like_unsigned_ones(grey):
    check(tiff(scaled(grey, 4095, np.int16)), grey)
    check(tiff(scaled(grey, 4095, np.int32)), grey)
    noisy = scaled(grey, 4095, np.int16)
    noisy[0, 0] = -3
    check(tiff(noisy), np.where(np.arange(grey.size).reshape(grey.shape) == 0, 0, grey).astype(np.uint8))
    check(tiff(scaled(grey, 4095, np.int32) - 2048), grey)


@pytest.mark.parametrize("high", [2**12 - 1, 2**16 - 1, 2**32 - 1])
def test_thirty_two_bit_images_are_read(grey, high):
    check(tiff(scaled(grey, high, np.uint32)), grey)


WHITE_IS_ZERO = {np.uint8: 255, np.uint16: 4095, np.float32: 1}


@pytest.mark.parametrize("dtype", WHITE_IS_ZERO)
def test_white_is_zero_tiffs_are_inverted(grey, dtype):
    check(tiff(scaled(255 - grey, WHITE_IS_ZERO[dtype], dtype), photometric="miniswhite"), grey)


def test_one_bit_tiffs_are_read(grey):
    eight = np.where(grey < 128, 255, 0).astype(np.uint8)
    check(tiff(grey < 128), eight)
    check(tiff(grey < 128, photometric="miniswhite"), 255 - eight)


def test_sixteen_bit_alpha_becomes_grey(grey, rgb):
    for high, alpha_high in [(4095, 65535), (4095, 4095), (65535, 65535)]:
        alpha = np.zeros((48, 64), np.uint16)
        alpha[:, 32:] = alpha_high
        for content, eight in [
            (png(np.dstack([scaled(rgb, high, np.uint16), alpha])), rgb),
            (png(np.dstack([scaled(grey, high, np.uint16), alpha])), np.dstack([grey] * 3)),
            (tiff(np.dstack([scaled(rgb, high, np.uint16), alpha]), extrasamples=["unassalpha"]), rgb),
        ]:
            expected = eight.copy()
            expected[:, :32] = 128
            check(content, expected)


def test_a_sixteen_bit_transparent_value_becomes_grey(grey, rgb):
    values = scaled(grey, 4095, np.uint16)
    expected = np.where(values == values[0, 0], 128, grey).astype(np.uint8)
    check(png(values, (b"tRNS", struct.pack(">H", values[0, 0]))), expected)
    values = scaled(rgb, 4095, np.uint16)
    hit = (values == values[0, 0]).all(axis=2)
    check(
        png(values, (b"tRNS", struct.pack(">3H", *values[0, 0]))), np.where(hit[..., None], 128, rgb).astype(np.uint8)
    )


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("coloured", [False, True])
def test_wide_images_are_turned_upright(grey, rgb, orientation, dtype, coloured):
    eight = rgb if coloured else grey
    tag = Image.Exif()
    tag[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(eight).save(stream, "PNG", exif=tag)
    upright = read_image(stream.getvalue())
    values = scaled(eight, 4095 if dtype == np.uint16 else 1, dtype)
    check(tiff(values, extratags=[(274, "H", 1, orientation, True)]), upright)
    if dtype == np.uint16:
        check(png(values, (b"eXIf", tag.tobytes()[6:])), upright)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (lambda rgb: tiff(scaled(rgb, 4095, np.uint16).transpose(2, 0, 1).copy(), photometric="rgb",
                          planarconfig="separate"), "3 planes of uint16"),
        (lambda rgb: tiff(scaled(rgb, 1, np.float16)), "3 channels of float16"),
        (lambda rgb: tiff(scaled(rgb[..., 0], 1, np.float16)), "1 channels of float16"),
        (lambda rgb: tiff(rgb[..., 0].astype(np.complex64)), "1 channels of complex64"),
        (lambda rgb: tiff(scaled(rgb, 2**32 - 1, np.uint32)), "3 channels of uint32"),
        (lambda rgb: tiff(rgb[..., 0].astype(np.uint64)), "1 channels of uint64"),
        (lambda rgb: tiff(scaled(rgb[..., :2], 4095, np.uint16), photometric="minisblack", planarconfig="contig",
                          extrasamples=["unassalpha"]), "2 channels of uint16"),
    ],
)  # fmt: skip
def test_unsupported_sample_types_are_refused(rgb, content, what):
    with pytest.raises(DataError, match=rf"^it has a type that cannot be decoded correctly \({what}\); save it"):
        decode_image(content(rgb), name="it")


def test_previews_in_raw_files_are_not_read_as_the_image(grey):
    with pytest.raises(DataError, match="it holds only a preview of its image"):
        decode_image(tiff(grey, subfiletype=1), name="it")
    with pytest.raises(DataError, match="it holds only a preview"):
        decode_image(tiff(grey, extratags=[(50706, "B", 4, (1, 4, 0, 0), True)]), name="it")
    with pytest.raises(DataError, match="of the kind camera raw"):
        decode_image(b"II*\0\x10\0\0\0CR\2\0" + bytes(100), name="it")


def test_pages_of_a_file_share_a_range(grey, rgb):
    for eight in (grey, rgb):
        stack = np.stack([scaled(eight // factor, 4095, np.uint16) for factor in (1, 4, 2)])
        pages = [decoded.pixels for decoded in read_frames(tiff(stack))]
        assert len(pages) == 3
        for page, factor in zip(pages, (1, 4, 2), strict=True):
            expected = eight // factor if eight.ndim == 3 else np.dstack([eight // factor] * 3)
            np.testing.assert_array_equal(page, expected)


def test_a_common_range_reads_dark_images_as_dark(grey):
    dark = tiff(scaled(grey // 8, 4095, np.uint16))
    alone = decode_image(dark)
    assert alone.guessed == ValueRange("TIFF uint16", 0, 1023)
    bright = decode_image(tiff(scaled(grey, 4095, np.uint16))).guessed
    together = decode_image(dark, ranges={"TIFF uint16": bright})
    assert together.guessed == bright
    np.testing.assert_array_equal(together.pixels[..., 0], grey // 8)


def test_a_warning_names_the_guessed_range(grey, caplog):
    read_image(io.BytesIO(tiff(scaled(grey, 4095, np.uint16))), name="camera.tif")
    message = "camera.tif: values from 0 to 4095 (uint16) are read as 0 to 4095, because the file states no range"
    assert caplog.messages == [message]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_scaling_is_monotonic_and_reaches_both_ends(dtype):
    low, high = (0, 200) if dtype == np.uint8 else (0, 4095)
    values = np.linspace(low, high, 999).astype(dtype).reshape(27, 37)
    eight = to_eight_bits(values, ValueRange("", low, high))
    assert eight.ravel()[0] == 0 and eight.ravel()[-1] == 255
    assert (np.diff(eight.ravel().astype(int)) >= 0).all()


def test_the_usual_range_contains_the_values(generator):
    for dtype in (np.uint8, np.uint16, np.uint32, np.int16, np.int32):
        for bits in range(1, 8 * np.dtype(dtype).itemsize):
            values = generator.integers(0, 2**bits, 9).astype(dtype)
            found = usual_range(values)
            assert found.low <= values.min() and values.max() <= found.high <= full_range(dtype).high


def test_files_written_by_opencv_are_read(grey, rgb):
    """Files that OpenCV wrote are read, too, not only those that the tests write."""
    for eight in (grey, rgb):
        for suffix in (".png", ".tiff", ".pgm" if eight.ndim == 2 else ".ppm"):
            bgr = eight if eight.ndim == 2 else eight[..., ::-1]
            _, content = cv2.imencode(suffix, scaled(bgr, 1023, np.uint16))
            check(content.tobytes(), eight)
