"""Image formats are recognized by content, not by name; frames and pages are read one by one."""

import io
import logging
import os

import numpy as np
import pytest
import tifffile
from PIL import Image

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.perception.image_formats import (
    HIDDEN,
    LINKED_FOLDER,
    NOT_AN_IMAGE,
    READ_BY,
    image_file_kind,
    image_kind,
    images_in,
    is_image,
)
from landmark_fer.perception.images import decode_image, frame_count, is_animation, read_frames, read_image

KINDS = {"JPEG": "JPEG", "PNG": "PNG", "GIF": "GIF", "WEBP": "WebP", "TIFF": "TIFF", "BMP": "BMP", "DIB": "BMP"}
KINDS |= {"PPM": "PNM"} | ({"AVIF": "AVIF"} if "AVIF" in READ_BY else {})
NAMES = ["a.jpg", "a.JPE", "a.jfif", "a.png", "a.txt", "a.dat", "a", "a.b.c", "a.tiff", "a.mp4", "a.heic"]

OTHERS = {
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 ",
    "JPEG XL": b"\xff\x0a\xfa\x7f\x01",
    "OpenEXR": b"v/1\x01\2\0\0\0",
    "Photoshop": b"8BPS\0\1\0\0\0\0\0\0\0\3",
    "colour PFM": b"PF\n4 4\n-1.0\n",
    "camera raw": b"II*\0\x10\0\0\0CR\2\0",
}
NO_IMAGES = [
    b"",
    b"P",
    b"BM",
    b"BMW and others",
    b"Python is",
    b"P5 is a format",
    b"II",
    b"GIF",
    b"%PDF-1.4",
    b"a,b\n1,2",
]
NO_IMAGES += [
    b"a,b\n1,2",
    b"PK\3\4",
    b"\0\0\0\x18ftypisom",
    b"\0\0\0\x18ftypmp42",
    b"RIFF\0\0\0\0AVI LIST",
    b"\xff\xfb\x90",
]


def encoded(kind, mode="RGB", **options):
    stream = io.BytesIO()
    Image.new(mode, (16, 12), None if mode == "P" else (90,) * len(mode)).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_the_content_decides_the_format_for_any_name(tmp_path, kind, name):
    (tmp_path / name).write_bytes(encoded(kind))
    assert image_file_kind(tmp_path / name) == KINDS[kind]
    assert images_in(tmp_path) == ([name], {})
    assert read_image(tmp_path / name).shape == (12, 16, 3)


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_each_kind_of_pnm_is_recognized(mode):
    assert image_kind(encoded("PPM", mode)) == "PNM" == image_kind(b"P2\n# by hand\n1 1\n9\n5\n")


@pytest.mark.parametrize("kind", OTHERS)
def test_unsupported_image_formats_are_named(kind):
    assert image_kind(OTHERS[kind]) == kind
    with pytest.raises(DataError, match=f"face is an image of the kind {kind}, which is not read; save it as JPEG"):
        read_image(OTHERS[kind] + bytes(200), name="face")


@pytest.mark.parametrize("content", NO_IMAGES)
def test_other_files_are_not_images(tmp_path, content):
    assert image_kind(content) is None
    (tmp_path / "a.txt").write_bytes(content)
    assert images_in(tmp_path) == ([], {"a.txt": NOT_AN_IMAGE})


def test_a_file_with_an_image_suffix_counts_as_an_image():
    def never():
        raise AssertionError

    assert is_image("notes.JPG", never) and is_image("phone.heic", never)
    assert not is_image("notes.txt", lambda: b"some words")


def test_images_in_a_folder_are_in_natural_order_and_other_files_listed(tmp_path):
    for name in ("10.jpg", "9.jpe", "2", "1.PNG", "notes.txt", ".DS_Store", "Thumbs.db", "._1.jpg", ".mine.jpg"):
        (tmp_path / name).write_bytes(b"some words" if name[0] in "nT." and name != ".mine.jpg" else encoded("PNG"))
    (tmp_path / "folder.jpg" / "__MACOSX").mkdir(parents=True)
    for name in ("3.jpg", "__MACOSX/3.jpg"):
        (tmp_path / "folder.jpg" / name).write_bytes(encoded("PNG"))
    (tmp_path / "link").symlink_to("folder.jpg")
    images, others = images_in(tmp_path)
    assert images == ["1.PNG", "2", "9.jpe", "10.jpg", "folder.jpg/3.jpg"]
    assert others == {".mine.jpg": HIDDEN, "notes.txt": NOT_AN_IMAGE, "link/": LINKED_FOLDER}


@pytest.fixture(scope="module")
def content():
    return encoded("PNG")


@pytest.fixture(scope="module")
def path(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("source") / "face.png"
    path.write_bytes(content)
    return path


class TestSources:
    """Paths, open files and bytes are sources of images."""

    @pytest.mark.parametrize(
        "make",
        [
            bytes,
            bytearray,
            memoryview,
            io.BytesIO,
            lambda content: memoryview(bytearray(content)),
            lambda content: io.BufferedReader(io.BytesIO(content)),
        ],
    )
    def test_content(self, content, make):
        np.testing.assert_array_equal(read_image(make(content)), read_image(content))

    def test_paths_and_open_files_are_read(self, path, content):
        class PathLike:
            def __fspath__(self):
                return str(path)

        class InBytes:
            def __fspath__(self):
                return bytes(path)

        for source in (path, str(path), PathLike(), InBytes()):
            np.testing.assert_array_equal(read_image(source), read_image(content))
        with path.open("rb") as file:
            np.testing.assert_array_equal(read_image(file), read_image(content))

    def test_messages_name_open_files(self, tmp_path):
        (tmp_path / "empty.png").touch()
        with (tmp_path / "empty.png").open("rb") as file, pytest.raises(DataError, match=r"empty\.png is empty"):
            read_image(file)
        with pytest.raises(DataError, match="mine is empty"):
            read_image(io.BytesIO(), name="mine")

    def test_other_types_of_sources_are_refused(self, path):
        for encoding in ("latin-1", "utf-8"):
            with path.open(encoding=encoding) as file, pytest.raises(InputError, match="opened in binary mode"):
                read_image(file)
        for wrong in (None, 7, np.zeros((4, 4, 3), np.uint8), ["face.png"]):
            with pytest.raises(
                InputError, match="an image must be a path, bytes, or a file opened in binary mode, got"
            ):
                read_image(wrong)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
    def test_a_pipe_is_refused_by_path_and_read_if_open(self, tmp_path, path, content):
        os.mkfifo(pipe := tmp_path / "pipe.png")
        with pytest.raises(DataError, match=r"pipe\.png is a pipe or a device, which may never end"):
            read_image(pipe)
        reads, writes = os.pipe()
        with open(reads, "rb") as file:
            with open(writes, "wb") as other:
                other.write(content)
            np.testing.assert_array_equal(read_image(file), read_image(path))

    def test_unreadable_files_are_named(self, path):
        with path.open("rb") as file:
            pass
        with pytest.raises(DataError, match=r"face\.png cannot be read \(read of closed file\)"):
            read_image(file)

    @pytest.mark.parametrize(
        "address",
        [
            "https://example.org/a//face.jpg",
            "http://localhost:8000/face.png?size=2",
            "ftp://example.org/face.png",
            "s3://bucket/face.png",
            "file:///images/face.png",
            "data:image/png;base64,iVBORw0KGgo=" + 400 * "A",
        ],
    )
    def test_addresses_are_refused_without_a_request(self, address):
        with pytest.raises(DataError, match="URLs are not fetched; save the image and give its path") as caught:
            read_image(address)
        assert str(caught.value).startswith(address[:200])

    @pytest.mark.parametrize("name", ["x" * 300 + ".png", "a\0b.png", "none/" * 2000 + "a.png"])
    def test_invalid_file_names_are_reported(self, name):
        with pytest.raises(DataError, match="cannot be read"):
            read_image(name)


def animation(kind, n=5, **options):
    """An animation whose n-th frame has a white bar at 3 n pixels; durations are 40 ms, 80 ms and so on."""
    frames = []
    for index in range(n):
        pixels = np.full((24, 32, 3), (30, 60, 90), np.uint8)
        pixels[:, 3 * index : 3 * index + 3] = 255
        frames.append(Image.fromarray(pixels))
    stream = io.BytesIO()
    durations = [40 * (index + 1) for index in range(n)]
    timed = {} if kind == "TIFF" else {"duration": durations}
    frames[0].save(stream, kind, save_all=True, append_images=frames[1:], **timed, **options)
    return stream.getvalue()


MOVING = {"GIF": {}, "PNG": {}, "WEBP": {"lossless": True}} | ({"AVIF": {"quality": 100}} if "AVIF" in READ_BY else {})


@pytest.mark.parametrize("kind", [*MOVING, "TIFF"])
def test_frames_are_read_as_displayed(tmp_path, kind):
    content = animation(kind, **MOVING.get(kind, {}))
    frames = list(read_frames(content))
    assert len(frames) == frame_count(content) == 5
    for index, frame in enumerate(frames):
        columns = frame.pixels[12].min(axis=1)
        assert columns[3 * index + 1] > 240 and (np.delete(columns, slice(3 * index, 3 * index + 3)) < 60).all()
        assert frame.duration_s == (None if kind == "TIFF" else pytest.approx(0.04 * (index + 1), abs=0.011))
    (tmp_path / "moving").write_bytes(content)
    assert is_animation(tmp_path / "moving") == (kind != "TIFF")


@pytest.mark.parametrize("kind", [*MOVING, "TIFF"])
def test_the_first_frame_is_read_and_the_number_reported(kind, caplog):
    content = animation(kind, **MOVING.get(kind, {}))
    read = read_image(content, name="moving")
    np.testing.assert_array_equal(read, next(read_frames(content)).pixels)
    word = "pages" if kind == "TIFF" else "frames"
    assert caplog.messages == [f"moving: only the first of 5 {word} is read"]
    assert [note.kind for note in decode_image(content).notes] == ["frames"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_still_image_is_one_frame_without_a_duration(tmp_path, kind, caplog):
    content = encoded(kind)
    (frame,) = read_frames(content)
    np.testing.assert_array_equal(frame.pixels, read_image(content))
    assert frame.duration_s is None and frame_count(content) == 1 and decode_image(content).notes == ()
    (tmp_path / "still").write_bytes(content)
    assert not is_animation(tmp_path / "still") and caplog.messages == []


def test_other_files_are_not_animations(tmp_path):
    (tmp_path / "notes.gif").write_bytes(b"words")
    (tmp_path / "cut.gif").write_bytes(animation("GIF")[:40])
    assert not any(is_animation(tmp_path / name) for name in ("notes.gif", "cut.gif", "none.gif"))
    assert not is_animation(tmp_path)


def test_the_fallback_image_of_an_apng_is_not_a_frame():
    content = animation("PNG", default_image=True)
    assert len(list(read_frames(content))) == frame_count(content) == 4
    assert [note.kind for note in decode_image(content).notes] == ["frames"]


def test_photographs_with_embedded_previews_are_one_image():
    """Cameras append previews and gain maps to a photograph."""
    stream = io.BytesIO()
    Image.new("RGB", (32, 24)).save(stream, "MPO", save_all=True, append_images=[Image.new("RGB", (16, 12))])
    assert frame_count(stream.getvalue()) == 1 and decode_image(stream.getvalue()).notes == ()


@pytest.mark.parametrize("kind", ["GIF", "PNG"])
def test_a_damaged_frame_ends_the_frames_with_a_warning(kind, caplog):
    content = animation(kind, n=8)
    cut = content[: int(len(content) * 0.6)]
    with caplog.at_level(logging.WARNING):
        frames = list(read_frames(cut, name="moving"))
    assert 1 <= len(frames) < 8
    np.testing.assert_array_equal(frames[0].pixels, read_image(content))


def test_a_damaged_first_frame_is_an_error():
    with pytest.raises(DataError, match=r"moving (is damaged|must be)"):
        next(read_frames(animation("GIF")[:60], name="moving"))


def test_pages_of_float_images_are_counted(generator):
    stream = io.BytesIO()
    tifffile.imwrite(stream, generator.random((3, 20, 30, 3), np.float32), photometric="rgb")
    assert frame_count(stream.getvalue()) == 3 == len(list(read_frames(stream.getvalue())))
