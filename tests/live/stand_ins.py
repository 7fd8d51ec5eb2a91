"""Stand-ins for what a live session is given: sources that stall, readers that see what they are told, a window."""

from dataclasses import replace

import numpy as np

from landmark_fer.core.records import RecognizedFace
from landmark_fer.live.sources.frames import Frame, Source
from tests.live.hand_made import make_recognition

RATE = 1000.0  # frames per second: own pace does not matter


def images(n, *, live=False, error=None, rate=RATE):
    """A source of n black images, after which an error may come."""

    def frames():
        for index in range(n):
            yield Frame(np.zeros((96, 128, 3), np.uint8), index / rate, index)
        if error is not None:
            raise error

    return Source("images", frames(), frames_per_second=rate, live=live)


class StallingCamera(Source):
    """A camera that gives what is on its list: True for a image, False for none in time; then it is over."""

    def __init__(self, gives):
        super().__init__("camera", None, frames_per_second=30.0, live=True)
        self._gives, self._index, self.message, self.timeouts = list(gives), -1, None, []

    def take(self, timeout_s=None):
        self.timeouts.append(timeout_s)
        self.ended = not self._gives
        there = bool(self._gives) and self._gives.pop(0)
        self.message = None if there or self.ended else "waiting for camera"
        self._index += there
        return Frame(np.zeros((96, 128, 3), np.uint8), self._index / 30, self._index) if there else None


class FixedReader:
    """Sees the same faces in every image; their explanations are counted."""

    def __init__(self, *track_ids, still=False, expression="happy"):
        self.still, self.explained, self.times = still, [], []
        self._seen = [self._face(track_id, expression) for track_id in track_ids]

    def read(self, image, *, time_s):
        self.times.append(time_s)
        return list(self._seen)

    def close(self):
        pass

    def _face(self, track_id, expression):
        def explain(recognition):
            self.explained.append(track_id)
            return f"why {track_id}"

        prediction = replace(make_recognition(expression, x=10.0, y=10.0, side=40.0), _explainer=explain)
        return RecognizedFace(track_id, prediction, raw=prediction)


class ScriptedWindow:
    """Hears keys: at each number of shown images those on the list; closed at a number of shown images."""

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


class Rows:
    """A sink that remembers what it was given."""

    def __init__(self, *, annotated=False, explanations=False):
        self.takes_annotated, self.takes_explanations = annotated, explanations
        self.frames, self.seen, self.explanations = [], [], []

    def write(self, frame, seen, **options):
        self.frames.append(frame)
        self.seen.append(seen)
        self.explanations.append(options.get("explanations"))
