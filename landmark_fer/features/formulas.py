"""The kinds of formulas that measurements are made of: each a small value that is called with upright landmarks.

Being values and not functions, they can be read, too: the ONNX export writes the same formulas in another language.
"""

from dataclasses import dataclass

import numpy as np

# For one face at a time, as live asks, a call into NumPy costs more than its arithmetic: the formulas make few.


@dataclass(frozen=True)
class Distance:
    """Distance between points `a` and `b`."""

    a: int
    b: int

    def __call__(self, face):
        """Return it of upright landmarks of shape (..., 68, 2), shape (...)."""
        a, b = self.a, self.b
        return np.hypot(face[..., a, 0] - face[..., b, 0], face[..., a, 1] - face[..., b, 1])


@dataclass(frozen=True)
class Above:
    """Height of the mean of the points `upper` over the mean of the points `lower`; y points down."""

    upper: tuple
    lower: tuple

    def __call__(self, face):
        """Return it of upright landmarks of shape (..., 68, 2), shape (...)."""
        return _mean_y(face, self.lower) - _mean_y(face, self.upper)


@dataclass(frozen=True)
class Sideways:
    """Place of a point along the line between the eyes, from the middle towards the subject's left."""

    point: int

    def __call__(self, face):
        """Return it of upright landmarks of shape (..., 68, 2), shape (...)."""
        return face[..., self.point, 0]


@dataclass(frozen=True)
class Slope:
    """Rise from the outer to the inner end over the width between them; 0 where there is no width."""

    inner: int
    outer: int

    def __call__(self, face):
        """Return it of upright landmarks of shape (..., 68, 2), shape (...)."""
        run = np.abs(face[..., self.inner, 0] - face[..., self.outer, 0])
        rise = face[..., self.outer, 1] - face[..., self.inner, 1]
        return np.divide(rise, run, out=np.zeros_like(rise), where=run > 0)


@dataclass(frozen=True)
class Mean:
    """Mean of formulas without a quotient."""

    parts: tuple

    def __call__(self, face):
        """Return it of upright landmarks of shape (..., 68, 2), shape (...)."""
        first, *others = (part(face) for part in self.parts)
        return sum(others, start=first) / len(self.parts)


@dataclass(frozen=True)
class Ratio:
    """One formula over another, neither with a quotient; 0 where the second is 0."""

    over: object
    under: object

    def __call__(self, face):
        """Return it of upright landmarks of shape (..., 68, 2), shape (...)."""
        value, by = self.over(face), self.under(face)
        return np.divide(value, by, out=np.zeros_like(value), where=by > 0)


@dataclass(frozen=True)
class Difference:
    """The subject's right less the subject's left."""

    right: object
    left: object

    def __call__(self, face):
        """Return it of upright landmarks of shape (..., 68, 2), shape (...)."""
        return self.right(face) - self.left(face)


def _mean_y(face, indices):
    if len(indices) == 1:
        return face[..., indices[0], 1]
    return sum(face[..., index, 1] for index in indices) / len(indices)
