"""Tracks: faces followed over frames, and the checks that end them."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from landmark_fer.core.geometry import inverse_transform, similarity_transform, transform_points
from landmark_fer.core.landmarks import TEMPLATE
from landmark_fer.core.records import Box, Face
from landmark_fer.perception.alignment import resample
from landmark_fer.perception.detection import HogDetector
from landmark_fer.perception.landmarks import template_in_box

_SIDE, _MARGIN = 90, 45  # of the box that is expected, and around it, in pixels of the patch
_THRESHOLD = -0.6  # dlib's margin; real faces upright in a patch of their size rarely fall under it
_LARGEST_BOX_GROWTH, _FARTHEST = 1.5, 0.5  # of the box that is found from the one that is expected; in sides of it

_LEAST_ALIKE = 0.6  # correlation of looks from one image to the next
_FASTEST = 0.3  # inter-ocular distances from one image to the next, and from where the face was expected
_LARGEST_STEP = 1.2  # growth from one image to the next
_STEEPEST_TURN = math.radians(20)  # from one image to the next
_MOST_OUTSIDE = 0.3  # share of the landmarks

_TARGET = template_in_box(_SIDE, _MARGIN)


@lru_cache(maxsize=1)
def _patch_detector():
    """Return the detector that all checks share: each visitor of the web page has a check."""
    return HogDetector(threshold=_THRESHOLD)


class FaceCheck:
    """dlib's detector on a small patch around landmarks, turned upright.

    A face that is turned from the camera or tilted passes more often than in the whole image, at a tenth of the time.
    """

    def __init__(self):
        self._detector = _patch_detector()

    def find(self, grey, landmarks):
        """Return the box of the face that landmarks lie on or slipped from, None where there is none.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
        landmarks : ndarray of shape (68, 2)

        Returns
        -------
        Box or None
            Pixels of `grey`.
        float
            How far its centre lies from where the landmarks have it, in sides of the box; infinite without one.
        """
        matrix = similarity_transform(landmarks, _TARGET)
        side = _SIDE + 2 * _MARGIN
        middle = (side - 1) / 2
        found = [
            (math.dist(box.centre, (middle, middle)) / _SIDE, box)
            for box, _ in self._detector.find(resample(grey, matrix, side=side, blurred=True))
            if 1 / _LARGEST_BOX_GROWTH <= box.width / _SIDE <= _LARGEST_BOX_GROWTH
        ]
        distance, box = min(found, key=lambda pair: pair[0], default=(math.inf, None))
        if distance > _FARTHEST:
            return None, math.inf
        return _in_image(box, inverse_transform(matrix)), distance


def _in_image(box, to_image):
    x, y = transform_points(to_image, np.array([box.centre]))[0].tolist()
    side = box.width * math.hypot(*to_image[:, 0])
    return Box(x - (side - 1) / 2, y - (side - 1) / 2, side, side)


def in_image(grey, landmarks):
    """Return whether most landmarks lie within a image."""
    inside = ((landmarks >= 0) & (landmarks < grey.shape[::-1])).all(axis=1)
    return 1 - np.count_nonzero(inside) / len(inside) <= _MOST_OUTSIDE


def is_steady(pose, before, expected, alike):
    """Return whether a face moved and looks as faces do from one image to the next.

    Parameters
    ----------
    pose, before, expected : Pose
        As it is, as it was, and where it was expected.
    alike : float
        Correlation of its look with that in the image before.

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


_LOOK_SIDE = 16  # pixels of a look
_LOOK_MEMORY = 0.9  # of what a track looked like, against the newest image
_LONGEST_GUESS_S = 0.2  # a face is not expected to go on in its direction for longer

# How far from where a track was or is expected its face may be, in sides of its box: little where both look but a
# little alike (half of the face may be hidden now), the farther the longer ago where they look much alike.
_LITTLE_ALIKE, _NEAR = 0.2, 0.7
_MUCH_ALIKE, _REACH_A_SECOND = 0.6, 1.5
_LARGEST_GROWTH = 1.6


@dataclass(frozen=True)
class Pose:
    """The similarity transform that brings the template onto a face.

    Attributes
    ----------
    x, y : float
        Of the middle between the eyes, pixels of the image.
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


@dataclass(eq=False)
class Track:
    """A face of a video, as it was seen last.

    Attributes
    ----------
    number : int
    face : Face
    pose : Pose
    seen_s : float
        When that was.
    confirmed_s : float
        When a detector saw the face last.
    place : tuple
        Where the detector's box lay on the face, as from `place_of`.
    look, latest_look : ndarray of shape (256,), float32
        What it looks like, a mean over its images as from `look_of`, and what it looked like last.
    velocity : tuple
        Pixels a second to the right and down.
    lost : bool
        Whether it waits to be seen again.
    """

    number: int
    face: Face
    pose: Pose
    seen_s: float
    confirmed_s: float
    place: tuple
    look: np.ndarray
    latest_look: np.ndarray
    velocity: tuple
    lost: bool = False

    @classmethod
    def begin(cls, number, face, time_s):
        """Return the track of a face that a detector sees for the first time."""
        look, pose = look_of(face.chip), pose_of(face.landmarks)
        return cls(number, face, pose, time_s, time_s, place_of(face.box, pose), look, look, (0.0, 0.0))

    def shift(self, time_s):
        """Return how far the face is expected to have moved since it was seen, (right, down) in pixels."""
        elapsed = min(time_s - self.seen_s, _LONGEST_GUESS_S)
        return self.velocity[0] * elapsed, self.velocity[1] * elapsed

    def update(self, face, pose, look, time_s):
        """Take note of the face in the next image, its pose, and its look."""
        elapsed = time_s - self.seen_s
        if elapsed > 0:
            moved = (pose.x - self.pose.x) / elapsed, (pose.y - self.pose.y) / elapsed
            self.velocity = moved if elapsed <= _LONGEST_GUESS_S else (0.0, 0.0)
        self.latest_look = look
        self.look = _unit(_LOOK_MEMORY * self.look + (1 - _LOOK_MEMORY) * look)
        self.face, self.pose, self.seen_s, self.lost = face, pose, time_s, False

    def find(self, face, time_s):
        """Take note of the face as a detector sees it, in a box of its own."""
        self.update(face, pose_of(face.landmarks), look_of(face.chip), time_s)
        self.confirmed_s, self.place = time_s, place_of(face.box, self.pose)

    def likeness(self, face, time_s):
        """Return how well a face would continue the track, the higher the better; None where it cannot be the same."""
        box, (right, down) = self.face.box, self.shift(time_s)
        expected = Box(box.x + right, box.y + down, box.width, box.height)
        overlap, alike = expected.overlap(face.box), float(self.look @ look_of(face.chip))
        growth = face.box.width / box.width
        distance = min(math.dist(face.box.centre, place.centre) for place in (box, expected)) / box.width
        reach = _NEAR + (_REACH_A_SECOND * (time_s - self.seen_s) if alike >= _MUCH_ALIKE else 0.0)
        same = alike >= _LITTLE_ALIKE and distance <= reach and 1 / _LARGEST_GROWTH <= growth <= _LARGEST_GROWTH
        return overlap + alike if same else None


def look_of(chip):
    """Return what a face looks like as a unit vector of mean 0, shape (256,): products are correlations.

    Parameters
    ----------
    chip : ndarray of shape (S, S), uint8
    """
    rim = chip.shape[0] // 8
    small = cv2.resize(chip[rim:-rim, rim:-rim], (_LOOK_SIDE, _LOOK_SIDE), interpolation=cv2.INTER_AREA)
    values = small.ravel().astype(np.float32)
    return _unit(values - values.mean())


def matched(tracks, faces, time_s):
    """Return the track of each face that continues one, as a dictionary by the face's index; best matches first."""
    pairs = [(track.likeness(face, time_s), index, track) for track in tracks for index, face in enumerate(faces)]
    pairs = sorted((pair for pair in pairs if pair[0] is not None), key=lambda pair: (-pair[0], pair[1]))
    found, taken = {}, set()
    for _, index, track in pairs:
        if index not in found and track.number not in taken:
            found[index] = track
            taken.add(track.number)
    return found


def _unit(values):
    return values / max(math.sqrt(float(values @ values)), 1e-9)
