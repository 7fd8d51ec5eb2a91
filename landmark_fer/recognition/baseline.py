"""Neutral baseline of a person: how their neutral face is measured and predicted, to judge later faces against it.

Given a baseline, probabilities are those of `models.neutral_shift`. The shifts of measurements are shown next to the
prediction (docs/decisions/0011 and 0033).
"""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from landmark_fer.core.errors import DataError, InputError, SinkError, plain_value
from landmark_fer.core.files import atomic_write_text
from landmark_fer.core.naming import show
from landmark_fer.core.types import AnyImage, PathLike
from landmark_fer.features.measurements import MEASUREMENT_NAMES, measure
from landmark_fer.models.neutral_shift import FLOOR, NEUTRAL, check_neutral, given_neutral_face, log_probabilities

if TYPE_CHECKING:
    from landmark_fer.recognition.recognizer import Recognizer
    from landmark_fer.recognition.results import Recognition

FORMAT, FORMAT_VERSION = "landmark_fer baseline", 1
_LARGEST = 1e9  # number in a file; a sum of larger ones could overflow

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Baseline:
    """A person's neutral face, as measured and as predicted by one or more models.

    Attributes
    ----------
    measurements : dict of str to float
        Median of each of `MEASUREMENT_NAMES`, in their units.
    models : dict of str to dict of str to float
        For the SHA-256 of each model: the median log-probability of each of its classes, neutral among them.
    n_images : int
        Number of faces that it was made of.
    seconds : float
        Time from the first to the last of these faces; 0 for photographs.
    """

    measurements: Mapping[str, float] = field(repr=False)
    models: Mapping[str, Mapping[str, float]] = field(default_factory=dict, repr=False)
    n_images: int = 1
    seconds: float = 0.0

    @classmethod
    def from_images(cls, images: Sequence[AnyImage], recognizer: "Recognizer | None" = None) -> "Baseline":
        """Return the baseline of a person from images of their neutral face.

        Parameters
        ----------
        images : sequence of images
            One or more, each as for `Recognizer.recognize`, with one face. Take them as later images are taken.
        recognizer : Recognizer, optional
            The one that later images are recognized with; by default that of the bundled model.

        Raises
        ------
        InputError
            If there is no image, one of them has no face, several, or one that cannot be read for a `reason`, or the
            model does not predict neutral.
        DataError
            If a file cannot be read.
        """
        if recognizer is None:
            from landmark_fer.recognition.recognizer import bundled_recognizer

            recognizer = bundled_recognizer()
        check_neutral(recognizer.classes)
        if not isinstance(images, Sequence) or isinstance(images, str | bytes) or not images:
            got = "an empty one" if isinstance(images, Sequence) and not images else f"{type(images).__name__}"
            raise InputError(
                f"a baseline needs a list of one or more images of a neutral face, got {got}; give [image]"
            )
        recognitions = []
        for number, image in enumerate(images, start=1):
            faces = recognizer.recognize(image)
            name = show(image) if isinstance(image, str | Path) else f"image {number}"
            if len(faces) != 1:
                raise InputError(
                    f"an image of a baseline must show one face, {name} has {len(faces)}; crop or choose another"
                )
            if (reason := faces[0].reason) is not None:
                raise InputError(
                    f"an image of a baseline must show a face that can be read, that of {name} is {reason}; "
                    "choose another"
                )
            recognitions += faces
        return cls.from_recognitions(recognitions, recognizer)

    @classmethod
    def from_recognitions(
        cls, recognitions: "Sequence[Recognition]", recognizer: "Recognizer | None" = None, *, seconds: float = 0.0
    ) -> "Baseline":
        """Return the baseline of a person from recognitions of their neutral face.

        Parameters
        ----------
        recognitions : sequence of Recognition
            One or more. If a baseline was used for them, their probabilities without it count.
        recognizer : Recognizer, optional
            The one that made them; without it, or if it does not predict neutral, the baseline has measurements only.
        seconds : float, default=0
            Time from the first to the last of them.
        """
        if not recognitions:
            raise InputError("a baseline needs one or more recognitions of a neutral face, got none; give one")
        measurements = [measure(each.face.landmarks) for each in recognitions]
        rows = [list(each.plain_probabilities.values()) for each in recognitions]
        baseline = median_baseline(measurements, rows, recognizer, seconds=seconds)
        if baseline.warning is not None:
            _LOG.warning("%s", baseline.warning)
        return baseline

    @property
    def warning(self) -> str | None:
        """A sentence if the faces of the baseline are read as happy, else None."""
        if any(max(neutral, key=neutral.__getitem__) == "happy" for neutral in self.models.values()):
            return "the baseline's faces are read as happy; if the person smiles, take it again at rest"
        return None

    def is_of(self, recognizer: "Recognizer") -> bool:
        """Return whether the baseline has the predictions of a recognizer's model, and changes its probabilities."""
        return {*recognizer.classes} <= {*self.models.get(recognizer.model_id, ())}

    def check_model(self, recognizer: "Recognizer") -> None:
        """Raise InputError if a recognizer's model does not predict neutral, or the baseline is of another model."""
        check_neutral(recognizer.classes)
        if not self.is_of(recognizer):
            raise InputError(
                "the baseline was made with another model, whose probabilities do not compare with this one's; "
                "make one with this model (Baseline.from_images(images, recognizer), or --save-baseline)"
            )

    def apply(self, probabilities: np.ndarray, recognizer: "Recognizer", *, opened: float = 0.0) -> np.ndarray:
        """Return probabilities given the baseline, as from `given_neutral_face`.

        Parameters
        ----------
        probabilities : ndarray of shape (..., k)
            Of the recognizer's model, columns in the order of its classes.
        recognizer : Recognizer
        opened : float, default=0
            As from `opened`.

        Raises
        ------
        InputError
            As from `check_model`.
        """
        self.check_model(recognizer)
        of_class = self.models[recognizer.model_id]
        neutral = [of_class[name] for name in recognizer.classes]
        return given_neutral_face(probabilities, neutral, recognizer.classes, opened=opened)

    def opened(self, landmarks: np.ndarray) -> float:
        """Return by how many inter-ocular distances a mouth is open farther than the baseline's."""
        (opening,) = measure(landmarks, names=("mouth_opening",))
        return float(opening) - self.measurements["mouth_opening"]

    def shift(self, landmarks: np.ndarray) -> dict[str, float]:
        """Return the difference of each measurement of a face, landmarks of shape (68, 2), from the baseline's."""
        values = zip(MEASUREMENT_NAMES, measure(landmarks).tolist(), strict=True)
        return {name: value - self.measurements[name] for name, value in values}

    def save(self, path: PathLike) -> None:
        """Write the baseline as JSON; an earlier file is replaced.

        Raises
        ------
        SinkError
            If the file cannot be written.
        """
        content = {"format": FORMAT, "format_version": FORMAT_VERSION, **self.__dict__}
        try:
            atomic_write_text(Path(path), json.dumps(content, indent=1) + "\n")
        except (OSError, ValueError) as error:  # ValueError: characters that no name may have
            reason = getattr(error, "strerror", None) or error
            raise SinkError(
                f"the baseline {show(path)} could not be written ({reason}); choose another path"
            ) from error

    @classmethod
    def load(cls, path: PathLike) -> "Baseline":
        """Return the baseline that `save` wrote.

        Raises
        ------
        DataError
            If the file does not exist, cannot be read or is no baseline.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8-sig"))
        except FileNotFoundError as error:
            raise DataError(
                f"the baseline {show(path)} does not exist; give a file that Baseline.save or --save-baseline wrote"
            ) from error
        except (OSError, ValueError, RecursionError) as error:
            reason = getattr(error, "strerror", None) or "it is not JSON"
            raise DataError(f"the baseline {show(path)} cannot be read ({reason}); make it again") from error
        if (problem := _problem_of(content)) is not None:
            raise DataError(f"{show(path)} must be a baseline as Baseline.save writes it, {problem}; make it again")
        return cls(content["measurements"], content["models"], content["n_images"], content["seconds"])


def check_baseline(baseline: Baseline, recognizer: "Recognizer") -> None:
    """Raise InputError if a value is no baseline, or none of a recognizer's model."""
    if not isinstance(baseline, Baseline):
        raise InputError(
            f"a baseline must be a Baseline, got {type(baseline).__name__}; read a saved one with Baseline.load"
        )
    baseline.check_model(recognizer)


def median_baseline(
    measurements: Sequence[np.ndarray],
    rows: Sequence[Sequence[float]],
    recognizer: "Recognizer | None" = None,
    *,
    seconds: float = 0.0,
) -> Baseline:
    """Return the baseline of faces by their values.

    Parameters
    ----------
    measurements : sequence of ndarray
        Of each face, as from `measure`.
    rows : sequence of sequence of float
        Probabilities of each face without a baseline, in the order of the recognizer's classes.
    recognizer : Recognizer, optional
        The one that made them; without it, or if it does not predict neutral, the baseline has measurements only.
    seconds : float, default=0
        Time from the first to the last face.
    """
    models = {}
    if recognizer is not None and NEUTRAL in recognizer.classes:
        median = np.median(log_probabilities(np.array(rows)), axis=0)
        models[recognizer.model_id] = dict(zip(recognizer.classes, median.tolist(), strict=True))
    named = dict(zip(MEASUREMENT_NAMES, np.median(measurements, axis=0).tolist(), strict=True))
    return Baseline(named, models, len(measurements), float(seconds))


def _problem_of(content):
    """Return what is wrong with the content of a file, or None."""
    content = content if isinstance(content, dict) else {}
    if (got := (content.get("format"), content.get("format_version"))) != (FORMAT, FORMAT_VERSION):
        return f"got the format {plain_value(got[0])} of version {plain_value(got[1])}"
    tables = [content.get("measurements")]
    tables += content["models"].values() if isinstance(content.get("models"), dict) else [None]
    if not all(isinstance(table, dict) and all(map(_is_number, table.values())) for table in tables):
        return "and its measurements and models must be numbers by name"
    if sorted(tables[0]) != sorted(MEASUREMENT_NAMES):
        return "and it has the measurements of another version"
    lowest = math.log(FLOOR) - 1e-6  # rounding
    if not all(NEUTRAL in table and all(lowest <= value <= 0 for value in table.values()) for table in tables[1:]):
        return f"and each model must have the class neutral, and logarithms of probabilities, from {lowest:.1f} to 0"
    n_images, seconds = content.get("n_images"), content.get("seconds")
    if not (_is_number(n_images) and _is_number(seconds) and n_images >= 1 and n_images % 1 == 0 and seconds >= 0):
        return "and n_images must be a whole number from 1, and seconds a number from 0"
    return None


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST
