"""Examples: the face of the demo clip shows each expression, so that people see what is meant."""

import numpy as np

from landmark_fer.core.geometry import interocular_distance
from landmark_fer.live.sources.demo_person import FACE_CENTRE, Person, to_layer
from landmark_fer.live.sources.demo_tables import AT_REST

SIDE = 230  # pixels of the image

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

# What the demo clip can show already, as its own amounts.
_AMOUNTS = {
    "happy": {"corners_up": 1.0},
    "surprise": {"mouth_open": 1.0, "brows_up": 0.8},
    "sad": {"corners_down": 1.0},
    "fear": {"mouth_open": 0.35},
}

# What is added to that: how far points move, in inter-ocular distances, away from the midline, and down.
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


def example(expression):
    """Return a image of the demo's face showing an expression, shape (230, 230, 3), uint8, RGB."""
    layer = _Actor(_moves_of(expression)).layer(_AMOUNTS.get(expression, {}))
    x, y = np.round(to_layer(FACE_CENTRE)).astype(int) - (SIDE // 2, SIDE // 2 - 8)
    part = layer[y : y + SIDE, x : x + SIDE].astype(np.float32)
    return (part[..., :3] + (1 - part[..., 3:] / 255) * (208, 200, 193)).clip(0, 255).astype(np.uint8)


class _Actor(Person):
    """The demo's person, some of whose landmarks move further than the clip's actions take them."""

    def __init__(self, moves):
        super().__init__()
        self._moves = moves

    def _maps(self, target, names):
        target = target.copy()
        target[: len(self._moves)] += self._moves
        return super()._maps(target, names)


def _moves_of(expression):
    """Return how far each landmark moves, shape (68, 2), in pixels of the photograph."""
    moves, away = np.zeros_like(AT_REST), np.sign(AT_REST[:, 0] - FACE_CENTRE[0])
    for members, outward, down in (*_MOVES.get(expression, ()), *_ONE_SIDED.get(expression, ())):
        members = list(members)
        moves[members] = np.column_stack([outward * away[members], np.full(len(members), down)])
    return moves * float(interocular_distance(AT_REST))
