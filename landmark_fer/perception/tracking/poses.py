"""Where a face is, how large and how it is turned: four numbers from its landmarks, by which tracks reckon."""

import math
from dataclasses import dataclass, replace

from landmark_fer.face.geometry import similarity_transform
from landmark_fer.face.records import Box
from landmark_fer.face.template import TEMPLATE


@dataclass(frozen=True)
class Pose:
    """The similarity transform that brings the template onto a face.

    Attributes
    ----------
    x, y : float
        Of the middle between the eyes, pixels of the picture.
    size : float
        The template's inter-ocular distance, in pixels.
    turn : float
        Radians, clockwise.
    """

    x: float
    y: float
    size: float
    turn: float

    def shifted(self, right, down):
        """Return the pose of the face when it has moved by so many pixels."""
        return replace(self, x=self.x + right, y=self.y + down)

    def distance(self, other):
        """Return how far another face's middle lies, in inter-ocular distances of the smaller one."""
        return math.hypot(self.x - other.x, self.y - other.y) / min(self.size, other.size)


def pose_of(landmarks):
    """Return the pose of a face from its landmarks of shape (68, 2), which must not all lie on one point."""
    (a, _, u), (b, _, v) = similarity_transform(landmarks, TEMPLATE).tolist()
    size2 = 1 / (a * a + b * b)
    return Pose(-(a * u + b * v) * size2, (b * u - a * v) * size2, math.sqrt(size2), -math.atan2(b, a))


def place_of(box, pose):
    """Return where a box lies on a face: x and y of its centre, width and height, in the template's coordinates."""
    right, down = ((part - middle) / pose.size for part, middle in zip(box.centre, (pose.x, pose.y), strict=True))
    sine, cosine = math.sin(pose.turn), math.cos(pose.turn)
    place = cosine * right + sine * down, cosine * down - sine * right
    return *place, box.width / pose.size, box.height / pose.size


def box_at(place, pose):
    """Return the box that lies on a face of a pose where `place_of` says."""
    x, y, width, height = (pose.size * value for value in place)
    sine, cosine = math.sin(pose.turn), math.cos(pose.turn)
    centre = pose.x + cosine * x - sine * y, pose.y + sine * x + cosine * y
    return Box(centre[0] - (width - 1) / 2, centre[1] - (height - 1) / 2, width, height)
