"""Geometric measurements: named distances, ratios and angles of 68 landmarks."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import check_landmarks, upright

# For a single face, as in live, a NumPy call costs more than its arithmetic, so `FormulaTable` makes few calls.


@dataclass(frozen=True)
class Distance:
    """Distance between points `a` and `b`."""

    a: int
    b: int

    def __call__(self, face):
        """Return the value for upright landmarks of shape (..., 68, 2), shape (...)."""
        a, b = self.a, self.b
        return np.hypot(face[..., a, 0] - face[..., b, 0], face[..., a, 1] - face[..., b, 1])


@dataclass(frozen=True)
class Above:
    """Height of the mean of the points `upper` over the mean of the points `lower`; y points down."""

    upper: tuple
    lower: tuple

    def __call__(self, face):
        """Return the value for upright landmarks of shape (..., 68, 2), shape (...)."""
        return _mean_y(face, self.lower) - _mean_y(face, self.upper)


@dataclass(frozen=True)
class Sideways:
    """Horizontal position of a point along the line between the eyes, from its middle to the subject's left."""

    point: int

    def __call__(self, face):
        """Return the value for upright landmarks of shape (..., 68, 2), shape (...)."""
        return face[..., self.point, 0]


@dataclass(frozen=True)
class Slope:
    """Rise from the outer to the inner point divided by the width between them; 0 if the width is 0."""

    inner: int
    outer: int

    def __call__(self, face):
        """Return the value for upright landmarks of shape (..., 68, 2), shape (...)."""
        run = np.abs(face[..., self.inner, 0] - face[..., self.outer, 0])
        rise = face[..., self.outer, 1] - face[..., self.inner, 1]
        return np.divide(rise, run, out=np.zeros_like(rise), where=run > 0)


@dataclass(frozen=True)
class Mean:
    """Mean of formulas that contain no division."""

    parts: tuple

    def __call__(self, face):
        """Return the value for upright landmarks of shape (..., 68, 2), shape (...)."""
        first, *others = (part(face) for part in self.parts)
        return sum(others, start=first) / len(self.parts)


@dataclass(frozen=True)
class Ratio:
    """One formula divided by another, both without a division of their own; 0 where the denominator is 0."""

    numerator: object
    denominator: object

    def __call__(self, face):
        """Return the value for upright landmarks of shape (..., 68, 2), shape (...)."""
        value, divisor = self.numerator(face), self.denominator(face)
        return np.divide(value, divisor, out=np.zeros_like(value), where=divisor > 0)


@dataclass(frozen=True)
class Difference:
    """The subject's right side minus the subject's left side."""

    right: object
    left: object

    def __call__(self, face):
        """Return the value for upright landmarks of shape (..., 68, 2), shape (...)."""
        return self.right(face) - self.left(face)


def _mean_y(face, indices):
    if len(indices) == 1:
        return face[..., indices[0], 1]
    return sum(face[..., index, 1] for index in indices) / len(indices)


@dataclass(frozen=True, eq=False)
class FormulaTable:
    """Several formulas as matrices, so that all are evaluated at once.

    A call takes upright landmarks and returns the value of each formula: quotients of linear combinations of atoms,
    which are distances, widths and coordinates.

    Attributes
    ----------
    distances, widths : ndarray of shape (m, 2), int
        The two points of each distance and of each width.
    xs, ys : ndarray of shape (m,), int
        The points whose coordinates are atoms.
    numerators, denominators : ndarray of shape (atoms, quotients)
        Factor of each atom.
    constants : ndarray of shape (quotients,)
        Added to the denominators: 1 where a formula has none, else 0.
    combined : ndarray of shape (quotients, formulas)
        1 for the quotients that a formula adds, -1 for those that it subtracts.
    """

    distances: np.ndarray
    widths: np.ndarray
    xs: np.ndarray
    ys: np.ndarray
    numerators: np.ndarray
    denominators: np.ndarray
    constants: np.ndarray
    combined: np.ndarray

    def __call__(self, face):
        """Return the formulas' values for upright landmarks of shape (..., 68, 2), shape (..., formulas)."""
        points = np.ascontiguousarray(face, dtype=np.float64).view(np.complex128)[..., 0]
        offsets = points.take(self._starts, axis=-1) - points.take(self._ends, axis=-1)
        lengths, widths = offsets[..., : len(self.distances)], offsets[..., len(self.distances) :]
        coordinates = points.real.take(self.xs, axis=-1), points.imag.take(self.ys, axis=-1)
        atoms = np.concatenate([np.abs(lengths), np.abs(widths.real), *coordinates], axis=-1)
        value, divisor = atoms @ self.numerators, atoms @ self.denominators + self.constants
        return np.divide(value, divisor, out=np.zeros_like(value), where=divisor > 0) @ self.combined

    @cached_property
    def _starts(self):
        return np.concatenate([self.distances[:, 0], self.widths[:, 0]])

    @cached_property
    def _ends(self):
        return np.concatenate([self.distances[:, 1], self.widths[:, 1]])


def formula_table(formulas):
    """Return formulas of the kinds in this module as a `FormulaTable`."""
    quotients, parts = [], []
    for formula in formulas:
        pair = (formula.right, formula.left) if isinstance(formula, Difference) else (formula,)
        parts.append(range(len(quotients), len(quotients) + len(pair)))
        quotients += [_quotient(part) for part in pair]
    combined = np.zeros((len(quotients), len(parts)))
    for column, positions in enumerate(parts):
        combined[list(positions), column] = (1.0, -1.0)[: len(positions)]
    atoms = {atom for quotient in quotients for side in quotient for atom in side}
    kinds = {kind: sorted(atom[1:] for atom in atoms if atom[0] == kind) for kind in ("distance", "width", "x", "y")}
    rows = {(kind, *points): row for row, (kind, points) in enumerate((k, p) for k, ps in kinds.items() for p in ps)}
    numerators, denominators = (_factors([quotient[side] for quotient in quotients], rows) for side in (0, 1))
    constants = np.array([not denominator for _, denominator in quotients], dtype=float)
    pairs = [np.array(kinds[kind], dtype=int).reshape(-1, 2) for kind in ("distance", "width")]
    singles = [np.array(kinds[kind], dtype=int).ravel() for kind in ("x", "y")]
    return FormulaTable(*pairs, *singles, numerators, denominators, constants, combined)


def _factors(sums, rows):
    """Return the factor of each atom in each sum, shape (atoms, sums)."""
    factors = np.zeros((len(rows), len(sums)))
    for column, each in enumerate(sums):
        for atom, factor in each.items():
            factors[rows[atom], column] = factor
    return factors


def _quotient(formula):
    """Return numerator and denominator of a formula, each a dict from atom to factor; the latter empty without one."""
    if isinstance(formula, Ratio):
        return _sum(formula.numerator), _sum(formula.denominator)
    if isinstance(formula, Slope):
        return {("y", formula.outer): 1.0, ("y", formula.inner): -1.0}, {("width", formula.inner, formula.outer): 1.0}
    return _sum(formula), {}


def _sum(formula):
    if isinstance(formula, Distance):
        return {("distance", formula.a, formula.b): 1.0}
    if isinstance(formula, Sideways):
        return {("x", formula.point): 1.0}
    if isinstance(formula, Above):
        lower = {("y", point): 1 / len(formula.lower) for point in formula.lower}
        return lower | {("y", point): -1 / len(formula.upper) for point in formula.upper}
    if isinstance(formula, Mean):
        sums = [_sum(part) for part in formula.parts]
        return {atom: factor / len(sums) for each in sums for atom, factor in each.items()}
    raise TypeError(
        f"a measurement's formula must be of a class in features/measurements.py, got {type(formula).__name__}"
    )


@dataclass(frozen=True)
class Measurement:
    """One row of the table.

    Attributes
    ----------
    name : str
        Begins with the subject's side, ``right_`` or ``left_``, if it measures one side.
    unit : str
        ``iod`` (inter-ocular distances), ``ratio`` or ``slope``.
    meaning : str
        What a larger value means.
    formula : callable
        Such as `Distance`: takes upright landmarks of shape (..., 68, 2), returns shape (...).
    signed : bool
        Whether the mirrored face has the negated value.
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

_BY_NAME = {measurement.name: measurement for measurement in MEASUREMENTS}


@lru_cache(maxsize=16)
def formulas_of(names):
    """Return the `FormulaTable` of measurements, in the order of their names.

    Raises
    ------
    InputError
        If a name is not in `MEASUREMENTS`.
    """
    unknown = [name for name in names if name not in _BY_NAME]
    if unknown:
        raise InputError(f"measurements must be among MEASUREMENT_NAMES, got {', '.join(unknown)}")
    return formula_table([_BY_NAME[name].formula for name in names])


def measure(landmarks, *, names=MEASUREMENT_NAMES):
    """Return geometric measurements of faces.

    Parameters
    ----------
    landmarks : ndarray of shape (..., 68, 2)
        Any unit, x before y.
    names : tuple of str, default=MEASUREMENT_NAMES
        Which measurements, in which order.

    Returns
    -------
    ndarray of shape (..., m)
        In the order of `names`. Unchanged by translation, rotation and scale.

    Raises
    ------
    InputError
        If a name is unknown.
    """
    return formulas_of(tuple(names))(upright(check_landmarks(landmarks)))


def mirrored_measurements(values, *, names=MEASUREMENT_NAMES):
    """Return the measurements of the mirrored faces.

    Parameters
    ----------
    values : ndarray of shape (..., m)
        Measurements from `measure`.
    names : sequence of str, default=MEASUREMENT_NAMES
        As for `measure`. A measurement of one side requires that of the other side.
    """
    swapped = {"right": "left", "left": "right"}
    order, signs = [], []
    for name in names:
        side, _, rest = name.partition("_")
        order.append(list(names).index(f"{swapped[side]}_{rest}" if side in swapped else name))
        signs.append(-1.0 if _BY_NAME[name].signed else 1.0)
    return values[..., order] * signs
