"""Named geometric measurements of a face: a table of formulas on upright landmarks.

All are taken after the face was turned upright and scaled to an inter-ocular distance of 1, so none changes when
the face is moved, turned or scaled. Right and left are the subject's.
"""

from dataclasses import dataclass

import numpy as np

from landmark_fer.face.geometry import check_landmarks, mouth_aspect_ratio, upright
from landmark_fer.face.landmarks import points


@dataclass(frozen=True)
class Measurement:
    """One row of the table.

    Attributes
    ----------
    name : str
        The subject's side, where there is one, comes first: ``right_`` or ``left_``.
    unit : str
        ``iod`` (inter-ocular distances), ``ratio`` or ``slope``.
    meaning : str
        What a larger value says about the face.
    formula : callable
        Takes upright landmarks of shape (..., 68, 2), returns shape (...).
    signed : bool
        Whether the mirrored face has the negative value.
    """

    name: str
    unit: str
    meaning: str
    formula: object
    signed: bool = False


# For one face at a time, as live asks, a call into NumPy costs more than its arithmetic: the formulas make few.


def _distance(a, b):
    return lambda face: np.hypot(face[..., a, 0] - face[..., b, 0], face[..., a, 1] - face[..., b, 1])


def _above(a, b):
    """Height of point (or mean of points) a over b; y points down."""
    return lambda face: _mean_y(face, b) - _mean_y(face, a)


def _mean_y(face, indices):
    if isinstance(indices, list):
        return sum(face[..., index, 1] for index in indices) / len(indices)
    return face[..., indices, 1]


def _slope(inner, outer):
    """Rise from the outer to the inner end over the width between them."""

    def formula(face):
        run = np.abs(face[..., inner, 0] - face[..., outer, 0])
        rise = face[..., outer, 1] - face[..., inner, 1]
        return np.divide(rise, run, out=np.zeros_like(rise), where=run > 0)

    return formula


def _ratio(over, under):
    def formula(face):
        value, by = over(face), under(face)
        return np.divide(value, by, out=np.zeros_like(value), where=by > 0)

    return formula


def _mean(first, second):
    return lambda face: (first(face) + second(face)) / 2


def _sideways(point):
    return lambda face: face[..., point, 0]


def _difference(right, left):
    return lambda face: right(face) - left(face)


_INNER_LIPS = points("inner_lips")
_LIP_CENTRES = [51, 57]
_SIDES = {
    # brow outer, middle, inner; eye outer, inner; upper lid, lower lid; lip corner; nostril; jaw corner, cheek
    "right": (17, 19, 21, 36, 39, [37, 38], [41, 40], 48, 31, 4, 2),
    "left": (26, 24, 22, 45, 42, [44, 43], [46, 47], 54, 35, 12, 14),
}


def _sided(side):
    brow_outer, brow, brow_inner, eye_outer, eye_inner, upper_lid, lower_lid, corner, nostril, jaw, cheek = _SIDES[side]
    upper_outer, upper_inner, lower_outer, lower_inner = *upper_lid, *lower_lid
    eye_width = _distance(eye_outer, eye_inner)
    aperture = _ratio(_mean(_distance(upper_outer, lower_outer), _distance(upper_inner, lower_inner)), eye_width)
    rows = (
        ("eye_aperture", "ratio", "eye wide open", aperture),
        ("eye_height", "iod", "eye wide open", _above(upper_lid, lower_lid)),
        ("eye_width", "iod", "eye long", eye_width),
        ("inner_brow_height", "iod", "inner brow raised", _above(brow_inner, eye_inner)),
        ("brow_height", "iod", "brow raised", _above(brow, upper_lid)),
        ("outer_brow_height", "iod", "outer brow raised", _above(brow_outer, eye_outer)),
        ("brow_slope", "slope", "inner end of the brow higher than the outer", _slope(brow_inner, brow_outer)),
        ("lip_corner_height", "iod", "lip corner up", _above(corner, _LIP_CENTRES)),
        ("lip_corner_to_eye", "iod", "lip corner far below the eye", _distance(corner, eye_outer)),
        ("lip_corner_to_nostril", "iod", "lip corner far from the nose", _distance(corner, nostril)),
        ("lip_corner_to_jaw", "iod", "lip corner far from the jaw", _distance(corner, jaw)),
        ("nostril_to_eye", "iod", "nose long on this side", _distance(nostril, eye_inner)),
        ("inner_brow_to_nostril", "iod", "nose not wrinkled", _distance(brow_inner, nostril)),
        ("cheek_width", "iod", "cheek wide on this side", _distance(cheek, nostril)),
        ("upper_lip_slope", "slope", "upper lip falls towards the corner", _slope(51, corner)),
        ("lower_lip_slope", "slope", "lower lip falls towards the corner", _slope(57, corner)),
    )
    return {name: Measurement(f"{side}_{name}", unit, meaning, formula) for name, unit, meaning, formula in rows}


_RIGHT, _LEFT = _sided("right"), _sided("left")

_CENTRAL = (
    Measurement("mouth_opening", "iod", "mouth open", _distance(62, 66)),
    Measurement("mouth_aspect", "ratio", "mouth open", lambda face: mouth_aspect_ratio(face[..., _INNER_LIPS, :])),
    Measurement("mouth_width", "iod", "mouth wide", _distance(48, 54)),
    Measurement("inner_mouth_width", "iod", "mouth wide", _distance(60, 64)),
    Measurement("mouth_height", "iod", "lips and opening high", _distance(51, 57)),
    Measurement("upper_lip_thickness", "iod", "upper lip thick", _distance(51, 62)),
    Measurement("lower_lip_thickness", "iod", "lower lip thick", _distance(66, 57)),
    Measurement("lip_to_nose", "iod", "upper lip far from the nose", _distance(33, 51)),
    Measurement("jaw_drop", "iod", "chin far below the nose", _distance(33, 8)),
    Measurement("chin_height", "iod", "chin long", _distance(57, 8)),
    Measurement("brow_gap", "iod", "brows apart", _distance(21, 22)),
    Measurement("nose_length", "iod", "nose long", _distance(27, 33)),
    Measurement("nose_width", "iod", "nostrils wide", _distance(31, 35)),
    Measurement("nose_tip_height", "iod", "head tilted back", _above(30, 33)),
    Measurement("face_width", "iod", "face wide", _distance(1, 15)),
    Measurement("jaw_width", "iod", "jaw wide", _distance(4, 12)),
    Measurement("face_height", "iod", "face long", _distance(27, 8)),
    Measurement("mouth_to_jaw_width", "ratio", "mouth wide for the jaw", _ratio(_distance(48, 54), _distance(4, 12))),
    Measurement("nose_sideways", "iod", "nose towards the subject's left", _sideways(30), signed=True),
    Measurement("mouth_sideways", "iod", "mouth towards the subject's left", _sideways(62), signed=True),
    Measurement("chin_sideways", "iod", "chin towards the subject's left", _sideways(8), signed=True),
)

_ASYMMETRIC = ("eye_aperture", "brow_height", "inner_brow_height", "brow_slope", "lip_corner_height")

_ASYMMETRIES = tuple(
    Measurement(
        f"{name}_asymmetry",
        _RIGHT[name].unit,
        f"{_RIGHT[name].meaning}: more on the right than on the left",
        _difference(_RIGHT[name].formula, _LEFT[name].formula),
        signed=True,
    )
    for name in _ASYMMETRIC
)

MEASUREMENTS = (*_CENTRAL, *_RIGHT.values(), *_LEFT.values(), *_ASYMMETRIES)
"""Every measurement, in the order of `measure`'s columns."""

MEASUREMENT_NAMES = tuple(measurement.name for measurement in MEASUREMENTS)


def measure(landmarks):
    """Return all named measurements of faces.

    Parameters
    ----------
    landmarks : ndarray of shape (..., 68, 2)
        Any unit, x before y.

    Returns
    -------
    ndarray of shape (..., m)
        In the order of `MEASUREMENTS`. Unchanged by translation, rotation and scale.
    """
    face = upright(check_landmarks(landmarks))
    return np.stack([measurement.formula(face) for measurement in MEASUREMENTS], axis=-1)


def mirrored_measurements(values):
    """Return what `measure` gives for the mirrored faces, from its values of shape (..., m) for the faces."""
    swapped = {"right": "left", "left": "right"}
    order, signs = [], []
    for measurement in MEASUREMENTS:
        side, _, rest = measurement.name.partition("_")
        partner = f"{swapped[side]}_{rest}" if side in swapped else measurement.name
        order.append(MEASUREMENT_NAMES.index(partner))
        signs.append(-1.0 if measurement.signed else 1.0)
    return values[..., order] * signs
