"""The person of the demo clip: photographs of one face, cut out and warped along its landmarks.

Warping is inverse: a radial interpolation over all landmarks gives the position in a photograph for each pixel of the
moved face. Between two photographs, both are warped and cross-faded.
"""

import cv2
import numpy as np

from landmark_fer.core.geometry import interocular_distance
from landmark_fer.core.landmarks import points
from landmark_fer.live.sources.demo_textures import (
    ACTIONS,
    FIXED,
    HEAD,
    HEAD_SIZE,
    HEAD_TOP_LEFT,
    LANDMARKS,
    NEUTRAL_LANDMARKS,
    OUTLINE,
    WarpGrid,
    evaluate_warp,
    fading,
    filled,
    fit_warp,
    photograph,
)

SCALE = 1.5  # pixels of the clip for one of the photograph
FACE_CENTRE = (225.0, 125.0)

_FADE = 14  # width of the rim in which the warp fades out, pixels of the photograph
_COARSE, _FINE = 4.0, 1.0  # grid steps of the warp: head, mouth
_LIPS = points("outer_lips", "inner_lips")
_IOD = float(interocular_distance(LANDMARKS))

# Amounts between which a photograph replaces the neutral one: lips are either closed or not.
_CROSSFADE_RANGES = {"corners_up": (0.2, 0.6), "mouth_open": (0.02, 0.3), "corners_down": (0.0, 0.9)}


def shape_of(amounts):
    """Return the landmarks of the moving person, shape (68, 2), in pixels of the photograph.

    Parameters
    ----------
    amounts : dict of str to float
        Of each action of `ACTIONS`, 0 to 1; of ``corners_up``, 0 (neutral) to 1 (the smile of the photograph);
        ``yaw`` in degrees, positive towards the right of the image.
    """
    shape = NEUTRAL_LANDMARKS + amounts.get("corners_up", 0.0) * (LANDMARKS - NEUTRAL_LANDMARKS)
    outwards = np.sign(LANDMARKS[:, 0] - FACE_CENTRE[0])
    for action, moves in ACTIONS.items():
        for members, outward, down in moves:
            members = list(members)
            shape[members, 0] += amounts.get(action, 0.0) * _IOD * outward * outwards[members]
            shape[members, 1] += amounts.get(action, 0.0) * _IOD * down
    return _turned(shape, amounts.get("yaw", 0.0), nose=True)


def _turned(xy, yaw, *, nose=False):
    """Return points after turning the head: each moves sideways by its height over the plane of the ears."""
    x, y = (xy - FACE_CENTRE).T
    height = 8 + 50 * np.sqrt(np.clip(1 - (x / 76) ** 2 - ((y + 15) / 112) ** 2, 0, 1))
    if nose:
        height[points("nose_bridge")] += (3, 7, 12, 17)
        height[points("nostrils")] += (6, 9, 12, 9, 6)
    angle = np.radians(yaw)
    return np.column_stack([FACE_CENTRE[0] + x * np.cos(angle) + height * np.sin(angle), xy[:, 1]])


class Person:
    """Renders a person as a layer with opacity, warped by the amounts of the actions.

    Parameters
    ----------
    mirrored : bool, default=False
        Whether to mirror the person and colour the suit blue, for a second person.
    """

    def __init__(self, *, mirrored=False):
        self._mirrored = mirrored
        self._amounts = self._texture = None
        self._layers = {}
        self._corner = np.round(np.array(HEAD_TOP_LEFT) * SCALE).astype(int)
        self._size = np.round(np.array(HEAD_SIZE) * SCALE).astype(int)
        rows, columns = np.mgrid[: self._size[1], : self._size[0]]
        self._still = np.dstack([columns + self._corner[0], rows + self._corner[1]]).astype(np.float32)
        self._fade = fading(self._size, _FADE * SCALE)

    def layer(self, amounts):
        """Return the person as a layer of shape (768, 768, 4), uint8: RGB times opacity, opacity.

        Parameters
        ----------
        amounts : dict of str to float
            As for `shape_of`.

        Returns
        -------
        ndarray of shape (768, 768, 4), uint8
            Do not change it.
        """
        if amounts != self._amounts:  # most frames repeat the frame before
            self._amounts, self._texture = dict(amounts), self._warped(amounts)
        return self._texture

    def _warped(self, amounts):
        yaw = amounts.get("yaw", 0.0)
        target = np.vstack([shape_of(amounts), _turned(HEAD, yaw), FIXED])
        shares = shares_of(amounts)
        head = 0
        for (name, share), maps in zip(shares.items(), self._maps(target, shares), strict=True):
            warped = cv2.remap(self._layer(name), *maps, cv2.INTER_LINEAR)
            head = warped if share == 1 else head + share * warped
        texture = self._layer("neutral").copy()
        (x, y), (width, height) = self._corner, self._size
        texture[y : y + height, x : x + width] = head
        return cv2.flip(texture, 1) if self._mirrored else texture

    def _layer(self, name):
        """Return the layer of a photograph, made on first use: the first frame needs one of eight."""
        if name not in self._layers:
            image = photograph(name).image
            self._layers[name] = _cut_out(_blue_suit(image) if self._mirrored else image)
        return self._layers[name]

    def _maps(self, target, names):
        """Yield two maps for each photograph: x and y in its layer for each pixel of the head."""
        sources = [np.vstack([photograph(name).landmarks, HEAD, FIXED]) for name in names]
        low = np.floor(target[_LIPS].min(axis=0) - 4)
        size = np.ceil(target[_LIPS].max(axis=0) + 4) - low
        begin = np.round((low - HEAD_TOP_LEFT) * SCALE).astype(int)
        fine = np.round(size * SCALE).astype(int)
        rows, columns = slice(begin[1], begin[1] + fine[1]), slice(begin[0], begin[0] + fine[0])
        mouth = WarpGrid(HEAD_TOP_LEFT + begin / SCALE, fine / SCALE, _FINE, fine)
        head = WarpGrid(HEAD_TOP_LEFT, HEAD_SIZE, _COARSE, self._size)
        weights = fit_warp(target, np.hstack([source - target for source in sources]))
        whole, lips = (evaluate_warp(weights, target, grid) for grid in (head, mouth))
        for first in range(0, 2 * len(sources), 2):
            shift = whole[..., first : first + 2] * self._fade
            shift[rows, columns] = lips[..., first : first + 2]
            yield cv2.split(self._still + SCALE * shift)


def shares_of(amounts):
    """Return the non-zero weight of each photograph by name; weights sum to 1."""
    smile, wide, low = (
        float(np.clip((amounts.get(action, 0.0) - begin) / (end - begin), 0, 1))
        for action, (begin, end) in _CROSSFADE_RANGES.items()
    )
    shut = (1 - smile) * (1 - wide)
    shares = {"smile": smile, "open": (1 - smile) * wide, "sad": shut * low, "neutral": shut * (1 - low)}
    return {name: share for name, share in shares.items() if share > 0}


def to_layer(xy):
    """Return points of the photograph in pixels of the layer."""
    return (np.asarray(xy, dtype=np.float64) + 0.5) * SCALE - 0.5


def _cut_out(image):
    """Return the layer of a photograph: enlarged and cut out, RGB times opacity, and opacity."""
    size = [round(side * SCALE) for side in image.shape[1::-1]]
    colours = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    opacity = filled(to_layer(OUTLINE), colours.shape[:2])
    opacity = cv2.GaussianBlur(opacity, (0, 0), 1.5)[..., None]
    return np.dstack([(colours * (opacity / 255)).round().astype(np.uint8), opacity])


def _blue_suit(image):
    """Return the photograph with the orange suit in blue."""
    red, _, blue = np.moveaxis(image.astype(np.float32), -1, 0)
    orange = np.clip((red - blue - 40) / 40, 0, 1)
    orange[:190] = 0
    orange = orange[..., None]
    return (image * (1 - orange) + image[..., ::-1] * orange).round().astype(np.uint8)
