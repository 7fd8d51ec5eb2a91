"""Facial cues: measurements with plain names, their typical values in neutral faces, and counterfactual landmarks.

A cue is one measurement or the mean of several. Signed measurements count by their absolute value, so that a face and
the mirrored face have equal cues.
"""

from dataclasses import dataclass

import numpy as np

from landmark_fer.core.geometry import EYES_UPRIGHT, eye_centres, similarity_transform, transform_points
from landmark_fer.core.landmarks import N_LANDMARKS
from landmark_fer.features.measurements import MEASUREMENT_NAMES, MEASUREMENTS, measure


@dataclass(frozen=True)
class Cue:
    """One facial cue, a row of `CUES`.

    Attributes
    ----------
    name : str
    more, less : str
        Description of a larger and of a smaller value than a neutral face has.
    measurements : tuple of str
        Names in `MEASUREMENT_NAMES`; the value is their mean.
    dx, dy : dict of int to float
        Movement of landmarks in x and y of an upright face when the value grows by 1.
    """

    name: str
    more: str
    less: str
    measurements: tuple
    dx: dict
    dy: dict

    @property
    def signed(self):
        """Whether mirroring the face changes the sign of a measurement."""
        return any(row.signed for row in MEASUREMENTS if row.name in self.measurements)


def _sides(name):
    return f"right_{name}", f"left_{name}"


_UPPER_LIP, _LOWER_LIP = (49, 50, 51, 52, 53, 61, 62, 63), (55, 56, 57, 58, 59, 65, 66, 67)

CUES = (
    Cue("mouth_opening", "mouth open", "mouth closed", ("mouth_opening",), {}, dict.fromkeys(_LOWER_LIP, 1.0)),
    Cue(
        "lip_corners", "lip corners up", "lip corners down", _sides("lip_corner_height"), {},
        {48: -1.0, 60: -1.0, 54: -1.0, 64: -1.0, 49: -0.5, 59: -0.5, 53: -0.5, 55: -0.5},
    ),
    Cue(
        "mouth_width", "mouth wide", "mouth narrow", ("mouth_width",),
        {48: -0.5, 60: -0.5, 49: -0.3, 59: -0.3, 61: -0.2, 67: -0.2, 50: -0.15, 58: -0.15,
         54: 0.5, 64: 0.5, 53: 0.3, 55: 0.3, 63: 0.2, 65: 0.2, 52: 0.15, 56: 0.15}, {},
    ),
    Cue(
        "lips", "lips full", "lips pressed", ("upper_lip_thickness", "lower_lip_thickness"), {},
        {50: -1.0, 51: -1.0, 52: -1.0, 49: -0.5, 53: -0.5, 56: 1.0, 57: 1.0, 58: 1.0, 55: 0.5, 59: 0.5},
    ),
    Cue("upper_lip", "upper lip low", "upper lip raised", ("lip_to_nose",), {}, dict.fromkeys(_UPPER_LIP, 1.0)),
    Cue(
        "jaw", "jaw dropped", "jaw raised", ("jaw_drop",), {},
        {**dict.fromkeys(range(6, 11), 1.0), 5: 0.7, 11: 0.7, 4: 0.4, 12: 0.4},
    ),
    Cue(
        "eyes", "eyes wide", "eyes narrow", _sides("eye_height"), {},
        {**dict.fromkeys((37, 38, 43, 44), -0.5), **dict.fromkeys((40, 41, 46, 47), 0.5)},
    ),
    Cue(
        "brows", "brows high", "brows low", (*_sides("inner_brow_height"), *_sides("outer_brow_height")), {},
        dict.fromkeys(range(17, 27), -1.0),
    ),
    Cue(
        "brow_slope", "inner brows up", "inner brows down", _sides("brow_slope"), {},
        {21: -0.3, 20: -0.15, 18: 0.15, 17: 0.3, 22: -0.3, 23: -0.15, 25: 0.15, 26: 0.3},
    ),
    Cue("brow_gap", "brows apart", "brows drawn together", ("brow_gap",), {21: -0.5, 20: -0.3, 22: 0.5, 23: 0.3}, {}),
    Cue(
        "nose", "nose long", "nose wrinkled", _sides("nostril_to_eye"), {},
        {**dict.fromkeys(range(31, 36), 1.0), 30: 0.7},
    ),
    Cue("nostrils", "nostrils wide", "nostrils narrow", ("nose_width",), {31: -0.5, 32: -0.3, 35: 0.5, 34: 0.3}, {}),
    Cue(
        "head_tilt", "head tilted back", "head tilted forward", ("nose_tip_height",), {},
        {30: -1.0, 29: -0.6, 28: -0.3},
    ),
    Cue(
        "head_turn", "head turned", "head straight", ("nose_sideways",),
        {30: 1.0, 29: 0.8, 28: 0.5, **dict.fromkeys(range(31, 36), 0.8)}, {},
    ),
    Cue(
        "one_sided", "mouth one-sided", "mouth even", ("lip_corner_height_asymmetry",), {},
        {48: -0.5, 60: -0.5, 54: 0.5, 64: 0.5},
    ),
)  # fmt: skip
"""All cues, in the order of the columns of `cue_values`."""

# `typical_values` of the 4,552 detected Training faces of the bundled geometry table with the label neutral, without
# PublicTest. ``python -m benchmarks.explanations --typical`` computes them.
TYPICAL = np.array((
    (0.0352, 0.0468, 0.8072, 0.1229, 0.228, 1.0531, 0.129, 0.2615, 0.0678,
     0.3772, 0.6833, 0.4306, 0.2135, 0.077, 0.0169),
    (0.0437, 0.053, 0.0905, 0.0254, 0.0471, 0.1754, 0.0297, 0.0578, 0.1203,
     0.0679, 0.0908, 0.0584, 0.0471, 0.1136, 0.0168),
))  # fmt: skip
TYPICAL.setflags(write=False)
"""ndarray of shape (2, s): median and spread of each cue in neutral faces, as from `typical_values`."""

_WEIGHTS = np.array(
    [[(name in cue.measurements) / len(cue.measurements) for cue in CUES] for name in MEASUREMENT_NAMES]
)
_SIGNED = np.array([cue.signed for cue in CUES])
_ALL = range(len(CUES))
_MAX_MOVE = 1.0  # largest move of a landmark, in inter-ocular distances
_ITERATIONS = 3  # steps of the secant method; the measurements are nearly linear


def _movements():
    moves = np.zeros((len(CUES), N_LANDMARKS, 2))
    for row, cue in zip(moves, CUES, strict=True):
        for axis, table in enumerate((cue.dx, cue.dy)):
            row[list(table), axis] = list(table.values())
    return moves


_MOVES = _movements()


def cue_values(landmarks):
    """Return the value of each cue for landmarks of shape (..., 68, 2): shape (..., s), unchanged by mirroring."""
    values = measure(landmarks) @ _WEIGHTS
    return np.where(_SIGNED, np.abs(values), values)


def typical_values(landmarks):
    """Return the median of each cue over faces, and half the width of the central 68 %.

    Parameters
    ----------
    landmarks : ndarray of shape (n, 68, 2)

    Returns
    -------
    ndarray of shape (2, s)
    """
    low, middle, high = np.percentile(cue_values(landmarks), (15.87, 50, 84.13), axis=0)
    return np.stack([middle, (high - low) / 2])


def counterfactual_landmarks(landmarks, cues=_ALL):
    """Return the landmarks of a face once for each cue, moved so that this cue has its typical neutral value.

    Parameters
    ----------
    landmarks : ndarray of shape (68, 2)
    cues : sequence of int
        Indices in `CUES`; by default all.

    Returns
    -------
    ndarray of shape (s, 68, 2)
        In the unit of the landmarks. Signed measurements that are smaller than typical are unchanged.
    """
    weights, directions, typical, signed = _WEIGHTS[:, cues], _MOVES[cues], TYPICAL[0, cues], _SIGNED[cues]
    matrix = similarity_transform(eye_centres(landmarks), EYES_UPRIGHT)
    face = transform_points(matrix, landmarks)
    values = measure(face) @ weights
    target = np.where(signed, np.clip(values, -typical, typical), typical) - values
    amount = target.copy()
    for _ in range(_ITERATIONS):
        change = (measure(face + amount[:, None, None] * directions) @ weights).diagonal() - values
        amount *= np.divide(target, change, out=np.zeros_like(target), where=target * change > 0)
    moves = amount.clip(-_MAX_MOVE, _MAX_MOVE)[:, None, None] * directions
    return landmarks + moves @ np.linalg.inv(matrix[:, :2]).T
