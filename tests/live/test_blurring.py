"""Blurring of what is written: pixels of decoded recordings, snapshots and the watched page, never of the window."""

import io
import json
from contextlib import ExitStack

import numpy as np
import pytest
from PIL import Image

from landmark_fer.drawing import BLURS
from landmark_fer.drawing.overlay_options import OverlayOptions
from landmark_fer.live.session import Session
from landmark_fer.live.sinks import video
from landmark_fer.live.sinks.video import VideoRecorder
from landmark_fer.live.sources.frames import Frame, Source
from landmark_fer.live.sources.opening import open_source
from landmark_fer.perception.images import read_image
from landmark_fer.recognition.results import RecognizedFace
from landmark_fer.recognition.track_baselines import TrackBaselines
from tests.live.hand_made import make_recognition
from tests.live.stand_ins import Rows, ScriptedWindow

NOISE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8).repeat(4, axis=0).repeat(4, axis=1)
PLAIN = OverlayOptions(landmarks=False, bars=False)
PLACE, EYE, MIRRORED = np.s_[100:150, 50:90], np.s_[96:106, 52:88], np.s_[100:150, 230:270]
ELSEWHERE = np.s_[100:150, 140:200]


def detail(image, place):
    """Mean difference of neighbouring pixels; about 80 in the noise, a few levels where it is blurred."""
    return np.abs(np.diff(image[place].astype(float), axis=1)).mean() * 4


class ScriptedReader:
    """Finds a face in the frames of some indices, in one place; each of them has a track of its own if it is still."""

    left_out = False  # whether its faces are of low quality

    def __init__(self, found, *, still=False):
        self.found, self.still, self._index = set(found), still, -1
        self.n_left_out, self.located, self.baselines = 0, [], TrackBaselines()

    def read(self, image, *, time_s):
        self._index += 1
        prediction = make_recognition(x=30.0, y=80.0, side=80.0)
        track_id = self._index if self.still else 1
        self.located = [(track_id, prediction.face)] if self._index in self.found else []
        if self.left_out:
            return []
        return [RecognizedFace(track_id, prediction, prediction) for _ in self.located]


def frames_of(n, rate):
    return Source("noise", (Frame(NOISE, k / rate, k, 1e9 + k) for k in range(n)), frames_per_second=rate)


def record(path, n, found, *, rate=10.0, still=False, mirror=False, blur="faces", sinks=()):
    """Return the decoded images of a recorded session."""
    options = OverlayOptions(landmarks=False, bars=False, mirror=mirror)
    with ExitStack() as stack:
        recorder = VideoRecorder(path, frames_per_second=rate, look_back=bool(blur) and not still)
        sinks = [stack.enter_context(recorder), *sinks]
        reader = ScriptedReader(found, still=still)
        Session(frames_of(n, rate), reader, sinks=sinks, options=options, blur=blur).run()
    with open_source(path) as source:
        return [frame.image for frame in source]


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
@pytest.mark.parametrize("kind", BLURS)
def test_recorded_faces_are_blurred(tmp_path, suffix, kind):
    place = PLACE if kind == "faces" else EYE
    plain = record(tmp_path / f"plain{suffix}", 5, range(5), blur=None)
    images = record(tmp_path / f"video{suffix}", 5, range(5), blur=kind)
    assert len(plain) == len(images) == 5
    for before, after in zip(plain, images, strict=True):
        assert detail(before, place) > 50 > 25 > detail(after, place)
        assert detail(after, ELSEWHERE) > 50
        if kind == "eyes":
            assert detail(after, np.s_[130:150, 55:85]) > 50  # the mouth


def test_faces_are_blurred_before_they_are_found_and_after_they_are_lost(tmp_path):
    """Found from 2 to 3 s of 7: blurred from 1 s before, and the frame before that, to 5 s."""
    images = record(tmp_path / "video.avi", 70, range(20, 31))
    assert len(images) == 70
    blurred = [detail(image, PLACE) < 25 for image in images]
    assert blurred == [9 <= k <= 50 for k in range(70)]


def test_waiting_images_have_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(video, "MAX_WAITING_BYTES", 3 * NOISE.nbytes)
    images = record(tmp_path / "video.avi", 20, range(10, 20))
    assert [detail(image, PLACE) < 25 for image in images] == [k >= 7 for k in range(20)]


def test_faces_that_are_left_out_are_blurred_too(tmp_path, monkeypatch):
    monkeypatch.setattr(ScriptedReader, "left_out", True)
    images = record(tmp_path / "video.avi", 10, range(5, 10))
    assert all(detail(image, PLACE) < 25 < 50 < detail(image, ELSEWHERE) for image in images)


def test_a_mirrored_recording_is_blurred_on_the_other_side_also_before_a_face_is_found(tmp_path):
    images = record(tmp_path / "video.avi", 10, range(5, 10), mirror=True)
    assert all(detail(image, MIRRORED) < 25 < 50 < detail(image, PLACE) for image in images)


def test_single_images_are_blurred_each_on_its_own(tmp_path):
    images = record(tmp_path / "video.avi", 6, (1, 3), still=True)
    assert [detail(image, PLACE) < 25 for image in images] == [False, True, False, True, False, False]


def test_other_sinks_and_the_window_are_not_blurred(tmp_path):
    rows = Rows()
    record(tmp_path / "video.avi", 3, range(3), sinks=[rows])
    assert all(frame.image is NOISE for frame in rows.frames)
    window = ScriptedWindow({2: ["s"], 3: ["r"]})
    made = Session(
        frames_of(6, 25.0), ScriptedReader(range(6)), window=window, folder=tmp_path, options=PLAIN, blur="faces"
    )
    made.run()
    assert all(detail(image, PLACE) > 50 for image in window.shown)
    (snapshot,) = tmp_path.glob("snapshot-*.png")
    assert detail(read_image(snapshot), PLACE) < 25 < 50 < detail(read_image(snapshot), ELSEWHERE)
    assert json.loads(snapshot.with_suffix(".json").read_text())["faces"]
    (recording,) = tmp_path.glob("recording-*.mp4")
    with open_source(recording) as source:
        images = [frame.image for frame in source]
    assert len(images) == 3 and all(detail(image, PLACE) < 25 for image in images)


def test_a_snapshot_of_a_face_that_was_just_lost_is_blurred(tmp_path):
    window = ScriptedWindow({5: ["s"]})
    Session(
        frames_of(6, 25.0), ScriptedReader(range(3)), window=window, folder=tmp_path, options=PLAIN, blur="faces"
    ).run()
    assert detail(read_image(next(tmp_path.glob("snapshot-*.png"))), PLACE) < 25


def test_watchers_get_blurred_images():
    pytest.importorskip("fastapi")
    from tests.live.web.client import live_server

    class Reader(ScriptedReader):
        def close(self):
            pass

    source = frames_of(3, 10.0)
    with (
        live_server(lambda: Reader(range(2)), source=source, blur="faces") as client,
        client.connect("/v1/watch") as socket,
    ):
        response = {}
        while "ended" not in response:
            socket.send("next")
            response, jpeg = json.loads(socket.recv(timeout=120)), socket.recv(timeout=120)
            image = np.asarray(Image.open(io.BytesIO(jpeg)))
            assert detail(image, PLACE) < 25 < 50 < detail(image, ELSEWHERE)
