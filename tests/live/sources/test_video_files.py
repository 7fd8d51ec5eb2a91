"""Video files: square pixels, upright, every frame that can be decoded, and a warning where a file is not whole."""

import logging
import re
import shutil
import wave

import cv2
import numpy as np
import pytest

from landmark_fer.core.errors import SourceError
from landmark_fer.live.sources.frames import read_capture
from landmark_fer.live.sources.opening import is_still, open_source
from landmark_fer.live.sources.video_source import damage_of, track_kinds
from tests.live.sources.video_files import (
    HEIGHT,
    WIDTH,
    announcing_too_much,
    cut,
    frames_of,
    patched,
    turned,
    with_display_size,
    with_index_in_front,
    without_duration,
    write_video,
)

N = 20
CODECS = {"clip.mp4": "mp4v", "clip.mov": "mp4v", "clip.mkv": "mp4v", "clip.avi": "MJPG", "clip.webm": "VP80"}


def read(path):
    with open_source(path) as source:
        return list(source)


def made(folder, name):
    return write_video(folder / name, n=N, codec=CODECS[name])


class Capture:
    """A capture of one image, with properties."""

    def __init__(self, image, **properties):
        self.image, self.properties = image, {getattr(cv2, f"CAP_PROP_{name}"): at for name, at in properties.items()}

    def read(self):
        return True, self.image

    def get(self, name):
        return self.properties.get(name, 0.0)


def disc_of(image):
    """Width and height of the bright disc."""
    rows, columns = np.nonzero(image.min(axis=2) > 200)
    return np.ptp(columns) + 1, np.ptp(rows) + 1


class TestPixels:
    """Frames have square pixels and stand upright, as a player shows them."""

    @pytest.mark.parametrize(
        "shown,expected",
        [((128, 48), (128, 48)), ((64, 72), (64, 72)), ((32, 48), (64, 96)), ((64, 48), (64, 48))],
    )
    def test_the_shorter_side_of_the_pixels_is_enlarged(self, tmp_path, shown, expected):
        (frame, *_) = read(with_display_size(write_video(tmp_path / "clip.mp4"), *shown))
        assert frame.image.shape == (expected[1], expected[0], 3)
        width, height = disc_of(frame.image)
        assert width / height == pytest.approx(shown[0] * HEIGHT / (shown[1] * WIDTH), rel=0.1)

    @pytest.mark.parametrize("degrees,expected", [(90, (128, 48)), (180, (48, 128)), (270, (128, 48))])
    def test_a_turned_video_has_its_pixels_turned_too(self, tmp_path, degrees, expected):
        (frame, *_) = read(turned(with_display_size(write_video(tmp_path / "clip.mp4"), 128, 48), degrees))
        assert frame.image.shape == (*expected, 3)

    @pytest.mark.parametrize(
        "width,height", [(0, 0), (0, 1), (1, 0), (-4, 3), (1, 100), (100, 1), (1216, 1215), (7, 7)]
    )
    def test_ratios_that_no_video_has_or_no_face_shows_change_nothing(self, width, height):
        image = np.zeros((48, 64, 3), np.uint8)
        assert read_capture(Capture(image, SAR_NUM=width, SAR_DEN=height)) is image

    @pytest.mark.parametrize(
        "properties,size",
        [
            ({"SAR_NUM": 64, "SAR_DEN": 45}, (91, 48)),
            ({"SAR_NUM": 8, "SAR_DEN": 9}, (64, 54)),
            ({"SAR_NUM": 2, "SAR_DEN": 1, "ORIENTATION_META": 90, "ORIENTATION_AUTO": 1}, (64, 96)),
            ({"SAR_NUM": 2, "SAR_DEN": 1, "ORIENTATION_META": -90, "ORIENTATION_AUTO": 1}, (64, 96)),
            ({"SAR_NUM": 2, "SAR_DEN": 1, "ORIENTATION_META": 90, "ORIENTATION_AUTO": 0}, (128, 48)),
            ({"SAR_NUM": 2, "SAR_DEN": 1, "ORIENTATION_META": 180, "ORIENTATION_AUTO": 1}, (128, 48)),
        ],
    )
    def test_streams_and_cameras_are_read_alike(self, properties, size):
        image = read_capture(Capture(np.zeros((48, 64, 3), np.uint8), **properties))
        assert image.shape == (size[1], size[0], 3)


class TestWholeness:
    """What a file announces is an estimate; that bytes are missing, or that decoding failed, is not."""

    @pytest.mark.parametrize("name", CODECS)
    def test_a_whole_file_is_silent(self, tmp_path, caplog, name):
        path = made(tmp_path, name)
        assert (len(read(path)), damage_of(path), track_kinds(path)) == (N, None, {"video"})
        assert caplog.text == ""

    @pytest.mark.parametrize("name", CODECS)
    def test_a_whole_file_that_announces_too_much_is_silent(self, tmp_path, caplog, name):
        path = announcing_too_much(made(tmp_path, name))
        frames = read(path)
        assert 0 < len(frames) < frames_of(path)
        assert caplog.text == ""

    @pytest.mark.parametrize("name", CODECS)
    @pytest.mark.parametrize("share", [0.5, 0.8])
    def test_a_file_that_was_cut_off_is_reported(self, tmp_path, caplog, name, share):
        path = made(tmp_path, name)
        if name in ("clip.mp4", "clip.mov"):
            path = with_index_in_front(path)
        with caplog.at_level(logging.WARNING):
            frames = read(cut(path, share))
        assert 0 < len(frames) < N
        assert f"{path} ends after {len(frames)} of {N} frames: at least " in caplog.text
        assert "bytes are missing at its end" in caplog.text

    def test_a_stream_that_was_cut_off_is_told_by_its_last_part(self, tmp_path, caplog):
        """The parts of what is written to a pipe have a length, the whole has none."""
        path = made(tmp_path, "clip.mkv")
        place = path.read_bytes().index(b"\x18\x53\x80\x67") + 4
        patched(path, place, b"\x01" + b"\xff" * 7)
        assert damage_of(without_duration(path)) is None
        assert len(read(path)) == N
        assert caplog.text == ""
        with caplog.at_level(logging.WARNING):
            frames = read(cut(path, 0.7))
        assert f"{path} ends after {len(frames)} frames: at least " in caplog.text

    @pytest.mark.parametrize("name", ["clip.avi", "clip.mkv", "clip.webm"])
    def test_a_file_whose_middle_is_lost_is_reported(self, tmp_path, caplog, name):
        path = made(tmp_path, name)
        size = path.stat().st_size
        patched(path, size // 2, bytes(size // 4))
        with caplog.at_level(logging.WARNING):
            frames = read(path)
        assert 0 < len(frames) < N
        assert "damaged" in caplog.text

    def test_what_comes_after_damage_is_read(self, tmp_path, caplog):
        path = made(tmp_path, "clip.avi")
        content = path.read_bytes()
        images = [found.start() for found in re.finditer(b"00dc", content) if found.start() > content.index(b"movi")]
        for place in images[5:8]:
            patched(path, place + 8, bytes(int.from_bytes(content[place + 4 : place + 8], "little")))
        with caplog.at_level(logging.WARNING):
            frames = read(path)
        assert len(frames) == N - 3
        assert [frame.index for frame in frames] == list(range(N - 3))
        assert frames[5].time_s == pytest.approx(0.8, abs=0.01)
        assert f"{path} is damaged after 0.40 s" in caplog.text
        assert "about 3 of its frames" in caplog.text

    @pytest.mark.parametrize("name", CODECS)
    def test_any_damage_is_said_and_never_raised(self, tmp_path, generator, name):
        content = made(tmp_path, name).read_bytes()
        for _ in range(50):
            damaged = bytearray(content[: generator.integers(1, len(content) + 1)])
            for place in generator.integers(0, min(len(damaged), 3000), size=5):
                damaged[place] = generator.integers(256)
            (tmp_path / "damaged").write_bytes(damaged)
            kinds, damage = track_kinds(tmp_path / "damaged"), damage_of(tmp_path / "damaged")
            assert kinds is None or kinds <= {"video", "audio", "other data"}
            assert damage is None or "damaged" in damage or "missing" in damage

    def test_bytes_behind_the_last_part_are_nobodys(self, tmp_path):
        for name in CODECS:
            path = made(tmp_path, name)
            with path.open("ab") as file:
                file.write(bytes(100))
            assert damage_of(path) is None


class TestOtherFiles:
    """What cannot be read says what is missing, and never advises what was done already."""

    def test_sound_alone(self, tmp_path):
        with wave.open(str(tmp_path / "song.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(8000))
        for name, handler in (("clip.mp4", b"vide"), ("clip.avi", b"vids")):
            path = made(tmp_path, name)
            patched(path, path.read_bytes().index(handler), {b"vide": b"soun", b"vids": b"auds"}[handler])
        path = made(tmp_path, "clip.mkv")
        patched(path, path.read_bytes().index(b"\x83\x81\x01") + 2, b"\2")
        for name in ("song.wav", "clip.mp4", "clip.avi", "clip.mkv"):
            with pytest.raises(SourceError, match="holds no video track, only audio; give a video or an image"):
                open_source(tmp_path / name)

    def test_recording_that_was_never_finished(self, tmp_path):
        path = made(tmp_path, "clip.mp4")
        content = path.read_bytes()
        path.write_bytes(content[: content.index(b"moov") - 4])
        with pytest.raises(SourceError, match=r"its index \(moov\) is missing"):
            open_source(path)

    def test_codec_that_nobody_knows(self, tmp_path):
        path = made(tmp_path, "clip.mkv")
        patched(path, path.read_bytes().index(b"V_MPEG4"), b"V_ZZZZZ")
        with pytest.raises(SourceError, match=r"of which no frame can be decoded; convert it to H\.264"):
            open_source(path)

    def test_motion_jpeg_by_its_name(self, tmp_path):
        """It begins like an image, and many cameras' photographs have a second image behind the first."""
        images = (np.full((48, 64, 3), shade, np.uint8) for shade in range(N))
        content = b"".join(cv2.imencode(".jpg", image)[1].tobytes() for image in images)
        for name, n in (("clip.mjpeg", N), ("clip.MJPG", N), ("clip.jpg", 1)):
            (tmp_path / name).write_bytes(content)
            assert len(read(tmp_path / name)) == n

    @pytest.mark.parametrize("name", ["clip", "clip.jpg", "clip_001.png", "clip.txt", "12:30.mp4"])
    def test_a_video_under_any_name(self, tmp_path, monkeypatch, name):
        monkeypatch.chdir(tmp_path)
        shutil.copy(made(tmp_path, "clip.avi"), name)
        assert len(read(name)) == N
        assert not is_still(name)
