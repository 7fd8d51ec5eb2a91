"""Sources of images: formats by content, natural order, all frames, and reports of unread entries."""

import logging

import cv2
import numpy as np
import pytest
from PIL import Image

from landmark_fer.core.errors import SourceError
from landmark_fer.live.sources.image_sources import FOLDER_RATE
from landmark_fer.live.sources.opening import is_still, open_source
from tests.live.sources.video_files import write_video

GREY = (10, 60, 110, 160)


def image(shade, size=(40, 30)):
    return Image.fromarray(np.full((size[1], size[0], 3), shade, np.uint8))


def read(path):
    with open_source(path) as source:
        return list(source)


def shades(frames):
    return [round(float(frame.image.mean())) for frame in frames]


@pytest.mark.parametrize("name", ["p.jfif", "p.jpe", "p.JPG", "p", "p.mp4", "p.txt", "p.tiff"])
def test_images_of_any_name_are_turned_by_their_exif(tmp_path, name):
    exif = Image.Exif()
    exif[0x0112] = 6
    image(80).save(tmp_path / name, format="JPEG", exif=exif)
    (frame,) = read(tmp_path / name)
    assert frame.image.shape == (40, 30, 3)
    assert is_still(tmp_path / name)


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "gif_named.jpg"])
def test_animations_give_all_frames_at_stated_times(tmp_path, name):
    first, *others = (image(shade) for shade in GREY)
    kind = {"a.png": "PNG", "a.webp": "WEBP"}.get(name, "GIF")
    options = {"lossless": True} if kind == "WEBP" else {}
    durations = [100, 300, 50, 200]
    first.save(tmp_path / name, kind, save_all=True, append_images=others, duration=durations, loop=0, **options)
    frames = read(tmp_path / name)
    assert shades(frames) == list(GREY)
    np.testing.assert_allclose([frame.time_s for frame in frames], [0, 0.1, 0.4, 0.45], atol=1e-6)
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert not is_still(tmp_path / name)


def test_pages_are_single_images(tmp_path):
    first, *others = (image(shade, size=(40, 30 + shade)) for shade in GREY)
    first.save(tmp_path / "scan.tif", save_all=True, append_images=others)
    frames = read(tmp_path / "scan.tif")
    assert shades(frames) == list(GREY)
    assert [frame.time_s for frame in frames] == [i / FOLDER_RATE for i in range(4)]
    assert is_still(tmp_path / "scan.tif")


def test_folder_in_natural_order(tmp_path):
    for shade, name in ((40, "11.png"), (30, "10.png"), (10, "1.png"), (20, "2.jpg")):
        image(shade).save(tmp_path / name)
    assert shades(read(tmp_path)) == [10, 20, 30, 40]


def test_folder_reads_images_by_content_and_reports_other_entries(tmp_path, caplog):
    image(10).save(tmp_path / "a.png")
    image(20).save(tmp_path / "b", format="JPEG")
    image(30).save(tmp_path / "c.jfif", format="JPEG")
    (tmp_path / "d.jpg").write_bytes(b"no image")
    (tmp_path / "notes.txt").write_text("words")
    write_video(tmp_path / "clip.avi", codec="MJPG")
    (tmp_path / "more" / "inside").mkdir(parents=True)
    for litter in (".DS_Store", "Thumbs.db", "._a.png"):
        (tmp_path / litter).write_bytes(b"x")
    image(40).save(tmp_path / "more" / "inside" / "a.png")
    for litter in ("__MACOSX", ".ipynb_checkpoints"):
        (tmp_path / litter).mkdir()
        image(50).save(tmp_path / litter / "a.png")
    with caplog.at_level(logging.WARNING):
        assert shades(frames := read(tmp_path)) == [10, 20, 30, 40]
    assert [frame.name for frame in frames] == ["a.png", "b", "c.jfif", "more/inside/a.png"]
    summary, skipped = (record.getMessage() for record in caplog.records)
    assert "2 entries are not read: clip.avi (a video), notes.txt (not an image)" in summary
    assert skipped.startswith("skipped: ") and "d.jpg" in skipped


def test_images_that_cannot_be_read_are_named(tmp_path):
    image(10).save(tmp_path / "b.png")
    for name in ("a.png", "c.png"):
        (tmp_path / name).write_bytes((tmp_path / "b.png").read_bytes()[:40])
    with open_source(tmp_path) as source:
        assert source.take().name == "b.png" and source.unreadable == ["a.png"]
        assert source.take() is None and source.unreadable == ["a.png", "c.png"]


def test_single_images_and_pages_have_the_name_of_their_file(tmp_path):
    image(10).save(tmp_path / "one.png")
    image(10).save(tmp_path / "scan.tif", save_all=True, append_images=[image(20)])
    image(10).save(tmp_path / "clip.gif", save_all=True, append_images=[image(20)])
    names = {path.name: [frame.name for frame in read(path)] for path in tmp_path.iterdir()}
    assert names == {"one.png": ["one.png"], "scan.tif": ["scan.tif"] * 2, "clip.gif": ["", ""]}


def test_only_the_first_of_many_unread_names_are_listed(tmp_path, caplog):
    image(10).save(tmp_path / "a.png")
    for number in range(30):
        (tmp_path / f"{number}.txt").write_text("words")
    with caplog.at_level(logging.WARNING):
        read(tmp_path)
    assert "30 entries are not read: 0.txt, 1.txt, 2.txt" in caplog.text
    assert "and 20 more (not an image)" in caplog.text


def test_folder_without_images(tmp_path):
    with pytest.raises(SourceError, match="holds no images; give one that does, or a file"):
        open_source(tmp_path)
    (tmp_path / "notes.txt").write_text("words")
    with pytest.raises(SourceError, match=r"holds no images \(1 entry is not read: notes\.txt \(not an image\)\)"):
        open_source(tmp_path)
    (tmp_path / "sub").mkdir()
    write_video(tmp_path / "sub" / "clip.avi", codec="MJPG")
    with pytest.raises(SourceError, match="holds no images but 1 video; add --log DIR/ for a log of each, or give one"):
        open_source(tmp_path)


def test_damaged_animation(tmp_path):
    first, *others = (image(shade) for shade in GREY)
    first.save(tmp_path / "a.gif", save_all=True, append_images=others)
    content = (tmp_path / "a.gif").read_bytes()
    (tmp_path / "a.gif").write_bytes(content[:20])
    with pytest.raises(SourceError, match=r"a\.gif"):
        open_source(tmp_path / "a.gif")


def test_still_sources(tmp_path):
    image(10).save(tmp_path / "one.png")
    (tmp_path / "clip.png").write_bytes(b"x" * 100)
    stills = {name: is_still(tmp_path / name) for name in ("", "one.png", "clip.png", "missing.png")}
    assert stills == {"": True, "one.png": True, "clip.png": False, "missing.png": False}
    assert not any(map(is_still, (0, "0", "demo", "rtsp://camera/stream", "HD Webcam")))


def test_images_without_a_stated_range_share_one_and_are_reported_once(tmp_path, caplog):
    grey = np.linspace(0, 255, 48 * 48).round().astype(np.uint16).reshape(48, 48)
    for name, values in (("1.png", grey // 8), ("2.png", grey), ("10.png", grey // 2)):
        cv2.imwrite(str(tmp_path / name), np.round(values * (4095 / 255)).astype(np.uint16))
    with caplog.at_level(logging.WARNING), open_source(tmp_path) as source:
        frames = list(source)
    for frame, expected in zip(frames, (grey // 8, grey, grey // 2), strict=True):
        np.testing.assert_array_equal(frame.image[..., 0], expected)
    assert caplog.text.count("read as 0 to 4095") == 1 and "3 images do not state a range of values" in caplog.text
