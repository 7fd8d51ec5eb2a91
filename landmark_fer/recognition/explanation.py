"""Explanation of one prediction by counterfactual cues and occlusion."""

from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

import cv2
import numpy as np

from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.core.geometry import interocular_distance, inverse_transform, transform_points
from landmark_fer.core.records import stack
from landmark_fer.models.base import predict_in_order
from landmark_fer.models.ensemble import Ensemble
from landmark_fer.perception.alignment import chip_transform, crop_transform, move_landmarks
from landmark_fer.recognition.cues import CUES, TYPICAL, counterfactual_landmarks, cue_values


def counterfactual_faces(face, *, fields, crop_margin=0.0):
    """Return the face once for each of `CUES`, with that cue at its typical neutral value.

    Parameters
    ----------
    face : Face
    fields : sequence of str
        Fields of the face record that the model reads; other images are unchanged.
    crop_margin : float, default=0
        Of the crop, as in `ExtractorSettings`.

    Returns
    -------
    list of Face
    """
    return [
        warp_face(face, landmarks, fields=fields, crop_margin=crop_margin)
        for landmarks in counterfactual_landmarks(face.landmarks)
    ]


def occluded_faces(face, *, fields, crop_margin=0.0):
    """Return the face once for each patch of its chip, with that patch blurred in the images that the model reads.

    Parameters
    ----------
    face, fields, crop_margin
        As for `counterfactual_faces`.

    Returns
    -------
    list of Face
    """
    size = len(face.chip)
    images = {}
    if "chip" in fields:
        images["chip"] = occlude(face.chip, chip_size=size)
    if "crop" in fields:
        to_chip = _composed(
            chip_transform(face.landmarks, size=size),
            inverse_transform(crop_transform(face.box, size=len(face.crop), margin=crop_margin)),
        )
        images["crop"] = occlude(face.crop, chip_size=size, to_chip=to_chip)
    return [replace(face, **dict(zip(images, row, strict=True))) for row in zip(*images.values(), strict=True)]


def warp_face(face, landmarks, *, fields, crop_margin=0.0):
    """Return the face with other landmarks, shape (68, 2), and the images that the model reads warped to them.

    `fields` and `crop_margin` are as for `counterfactual_faces`.
    """
    images = {}
    if "chip" in fields:
        before, after = (chip_transform(points, size=len(face.chip)) for points in (face.landmarks, landmarks))
        to_source = _composed(before, inverse_transform(after))
        images["chip"] = _warped(face.chip, face.landmarks, landmarks, before, after, to_source)
    if "crop" in fields:
        to_crop = crop_transform(face.box, size=len(face.crop), margin=crop_margin)
        images["crop"] = _warped(face.crop, face.landmarks, landmarks, to_crop, to_crop, None)
    return replace(face, landmarks=landmarks.astype(np.float32), **images)


def _warped(image, source, target, before, after, to_source):
    source, target = transform_points(before, source), transform_points(after, target)
    interocular = interocular_distance(target)
    return move_landmarks(image, source, target, interocular=interocular, transform=to_source)


def _composed(second, first):
    """Return the transform of shape (2, 3) that applies `first`, then `second`."""
    return np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]])


PATCHES = 7  # along a side of the chip
_WIDTH = 0.7  # standard deviation of a patch's soft edge, in distances between patches
_BLUR = 0.15  # standard deviation of the blur, in sides of the chip: keeps the light and removes every shape


def occlude(image, *, chip_size, to_chip=None):
    """Return an image once for each patch, with that patch blurred.

    Parameters
    ----------
    image : ndarray of shape (height, width), uint8
    chip_size : int
        Side of the chip, which the patches cover evenly, row by row.
    to_chip : ndarray of shape (2, 3), optional
        Transform from the image to the chip; by default the image is the chip.

    Returns
    -------
    ndarray of shape (p, height, width), uint8
        ``p`` is `PATCHES` squared. Patches have soft edges, so that the blur adds no edges to the face.
    """
    scale = 1.0 if to_chip is None else np.hypot(*to_chip[:, 0])
    blurred = cv2.GaussianBlur(image, (0, 0), _BLUR * chip_size / scale, borderType=cv2.BORDER_REPLICATE)
    weights = _chip_patches(chip_size) if to_chip is None else _patches(image.shape, to_chip, chip_size)
    mixed = image + weights * (blurred.astype(np.float32) - image)
    return mixed.round().astype(np.uint8)


def heat_map(values, *, chip_size):
    """Return the weighted mean of one value for each patch, shape (p,), at each pixel, (chip_size, chip_size)."""
    weights = _chip_patches(chip_size)
    return np.tensordot(values, weights, axes=1) / weights.sum(axis=0)


@cache
def _chip_patches(chip_size):
    weights = _patches((chip_size, chip_size), np.eye(2, 3), chip_size)
    weights.setflags(write=False)
    return weights


def _patches(shape, to_chip, chip_size):
    """Return the weight of the blur of each patch at each pixel, shape (p, height, width)."""
    distance = chip_size / PATCHES
    centres = (np.arange(PATCHES) + 0.5) * distance - 0.5
    rows, columns = np.indices(shape, dtype=np.float32)
    x, y = (to_chip[axis, 0] * columns + to_chip[axis, 1] * rows + to_chip[axis, 2] for axis in (0, 1))
    across, down = (
        np.exp(-((place - centres[:, None, None]) ** 2) / (2 * (_WIDTH * distance) ** 2)).astype(np.float32)
        for place in (x, y)
    )
    return (down[:, None] * across).reshape(-1, *shape)


NOTABLE_SHIFT = 0.5
"""Smallest shift of a cue that the text names, in spreads from the typical value."""

NOTABLE_CONTRIBUTION = 0.1
"""Smallest contribution of a cue that the text names, in log odds."""

_EPSILON = 1e-6  # distance that probabilities keep from 0 and 1, where log odds are infinite


@dataclass(frozen=True)
class CueContribution:
    """Contribution of one facial cue to a prediction.

    Attributes
    ----------
    name : str
        Name of the cue in `CUES`.
    words : str
        Description of the cue compared with a typical neutral face: "mouth open".
    value, typical : float
        Value in this face and in a typical neutral face, in inter-ocular distances; of brow slopes a ratio.
    shift : float
        Difference of both in spreads of neutral faces; about two thirds of neutral faces lie within 1.
    contribution : float
        Decrease of the expression's log odds in the counterfactual face with the typical value. Positive values
        support the expression; 0.7 is a factor of two in the odds.
    """

    name: str
    words: str
    value: float
    typical: float
    shift: float
    contribution: float


@dataclass(frozen=True)
class MemberContribution:
    """Contribution of one member of an ensemble to a prediction.

    Attributes
    ----------
    name : str
        Name of the member.
    expression : str
        The expression that the member alone predicts.
    probability : float
        Its probability of the explained expression.
    contribution : float
        Decrease of the expression's log odds in the ensemble if the member gave all expressions the same probability.
        Positive values support the expression.
    cues : dict of str to float
        Contribution of each of `CUES` to the member's own log odds of the expression.
    """

    name: str
    expression: str
    probability: float
    contribution: float
    cues: "dict[str, float]" = field(repr=False)

    @property
    def text(self) -> str:
        """The member's probability and contribution: ``residual 82 % (+1.2)``."""
        return f"{self.name} {100 * self.probability:.0f} % ({self.contribution:+.1f})"


@dataclass(frozen=True, eq=False)
class Explanation:
    """Cues and regions of a face that support or contradict its expression, by predictions for modified faces.

    Attributes
    ----------
    expression : str
        The predicted expression, or the most probable one if the prediction is `UNCERTAIN`.
    measurements : tuple of CueContribution
        The largest contribution first, by absolute value.
    heat : ndarray of shape (S, S), float32, or None
        Decrease of the expression's log odds when that part of the chip is blurred; positive values support the
        expression. None if the model reads only landmarks.
    members : tuple of MemberContribution
        Of an ensemble; empty for other models.
    """

    expression: str
    measurements: "tuple[CueContribution, ...]"
    heat: np.ndarray | None = field(default=None, repr=False)
    members: "tuple[MemberContribution, ...]" = ()

    @property
    def title(self) -> str:
        """What is explained, and each member's probability: ``why happy: dropout_mlp 90 %, residual 61 %``."""
        members = ", ".join(f"{member.name} {100 * member.probability:.0f} %" for member in self.members)
        return f"why {self.expression}: {members}" if members else f"why {self.expression}"

    @property
    def notable(self) -> "tuple[CueContribution, ...]":
        """Cues with at least `NOTABLE_SHIFT` and `NOTABLE_CONTRIBUTION`, as a tuple."""
        return tuple(
            cue
            for cue in self.measurements
            if abs(cue.shift) >= NOTABLE_SHIFT and abs(cue.contribution) >= NOTABLE_CONTRIBUTION
        )

    @property
    def text(self) -> str:
        """The notable cues in one sentence: ``mouth open (+2.3) and eyes wide (+1.1) support surprise``.

        In an ensemble the sentence ends with the members' probabilities and contributions.
        """
        supporting = [cue for cue in self.notable if cue.contribution > 0][:3]
        contradicting = [cue for cue in self.notable if cue.contribution < 0][:2]
        clauses = [
            _clause(cues, verb, self.expression)
            for cues, verb in ((supporting, "support"), (contradicting, "contradict"))
            if cues
        ]
        clauses = clauses or [f"no single measurement clearly supports or contradicts {self.expression}"]
        clauses += [", ".join(member.text for member in self.members)] if self.members else []
        return "; ".join(clauses)

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation without the heat map as plain values for a log; ``members`` only of an ensemble."""
        cues = [_rounded(asdict(cue)) for cue in self.measurements]
        members = [_rounded(asdict(member)) for member in self.members]
        values = {"expression": self.expression, "text": self.text, "measurements": cues}
        return values | {"members": members} if members else values


def explain(artifact, recognition):
    """Return the explanation of a recognition by the model that made it.

    Parameters
    ----------
    artifact : Artifact
    recognition : Recognition
        Its `face` must have the images that the model reads. A smoothed recognition is explained by the model's
        predictions for its smoothed face.

    Returns
    -------
    Explanation
    """
    face = recognition.face
    expression = recognition.likeliest if recognition.expression == UNCERTAIN else recognition.expression
    fields = artifact.manifest["fields"]
    margin = artifact.manifest["extractor"].get("crop_margin", 0.0)
    faces = [face, *counterfactual_faces(face, fields=fields, crop_margin=margin)]
    reads_images = "chip" in fields or "crop" in fields
    if reads_images:
        faces += occluded_faces(face, fields=fields, crop_margin=margin)
    records = stack(faces, chip_size=len(face.chip), crop_size=face.crop is not None and len(face.crop))
    members = ()
    if isinstance(artifact.predictor, Ensemble):
        predictions = artifact.predictor.member_probabilities(records)
        members = _member_contributions(artifact.predictor, predictions, expression)
        odds = _log_odds(artifact.predictor.mean(predictions), artifact.predictor.classes_.tolist(), expression)
    else:
        odds = _log_odds(predict_in_order(artifact.predictor, records, artifact.classes), artifact.classes, expression)
    drops = odds[0] - odds[1:]
    heat = heat_map(drops[len(CUES) :], chip_size=len(face.chip)).astype(np.float32) if reads_images else None
    return Explanation(expression, _cue_contributions(face, drops[: len(CUES)]), heat, members)


def _member_contributions(ensemble, predictions, expression):
    """Return the contributions of members from their probabilities of shape (members, faces, k), the face first."""
    classes, equal = ensemble.classes_.tolist(), 1 / predictions.shape[-1]
    odds = _log_odds(ensemble.mean(predictions[:, :1]), classes, expression)[0]
    contributions = []
    for place, (name, _) in enumerate(ensemble.members):
        others, own = predictions[:, :1].copy(), predictions[place]
        others[place] = equal
        own_odds = _log_odds(own, classes, expression)
        drops = (own_odds[0] - own_odds[1 : 1 + len(CUES)]).tolist()
        contributions.append(
            MemberContribution(
                name,
                classes[own[0].argmax()],
                float(own[0, classes.index(expression)]),
                float(odds - _log_odds(ensemble.mean(others), classes, expression)[0]),
                dict(zip([cue.name for cue in CUES], drops, strict=True)),
            )
        )
    return tuple(contributions)


def _rounded(values):
    """Return a dictionary with all numbers in it rounded, in dictionaries in it, too."""
    rounded = {}
    for name, value in values.items():
        if isinstance(value, dict):
            rounded[name] = _rounded(value)
        else:
            rounded[name] = round(value, 4) if isinstance(value, float) else value
    return rounded


def _cue_contributions(face, contributions):
    values = cue_values(face.landmarks)
    shifts = (values - TYPICAL[0]) / TYPICAL[1]
    rows = zip(CUES, values.tolist(), TYPICAL[0].tolist(), shifts.tolist(), contributions.tolist(), strict=True)
    cues = [CueContribution(cue.name, cue.more if row[2] > 0 else cue.less, *row) for cue, *row in rows]
    return tuple(sorted(cues, key=lambda cue: -abs(cue.contribution)))


def _log_odds(probabilities, classes, expression):
    """Return the log odds of an expression from probabilities of shape (n, k), shape (n,)."""
    probability = probabilities[:, list(classes).index(expression)].clip(_EPSILON, 1 - _EPSILON)
    return np.log(probability / (1 - probability))


def _clause(cues, verb, expression):
    """Return ``mouth open (+2.3) and eyes wide (+1.1) support surprise``."""
    *others, last = [f"{cue.words} ({cue.contribution:+.1f})" for cue in cues]
    return f"{', '.join(others)} and {last} {verb} {expression}" if others else f"{last} {verb}s {expression}"
