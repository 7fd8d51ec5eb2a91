"""Blurring: images in which faces, or bands over the eyes, are too coarse to recognize a person."""

import math
from dataclasses import replace

import cv2
import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.landmarks import points
from landmark_fer.drawing import BLURS

CELLS = 2  # with 4, benchmarks/blur.py finds twice as many people again among blurred faces
"""Averages that are left along the longer side of a blurred region."""

HOLD_S = 2.0
"""Seconds for which the last place of a face that is out of sight stays blurred; meanwhile the region grows by half."""

_MARGIN = 1.2  # of the region around a face
_FOREHEAD = 0.6  # height above the brows, in distances from brows to chin
_BAND = (0.75, 0.3)  # half length and height of the band over the eyes, in distances of the outer corners of the eyes
_LEAST_BAND = (0.4, 0.15)  # the same in sides of the box, where a head is turned
_GROWTH = 0.5
_CHIN, _RIGHT_CORNER, _LEFT_CORNER = 8, 36, 45
_CIRCLE = np.stack([(math.cos(angle), math.sin(angle)) for angle in np.linspace(0, 2 * math.pi, 16, endpoint=False)])


def blur_faces(image, faces, kind="faces", *, mirrored=False):
    """Return a copy of an image with blurred faces.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
        Not changed.
    faces : sequence of Face
    kind : {"faces", "eyes"}, default="faces"
        One of `BLURS`.
    mirrored : bool, default=False
        Whether the image is mirrored, and the faces are not.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8

    Raises
    ------
    InputError
        If `kind` is unknown.
    """
    return blur_regions(image, [blur_region(face, kind) for face in faces], mirrored=mirrored)


def blur_region(face, kind="faces"):
    """Return the convex polygon that is blurred for a face.

    Parameters
    ----------
    face : Face
    kind : {"faces", "eyes"}, default="faces"
        The face from the chin to the hairline and the detector's box, with a margin; or a rectangle over both eyes
        that is rotated with the head.

    Returns
    -------
    ndarray of shape (n, 2), float32
        Pixels of the image, x before y.

    Raises
    ------
    InputError
        If `kind` is unknown.
    """
    if kind not in BLURS:
        raise InputError(f"blur must be {' or '.join(map(repr, BLURS))}, got {kind!r}; give one of them, or None")
    return np.float32(_face_region(face) if kind == "faces" else _eye_band(face))


def _face_region(face):
    brows = face.landmarks[points("right_brow", "left_brow")]
    forehead = brows + _FOREHEAD * (brows.mean(axis=0) - face.landmarks[_CHIN])
    box = face.box
    inside_box = (box.x + box.width / 2, box.y + box.height / 2) + _CIRCLE * (box.width / 2, box.height / 2)
    hull = cv2.convexHull(np.float32([*face.landmarks, *forehead, *inside_box]))[:, 0]
    return _scaled(hull, _MARGIN)


def _eye_band(face):
    corners = face.landmarks[[_RIGHT_CORNER, _LEFT_CORNER]].astype(np.float64)
    across = corners[1] - corners[0]
    distance = np.hypot(*across)
    across = across / distance if distance > 0 else np.array([1.0, 0.0])
    length, height = (
        max(share * distance, least * side)
        for share, least, side in zip(_BAND, _LEAST_BAND, (face.box.width, face.box.height), strict=True)
    )
    along, up = length * across, height * across[::-1] * (1, -1)
    return corners.mean(axis=0) + np.stack([along + up, along - up, -along - up, -along + up])


def _scaled(region, factor):
    centre = (region.min(axis=0) + region.max(axis=0)) / 2
    return centre + factor * (region - centre)


def blur_regions(image, regions, *, mirrored=False):
    """Return a copy of an image with blurred polygons, each as from `blur_region`; see `blur_faces`.

    A region keeps `CELLS` averages along its longer side; between them, colours change evenly.
    """
    blurred = np.array(image, order="C")
    for region in regions:
        if mirrored:
            region = region * np.float32([-1, 1]) + np.float32([image.shape[1] - 1, 0])
        _blur(blurred, image, region)
    return blurred


def _blur(blurred, image, region):
    """Blur a polygon in place; `image` is the one before."""
    cell = max(1.0, float(np.ptp(region, axis=0).max()) / CELLS)
    left, top = np.maximum(np.floor(region.min(axis=0)), 0).astype(int)
    right, bottom = (np.ceil(region.max(axis=0)) + 1).astype(int)
    part = image[top : max(0, bottom), left : max(0, right)]
    if not part.size:
        return
    height, width = part.shape[:2]
    cells = max(1, round(width / cell)), max(1, round(height / cell))
    means = cv2.resize(np.ascontiguousarray(part), cells, interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(means, (width, height), interpolation=cv2.INTER_LINEAR)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, np.round(region - np.float32([left, top])).astype(np.int32), 1)
    place = blurred[top : top + height, left : left + width]
    place[mask == 1] = coarse[mask == 1]


def hide_chips(faces):
    """Return recognized faces whose chips are plain grey, so that an explanation shows its heat map only.

    Parameters
    ----------
    faces : sequence of RecognizedFace

    Returns
    -------
    list of RecognizedFace
    """

    def hidden(each):
        face = replace(each.recognition.face, chip=np.full_like(each.recognition.face.chip, 128))
        return replace(each, recognition=replace(each.recognition, face=face))

    return [hidden(face) for face in faces]


class FaceBlur:
    """Blurs the faces of a video, and for a while the last places of faces that are lost.

    Parameters
    ----------
    kind : {"faces", "eyes"}
        One of `BLURS`.
    hold_s : float, default=2
        How long a place stays blurred, in seconds of the video. Give 0 for single images.

    Attributes
    ----------
    new_regions : tuple of ndarray
        Polygons of the last frame's faces that were not in the frames before.
    """

    def __init__(self, kind, *, hold_s=HOLD_S):
        self.kind, self.hold_s = kind, hold_s
        self._places, self._now, self.new_regions = {}, -math.inf, ()

    def update(self, time_s, faces):
        """Take the faces of a frame. A time before the last frame's begins a new video.

        Parameters
        ----------
        time_s : float
        faces : iterable of (int, Face)
            With the numbers of their tracks.
        """
        if time_s < self._now:
            self._places = {}
        self._now = time_s
        regions = {track_id: blur_region(face, self.kind) for track_id, face in faces}
        self.new_regions = tuple(region for track_id, region in regions.items() if track_id not in self._places)
        self._places |= {track_id: (time_s, region) for track_id, region in regions.items()}
        self._places = {track_id: place for track_id, place in self._places.items() if time_s - place[0] <= self.hold_s}

    def apply(self, image):
        """Return a copy of the frame's image, shape (height, width, 3), uint8, with blurred faces."""
        return blur_regions(image, [self._grown(*place) for place in self._places.values()])

    def _grown(self, seen_s, region):
        age = (self._now - seen_s) / self.hold_s if self.hold_s else 0.0
        return _scaled(region, 1 + _GROWTH * age)
