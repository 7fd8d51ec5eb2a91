"""The 68-point scheme (iBUG 300-W mark-up [1]_) as tables.

Left and right are the subject's: points 36-41 are the right eye, which lies on the left of an unmirrored image.

References
----------
.. [1] Sagonas, Tzimiropoulos, Zafeiriou and Pantic, 300 Faces in-the-Wild Challenge, ICCV Workshops 2013.
"""

import numpy as np

N_LANDMARKS = 68

GROUPS = {
    "jaw": range(17),
    "right_brow": range(17, 22),
    "left_brow": range(22, 27),
    "nose_bridge": range(27, 31),
    "nostrils": range(31, 36),
    "right_eye": range(36, 42),
    "left_eye": range(42, 48),
    "outer_lips": range(48, 60),
    "inner_lips": range(60, 68),
}

# Groups whose last point joins the first when drawn.
CLOSED_GROUPS = ("right_eye", "left_eye", "outer_lips", "inner_lips")

_MIRROR_PAIRS = (
    *zip(range(8), range(16, 8, -1), strict=True),  # jaw, chin (8) on the axis
    *zip(range(17, 22), range(26, 21, -1), strict=True),  # brows
    (31, 35), (32, 34),  # nostrils
    (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46),  # eyes
    (48, 54), (49, 53), (50, 52), (55, 59), (56, 58),  # outer lips
    (60, 64), (61, 63), (65, 67),  # inner lips
)  # fmt: skip


def _mirror_permutation():
    permutation = np.arange(N_LANDMARKS)
    for right, left in _MIRROR_PAIRS:
        permutation[right], permutation[left] = left, right
    permutation.setflags(write=False)
    return permutation


MIRROR = _mirror_permutation()
"""ndarray of shape (68,): point i of a mirrored face is point ``MIRROR[i]`` of the face."""


def points(*groups):
    """Return the indices of the named groups, in order, as an integer array."""
    return np.concatenate([np.arange(GROUPS[group].start, GROUPS[group].stop) for group in groups])
