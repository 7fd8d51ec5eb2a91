"""Explanation of one prediction: cues, counterfactuals, occlusion."""

from dataclasses import asdict, dataclass, field, replace
from functools import cache

import cv2
import numpy as np

from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.core.geometry import interocular_distance, inverse_transform, transform_points
from landmark_fer.core.records import stack
from landmark_fer.models.base import predict_in_order
from landmark_fer.perception.alignment import chip_transform, crop_transform, move_landmarks
from landmark_fer.recognition.cues import CUES, TYPICAL, cue_values, undo_cues


def without_cues(face, *, fields, crop_margin=0.0):
    """Return the face once for each of `CUES`, that sign undone.

    Parameters
    ----------
    face : Face
    fields : sequence of str
        What the model reads of a face record; images that it does not read are left as they are.
    crop_margin : float, default=0
        Of the crop, as in `ExtractorSettings`.

    Returns
    -------
    list of Face
    """
    reads = {"fields": fields, "crop_margin": crop_margin}
    return [with_landmarks(face, moved, **reads) for moved in undo_cues(face.landmarks)]


def without_patches(face, *, fields, crop_margin=0.0):
    """Return the face once for each patch of its chip, that patch blurred in the images that the model reads.

    Parameters
    ----------
    face, fields, crop_margin
        As for `without_cues`.

    Returns
    -------
    list of Face
    """
    size = len(face.chip)
    images = {}
    if "chip" in fields:
        images["chip"] = occluded(face.chip, chip_size=size)
    if "crop" in fields:
        to_chip = _composed(
            chip_transform(face.landmarks, size=size),
            inverse_transform(crop_transform(face.box, size=len(face.crop), margin=crop_margin)),
        )
        images["crop"] = occluded(face.crop, chip_size=size, to_chip=to_chip)
    return [replace(face, **dict(zip(images, row, strict=True))) for row in zip(*images.values(), strict=True)]


def with_landmarks(face, moved, *, fields, crop_margin=0.0):
    """Return the face with its landmarks moved to `moved`, shape (68, 2), and the pixels that the model reads, too."""
    images = {}
    if "chip" in fields:
        before, after = (chip_transform(landmarks, size=len(face.chip)) for landmarks in (face.landmarks, moved))
        back = _composed(before, inverse_transform(after))
        images["chip"] = _moved(face.chip, face.landmarks, moved, before, after, back)
    if "crop" in fields:
        place = crop_transform(face.box, size=len(face.crop), margin=crop_margin)
        images["crop"] = _moved(face.crop, face.landmarks, moved, place, place, None)
    return replace(face, landmarks=moved.astype(np.float32), **images)


def _moved(image, landmarks, moved, before, after, back):
    there = transform_points(after, moved)
    here, interocular = transform_points(before, landmarks), interocular_distance(there)
    return move_landmarks(image, here, there, interocular=interocular, transform=back)


def _composed(second, first):
    """Return the transform of shape (2, 3) that applies `first`, then `second`."""
    return np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]])


PATCHES = 7  # along a side of the chip
_WIDTH = 0.7  # standard deviation of a patch's soft edge, in distances between patches
_BLUR = 0.15  # standard deviation of the blur, in sides of the chip: the light stays, every shape goes


def occluded(image, *, chip_size, to_chip=None):
    """Return a image once for each patch, with that patch blurred.

    Parameters
    ----------
    image : ndarray of shape (height, width), uint8
    chip_size : int
        Side of the chip, on which the patches lie evenly, row by row.
    to_chip : ndarray of shape (2, 3), optional
        From the image to the chip; by default the image is the chip.

    Returns
    -------
    ndarray of shape (p, height, width), uint8
        ``p`` is `PATCHES` squared. Patches have soft edges, so that no edge appears that the face does not have.
    """
    scale = 1.0 if to_chip is None else np.hypot(*to_chip[:, 0])
    blurred = cv2.GaussianBlur(image, (0, 0), _BLUR * chip_size / scale, borderType=cv2.BORDER_REPLICATE)
    shares = _chip_patches(chip_size) if to_chip is None else _patches(image.shape, to_chip, chip_size)
    mixed = image + shares * (blurred.astype(np.float32) - image)
    return mixed.round().astype(np.uint8)


def spread_over_chip(values, *, chip_size):
    """Return values of shape (p,), one a patch, as a image of shape (chip_size, chip_size): their weighted mean."""
    shares = _chip_patches(chip_size)
    return np.tensordot(values, shares, axes=1) / shares.sum(axis=0)


@cache
def _chip_patches(chip_size):
    shares = _patches((chip_size, chip_size), np.eye(2, 3), chip_size)
    shares.setflags(write=False)
    return shares


def _patches(shape, to_chip, chip_size):
    """Return how much of the blur each pixel takes for each patch, shape (p, height, width)."""
    apart = chip_size / PATCHES
    centres = (np.arange(PATCHES) + 0.5) * apart - 0.5
    rows, columns = np.indices(shape, dtype=np.float32)
    x, y = (to_chip[axis, 0] * columns + to_chip[axis, 1] * rows + to_chip[axis, 2] for axis in (0, 1))
    across, down = (
        np.exp(-((place - centres[:, None, None]) ** 2) / (2 * (_WIDTH * apart) ** 2)).astype(np.float32)
        for place in (x, y)
    )
    return (down[:, None] * across).reshape(-1, *shape)


NOTABLE_SHIFT = 0.5
"""Under this many spreads from the typical value a sign is not named in the text."""

NOTABLE_CONTRIBUTION = 0.1
"""Under this contribution, too."""

_SURE = 1e-6  # probabilities are kept this far from 0 and 1, where log odds end


@dataclass(frozen=True)
class ShownCue:
    """What one facial sign says about an answer.

    Attributes
    ----------
    name : str
        Of the sign in `CUES`.
    words : str
        What the face shows against a typical neutral face: "mouth open".
    value, typical : float
        The measurement of this face and of a typical neutral face: inter-ocular distances, for brow slopes a ratio.
    shift : float
        Their difference in spreads of neutral faces, of which about two thirds lie within 1.
    contribution : float
        How much the log odds of the answer fall when the sign is undone; positive: it speaks for the answer. 0.7
        is a factor of two.
    """

    name: str
    words: str
    value: float
    typical: float
    shift: float
    contribution: float


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a face was given its expression, as far as the model's answers to changed faces tell.

    Attributes
    ----------
    expression : str
        The expression that is explained: the answer, or the likeliest one where the answer is `UNCERTAIN`.
    measurements : tuple of ShownCue
        The strongest contribution first.
    heat : ndarray of shape (S, S), float32, or None
        How much the log odds fall when that part of the chip is blurred; positive: it speaks for the answer. None
        where the model reads landmarks alone.
    """

    expression: str
    measurements: tuple
    heat: np.ndarray | None = field(default=None, repr=False)

    @property
    def notable(self):
        """The signs that are worth naming: unlike a typical neutral face's, and of weight for the answer."""
        return tuple(
            each
            for each in self.measurements
            if abs(each.shift) >= NOTABLE_SHIFT and abs(each.contribution) >= NOTABLE_CONTRIBUTION
        )

    @property
    def text(self):
        """The reasons in one sentence: ``mouth open (+2.3) and eyes wide (+1.1) speak for surprise``."""
        speaking = [each for each in self.notable if each.contribution > 0][:3]
        against = [each for each in self.notable if each.contribution < 0][:2]
        parts = [
            f"{_spoken(each)} {way} {self.expression}"
            for each, way in ((speaking, "for"), (against, "against"))
            if each
        ]
        return "; ".join(parts) or f"no single measurement speaks clearly for or against {self.expression}"

    def to_dict(self):
        """Return the explanation as plain values for a log; the heat image is left out."""
        plain = [
            {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(each).items()}
            for each in self.measurements
        ]
        return {"expression": self.expression, "text": self.text, "measurements": plain}


def explain(artifact, recognition):
    """Return why a model gives a face its expression.

    Parameters
    ----------
    artifact : Artifact
    recognition : Recognition
        Its `face` must have what the model reads. A smoothed one is explained by the model's answers to its face.

    Returns
    -------
    Explanation
    """
    face = recognition.face
    expression = recognition.likeliest if recognition.expression == UNCERTAIN else recognition.expression
    reads = {
        "fields": artifact.manifest["fields"],
        "crop_margin": artifact.manifest["extractor"].get("crop_margin", 0.0),
    }
    sees = "chip" in reads["fields"] or "crop" in reads["fields"]
    faces = [face, *without_cues(face, **reads), *(without_patches(face, **reads) if sees else [])]
    lost = _losses(artifact, faces, expression)
    heat = spread_over_chip(lost[len(CUES) :], chip_size=len(face.chip)).astype(np.float32) if sees else None
    return Explanation(expression, _shown_signs(face, lost[: len(CUES)]), heat)


def _shown_signs(face, contributions):
    values = cue_values(face.landmarks)
    shifts = (values - TYPICAL[0]) / TYPICAL[1]
    shown = [
        ShownCue(sign.name, sign.more if shift > 0 else sign.less, *map(float, numbers), float(shift), float(lost))
        for sign, *numbers, shift, lost in zip(CUES, values, TYPICAL[0], shifts, contributions, strict=True)
    ]
    return tuple(sorted(shown, key=lambda each: -abs(each.contribution)))


def _losses(artifact, faces, expression):
    """Return how much the log odds of an expression fall from the first face to each of the others."""
    records = stack(faces, chip_size=len(faces[0].chip), crop_size=faces[0].crop is not None and len(faces[0].crop))
    column = artifact.classes.index(expression)
    probability = predict_in_order(artifact.predictor, records, artifact.classes)[:, column].clip(_SURE, 1 - _SURE)
    odds = np.log(probability / (1 - probability))
    return odds[0] - odds[1:]


def _spoken(shown):
    """Return ``mouth open (+2.3) and eyes wide (+1.1) speak``."""
    *others, last = [f"{each.words} ({each.contribution:+.1f})" for each in shown]
    return f"{', '.join(others)} and {last} speak" if others else f"{last} speaks"
