"""The 68-point scheme of iBUG 300-W: groups of points, mirror order, and the alignment template."""

import numpy as np

# `mean_shape` of the landmarks of 7,000 random Training and all 3,589 PublicTest faces of FER2013, of those with a
# detector score over 0 (76 %); no label was used. Frozen: another template would change the chips, and every saved
# model would have to be fitted again.
TEMPLATE = np.array((
    (-1.142, 0.026), (-1.13, 0.331), (-1.092, 0.635), (-1.024, 0.93), (-0.903, 1.203), (-0.724, 1.444),
    (-0.508, 1.648), (-0.271, 1.814), (0, 1.866), (0.271, 1.814), (0.508, 1.648), (0.724, 1.444),
    (0.903, 1.203), (1.024, 0.93), (1.092, 0.635), (1.13, 0.331), (1.142, 0.026), (-0.921, -0.213),
    (-0.778, -0.335), (-0.583, -0.373), (-0.381, -0.346), (-0.192, -0.269), (0.192, -0.269), (0.381, -0.346),
    (0.583, -0.373), (0.778, -0.335), (0.921, -0.213), (0, -0.03), (0, 0.16), (0, 0.351),
    (0, 0.546), (-0.224, 0.688), (-0.117, 0.727), (0, 0.76), (0.117, 0.727), (0.224, 0.688),
    (-0.697, 0.002), (-0.572, -0.07), (-0.423, -0.069), (-0.295, 0.028), (-0.433, 0.055), (-0.581, 0.053),
    (0.295, 0.028), (0.423, -0.069), (0.572, -0.07), (0.697, 0.002), (0.581, 0.053), (0.433, 0.055),
    (-0.435, 1.076), (-0.283, 0.982), (-0.117, 0.94), (0, 0.967), (0.117, 0.94), (0.283, 0.982),
    (0.435, 1.076), (0.289, 1.258), (0.127, 1.34), (0, 1.354), (-0.127, 1.34), (-0.289, 1.258),
    (-0.368, 1.082), (-0.118, 1.039), (0, 1.05), (0.118, 1.039), (0.368, 1.082), (0.12, 1.189),
    (0, 1.204), (-0.12, 1.189),
))  # fmt: skip
"""ndarray of shape (68, 2): in inter-ocular distances, origin midway between the eyes, x before y, y downwards."""

TEMPLATE.setflags(write=False)


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
"""ndarray of shape (68,): point i of a mirrored face is point ``MIRROR[i]`` of the original."""


def points(*groups):
    """Return the indices of the named groups, in order, as an integer array."""
    return np.concatenate([np.arange(GROUPS[group].start, GROUPS[group].stop) for group in groups])
