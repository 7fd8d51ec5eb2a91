"""The demo clip: 13 rendered seconds with known motion, for a first run without a camera and for tests.

Frames are rendered one at a time and are the same on every run.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from landmark_fer.live.sources.demo_person import FACE_CENTRE, Person, to_layer

WIDTH, HEIGHT = 640, 480
FRAMES_PER_SECOND = 25.0


@dataclass(frozen=True)
class Motion:
    """One motion of the clip, a row of `MOTIONS`.

    Attributes
    ----------
    name : str
    begin, end : float
        Seconds.
    faces : int
        Number of visible faces between `full_begin` and `full_end`.
    amounts : dict of str to float
        Full amount of each action: those of `demo_person.shape_of`; ``right`` and ``down`` in pixels; ``roll`` in
        degrees clockwise; ``nearer``, growth of the face; ``second``, 1 to show the second face.
    """

    name: str
    begin: float
    end: float
    faces: int = 1
    amounts: dict = field(default_factory=dict)

    @property
    def full_begin(self):
        """Time at which the motion reaches its full amount, in seconds."""
        return self.begin + RAMP

    @property
    def full_end(self):
        """Time at which the motion begins to fade, in seconds."""
        return self.end - RAMP


RAMP = 0.36  # seconds from zero to the full amount, and back

MOTIONS = (
    Motion("neutral", 0.0, 1.2),
    Motion("mouth_open", 1.2, 2.6, 1, {"mouth_open": 1.0, "brows_up": 0.8}),
    Motion("brows_up", 2.6, 3.8, 1, {"brows_up": 1.0}),
    Motion("corners_down", 3.8, 5.0, 1, {"corners_down": 1.0}),
    Motion("corners_up", 5.0, 6.4, 1, {"corners_up": 1.0}),
    Motion("turn_left", 6.4, 7.5, 1, {"yaw": -25.0}),
    Motion("turn_right", 7.5, 8.6, 1, {"yaw": 25.0}),
    Motion("move", 8.6, 9.8, 1, {"right": 70.0, "down": 24.0, "roll": 12.0, "nearer": 0.12, "corners_up": 0.8}),
    Motion("second_face", 9.8, 11.4, 2, {"right": -120.0, "second": 1.0, "corners_up": 0.7}),
    Motion("no_face", 11.4, 12.6, 0, {"right": -640.0}),
    Motion("neutral", 12.6, 13.2),
)  # fmt: skip

DURATION = MOTIONS[-1].end
N_FRAMES = round(DURATION * FRAMES_PER_SECOND)

# Actions and place of the second person, who is smaller and to the right of the first.
_SECOND_AMOUNTS = {"brows_up": 0.9, "mouth_open": 0.8}
_SECOND_PLACE, _SECOND_AWAY, _SECOND_SIZE = (470.0, 225.0), 330.0, 0.82
_PLACEMENT = ("right", "down", "roll", "nearer", "second")  # actions that move the whole person
_FIRST_PLACE = (320.0, 205.0)  # centre of the neutral face, in pixels of the clip


def demo_action(time_s):
    """Return the row of `MOTIONS` at a time of the clip, in seconds."""
    return next((motion for motion in MOTIONS if motion.begin <= time_s < motion.end), MOTIONS[-1])


def demo_amounts(time_s):
    """Return the amount of each action at a time of the clip, with smooth ramps."""
    motion = demo_action(time_s)
    ramp = np.clip(min(time_s - motion.begin, motion.end - time_s) / RAMP, 0.0, 1.0)
    share = float((1 - np.cos(np.pi * ramp)) / 2)
    return {action: share * amount for action, amount in motion.amounts.items()}


class DemoClip:
    """Renders the frames of the clip; layers and backdrop are prepared once."""

    def __init__(self):
        self._first, self._second = Person(), Person(mirrored=True)
        self._backdrop = _backdrop()

    def image(self, index):
        """Return frame `index` of the clip, shape (480, 640, 3), uint8, RGB."""
        return self.render(demo_amounts(index / FRAMES_PER_SECOND))

    def render(self, amounts):
        """Return an image of the clip's people, shape (480, 640, 3), uint8, RGB.

        Parameters
        ----------
        amounts : dict of str to float
            Amount of each action, as in `Motion`; those left out are 0.
        """
        image = self._backdrop.copy()
        place = (_FIRST_PLACE[0] + amounts.get("right", 0.0), _FIRST_PLACE[1] + amounts.get("down", 0.0))
        face = {action: amount for action, amount in amounts.items() if action not in _PLACEMENT}
        size = 1 + amounts.get("nearer", 0.0)
        _place(image, self._first.layer(face), place, size=size, roll=amounts.get("roll", 0.0))
        if share := amounts.get("second", 0.0):
            place = (_SECOND_PLACE[0] + (1 - share) * _SECOND_AWAY, _SECOND_PLACE[1])
            _place(image, self._second.layer(_SECOND_AMOUNTS), place, size=_SECOND_SIZE, mirrored=True)
        return image


def demo_images():
    """Yield the images of the clip in order, each of shape (480, 640, 3), uint8, RGB."""
    clip = DemoClip()
    for index in range(N_FRAMES):
        yield clip.image(index)


def _place(image, layer, place, *, size=1.0, roll=0.0, mirrored=False):
    """Draw a person onto an image in place, with the centre of the face at `place` and turned by `roll` degrees."""
    centre = to_layer(FACE_CENTRE)
    if mirrored:
        centre[0] = layer.shape[1] - 1 - centre[0]
    a, b = size * np.cos(np.radians(roll)), size * np.sin(np.radians(roll))
    turn = np.array([[a, -b], [b, a]])
    matrix = np.column_stack([turn, np.array(place) - turn @ centre])
    layer = cv2.warpAffine(layer, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    transparency = cv2.cvtColor(255 - layer[..., 3], cv2.COLOR_GRAY2RGB)
    cv2.multiply(image, transparency, dst=image, scale=1 / 255)
    cv2.add(image, cv2.cvtColor(layer, cv2.COLOR_RGBA2RGB), dst=image)


def _backdrop():
    """Return a mottled studio backdrop like that of the photograph, shape (480, 640, 3)."""
    random = np.random.default_rng(2)
    clouds = np.zeros((HEIGHT, WIDTH))
    for size in (16, 40, 80):
        coarse = random.normal(scale=size / 8, size=(HEIGHT // size, WIDTH // size))
        clouds += cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    grain = random.normal(scale=1.5, size=(HEIGHT, WIDTH))
    light = 1 - 0.25 * np.hypot(*np.meshgrid(np.linspace(-0.9, 0.9, WIDTH), np.linspace(-0.5, 0.9, HEIGHT))) ** 2
    colour = np.array((208.0, 200.0, 193.0))
    return np.clip(colour * light[..., None] + (clouds + grain)[..., None], 0, 255).astype(np.uint8)
