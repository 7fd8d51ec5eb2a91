"""Video files: square pixels, rotation, all decodable frames, and warnings on damaged files."""

import logging
import re
import shutil
import wave

import cv2
import numpy as np
import pytest

from landmark_fer.core.errors import SourceError
from landmark_fer.live.sources.containers import damage_of, track_kinds
from landmark_fer.live.sources.frames import read_capture
from landmark_fer.live.sources.opening import is_still, open_source
from tests.live.sources.video_files import (
    HEIGHT,
    WIDTH,
    patch,
    rotate,
    stated_frames,
    stating_too_many_frames,
    truncate,
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


def make_video(folder, name):
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
    """Frames have square pixels and are upright, as in a player."""

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
    def test_pixel_ratio_of_a_rotated_video_is_rotated(self, tmp_path, degrees, expected):
        (frame, *_) = read(rotate(with_display_size(write_video(tmp_path / "clip.mp4"), 128, 48), degrees))
        assert frame.image.shape == (*expected, 3)

    @pytest.mark.parametrize(
        "width,height", [(0, 0), (0, 1), (1, 0), (-4, 3), (1, 100), (100, 1), (1216, 1215), (7, 7)]
    )
    def test_impossible_and_negligible_pixel_ratios_are_ignored(self, width, height):
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
    def test_pixel_ratio_of_streams_and_cameras(self, properties, size):
        image = read_capture(Capture(np.zeros((48, 64, 3), np.uint8), **properties))
        assert image.shape == (size[1], size[0], 3)


class TestDamage:
    """Missing bytes and failed decoding are reported; a smaller number of frames than stated is not."""

    @pytest.mark.parametrize("name", CODECS)
    def test_complete_file_gives_no_warning(self, tmp_path, caplog, name):
        path = make_video(tmp_path, name)
        assert (len(read(path)), damage_of(path), track_kinds(path)) == (N, None, {"video"})
        assert caplog.text == ""

    @pytest.mark.parametrize("name", CODECS)
    def test_complete_file_that_states_too_many_frames_gives_no_warning(self, tmp_path, caplog, name):
        path = stating_too_many_frames(make_video(tmp_path, name))
        frames = read(path)
        assert 0 < len(frames) < stated_frames(path)
        assert caplog.text == ""

    @pytest.mark.parametrize("name", CODECS)
    @pytest.mark.parametrize("share", [0.5, 0.8])
    def test_truncated_file_is_reported(self, tmp_path, caplog, name, share):
        path = make_video(tmp_path, name)
        if name in ("clip.mp4", "clip.mov"):
            path = with_index_in_front(path)
        with caplog.at_level(logging.WARNING):
            frames = read(truncate(path, share))
        assert 0 < len(frames) < N
        assert f"{path} ends after {len(frames)} of {N} frames: at least " in caplog.text
        assert "bytes are missing at its end" in caplog.text

    def test_truncated_stream_is_reported_by_its_last_part(self, tmp_path, caplog):
        """A file written to a pipe states the lengths of its parts, but not of the whole."""
        path = make_video(tmp_path, "clip.mkv")
        place = path.read_bytes().index(b"\x18\x53\x80\x67") + 4
        patch(path, place, b"\x01" + b"\xff" * 7)
        assert damage_of(without_duration(path)) is None
        assert len(read(path)) == N
        assert caplog.text == ""
        with caplog.at_level(logging.WARNING):
            frames = read(truncate(path, 0.7))
        assert f"{path} ends after {len(frames)} frames: at least " in caplog.text

    @pytest.mark.parametrize("name", ["clip.avi", "clip.mkv", "clip.webm"])
    def test_file_damaged_in_the_middle_is_reported(self, tmp_path, caplog, name):
        path = make_video(tmp_path, name)
        size = path.stat().st_size
        patch(path, size // 2, bytes(size // 4))
        with caplog.at_level(logging.WARNING):
            frames = read(path)
        assert 0 < len(frames) < N
        assert "damaged" in caplog.text

    def test_frames_after_damage_are_read(self, tmp_path, caplog):
        path = make_video(tmp_path, "clip.avi")
        content = path.read_bytes()
        images = [match.start() for match in re.finditer(b"00dc", content) if match.start() > content.index(b"movi")]
        for place in images[5:8]:
            patch(path, place + 8, bytes(int.from_bytes(content[place + 4 : place + 8], "little")))
        with caplog.at_level(logging.WARNING):
            frames = read(path)
        assert len(frames) == N - 3
        assert [frame.index for frame in frames] == list(range(N - 3))
        assert frames[5].time_s == pytest.approx(0.8, abs=0.01)
        assert f"{path} is damaged after 0.40 s" in caplog.text
        assert "about 3 of them" in caplog.text

    @pytest.mark.parametrize("name", CODECS)
    def test_no_damage_raises_an_exception(self, tmp_path, generator, name):
        content = make_video(tmp_path, name).read_bytes()
        for _ in range(50):
            damaged = bytearray(content[: generator.integers(1, len(content) + 1)])
            for place in generator.integers(0, min(len(damaged), 3000), size=5):
                damaged[place] = generator.integers(256)
            (tmp_path / "damaged").write_bytes(damaged)
            kinds, damage = track_kinds(tmp_path / "damaged"), damage_of(tmp_path / "damaged")
            assert kinds is None or kinds <= {"video", "audio", "other data"}
            assert damage is None or "damaged" in damage or "missing" in damage

    def test_bytes_after_the_last_part_are_ignored(self, tmp_path):
        for name in CODECS:
            path = make_video(tmp_path, name)
            with path.open("ab") as file:
                file.write(bytes(100))
            assert damage_of(path) is None


class TestOtherFiles:
    """Messages on files without readable video."""

    def test_audio_without_video(self, tmp_path):
        with wave.open(str(tmp_path / "song.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(8000))
        for name, handler in (("clip.mp4", b"vide"), ("clip.avi", b"vids")):
            path = make_video(tmp_path, name)
            patch(path, path.read_bytes().index(handler), {b"vide": b"soun", b"vids": b"auds"}[handler])
        path = make_video(tmp_path, "clip.mkv")
        patch(path, path.read_bytes().index(b"\x83\x81\x01") + 2, b"\2")
        for name in ("song.wav", "clip.mp4", "clip.avi", "clip.mkv"):
            with pytest.raises(SourceError, match="holds no video track, only audio; give a video or an image"):
                open_source(tmp_path / name)

    def test_unfinished_recording(self, tmp_path):
        path = make_video(tmp_path, "clip.mp4")
        content = path.read_bytes()
        path.write_bytes(content[: content.index(b"moov") - 4])
        with pytest.raises(SourceError, match=r"its index \(moov\) is missing"):
            open_source(path)

    def test_unknown_codec(self, tmp_path):
        path = make_video(tmp_path, "clip.mkv")
        patch(path, path.read_bytes().index(b"V_MPEG4"), b"V_ZZZZZ")
        with pytest.raises(SourceError, match=r"no frame of the video track of \S+ can be decoded; convert it"):
            open_source(path)

    def test_motion_jpeg_by_its_suffix(self, tmp_path):
        """It starts like an image, and photographs of many cameras contain a second image."""
        images = (np.full((48, 64, 3), shade, np.uint8) for shade in range(N))
        content = b"".join(cv2.imencode(".jpg", image)[1].tobytes() for image in images)
        for name, n in (("clip.mjpeg", N), ("clip.MJPG", N), ("clip.jpg", 1)):
            (tmp_path / name).write_bytes(content)
            assert len(read(tmp_path / name)) == n

    @pytest.mark.parametrize("name", ["clip", "clip.jpg", "clip_001.png", "clip.txt", "12:30.mp4"])
    def test_videos_of_any_name(self, tmp_path, monkeypatch, name):
        monkeypatch.chdir(tmp_path)
        shutil.copy(make_video(tmp_path, "clip.avi"), name)
        assert len(read(name)) == N
        assert not is_still(name)
