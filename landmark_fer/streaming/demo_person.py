"""The person of the demo clip: one photograph, cut out, whose face is warped along its landmarks.

Colours are fetched, not pushed: for each pixel of the moved face a radial interpolation over all landmarks says
where in the photograph it comes from.
"""

import cv2
import numpy as np
from skimage import data

from landmark_fer.face.geometry import interocular_distance
from landmark_fer.face.landmarks import points
from landmark_fer.streaming.demo_tables import ACTIONS, LANDMARKS, LIPS_AT_REST, OUTLINE

SCALE = 1.5  # pixels of the clip for one of the photograph
HEAD_TOP_LEFT, HEAD_SIZE = (136, 0), (184, 224)  # the part that is warped
FACE_CENTRE = (225.0, 125.0)

# What only turns with the head: the hair, the creases over the eyes (brows rise without them), the head's rim. What
# stays where it is: the collar.
_HEAD = np.array(
    [(172, 82), (198, 64), (225, 56), (254, 64), (281, 84), (225, 34), (185, 50), (268, 50)]
    + [(197, 94), (204, 93.5), (210, 96), (239, 97.5), (246, 96), (253, 96)]
    + [(x, y) for x, y in OUTLINE if y < 148 and y != 147],
    dtype=float,
)
_FIXED = np.array([(150, 170), (160, 205), (190, 214), (225, 218), (260, 214), (285, 205), (300, 190)], dtype=float)
_FADE = 14  # width of the rim in which the warp dies away, pixels of the photograph
_COARSE, _FINE = 4.0, 1.0  # steps of the grids on which the warp is computed: head, mouth
_TEETH, _TONGUE = np.array((196.0, 182.0, 170.0)), np.array((58.0, 18.0, 20.0))  # RGB
_INSET = np.array([(0, 0), *[(0, 0.6)] * 3, (0, 0), *[(0, -0.6)] * 3])  # filling colours the rim too
_LIPS = points("outer_lips", "inner_lips")
_INNER_LIPS = points("inner_lips")
_IOD = float(interocular_distance(LANDMARKS))


def shape_of(amounts):
    """Return the landmarks of the person while she moves, shape (68, 2), in pixels of the photograph.

    Parameters
    ----------
    amounts : dict of str to float
        Of each action of `ACTIONS`, 0 to 1; of ``corners_up``, 0 (at rest) to 1 (the smile of the photograph);
        ``yaw`` in degrees, positive towards the right of the picture.
    """
    shape = LANDMARKS.copy()
    shape[_LIPS] += (1 - amounts.get("corners_up", 0.0)) * (LIPS_AT_REST - LANDMARKS[_LIPS])
    away = np.sign(LANDMARKS[:, 0] - FACE_CENTRE[0])
    for action, moves in ACTIONS.items():
        for members, outward, down in moves:
            members = list(members)
            shape[members, 0] += amounts.get(action, 0.0) * _IOD * outward * away[members]
            shape[members, 1] += amounts.get(action, 0.0) * _IOD * down
    return _turned(shape, amounts.get("yaw", 0.0), nose=True)


def _turned(xy, yaw, *, nose=False):
    """Return points turned about the neck: each moves sideways by its height over the plane of the ears."""
    x, y = (xy - FACE_CENTRE).T
    height = 8 + 50 * np.sqrt(np.clip(1 - (x / 76) ** 2 - ((y + 15) / 112) ** 2, 0, 1))
    if nose:
        height[points("nose_bridge")] += (3, 7, 12, 17)
        height[points("nostrils")] += (6, 9, 12, 9, 6)
    angle = np.radians(yaw)
    return np.column_stack([FACE_CENTRE[0] + x * np.cos(angle) + height * np.sin(angle), xy[:, 1]])


class Person:
    """A layer of the clip: colours and opacity, warped for the amounts of each action.

    Parameters
    ----------
    mirrored : bool, default=False
        Left and right exchanged, and the suit blue: another person.
    """

    def __init__(self, *, mirrored=False):
        photograph = data.astronaut()
        if mirrored:
            photograph = _blue_suit(photograph)
        self._mirrored = mirrored
        self._amounts = self._texture = None
        self._smiling = _layer(photograph)
        self._speaking = _layer(_with_cavity(photograph))
        self._corner = np.round(np.array(HEAD_TOP_LEFT) * SCALE).astype(int)
        self._size = np.round(np.array(HEAD_SIZE) * SCALE).astype(int)
        rows, columns = np.mgrid[: self._size[1], : self._size[0]]
        self._still = np.dstack([columns + self._corner[0], rows + self._corner[1]]).astype(np.float32)
        self._fade = _fade(self._size)
        self._rest = np.vstack([LANDMARKS, _HEAD, _FIXED])

    def layer(self, amounts):
        """Return the person as a layer of shape (768, 768, 4), uint8: RGB times opacity, opacity.

        Parameters
        ----------
        amounts : dict of str to float
            As for `shape_of`.

        Returns
        -------
        ndarray of shape (768, 768, 4), uint8
            Not to be written to.
        """
        if amounts != self._amounts:  # most frames show what the frame before showed
            self._amounts, self._texture = dict(amounts), self._warped(amounts)
        return self._texture

    def _warped(self, amounts):
        smile = amounts.get("corners_up", 0.0)
        texture = cv2.addWeighted(self._smiling, smile, self._speaking, 1 - smile, 0)
        target = np.vstack([shape_of(amounts), _turned(_HEAD, amounts.get("yaw", 0.0)), _FIXED])
        (x, y), (width, height) = self._corner, self._size
        texture[y : y + height, x : x + width] = cv2.remap(texture, *self._maps(target), cv2.INTER_LINEAR)
        return cv2.flip(texture, 1) if self._mirrored else texture

    def _maps(self, target):
        """Return, for each pixel of the head, where in the layer its colour comes from: two float32 maps."""
        weights = _fit_warp(target, self._rest - target)
        shift = _evaluate(weights, target, HEAD_TOP_LEFT, HEAD_SIZE, _COARSE, self._size)
        shift *= self._fade
        low = np.floor(target[_LIPS].min(axis=0) - 4)
        size = np.ceil(target[_LIPS].max(axis=0) + 4) - low
        begin = np.round((low - HEAD_TOP_LEFT) * SCALE).astype(int)
        fine = np.round(size * SCALE).astype(int)
        rows, columns = slice(begin[1], begin[1] + fine[1]), slice(begin[0], begin[0] + fine[0])
        shift[rows, columns] = _evaluate(weights, target, HEAD_TOP_LEFT + begin / SCALE, fine / SCALE, _FINE, fine)
        return cv2.split(self._still + SCALE * shift)


def to_layer(xy):
    """Return points of the photograph in pixels of the layer."""
    return (np.asarray(xy, dtype=np.float64) + 0.5) * SCALE - 0.5


def _layer(photograph):
    """Return the enlarged photograph with the surroundings cut away, RGB times opacity and opacity."""
    size = [round(side * SCALE) for side in photograph.shape[1::-1]]
    colours = cv2.resize(photograph, size, interpolation=cv2.INTER_CUBIC)
    opacity = _filled(to_layer(OUTLINE), colours.shape[:2])
    opacity = cv2.GaussianBlur(opacity, (0, 0), 1.5)[..., None]
    return np.dstack([(colours * (opacity / 255)).round().astype(np.uint8), opacity])


def _filled(contour, shape):
    """Return a mask of the given shape, uint8: 255 inside a contour of shape (n, 2), smooth at its edge."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.round(contour * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask


def _with_cavity(photograph):
    """Return the photograph with the dark of an open mouth behind the upper teeth."""
    contour = LANDMARKS[_INNER_LIPS] + _INSET
    mask = _filled(contour, photograph.shape[:2]) / 255
    left, right = LANDMARKS[_INNER_LIPS[[0, 4]]]
    columns = np.arange(photograph.shape[1])
    upper = np.interp(columns, *LANDMARKS[_INNER_LIPS[:5]].T)
    depth = np.arange(photograph.shape[0])[:, None] - upper[None]
    middle = 1 - ((columns - (left[0] + right[0]) / 2) / ((right[0] - left[0]) / 2)) ** 2
    teeth = np.clip(1.9 - depth, 0, 1) * np.clip(middle * 2.0 - 0.7, 0, 1)
    inside = _TONGUE + (_TEETH - _TONGUE) * teeth[..., None]
    return (photograph * (1 - mask[..., None]) + inside * mask[..., None]).round().astype(np.uint8)


def _blue_suit(photograph):
    """Return the photograph with what is orange below the chin in blue."""
    red, _, blue = np.moveaxis(photograph.astype(np.float32), -1, 0)
    orange = np.clip((red - blue - 40) / 40, 0, 1)
    orange[:190] = 0
    orange = orange[..., None]
    return (photograph * (1 - orange) + photograph[..., ::-1] * orange).round().astype(np.uint8)


def _fit_warp(centres, values):
    """Return the weights of the radial interpolation (kernel: distance) that takes `values` at `centres`."""
    n = len(centres)
    system = np.zeros((n + 1, n + 1))
    system[:n, :n] = np.linalg.norm(centres[:, None] - centres[None], axis=-1) - 0.05 * np.eye(n)
    system[:n, n] = system[n, :n] = 1
    # OpenCV's solver and product need no threads: NumPy's wait for cores that the recognizer is using.
    _, weights = cv2.solve(system, np.vstack([values, np.zeros(2)]), flags=cv2.DECOMP_LU)
    return weights.astype(np.float32)


def _evaluate(weights, centres, corner, size, step, pixels):
    """Return the interpolated shifts in a rectangle, computed on a grid and enlarged to (height, width, 2) pixels."""
    columns, rows = (max(2, round(length / step)) for length in size)
    x = corner[0] + (np.arange(columns, dtype=np.float32) + 0.5) * (size[0] / columns) - 0.5
    y = corner[1] + (np.arange(rows, dtype=np.float32) + 0.5) * (size[1] / rows) - 0.5
    x, y = x.astype(np.float32), y.astype(np.float32)
    across = (x[:, None] - centres[None, :, 0].astype(np.float32)) ** 2
    down = (y[:, None] - centres[None, :, 1].astype(np.float32)) ** 2
    distances = np.sqrt(down[:, None] + across[None])
    shifts = cv2.gemm(distances.reshape(-1, len(centres)), weights[:-1], 1, None, 0) + weights[-1]
    return cv2.resize(shifts.reshape(rows, columns, 2), [int(side) for side in pixels], interpolation=cv2.INTER_LINEAR)


def _fade(size):
    """Return a window of shape (height, width, 1) that falls to 0 at the edges of the warped part."""
    ramps = [np.clip(np.minimum(i, i[::-1]) / (_FADE * SCALE), 0, 1) for i in (np.arange(size[1]), np.arange(size[0]))]
    return np.outer(*ramps).astype(np.float32)[..., None]
