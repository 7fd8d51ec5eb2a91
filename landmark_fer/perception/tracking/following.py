"""Face tracking: landmarks follow faces from frame to frame, detectors find new ones."""

import math
from functools import partial

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.perception.face_check import FaceCheck
from landmark_fer.perception.images import to_grey
from landmark_fer.perception.tracking.schedule import CutFinder, DetectionSchedule, DetectionThread, Scene
from landmark_fer.perception.tracking.tracks import (
    Track,
    appearance_of,
    box_at,
    in_image,
    is_another,
    is_steady,
    matched,
    place_of,
    pose_of,
)

_QUICK_S = 0.07  # between frames; faces detected in one frame can wait for the next
_PAUSE = 3  # times the last interval between frames; after more, and after `patience_s`, faces may be other people's
_UNCONFIRMED_S = 0.35  # how long a track is valid without a detection; longer than `DETECT_S`
_SLOWEST = 0.03  # inter-ocular distances per frame; slower faces are expected where they were
_FAST = 0.15  # inter-ocular distances from the expected position; beyond it a face is located twice
_SURE_OVERLAP = 0.45  # overlap of a detector's box and a track's; below it, landmarks decide
_ONE_FACE = 0.5  # inter-ocular distances; nearer centres belong to one face
_MOST_AT_ONCE = 2  # faces; more take turns
_SLIPPED = 0.15  # sides of the box, between landmarks and detector; beyond it landmarks are located again


class FaceFollower:
    """Tracks the faces of one video, each with a permanent number.

    Detection takes many times as long as locating landmarks. Therefore the whole frame is searched only at intervals,
    in the first frame and after a cut. In between, a face is located from the landmarks of the previous frame. A track
    that moves, grows or looks unlike a face, or that was not detected for a while, is checked by a detector, and is
    lost if that finds no face. docs/decisions/0010 has the figures.

    At high frame rates, detected faces are used with the next frame, so that the detector runs in the background: from
    `start_detection` on, or from the beginning of the next frame. The result depends only on the frames and their
    times, never on the speed of the computer.

    Parameters
    ----------
    extractor : FaceExtractor
    every : int, optional
        Search the whole of every n-th frame; 1 returns the faces of `FaceExtractor.extract`, without tracking.
        By default as in `DetectionSchedule`: four times a second, and at once if a face is lost.
    patience_s : float, default=1
        Seconds of video after which a lost track ends, and every track if frames pause as long.

    Attributes
    ----------
    in_turns : bool
        Whether more than two faces take turns while frames follow each other quickly: each is then located in every
        second frame, and expected where its motion takes it in between. False if it is not set.
    located_numbers : frozenset of int
        Numbers of the faces that were located in the last frame.

    Raises
    ------
    InputError
        If `every` is less than 1.
    """

    def __init__(self, extractor, *, every=None, patience_s=1.0):
        if every is not None and every < 1:
            raise InputError(f"every must be a number of images from 1, got {every}; leave it out for the default")
        self.every, self.patience_s, self.in_turns = every, patience_s, False
        self.located_numbers = frozenset()
        self._extractor = extractor
        self._detector, self._predictor = extractor.detector, extractor.landmark_predictor
        self._schedule = DetectionSchedule(extractor.detector, every)
        small = extractor.small_detector
        self._small_schedule = DetectionSchedule(small, every) if small is not None else None
        self._thread, self._pending = DetectionThread(), None
        self._whole = not extractor.detector.searches
        self._cuts, self._check = CutFinder(), FaceCheck()
        self._tracks, self._next_number = [], 1
        self._time_s, self._interval_s = -math.inf, math.inf

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Forget all tracks, and wait for a running detection."""
        self._tracks, self._pending = [], None
        self._thread.close()

    def follow(self, image, *, time_s):
        """Return the faces of the video's next frame.

        Parameters
        ----------
        image : ndarray of shape (height, width, 3) in RGB or (height, width), uint8
        time_s : float
            Time of the frame in seconds; never less than in the previous call.

        Returns
        -------
        list of (int, Face)
            In ascending order of their numbers, which count from 1 and are never used twice.
        """
        grey = to_grey(image)
        before = {track.number: track.face for track in self._tracks}
        interval_s, before_s = time_s - self._time_s, self._interval_s
        paused = interval_s > max(self.patience_s, _PAUSE * before_s)
        if self._cuts.is_cut(grey) or paused:
            self._tracks, self._pending = [], None
            self._schedule.restart()
            if self._small_schedule is not None:
                self._small_schedule.restart()
        if self.every == 1 or self._whole:
            self._take_each(grey, time_s)
        else:
            self._follow(grey, time_s)
        self._time_s, self._interval_s = time_s, interval_s
        self._tracks = [track for track in self._tracks if time_s - track.seen_s <= self.patience_s]
        shown = sorted(self._active(), key=lambda track: track.number)
        self.located_numbers = located = frozenset(
            track.number for track in shown if track.face is not before.get(track.number)
        )
        self._tracks.sort(key=lambda track: track.number in located)  # whose turn it is next is first
        return [
            (track.number, track.face if track.number in located else track.face.moved(*_expected_shift(track, time_s)))
            for track in shown
        ]

    def start_detection(self):
        """Start a pending detection in the background.

        Call it after the results of the last frame are displayed, because a detection that starts earlier delays them.
        """
        if self._pending is not None:
            self._pending.begin()

    def _follow(self, grey, time_s):
        """Update the tracks, add the faces detected in the previous frame, and detect if it is due."""
        self.start_detection()
        quick = time_s - self._time_s <= _QUICK_S
        lost = self._relocate(self._turn() if quick and self.in_turns else self._active(), grey, time_s)
        whole = self._pending is None or self._take_detected(self._pending, grey, time_s)
        self._pending = None
        urgent = self._schedule.begins or not whole or (lost and self.every is None)
        seeking = any(track.lost for track in self._tracks)
        make_scene = partial(self._scene, grey)
        detector = self._schedule.next(time_s, make_scene, at_once=urgent, quick=quick, seeking=seeking)
        if detector is not None:
            self._detect(detector, grey, time_s, at_once=urgent or not quick)
        if (detector is None or not quick) and self._small_schedule is not None and not self._follows_large():
            small = self._small_schedule.next(time_s, make_scene, at_once=False, quick=quick, seeking=seeking)
            if small is not None:
                self._detect(small, grey, time_s, at_once=not quick)

    def _follows_large(self):
        """Return whether a face is followed that the detector of the larger faces can find."""
        return any(track.face.box.width >= self._detector.smallest_face for track in self._active())

    def _detect(self, detector, grey, time_s, *, at_once):
        """Detect faces, and take them now or with the next frame."""
        detection = self._thread.prepare(detector, grey, time_s, self._active())
        if at_once:
            self._take_detected(detection, grey, time_s)
        else:
            self._pending = detection

    def _scene(self, grey):
        return Scene.of(self._cuts.thumbnail, grey.shape[::-1], [track.face.box for track in self._active()])

    def _active(self):
        return [track for track in self._tracks if not track.lost]

    def _take_each(self, grey, time_s):
        """Take the detected faces of the frame, without tracking landmarks."""
        found = self._extractor.extract(grey)
        if self._whole and self._tracks:
            self._tracks[0].find(found[0], time_s)
            return
        for track in self._tracks:
            track.lost = True
        self._take(found, time_s)

    def _take_detected(self, detection, grey, time_s):
        """Confirm the detected tracks, find lost ones again, and begin tracks for the other faces.

        Returns whether each detected face is now tracked.
        """
        found = []
        for box, score in detection.boxes():
            track = max(detection.tracked, key=lambda tracked: tracked[1].overlap(box), default=None)
            if track is None or track[1].overlap(box) < _SURE_OVERLAP:
                face = self._extractor.face_at(detection.grey, box, score)
                pose = pose_of(face.landmarks)
                track = next((tracked for tracked in detection.tracked if tracked[2].distance(pose) < _ONE_FACE), None)
                if track is None:
                    found += [face] if self._extractor.accepts(detection.grey, face) else []
                    continue
            track[0].confirmed_s = max(track[0].confirmed_s, detection.time_s)
        if detection.grey is not grey:
            found = [self._moved_to_frame(face, grey) for face in found]
        new = [face for face in found if face is not None and not self._is_followed(face)]
        for track in self._active() if new else ():  # a new face may be one that its track has lost
            if track.confirmed_s < detection.time_s:
                track.lost = self._check.find(grey, track.face.landmarks)[1] > _SLIPPED
        self._take(new, time_s)
        return None not in found

    def _moved_to_frame(self, face, grey):
        """Return a face of the previous frame, located in this one; None if it cannot be confirmed there."""
        landmarks = self._predictor.refine(grey, [face.landmarks])[0]
        if self._check.find(grey, landmarks)[1] > _SLIPPED:
            return None
        box = box_at(place_of(face.box, pose_of(face.landmarks)), pose_of(landmarks))
        return self._extractor.face_of(grey, box, landmarks, face.detector_score)

    def _is_followed(self, face):
        pose = pose_of(face.landmarks)
        return any(track.pose.distance(pose) < _ONE_FACE for track in self._active())

    def _take(self, faces, time_s):
        """Assign detected faces to lost tracks, or begin new tracks."""
        continued = matched([track for track in self._tracks if track.lost], faces, time_s)
        for index, face in enumerate(faces):
            if index in continued and self._is_of_another(continued[index], face.landmarks, appearance_of(face.chip)):
                self._tracks.remove(continued.pop(index))
            if index in continued:
                continued[index].find(face, time_s)
            else:
                self._tracks.append(Track.begin(self._next_number, face, time_s))
                self._next_number += 1

    def _turn(self):
        """Return the active tracks whose turn it is: half of them, and two or more, those located longest ago."""
        active = self._active()
        return active[: max(_MOST_AT_ONCE, -(-len(active) // 2))]

    def _relocate(self, tracks, grey, time_s):
        """Locate the faces of active tracks, keep one track per face, and return whether a track was lost."""
        shifts = [_expected_shift(track, time_s) for track in tracks]
        guesses = [track.face.landmarks + np.float32(shift) for track, shift in zip(tracks, shifts, strict=True)]
        located = self._predictor.refine(grey, guesses)
        relocated = [
            (track, self._relocate_one(track, track.pose.shifted(*shift), landmarks, grey, time_s))
            for track, shift, landmarks in zip(tracks, shifts, located, strict=True)
        ]
        taken = [track.pose for track in self._active() if track not in tracks]
        for track, found in sorted(relocated, key=lambda pair: -(pair[1][2] @ pair[0].appearance) if pair[1] else 0.0):
            track.lost = found is None or any(found[1].distance(pose) < _ONE_FACE for pose in taken)
            if not track.lost:
                taken.append(found[1])
                track.update(*found, time_s)
        return any(track.lost for track in tracks)

    def _relocate_one(self, track, expected, landmarks, grey, time_s):
        """Return (face, pose, appearance) of a track whose face is expected in a pose; None if it is lost."""
        if not np.isfinite(landmarks).all() or not np.ptp(landmarks, axis=0).all():  # at one place, or infinitely far
            return None
        pose = pose_of(landmarks)
        if pose.distance(expected) > _FAST:
            landmarks = self._predictor.refine(grey, [landmarks])[0]
            pose = pose_of(landmarks)
        if not in_image(grey, landmarks):
            return None
        face, appearance = self._face(track, grey, landmarks, pose)
        steady = is_steady(pose, track.pose, expected, float(track.latest_appearance @ appearance))
        if steady and not self._cuts.may_be_cut and time_s - track.confirmed_s < _UNCONFIRMED_S:
            return face, pose, appearance
        box, distance = self._check.find(grey, landmarks)
        if box is None:
            return None
        track.confirmed_s = time_s
        if distance > _SLIPPED:
            landmarks = self._predictor.locate(grey, box)
            pose = pose_of(landmarks)
            face, appearance = self._face(track, grey, landmarks, pose)
        if self._is_of_another(track, landmarks, appearance):
            self._tracks.remove(track)
            return None
        return face, pose, appearance

    def _is_of_another(self, track, landmarks, appearance):
        """Return whether the shot may have changed, and shows another person where a track was."""
        alike = float(track.latest_appearance @ appearance)
        return self._cuts.may_be_cut and is_another(landmarks, track.face.landmarks, alike)

    def _face(self, track, grey, landmarks, pose):
        """Return the face of a track with these landmarks, and its appearance vector."""
        face = self._extractor.face_of(grey, box_at(track.place, pose), landmarks, track.face.detector_score)
        return face, appearance_of(face.chip)


def _expected_shift(track, time_s):
    """Return the expected shift of a track's face, (right, down) in pixels."""
    shift = track.shift(time_s)
    return (0.0, 0.0) if math.hypot(*shift) < _SLOWEST * track.pose.size else shift
