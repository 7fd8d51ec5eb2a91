"""The reader: frames in, recognized and smoothed faces out."""

import copy
import itertools
import math
from dataclasses import replace
from typing import NamedTuple

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import RecognizedFace
from landmark_fer.perception.tracking.following import FaceFollower
from landmark_fer.recognition.baseline import NeutralBaseline
from landmark_fer.recognition.smoothing import Smoother

SECONDS = 2.0
MOST_NAMED = 3  # shifts of a face
MOST_FACES = 2  # in one line
LEAST_SHIFT = 0.02  # that is named, in the units of the measurements: mostly inter-ocular distances


class NeutralBaselines:
    """Looks at the resting faces when somebody wants it, and says how faces differ from them later.

    Parameters
    ----------
    seconds : float, default=2
        For how long they are looked at.
    """

    def __init__(self, seconds=SECONDS):
        self.seconds = seconds
        self._baseline = NeutralBaseline()
        self._wanted, self._until_s = False, None

    def want(self):
        """Look at the faces from the next frame on."""
        self._wanted = True

    def update(self, time_s, seen):
        """Take a frame; return what to tell the person, or None.

        Parameters
        ----------
        time_s : float
        seen : list of RecognizedFace
        """
        told = None
        if self._wanted:
            self._baseline.begin(time_s, self.seconds)
            self._wanted, self._until_s = False, time_s + self.seconds
            told = f"show a resting face for {self.seconds:g} seconds"
        for face in seen:
            self._baseline.add(face.track_id, face.recognition, time_s)
        if self._until_s is not None and time_s >= self._until_s:
            self._until_s = None
            told = "resting face taken" if self._shifts(seen) else "no face was seen at rest; press n to try again"
        return told

    def line(self, seen):
        """Return how faces have moved from their rest, in a line; None while no rest is known of any.

        Parameters
        ----------
        seen : list of RecognizedFace
        """
        shifts = list(self._shifts(seen).items())[:MOST_FACES]
        return "; ".join(f"#{track_id} since rest: {_said(shift)}" for track_id, shift in shifts) or None

    def _shifts(self, seen):
        shifts = {face.track_id: self._baseline.shift(face.track_id, face.recognition) for face in seen}
        return {track_id: shift for track_id, shift in shifts.items() if shift is not None}


def _said(shift):
    """Return the largest shifts in words; of the two sides of a face the mean."""
    sides = {}
    for name, value in shift.items():
        sides.setdefault(name.removeprefix("left_").removeprefix("right_"), []).append(value)
    means = {name: sum(values) / len(values) for name, values in sides.items()}
    largest = sorted(means, key=lambda name: -abs(means[name]))[:MOST_NAMED]
    named = [f"{name.replace('_', ' ')} {means[name]:+.2f}" for name in largest if abs(means[name]) >= LEAST_SHIFT]
    return ", ".join(named) or "nothing moved"


EVERY_S = 0.3
AFTER_CHANGE_S = 0.1  # where the answer is another than the one explained


class Explainer:
    """Keeps an explanation for each face that is seen, and makes new ones in turn.

    Parameters
    ----------
    every_s : float, default=0.3
        Time between two explanations of a face, in seconds of the video; less where its answer has changed.
    at_once : int, optional
        How many explanations are made for one image, the longest overdue first; without it all that are due.
    """

    def __init__(self, *, every_s=EVERY_S, at_once=None):
        self.every_s, self.at_once = every_s, at_once
        self._made = {}

    def update(self, seen, time_s):
        """Explain the faces of a image whose turn it is.

        Parameters
        ----------
        seen : list of RecognizedFace
        time_s : float

        Returns
        -------
        dict of int to Explanation
            The new ones, by track.
        """
        here = {face.track_id for face in seen}
        self._made = {track_id: made for track_id, made in self._made.items() if track_id in here}
        due = sorted((face for face in seen if self._is_due(face, time_s)), key=self._at)
        new = {face.track_id: face.recognition.explain() for face in due[: self.at_once]}
        predictions = {face.track_id: face.recognition.expression for face in seen}
        self._made |= {track_id: _Made(time_s, predictions[track_id], new[track_id]) for track_id in new}
        return new

    @property
    def latest(self):
        """The last explanation of each face that was in the last image, by track."""
        return {track_id: made.explanation for track_id, made in self._made.items()}

    def _at(self, face):
        made = self._made.get(face.track_id)
        return made.time_s if made else -math.inf

    def _is_due(self, face, time_s):
        made = self._made.get(face.track_id)
        if made is None:
            return True
        wait_s = self.every_s if made.prediction == face.recognition.expression else AFTER_CHANGE_S
        return abs(time_s - made.time_s) >= wait_s - 1e-6  # times are sums of frames; a clock may step back


class _Made(NamedTuple):
    """An explanation, when it was made, and the answer that it explains."""

    time_s: float
    prediction: str
    explanation: object


SMALL_SIDE = 160  # pixels; of FER2013's crops, enlarged to 48, 64, 100 pixels, dlib's detector sees 0, 28, 77 %


class SmallImages:
    """Counts the small images in which no face was seen.

    Attributes
    ----------
    n_missed : int
    """

    def __init__(self):
        self.n_missed, self._size = 0, None

    def add(self, image, seen):
        """Take an image of shape (height, width, ...) and the faces that were seen in it."""
        height, width = image.shape[:2]
        if not seen and max(height, width) < SMALL_SIDE:
            self.n_missed += 1
            self._size = width, height

    @property
    def hint(self):
        """What helps, as a sentence, or None where no such image came."""
        if not self.n_missed:
            return None
        width, height = self._size
        which = f"an image of {width} x {height} pixels shows"
        if self.n_missed > 1:
            which = f"{self.n_missed} small images ({width} x {height} pixels) show"
        return f"{which} no face that the detector can see; if cropped to one face each, add --detector whole"


MEMORY_S = 1.0  # how long what is known of a face is kept after it was seen last

_OF_CHIP, _OF_CROP = ("chip_size",), ("crop_size", "crop_margin")


class LiveReader:
    """Reads one video, a image at a time: faces are followed, and answers steadied over time.

    Parameters
    ----------
    recognizer : Recognizer
    smoothing : float, default=0.5
        As the strength of `Smoother`; 0 shows the model's answers as they come.
    every : int, optional
        As for `FaceFollower`: look for new faces in each n-th image.
    versus : Recognizer, optional
        Another model, asked about the same faces.

    Raises
    ------
    InputError
        If no face can be cut out so that it suits both models.
    """

    still = False

    def __init__(self, recognizer, *, smoothing=0.5, every=None, versus=None):
        self._models = [recognizer] if versus is None else [recognizer, versus]
        self._smoothers = [
            Smoother(model.classes, strength=smoothing, threshold=model.threshold) for model in self._models
        ]
        self._follower = FaceFollower(shared_extractor(self._models), every=every)
        self._last_seen = {}

    def read(self, image, *, time_s):
        """Return the faces of the video's next image.

        Parameters
        ----------
        image : ndarray of shape (height, width, 3) in RGB or (height, width), uint8
        time_s : float
            When it was taken, in seconds; never less than in the call before.

        Returns
        -------
        list of RecognizedFace
        """
        followed = self._follower.follow(image, time_s=time_s)
        seen = _ask(self._models, followed)
        self._last_seen.update((face.track_id, time_s) for face in seen)
        self._last_seen = {number: at for number, at in self._last_seen.items() if time_s - at <= MEMORY_S}
        for smoother in self._smoothers:
            smoother.forget_but(list(self._last_seen))
        steadied = [self._steadied(face, time_s) for face in seen]
        self._follower.start_detection()
        return steadied

    def close(self):
        """End what runs beside the video."""
        self._follower.close()

    def _steadied(self, face, time_s):
        predictions = zip(self._smoothers, (face.raw, face.versus), strict=False)
        shown = [smoother.update(face.track_id, prediction, time_s=time_s) for smoother, prediction in predictions]
        return replace(face, recognition=shown[0], versus=shown[1] if len(shown) == 2 else None)


class StillReader:
    """Reads single images: each stands alone, and each face of each image has a number of its own.

    Parameters
    ----------
    recognizer : Recognizer
    versus : Recognizer, optional
        Another model, asked about the same faces.

    Raises
    ------
    InputError
        If no face can be cut out so that it suits both models.
    """

    still = True

    def __init__(self, recognizer, *, versus=None):
        self._models = [recognizer] if versus is None else [recognizer, versus]
        self._extractor = shared_extractor(self._models)
        self._numbers = itertools.count(1)

    def read(self, image, *, time_s=0.0):
        """Return the faces of a image, the clearest first, as a list of RecognizedFace; the time does not matter."""
        faces = self._extractor.extract(image)
        return _ask(self._models, [(next(self._numbers), face) for face in faces])

    def close(self):
        """Do nothing: nothing runs beside the images."""


def shared_extractor(recognizers):
    """Return an extractor whose faces every recognizer can read: the first's, with the crop that another needs.

    Parameters
    ----------
    recognizers : sequence of Recognizer

    Returns
    -------
    FaceExtractor
        The first recognizer's own where its faces serve all.

    Raises
    ------
    InputError
        If chips, or crops, would have to be of two kinds.
    """
    extractor = recognizers[0].extractor
    chip = _the_only([_settings(model, _OF_CHIP) for model in recognizers], "chips")
    crop = _the_only([_settings(model, _OF_CROP) for model in recognizers if _crops(model)], "crops")
    wanted = replace(extractor.settings, **chip, **crop)
    if wanted == extractor.settings:
        return extractor
    shared = copy.copy(extractor)  # detector and shape predictor, 100 MB, are there once
    shared.settings = wanted
    return shared


def _settings(recognizer, names):
    return {name: getattr(recognizer.extractor.settings, name) for name in names}


def _crops(recognizer):
    return recognizer.extractor.settings.crop_size > 0


def _the_only(settings, what):
    """Return the one kind of settings in a list, or none where the list is empty."""
    kinds = [kind for index, kind in enumerate(settings) if kind not in settings[:index]]
    if len(kinds) > 1:
        came = " and ".join(", ".join(f"{name} {value:g}" for name, value in kind.items()) for kind in kinds)
        raise InputError(f"two models side by side must read {what} of one kind, got {came}; choose another --versus")
    return kinds[0] if kinds else {}


def _ask(recognizers, numbered):
    """Return what each model says of the faces, a list of (track_id, Face), as a list of RecognizedFace."""
    faces = [face for _, face in numbered]
    predictions = [recognizer.recognize_faces(faces) for recognizer in recognizers]
    others = predictions[1] if len(predictions) == 2 else [None] * len(faces)
    rows = zip(numbered, predictions[0], others, strict=True)
    return [RecognizedFace(number, prediction, raw=prediction, versus=other) for (number, _), prediction, other in rows]
