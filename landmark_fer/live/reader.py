"""Readers: from the images of a video, or from single images, to the faces that are seen in them.

Whatever two models are asked, faces are found and located once, and both are asked about the same ones.
"""

import copy
import itertools
from dataclasses import replace

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import SeenFace
from landmark_fer.perception.tracking.following import FaceFollower
from landmark_fer.recognition.smoothing import Smoother

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
        list of SeenFace
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
        """Return the faces of a image, the clearest first, as a list of SeenFace; the time does not matter."""
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
    """Return what each model says of the faces, a list of (track_id, Face), as a list of SeenFace."""
    faces = [face for _, face in numbered]
    predictions = [recognizer.recognize_faces(faces) for recognizer in recognizers]
    others = predictions[1] if len(predictions) == 2 else [None] * len(faces)
    rows = zip(numbered, predictions[0], others, strict=True)
    return [SeenFace(number, prediction, raw=prediction, versus=other) for (number, _), prediction, other in rows]
