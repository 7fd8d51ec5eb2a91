"""All measurements of a face at once: their formulas as products with a few constant matrices.

Each formula is a quotient of sums, or the difference of two. The sums are of the same few atoms, distances and widths
between two points and coordinates of one. One face asks for all of them in a dozen calls into NumPy instead of
hundreds, and each call costs more than its arithmetic.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from landmark_fer.features.formulas import Above, Difference, Distance, Mean, Ratio, Sideways, Slope


@dataclass(frozen=True, eq=False)
class FormulaTable:
    """Formulas laid out as matrices; called with upright landmarks it returns the value of each.

    Attributes
    ----------
    distances, widths : ndarray of shape (m, 2), int
        The two points of each.
    xs, ys : ndarray of shape (m,), int
        The points whose coordinates are atoms.
    over, under : ndarray of shape (atoms, quotients)
        Factors of the numerators and of the denominators.
    whole : ndarray of shape (quotients,)
        1 where there is no denominator, else 0.
    combined : ndarray of shape (quotients, formulas)
        1 for the quotients that a formula adds, -1 for those that it takes away.
    """

    distances: np.ndarray
    widths: np.ndarray
    xs: np.ndarray
    ys: np.ndarray
    over: np.ndarray
    under: np.ndarray
    whole: np.ndarray
    combined: np.ndarray

    def __call__(self, face):
        """Return the formulas' values for upright landmarks of shape (..., 68, 2), shape (..., formulas)."""
        points = np.ascontiguousarray(face, dtype=np.float64).view(np.complex128)[..., 0]
        apart = points.take(self._begins, axis=-1) - points.take(self._ends, axis=-1)
        lengths, widths = apart[..., : len(self.distances)], apart[..., len(self.distances) :]
        places = points.real.take(self.xs, axis=-1), points.imag.take(self.ys, axis=-1)
        atoms = np.concatenate([np.abs(lengths), np.abs(widths.real), *places], axis=-1)
        value, by = atoms @ self.over, atoms @ self.under + self.whole
        return np.divide(value, by, out=np.zeros_like(value), where=by > 0) @ self.combined

    @cached_property
    def _begins(self):
        return np.concatenate([self.distances[:, 0], self.widths[:, 0]])

    @cached_property
    def _ends(self):
        return np.concatenate([self.distances[:, 1], self.widths[:, 1]])


def formula_table(formulas):
    """Return formulas of the kinds in `features.formulas` as a `FormulaTable`."""
    quotients, parts = [], []
    for formula in formulas:
        pair = (formula.right, formula.left) if isinstance(formula, Difference) else (formula,)
        parts.append(range(len(quotients), len(quotients) + len(pair)))
        quotients += [_quotient(part) for part in pair]
    combined = np.zeros((len(quotients), len(parts)))
    for column, places in enumerate(parts):
        combined[list(places), column] = (1.0, -1.0)[: len(places)]
    found = {atom for quotient in quotients for side in quotient for atom in side}
    kinds = {kind: sorted(atom[1:] for atom in found if atom[0] == kind) for kind in ("distance", "width", "x", "y")}
    rows = {(kind, *points): row for row, (kind, points) in enumerate((k, p) for k, ps in kinds.items() for p in ps)}
    over, under = (_factors([quotient[side] for quotient in quotients], rows) for side in (0, 1))
    whole = np.array([not below for _, below in quotients], dtype=float)
    pairs = [np.array(kinds[kind], dtype=int).reshape(-1, 2) for kind in ("distance", "width")]
    singles = [np.array(kinds[kind], dtype=int).ravel() for kind in ("x", "y")]
    return FormulaTable(*pairs, *singles, over, under, whole, combined)


def _factors(sums, rows):
    """Return a matrix (atoms, sums)."""
    factors = np.zeros((len(rows), len(sums)))
    for column, each in enumerate(sums):
        for atom, factor in each.items():
            factors[rows[atom], column] = factor
    return factors


def _quotient(formula):
    """Return a formula as sums over and under a line, each a dictionary from atoms to factors; empty under no line."""
    if isinstance(formula, Ratio):
        return _sum(formula.over), _sum(formula.under)
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
    raise TypeError(f"measurements' formulas must be of a known kind, got {type(formula).__name__}")
