"""Parts of a session that are updated with every frame: baselines, explanations, images too small to detect."""

import math
import time
from typing import NamedTuple

from landmark_fer.core.errors import SinkError
from landmark_fer.recognition.results import Recognition
from landmark_fer.recognition.track_baselines import FILE

NEUTRAL_S = 2.0
MAX_LISTED_SHIFTS = 3  # of each face
MAX_LISTED_FACES = 2
MIN_LISTED_SHIFT = 0.02  # in the units of the measurements, mostly inter-ocular distances

EXPLANATION_LOAD = 0.3
"""Seconds in a second for explanations while images keep coming. Some models take 0.4 s for one."""


class BaselineNotes:
    """What the user is told about the neutral baselines of a session, and the file that the recorded one is saved to.

    Parameters
    ----------
    baselines : TrackBaselines
        Those of the session's reader.
    seconds : float
        Length of a recording.
    save : path-like, optional
        The baseline of each recording is written here, if one face was in sight.

    Attributes
    ----------
    n_saved : int
    error : SinkError or None
        Why the last baseline could not be written. The session goes on, so that its other files are whole.
    n_of_several : int
        Number of single images with several faces, which do not have the given baseline.
    """

    def __init__(self, baselines, seconds, save=None):
        self._baselines, self._seconds, self._save = baselines, seconds, save
        self._collecting, self.n_saved, self.error, self.n_of_several = False, 0, None, 0
        self._missed = False  # whether the last recording has no face

    def add_image(self, faces):
        """Count a single image by its faces."""
        self.n_of_several += self._baselines.mode == FILE and len(faces) > 1

    def update(self):
        """Return a message for the user about the last frame, or None; save a baseline that it completes."""
        before, self._collecting = self._collecting, self._baselines.collecting
        if self._collecting and not before:
            self._missed = True
            return f"show a neutral face for {self._seconds:g} seconds"
        if self._collecting or not before:
            return None
        recorded = self._baselines.recorded
        if not recorded:
            return "no face in sight that can be read and is silent; press n to try again"
        self._missed = False
        baselines = {track_id: self._baselines.get(track_id).baseline for track_id in recorded}
        if self._save is None:
            message = "neutral baseline recorded"
        elif len(recorded) > 1:
            message = (
                f"neutral baseline recorded, and not saved: it is of one person, and {len(recorded)} faces were seen"
            )
        else:
            message = self._write(baselines[recorded[0]])
        warnings = [(track_id, each.warning) for track_id, each in baselines.items() if each.warning is not None]
        for track_id, warning in warnings[:1]:
            message = f"{message}; {warning}" if len(recorded) == 1 else f"{message}; #{track_id}: {warning}"
        return message

    def _write(self, baseline):
        """Save a baseline, and return a message on that."""
        try:
            baseline.save(self._save)
        except SinkError as error:
            self.error = error
            return str(error)
        self.n_saved, self.error = self.n_saved + 1, None
        return f"neutral baseline saved as {self._save}"

    @property
    def hint(self):
        """A sentence for the end of the session if a baseline was not used, recorded or saved, or None."""
        if self.n_of_several:
            return without_baseline_sentence(self.n_of_several)
        if self._save is None and self._missed:
            return "no neutral baseline was recorded: it needs its whole time and a face that can be read and is silent"
        if self._save is None or self.n_saved or self.error:
            return None
        return f"no neutral baseline of a single face was recorded to its end, and {self._save} is not written"


def without_baseline_sentence(count):
    """Return a sentence on a number of images with several faces, which a baseline of one person does not fit."""
    images = "1 image shows" if count == 1 else f"{count:,} images show"
    return f"{images} several faces, which are predicted without the baseline, because it is of one person"


def describe_baselines(faces, *, shifts=False):
    """Return one line on the neutral baselines of faces; None where none has one.

    Parameters
    ----------
    faces : list of RecognizedFace
    shifts : bool, default=False
        Whether to add how far the faces have moved from them, at most `MAX_LISTED_FACES` of them.
    """
    shown = [face for face in faces if face.baseline is not None]
    if shifts:
        return "; ".join(map(_describe_baseline, shown[:MAX_LISTED_FACES])) or None
    numbers = {}
    for face in shown:
        numbers.setdefault(face.baseline_origin, []).append(f"#{face.track_id}")
    return "; ".join(f"{' '.join(each)} baseline {origin}" for origin, each in numbers.items()) or None


def _describe_baseline(face):
    shift = _describe_shift(face.baseline.shift(face.recognition.face.landmarks))
    return f"#{face.track_id} baseline {face.baseline_origin}: {shift}"


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
    explain : callable, default=Recognition.explain
        Takes a recognition and returns its explanation, or None if it is not made now; the face then stays due.
    """

    def __init__(self, *, interval_s=INTERVAL_S, per_frame=None, explain=Recognition.explain):
        self.interval_s, self.per_frame, self._explain = interval_s, per_frame, explain
        self._explained = {}

    def update(self, faces, time_s, *, waiting=True):
        """Explain the faces of a frame that are due.

        Parameters
        ----------
        faces : list of RecognizedFace
        time_s : float
        waiting : bool, default=True
            Whether to explain also faces that were not located in this frame, which have no row in a log.

        Returns
        -------
        dict of int to Explanation
            The new explanations by track id.
        """
        track_ids = {face.track_id for face in faces}
        self._explained = {each: explained for each, explained in self._explained.items() if each in track_ids}
        due = [face for face in faces if (waiting or face.located) and self._is_due(face, time_s)]
        due = sorted(due, key=self._last_time_s)[: self.per_frame]
        new = {}
        for face in due:
            if (explanation := self._explain(face.recognition)) is not None:
                new[face.track_id] = explanation
                self._explained[face.track_id] = _Explained(time_s, face.recognition.expression, explanation)
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


def explain_within(limit):
    """Return a function for `ExplanationSchedule` that explains a recognition, or returns None above a limit.

    Parameters
    ----------
    limit : RateLimit
        Of seconds of this thread. The last explanation may exceed it; the next then waits.
    """

    def explain(recognition):
        if limit.available <= 0:
            return None
        begin_s = time.thread_time()  # on a busy computer, time by the clock would use up the limit
        explanation = recognition.explain()
        limit.spend(time.thread_time() - begin_s)
        return explanation

    return explain


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
