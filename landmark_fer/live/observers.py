"""Parts of a session that are updated with every frame: neutral baselines, explanations, images too small to detect."""

import math
from typing import NamedTuple

from landmark_fer.recognition.track_baselines import TrackBaselines

NEUTRAL_S = 2.0
MAX_LISTED_SHIFTS = 3  # of each face
MAX_LISTED_FACES = 2
MIN_LISTED_SHIFT = 0.02  # in the units of the measurements, mostly inter-ocular distances


class NeutralBaselines:
    """Records neutral faces on request and reports how faces differ from them afterwards.

    Parameters
    ----------
    seconds : float, default=2
        Length of a recording.
    """

    def __init__(self, seconds=NEUTRAL_S):
        self.seconds = seconds
        self._baseline = TrackBaselines()
        self._requested, self._end_s = False, None

    def request(self):
        """Record the faces from the next frame on."""
        self._requested = True

    def update(self, time_s, faces):
        """Add a frame; return a message for the user, or None.

        Parameters
        ----------
        time_s : float
        faces : list of RecognizedFace
        """
        message = None
        if self._requested:
            self._baseline.begin(time_s, self.seconds)
            self._requested, self._end_s = False, time_s + self.seconds
            message = f"show a neutral face for {self.seconds:g} seconds"
        for face in faces:
            self._baseline.add(face.track_id, face.recognition, time_s)
        if self._end_s is not None and time_s >= self._end_s:
            self._end_s = None
            if self._shifts(faces):
                message = "neutral baseline recorded"
            else:
                message = "no face in sight for the neutral baseline; press n to try again"
        return message

    def describe(self, faces):
        """Return one line on how faces differ from their neutral baselines; None where no face has one.

        Parameters
        ----------
        faces : list of RecognizedFace
        """
        shifts = list(self._shifts(faces).items())[:MAX_LISTED_FACES]
        return "; ".join(f"#{track_id} from neutral: {_describe_shift(shift)}" for track_id, shift in shifts) or None

    def _shifts(self, faces):
        shifts = {face.track_id: self._baseline.shift(face.track_id, face.recognition) for face in faces}
        return {track_id: shift for track_id, shift in shifts.items() if shift is not None}


def _describe_shift(shift):
    """Return the largest shifts as text; measurements of the left and right side are averaged."""
    sides = {}
    for name, value in shift.items():
        sides.setdefault(name.removeprefix("left_").removeprefix("right_"), []).append(value)
    means = {name: sum(values) / len(values) for name, values in sides.items()}
    names = sorted(means, key=lambda name: -abs(means[name]))[:MAX_LISTED_SHIFTS]
    listed = [name for name in names if abs(means[name]) >= MIN_LISTED_SHIFT]
    return ", ".join(f"{name.replace('_', ' ')} {means[name]:+.2f}" for name in listed) or "nothing moved"


INTERVAL_S = 0.3
INTERVAL_AFTER_CHANGE_S = 0.1


class ExplanationSchedule:
    """Keeps the latest explanation of each face and makes new ones in turn.

    Parameters
    ----------
    interval_s : float, default=0.3
        Time between two explanations of a face, in seconds of the video; `INTERVAL_AFTER_CHANGE_S` after a change of
        its expression.
    per_frame : int, optional
        Most explanations made for one frame, the longest overdue first; by default all that are due.
    """

    def __init__(self, *, interval_s=INTERVAL_S, per_frame=None):
        self.interval_s, self.per_frame = interval_s, per_frame
        self._explained = {}

    def update(self, faces, time_s):
        """Explain the faces of a frame that are due.

        Parameters
        ----------
        faces : list of RecognizedFace
        time_s : float

        Returns
        -------
        dict of int to Explanation
            The new explanations by track id.
        """
        track_ids = {face.track_id for face in faces}
        self._explained = {each: explained for each, explained in self._explained.items() if each in track_ids}
        due = sorted((face for face in faces if self._is_due(face, time_s)), key=self._last_time_s)[: self.per_frame]
        new = {face.track_id: face.recognition.explain() for face in due}
        self._explained |= {
            face.track_id: _Explained(time_s, face.recognition.expression, new[face.track_id]) for face in due
        }
        return new

    @property
    def latest(self):
        """The latest explanation of each face of the last frame, by track id."""
        return {track_id: explained.explanation for track_id, explained in self._explained.items()}

    def _last_time_s(self, face):
        explained = self._explained.get(face.track_id)
        return explained.time_s if explained else -math.inf

    def _is_due(self, face, time_s):
        explained = self._explained.get(face.track_id)
        if explained is None:
            return True
        is_same = explained.expression == face.recognition.expression
        interval_s = self.interval_s if is_same else INTERVAL_AFTER_CHANGE_S
        return abs(time_s - explained.time_s) >= interval_s - 1e-6  # times are sums; a clock may step back


class _Explained(NamedTuple):
    """An explanation, when it was made, and the expression that it explains."""

    time_s: float
    expression: str
    explanation: object


SMALL_SIDE = 160  # pixels; of FER2013's crops, enlarged to 48, 64, 100 pixels, dlib's detector finds 0, 28, 77 %


class SmallImages:
    """Counts small images without a detected face, which may be crops.

    Attributes
    ----------
    n_missed : int
    """

    def __init__(self):
        self.n_missed, self._size = 0, None

    def update(self, image, faces):
        """Count an image of shape (height, width, ...) if it is small and has no detected faces."""
        height, width = image.shape[:2]
        if not faces and max(height, width) < SMALL_SIDE:
            self.n_missed += 1
            self._size = width, height

    @property
    def hint(self):
        """Advice in one sentence, or None without such images."""
        if not self.n_missed:
            return None
        width, height = self._size
        images = f"an image of {width} x {height} pixels shows"
        if self.n_missed > 1:
            images = f"{self.n_missed} small images ({width} x {height} pixels) show"
        return f"{images} no face that the detector finds; if cropped to one face each, add --detector whole"
