"""Tracks: faces followed over frames, and whether their motion is plausible."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from landmark_fer.core.geometry import interocular_distance, similarity_transform, transform_points
from landmark_fer.core.landmarks import TEMPLATE
from landmark_fer.core.records import Box, Face

_LEAST_ALIKE = 0.6  # correlation of appearance from frame to frame
_FASTEST = 0.3  # inter-ocular distances from frame to frame, and from the expected position
_LARGEST_STEP = 1.2  # growth from frame to frame
_STEEPEST_TURN = math.radians(20)  # largest rotation between frames
_MOST_OUTSIDE = 0.3  # share of the landmarks


def in_image(grey, landmarks):
    """Return whether most landmarks lie within an image."""
    inside = ((landmarks >= 0) & (landmarks < grey.shape[::-1])).all(axis=1)
    return 1 - np.count_nonzero(inside) / len(inside) <= _MOST_OUTSIDE


def is_steady(pose, before, expected, alike):
    """Return whether the motion and the appearance of a face are plausible from frame to frame.

    Parameters
    ----------
    pose, before, expected : Pose
        Current, previous and expected pose.
    alike : float
        Correlation of its appearance with that in the previous frame.

    Returns
    -------
    bool
    """
    return (
        alike >= _LEAST_ALIKE
        and max(pose.distance(before), pose.distance(expected)) <= _FASTEST
        and 1 / _LARGEST_STEP <= pose.size / before.size <= _LARGEST_STEP
        and abs(math.remainder(pose.turn - before.turn, 2 * math.pi)) <= _STEEPEST_TURN
    )


# Of two people in one place; distances in inter-ocular distances. docs/decisions/0010 has the figures.
_OTHER_ALIKE, _OTHER_SHAPE, _ONE_PLACE = 0.9, 0.04, 1.0
_NO_MOUTH = np.r_[:5, 12:48]  # without the chin: a mouth opens within a frame


def is_another(landmarks, before, alike):
    """Return whether a face is another person's than the one in the same place in the previous frame.

    Parameters
    ----------
    landmarks, before : ndarray of shape (68, 2)
        Current and previous landmarks.
    alike : float
        As for `is_steady`.

    Returns
    -------
    bool
    """
    if alike >= _OTHER_ALIKE or pose_of(landmarks).distance(pose_of(before)) > _ONE_PLACE:
        return False
    shapes = [transform_points(similarity_transform(each, TEMPLATE), each) for each in (landmarks, before)]
    apart = np.linalg.norm(shapes[0] - shapes[1], axis=1)[_NO_MOUTH] / interocular_distance(TEMPLATE)
    return float(np.sqrt(np.mean(apart**2))) > _OTHER_SHAPE


_APPEARANCE_SIDE = 16  # side of the image that the vector is made of, pixels
_APPEARANCE_MEMORY = 0.9  # weight of a track's mean appearance against the latest frame
_LONGEST_GUESS_S = 0.2  # the longest extrapolation of a motion

# Maximum distance of a face from the last or expected position of its track, in sides of its box: small if they look
# only a little alike (half of the face may be hidden), growing with time if they look very much alike.
_LITTLE_ALIKE, _NEAR = 0.2, 0.7
_MUCH_ALIKE, _REACH_A_SECOND = 0.6, 1.5
_LARGEST_GROWTH = 1.6


@dataclass(frozen=True)
class Pose:
    """The similarity transform from the template to a face.

    Attributes
    ----------
    x, y : float
        Midpoint between the eyes, pixels of the frame.
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
        """Return the pose moved by so many pixels."""
        return replace(self, x=self.x + right, y=self.y + down)

    def distance(self, other):
        """Return the distance of another face in inter-ocular distances of the smaller one."""
        return math.hypot(self.x - other.x, self.y - other.y) / min(self.size, other.size)


def pose_of(landmarks):
    """Return the pose of a face from its landmarks of shape (68, 2), which must not all lie on one point."""
    (a, _, u), (b, _, v) = similarity_transform(landmarks, TEMPLATE).tolist()
    size2 = 1 / (a * a + b * b)
    return Pose(-(a * u + b * v) * size2, (b * u - a * v) * size2, math.sqrt(size2), -math.atan2(b, a))


def place_of(box, pose):
    """Return a box in the template's coordinates: x and y of its centre, width and height."""
    right, down = ((part - middle) / pose.size for part, middle in zip(box.centre, (pose.x, pose.y), strict=True))
    sine, cosine = math.sin(pose.turn), math.cos(pose.turn)
    place = cosine * right + sine * down, cosine * down - sine * right
    return *place, box.width / pose.size, box.height / pose.size


def box_at(place, pose):
    """Return the box of a face in a pose, the inverse of `place_of`."""
    x, y, width, height = (pose.size * value for value in place)
    sine, cosine = math.sin(pose.turn), math.cos(pose.turn)
    centre = pose.x + cosine * x - sine * y, pose.y + sine * x + cosine * y
    return Box(centre[0] - (width - 1) / 2, centre[1] - (height - 1) / 2, width, height)


@dataclass(eq=False)
class Track:
    """A tracked face of a video.

    Attributes
    ----------
    number : int
    face : Face
    pose : Pose
    seen_s : float
        Time of the latest frame in which it was located.
    confirmed_s : float
        Time of its latest detection.
    place : tuple
        The detector's box on the face, as from `place_of`.
    appearance, latest_appearance : ndarray of shape (256,), float32
        Mean appearance vector and the latest one, as from `appearance_of`.
    velocity : tuple
        Pixels a second to the right and down.
    lost : bool
        Whether the face is not visible at present.
    """

    number: int
    face: Face
    pose: Pose
    seen_s: float
    confirmed_s: float
    place: tuple
    appearance: np.ndarray
    latest_appearance: np.ndarray
    velocity: tuple
    lost: bool = False

    @classmethod
    def begin(cls, number, face, time_s):
        """Return a new track of a detected face."""
        appearance, pose = appearance_of(face.chip), pose_of(face.landmarks)
        return cls(number, face, pose, time_s, time_s, place_of(face.box, pose), appearance, appearance, (0.0, 0.0))

    def shift(self, time_s):
        """Return the expected motion since the latest frame, (right, down) in pixels."""
        elapsed = min(time_s - self.seen_s, _LONGEST_GUESS_S)
        return self.velocity[0] * elapsed, self.velocity[1] * elapsed

    def update(self, face, pose, appearance, time_s):
        """Store the face, pose and appearance in the next frame."""
        elapsed = time_s - self.seen_s
        if elapsed > 0:
            moved = (pose.x - self.pose.x) / elapsed, (pose.y - self.pose.y) / elapsed
            self.velocity = moved if elapsed <= _LONGEST_GUESS_S else (0.0, 0.0)
        self.latest_appearance = appearance
        self.appearance = _unit(_APPEARANCE_MEMORY * self.appearance + (1 - _APPEARANCE_MEMORY) * appearance)
        self.face, self.pose, self.seen_s, self.lost = face, pose, time_s, False

    def find(self, face, time_s):
        """Store the face as detected, with the detector's box."""
        self.update(face, pose_of(face.landmarks), appearance_of(face.chip), time_s)
        self.confirmed_s, self.place = time_s, place_of(face.box, self.pose)

    def likeness(self, face, time_s):
        """Return how well a face matches the track (higher is better), or None if it cannot be the same face."""
        box, (right, down) = self.face.box, self.shift(time_s)
        expected = Box(box.x + right, box.y + down, box.width, box.height)
        overlap, alike = expected.overlap(face.box), float(self.appearance @ appearance_of(face.chip))
        growth = face.box.width / box.width
        distance = min(math.dist(face.box.centre, place.centre) for place in (box, expected)) / box.width
        reach = _NEAR + (_REACH_A_SECOND * (time_s - self.seen_s) if alike >= _MUCH_ALIKE else 0.0)
        same = alike >= _LITTLE_ALIKE and distance <= reach and 1 / _LARGEST_GROWTH <= growth <= _LARGEST_GROWTH
        return overlap + alike if same else None


def appearance_of(chip):
    """Return the appearance of a face as a unit vector of mean 0, shape (256,); inner products are correlations.

    Parameters
    ----------
    chip : ndarray of shape (S, S), uint8
    """
    rim = chip.shape[0] // 8
    small = cv2.resize(chip[rim:-rim, rim:-rim], (_APPEARANCE_SIDE, _APPEARANCE_SIDE), interpolation=cv2.INTER_AREA)
    values = small.ravel().astype(np.float32)
    values -= np.add.reduce(values) / len(values)
    return _unit(values)


def matched(tracks, faces, time_s):
    """Return the matching track by index of the face, assigned greedily from the best match."""
    pairs = [(track.likeness(face, time_s), index, track) for track in tracks for index, face in enumerate(faces)]
    pairs = sorted((pair for pair in pairs if pair[0] is not None), key=lambda pair: (-pair[0], pair[1]))
    matches, taken = {}, set()
    for _, index, track in pairs:
        if index not in matches and track.number not in taken:
            matches[index] = track
            taken.add(track.number)
    return matches


def _unit(values):
    return values / max(math.sqrt(float(values @ values)), 1e-9)
