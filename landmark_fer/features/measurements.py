"""Named geometric measurements of a face: a table of formulas on upright landmarks.

All are taken after the face was turned upright and scaled to an inter-ocular distance of 1, so none changes when
the face is moved, turned or scaled. Right and left are the subject's.
"""

from dataclasses import dataclass

from landmark_fer.core.geometry import check_landmarks, upright
from landmark_fer.features.formulas import Above, Difference, Distance, Mean, Ratio, Sideways, Slope
from landmark_fer.features.quotients import formula_table


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
        Of a kind in `features.formulas`: takes upright landmarks of shape (..., 68, 2), returns shape (...).
    signed : bool
        Whether the mirrored face has the negative value.
    """

    name: str
    unit: str
    meaning: str
    formula: object
    signed: bool = False


_LIP_CENTRES = (51, 57)
_LIP_PAIRS = ((61, 67), (62, 66), (63, 65))  # upper and lower inner lip
_SIDES = {
    # brow outer, middle, inner; eye outer, inner; upper lid, lower lid; lip corner; nostril; jaw corner, cheek
    "right": (17, 19, 21, 36, 39, (37, 38), (41, 40), 48, 31, 4, 2),
    "left": (26, 24, 22, 45, 42, (44, 43), (46, 47), 54, 35, 12, 14),
}


def _sided(side):
    brow_outer, brow, brow_inner, eye_outer, eye_inner, upper_lid, lower_lid, corner, nostril, jaw, cheek = _SIDES[side]
    upper_outer, upper_inner, lower_outer, lower_inner = *upper_lid, *lower_lid
    eye_width = Distance(eye_outer, eye_inner)
    aperture = Ratio(Mean((Distance(upper_outer, lower_outer), Distance(upper_inner, lower_inner))), eye_width)
    rows = (
        ("eye_aperture", "ratio", "eye wide open", aperture),
        ("eye_height", "iod", "eye wide open", Above(upper_lid, lower_lid)),
        ("eye_width", "iod", "eye long", eye_width),
        ("inner_brow_height", "iod", "inner brow raised", Above((brow_inner,), (eye_inner,))),
        ("brow_height", "iod", "brow raised", Above((brow,), upper_lid)),
        ("outer_brow_height", "iod", "outer brow raised", Above((brow_outer,), (eye_outer,))),
        ("brow_slope", "slope", "inner end of the brow higher than the outer", Slope(brow_inner, brow_outer)),
        ("lip_corner_height", "iod", "lip corner up", Above((corner,), _LIP_CENTRES)),
        ("lip_corner_to_eye", "iod", "lip corner far below the eye", Distance(corner, eye_outer)),
        ("lip_corner_to_nostril", "iod", "lip corner far from the nose", Distance(corner, nostril)),
        ("lip_corner_to_jaw", "iod", "lip corner far from the jaw", Distance(corner, jaw)),
        ("nostril_to_eye", "iod", "nose long on this side", Distance(nostril, eye_inner)),
        ("inner_brow_to_nostril", "iod", "nose not wrinkled", Distance(brow_inner, nostril)),
        ("cheek_width", "iod", "cheek wide on this side", Distance(cheek, nostril)),
        ("upper_lip_slope", "slope", "upper lip falls towards the corner", Slope(51, corner)),
        ("lower_lip_slope", "slope", "lower lip falls towards the corner", Slope(57, corner)),
    )
    return {name: Measurement(f"{side}_{name}", unit, meaning, formula) for name, unit, meaning, formula in rows}


_RIGHT, _LEFT = _sided("right"), _sided("left")

_MOUTH_ASPECT = Ratio(Mean(tuple(Distance(*pair) for pair in _LIP_PAIRS)), Distance(60, 64))

_CENTRAL = (
    Measurement("mouth_opening", "iod", "mouth open", Distance(62, 66)),
    Measurement("mouth_aspect", "ratio", "mouth open", _MOUTH_ASPECT),
    Measurement("mouth_width", "iod", "mouth wide", Distance(48, 54)),
    Measurement("inner_mouth_width", "iod", "mouth wide", Distance(60, 64)),
    Measurement("mouth_height", "iod", "lips and opening high", Distance(51, 57)),
    Measurement("upper_lip_thickness", "iod", "upper lip thick", Distance(51, 62)),
    Measurement("lower_lip_thickness", "iod", "lower lip thick", Distance(66, 57)),
    Measurement("lip_to_nose", "iod", "upper lip far from the nose", Distance(33, 51)),
    Measurement("jaw_drop", "iod", "chin far below the nose", Distance(33, 8)),
    Measurement("chin_height", "iod", "chin long", Distance(57, 8)),
    Measurement("brow_gap", "iod", "brows apart", Distance(21, 22)),
    Measurement("nose_length", "iod", "nose long", Distance(27, 33)),
    Measurement("nose_width", "iod", "nostrils wide", Distance(31, 35)),
    Measurement("nose_tip_height", "iod", "head tilted back", Above((30,), (33,))),
    Measurement("face_width", "iod", "face wide", Distance(1, 15)),
    Measurement("jaw_width", "iod", "jaw wide", Distance(4, 12)),
    Measurement("face_height", "iod", "face long", Distance(27, 8)),
    Measurement("mouth_to_jaw_width", "ratio", "mouth wide for the jaw", Ratio(Distance(48, 54), Distance(4, 12))),
    Measurement("nose_sideways", "iod", "nose towards the subject's left", Sideways(30), signed=True),
    Measurement("mouth_sideways", "iod", "mouth towards the subject's left", Sideways(62), signed=True),
    Measurement("chin_sideways", "iod", "chin towards the subject's left", Sideways(8), signed=True),
)

_ASYMMETRIC = ("eye_aperture", "brow_height", "inner_brow_height", "brow_slope", "lip_corner_height")

_ASYMMETRIES = tuple(
    Measurement(
        f"{name}_asymmetry",
        _RIGHT[name].unit,
        f"{_RIGHT[name].meaning}: more on the right than on the left",
        Difference(_RIGHT[name].formula, _LEFT[name].formula),
        signed=True,
    )
    for name in _ASYMMETRIC
)

MEASUREMENTS = (*_CENTRAL, *_RIGHT.values(), *_LEFT.values(), *_ASYMMETRIES)
"""Every measurement, in the order of `measure`'s columns."""

MEASUREMENT_NAMES = tuple(measurement.name for measurement in MEASUREMENTS)

FORMULAS = formula_table([measurement.formula for measurement in MEASUREMENTS])
"""Those of `MEASUREMENTS`, in their order, computed together."""


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
    return FORMULAS(upright(check_landmarks(landmarks)))


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
