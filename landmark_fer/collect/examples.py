"""Examples of expressions: images of the demo clip's face, and hints in words."""

from functools import cache

import numpy as np

from landmark_fer.core.geometry import interocular_distance
from landmark_fer.live.sources.demo_person import FACE_CENTRE, Person, to_layer
from landmark_fer.live.sources.demo_textures import NEUTRAL_LANDMARKS

SIDE = 230  # side of an example image, in pixels

HINTS = {
    "neutral": "relax your face, lips together",
    "happy": "smile broadly, up to the eyes",
    "surprise": "brows up, eyes wide, mouth open",
    "sad": "corners of the mouth down, inner brows up",
    "angry": "brows down and together, lips pressed",
    "disgust": "wrinkle your nose, upper lip up",
    "fear": "brows up and together, lips drawn wide",
    "contempt": "one corner of the mouth up",
}

# Actions of the demo clip's person, 0 to 1.
_ACTIONS = {
    "happy": {"corners_up": 1.0},
    "surprise": {"mouth_open": 1.0, "brows_up": 0.8},
    "sad": {"corners_down": 1.0},
    "fear": {"mouth_open": 0.35},
}

# Further moves: points, and how far they move outwards and down, in inter-ocular distances.
_MOVES = {
    "angry": (
        ((21, 22), -0.12, 0.19), ((20, 23), -0.08, 0.17), ((19, 24), -0.03, 0.11), ((18, 25), 0.0, 0.04),
        ((37, 38, 43, 44), 0.0, 0.035), ((40, 41, 46, 47), 0.0, -0.03), ((48, 54), -0.04, 0.03),
        ((50, 51, 52), 0.0, 0.03), ((56, 57, 58), 0.0, -0.04),
    ),
    "disgust": (
        ((31, 32, 33, 34, 35), 0.04, -0.11), ((50, 51, 52), 0.0, -0.16), ((49, 53), 0.02, -0.09),
        ((61, 62, 63), 0.0, -0.08), ((65, 66, 67), 0.0, -0.06), ((48, 54), 0.02, 0.04), ((21, 22), -0.05, 0.10),
        ((20, 23), -0.03, 0.09), ((19, 24), 0.0, 0.06), ((37, 38, 43, 44), 0.0, 0.03), ((40, 41, 46, 47), 0.0, -0.04),
    ),
    "fear": (
        ((21, 22), -0.06, -0.20), ((20, 23), -0.03, -0.17), ((19, 24), 0.0, -0.12), ((18, 25), 0.0, -0.06),
        ((37, 38, 43, 44), 0.0, -0.06), ((40, 41, 46, 47), 0.0, 0.02), ((48, 54), 0.12, 0.06), ((60, 64), 0.10, 0.06),
        ((49, 53, 55, 59), 0.06, 0.02),
    ),
}  # fmt: skip
_ONE_SIDED = {"contempt": (((54, 64), 0.09, -0.13), ((53, 55), 0.06, -0.09), ((63, 65), 0.03, -0.03))}


@cache
def example_image(expression):
    """Return an image of the demo clip's face that shows an expression, shape (230, 230, 3), uint8, RGB, read-only."""
    layer = _Actor(_moves_of(expression)).layer(_ACTIONS.get(expression, {}))
    x, y = np.round(to_layer(FACE_CENTRE)).astype(int) - (SIDE // 2, SIDE // 2 - 8)
    crop = layer[y : y + SIDE, x : x + SIDE].astype(np.float32)
    image = (crop[..., :3] + (1 - crop[..., 3:] / 255) * (208, 200, 193)).clip(0, 255).astype(np.uint8)
    image.setflags(write=False)
    return image


class _Actor(Person):
    """The demo clip's person, with further moves of the landmarks."""

    def __init__(self, moves):
        super().__init__()
        self._moves = moves

    def _maps(self, target, names):
        target = target.copy()
        target[: len(self._moves)] += self._moves
        return super()._maps(target, names)


def _moves_of(expression):
    """Return how far each landmark moves, shape (68, 2), in pixels of the photograph."""
    moves, outwards = np.zeros_like(NEUTRAL_LANDMARKS), np.sign(NEUTRAL_LANDMARKS[:, 0] - FACE_CENTRE[0])
    for members, outward, down in (*_MOVES.get(expression, ()), *_ONE_SIDED.get(expression, ())):
        members = list(members)
        moves[members] = np.column_stack([outward * outwards[members], np.full(len(members), down)])
    return moves * float(interocular_distance(NEUTRAL_LANDMARKS))
