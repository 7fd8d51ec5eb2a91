"""Fakes for the parts of a live session: sources, a reader with fixed faces, a window with scripted keys, a sink."""

from dataclasses import replace

import numpy as np

from landmark_fer.live.sinks.base import Sink
from landmark_fer.live.sources.frames import Frame, Source
from landmark_fer.recognition.results import RecognizedFace
from landmark_fer.recognition.track_baselines import TrackBaselines
from tests.live.hand_made import make_recognition

RATE = 1000.0  # frames per second: own pace does not matter


def images(n, *, live=False, error=None, rate=RATE):
    """A source of n black images, then an error if one is given."""

    def frames():
        for index in range(n):
            yield Frame(np.zeros((96, 128, 3), np.uint8), index / rate, index)
        if error is not None:
            raise error

    return Source("images", frames(), frames_per_second=rate, live=live)


class StallingCamera(Source):
    """A camera with a script: True for an image, False for none in time; then it ends."""

    def __init__(self, script):
        super().__init__("camera", None, frames_per_second=30.0, live=True)
        self._script, self._index, self.message, self.timeouts = list(script), -1, None, []

    def take(self, timeout_s=None):
        self.timeouts.append(timeout_s)
        self.ended = not self._script
        has_image = bool(self._script) and self._script.pop(0)
        self.message = None if has_image or self.ended else "waiting for camera"
        self._index += has_image
        return Frame(np.zeros((96, 128, 3), np.uint8), self._index / 30, self._index) if has_image else None


class FixedReader:
    """Returns the same faces for every image and lists which of them are explained."""

    def __init__(self, *track_ids, still=False, expression="happy"):
        self.still, self.explained, self.times, self.n_left_out = still, [], [], 0
        self._faces = [self._face(track_id, expression) for track_id in track_ids]
        self.baselines = TrackBaselines()

    def read(self, image, *, time_s):
        self.times.append(time_s)
        self.baselines.update({face.track_id: face.raw for face in self._faces}, time_s)
        found = [self.baselines.get(face.track_id) or (None, None) for face in self._faces]
        return [
            replace(face, baseline=baseline, baseline_origin=origin)
            for face, (baseline, origin) in zip(self._faces, found, strict=True)
        ]

    def request_baseline(self, seconds):
        self.baselines.request(seconds)

    def close(self):
        pass

    def _face(self, track_id, expression):
        def explain(recognition):
            self.explained.append(track_id)
            return f"why {track_id}"

        prediction = replace(make_recognition(expression, x=10.0, y=10.0, side=40.0), _explainer=explain)
        return RecognizedFace(track_id, prediction, raw=prediction)


class ScriptedWindow:
    """Returns scripted keys after given numbers of shown images, and closes after `close_at` images."""

    def __init__(self, keys=None, *, close_at=None):
        self.keys = {at: list(pressed) for at, pressed in (keys or {}).items()}
        self.close_at, self.closed, self.shown, self.waits = close_at, False, [], []

    def show(self, image, *, wait_s=0.0):
        self.shown.append(image)
        self.closed = len(self.shown) == self.close_at
        return self._key()

    def wait(self, wait_s):
        self.waits.append(wait_s)

    def _key(self):
        pressed = self.keys.get(len(self.shown))
        return pressed.pop(0) if pressed else None


class Rows(Sink):
    """A sink that keeps its arguments."""

    def __init__(self, *, annotated=False, explanations=False):
        self.takes_annotated, self.takes_explanations = annotated, explanations
        self.frames, self.faces, self.explanations = [], [], []

    def write(self, frame, faces=(), explanations=None):
        self.frames.append(frame)
        self.faces.append(faces)
        self.explanations.append(explanations)
