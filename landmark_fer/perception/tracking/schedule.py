"""Detection schedule: when to search a frame of a video for faces; detection of cuts between shots."""

import contextlib
import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

_SAMPLES = (128, 96)  # pixels sampled from a frame, then averaged to a thumbnail
_THUMBNAIL = (32, 24)
_LEVELS = 16
_LEAST_CHANGE = 6.0  # mean grey levels; less is noise, and dark frames do not correlate

# Minimum correlation of thumbnails within a shot, and the same if the histogram of grey levels changes too. With a
# moving camera it fell to 0.6 within shots, with a fast walk across the frame to 0.4; at cuts it was under 0.2.
_ALIKE, _ALIKE_RELIT = 0.25, 0.5
_RELIT = 0.15
_ALIKE_FACES = 0.8  # the same if a face changes, too; portraits in the same place have 0.3 to 0.9

_CHANGE = 6.0  # grey levels of a pixel of the thumbnail; sensor noise changes it less
_AROUND = 0.5  # of the side of a face's box, on each side, because hair and neck move with the face


class CutFinder:
    """Detects cuts between shots from the thumbnails of consecutive frames."""

    def __init__(self):
        self._shape, self._samples, self._thumbnail = None, None, None
        self._alike = 1.0

    @property
    def thumbnail(self):
        """The thumbnail of the latest frame minus its mean, shape (24, 32), float32."""
        return self._thumbnail

    @property
    def may_be_cut(self):
        """Whether the latest frame may begin a new shot, in which faces that differ are other people's."""
        return self._alike < _ALIKE_FACES

    def is_cut(self, grey):
        """Return whether a frame begins a new shot; False for the first frame.

        Parameters
        ----------
        grey : ndarray of shape (height, width), uint8
            The next frame of the video.

        Returns
        -------
        bool
        """
        samples = cv2.resize(grey, _SAMPLES, interpolation=cv2.INTER_NEAREST)
        thumbnail = cv2.resize(samples, _THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32)
        thumbnail -= thumbnail.sum() / thumbnail.size
        shape, samples_before, before = self._shape, self._samples, self._thumbnail
        self._shape, self._samples, self._thumbnail, self._alike = grey.shape, samples, thumbnail, 1.0
        if shape != grey.shape:
            return shape is not None
        if cv2.norm(thumbnail, before, cv2.NORM_L1) < _LEAST_CHANGE * thumbnail.size:
            return False
        relit = np.abs(_histogram(samples) - _histogram(samples_before)).sum() / 2 > _RELIT
        self._alike = _correlation(thumbnail, before)
        return self._alike < (_ALIKE_RELIT if relit else _ALIKE)


def _histogram(samples):
    """Return the normalized histogram of grey levels."""
    return np.bincount((samples // (256 // _LEVELS)).ravel(), minlength=_LEVELS) / samples.size


def _correlation(now, before):
    """Return the correlation of centred thumbnails; 0 if one is uniform."""
    spread = math.sqrt(float((now**2).sum() * (before**2).sum()))
    return float((now * before).sum()) / spread if spread > 0 else 0.0


@dataclass(frozen=True, eq=False)
class Scene:
    """The thumbnail of a frame and the part of it that tracked faces cover.

    Attributes
    ----------
    thumbnail : ndarray of shape (rows, columns), float32
        Minus its mean, so that a uniform change of brightness does not count.
    covered : ndarray of shape (rows, columns), bool
    """

    thumbnail: np.ndarray
    covered: np.ndarray

    @classmethod
    def of(cls, thumbnail, size, boxes):
        """Return the scene of a frame of a size (width, height) with faces in boxes."""
        covered = np.zeros(thumbnail.shape, dtype=bool)
        across, down = (cells / pixels for cells, pixels in zip(thumbnail.shape[::-1], size, strict=True))
        for box in boxes:
            left, top = box.x - _AROUND * box.width, box.y - _AROUND * box.height
            right, bottom = box.x + (1 + _AROUND) * box.width, box.y + (1 + _AROUND) * box.height
            rows = slice(max(0, round(top * down)), max(0, round(bottom * down)))
            covered[rows, max(0, round(left * across)) : max(0, round(right * across))] = True
        return cls(thumbnail, covered)

    def differs(self, before):
        """Return whether the scene changed since `before` outside of the tracked faces."""
        changed = np.abs(self.thumbnail - before.thumbnail) > _CHANGE
        return bool((changed & ~(self.covered & before.covered)).any())


DETECT_S = 0.25  # seconds of video between two detections
_SEEK_S = 0.1  # the same while a face is lost
_REST_S = 1.0  # the same while nothing changes outside of the tracked faces
_ROUNDING_S = 1e-6  # times of frames are sums


class DetectionSchedule:
    """Decides which detector, if any, searches a frame of a video.

    In a video of many frames a second the parts of a detector take turns, so that no frame bears the work of a whole
    detection. Where nothing but the followed faces changed since a part looked, there is no new face: it looks again
    after a second.

    Parameters
    ----------
    detector : Detector
    every : int, optional
        Detect in each n-th frame, by the detector as a whole.
    """

    def __init__(self, detector, every=None):
        self._detector, self._parts, self._every = detector, detector.parts, every
        self._detected_s, self._scenes, self._frames_since = None, None, 0  # of each part

    @property
    def begins(self):
        """Whether there was no detection since the beginning or `restart`."""
        return self._detected_s is None

    def restart(self):
        """Detect in the next frame."""
        self._detected_s = None

    def next(self, time_s, make_scene, *, at_once, quick, seeking):
        """Return the detector that searches the next frame, or None.

        Parameters
        ----------
        time_s : float
            Of the frame.
        make_scene : callable
            Returns its `Scene`.
        at_once : bool
            Whether the whole detector must search now.
        quick : bool
            Whether frames follow so quickly that parts of the detector may take turns.
        seeking : bool
            Whether a face is lost.
        """
        self._frames_since += 1
        pause = _SEEK_S if seeking else DETECT_S
        if at_once or self.begins or (self._every is not None and self._frames_since >= self._every):
            return self._all_parts(time_s, pause, make_scene())
        part = self._detected_s.index(min(self._detected_s)) if quick else 0
        waited_s = time_s - self._detected_s[part] + _ROUNDING_S
        if self._every is not None or waited_s < pause:
            return None
        scene = make_scene()
        if not seeking and waited_s < _REST_S and not scene.differs(self._scenes[part]):
            return None
        if not quick:
            return self._all_parts(time_s, pause, scene)
        self._detected_s[part], self._scenes[part] = time_s, scene
        return self._parts[part]

    def _all_parts(self, time_s, pause, scene):
        """Return the whole detector; its parts follow at equal intervals."""
        count, self._frames_since = len(self._parts), 0
        self._detected_s = [time_s - pause * turn / count for turn in range(count)]
        self._scenes = [scene] * count
        return self._detector


class PendingDetection:
    """Detection in a frame: pending, running or complete.

    Parameters
    ----------
    find : callable
        Returns a future of the detector's boxes and scores; called once.
    grey : ndarray of shape (height, width), uint8
    time_s : float
        Of the frame.
    tracked : list of (Track, Box, Pose)
        The tracked faces and their positions in this frame.
    """

    def __init__(self, find, grey, time_s, tracked):
        self._find, self._future = find, None
        self.grey, self.time_s, self.tracked = grey, time_s, tracked

    def begin(self):
        """Start the detector in the background."""
        if self._future is None:
            self._future = self._find(self.grey)

    def boxes(self):
        """Wait for the detector and return its faces as (Box, score)."""
        self.begin()
        return self._future.result()


class DetectionThread:
    """Runs detectors in a background thread, one frame after another.

    dlib and OpenCV release the interpreter meanwhile.
    """

    def __init__(self):
        self._thread = None

    def prepare(self, detector, grey, time_s, tracks):
        """Return the `PendingDetection` of a frame, not started.

        Parameters
        ----------
        detector : Detector
        grey : ndarray of shape (height, width), uint8
        time_s : float
        tracks : sequence of Track
        """
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "landmark_fer detection", _lower_priority)
        tracked = [(track, track.face.box, track.pose) for track in tracks]
        return PendingDetection(partial(self._thread.submit, detector.find), grey, time_s, tracked)

    def close(self):
        """Wait for the thread and end it."""
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None


def _lower_priority():
    """Lower the priority of this thread: SCHED_BATCH does not preempt other threads (see sched(7))."""
    if hasattr(os, "SCHED_BATCH"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
