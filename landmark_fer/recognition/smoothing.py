"""Smoothing over time: steady landmarks, probabilities and labels for each track, the same at any frame rate.

Between two frames every signal is taken to run straight, and the filters are solved exactly for that: what comes out
depends on the signal and on seconds, not on how often it was looked at.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.core.geometry import interocular_distance
from landmark_fer.core.records import Box

# The law of strength. Times and margins grow in proportion to it, cut-offs fall in proportion: twice the strength,
# twice the calm and twice the delay.
HALF_LIFE_S = 0.20  # of what the probabilities remember, at strength 1
MARGIN = 0.20  # by which another label must lead before that counts, at strength 1
EVIDENCE_S = 0.04  # lead over the margin times seconds that changes the label, at strength 1
UNCERTAIN_EVIDENCE_S = 0.16  # the same for the change to uncertain: a way from label to label passes through doubt
CUTOFF_HZ = 0.5  # of points at rest, at strength 1
CUTOFF_PER_SPEED = 2.5  # Hz more for each inter-ocular distance a second, at strength 1
SPEED_CUTOFF_HZ = 1.0  # of the speeds themselves, as in the paper

LEAST_STRENGTH = 1e-6  # weaker smoothing shows nothing that is not in the answers, and divides by nothing
LEAST_STEP_S = 1e-6  # between two frames: those that are closer are of one time


@dataclass(frozen=True, eq=False)
class _State:
    """What is remembered of a track: `raw` is as it came last, `points` are landmarks and the corners of the box."""

    raw_points: np.ndarray
    points: np.ndarray
    velocity: np.ndarray
    raw_scores: np.ndarray
    scores: np.ndarray
    label: int
    evidence: np.ndarray


class _Track:
    """The state after the last frame and, for a frame that takes its place, the state before it."""

    def __init__(self):
        self.clock = -math.inf
        self.elapsed_s = 0.0
        self.before = self.now = None

    def tick(self, time_s):
        """Move on to a time. A clock that stands still or steps back has the last frame replaced by the next."""
        if time_s - self.clock > LEAST_STEP_S:
            self.before, self.elapsed_s = self.now, time_s - self.clock
        self.clock = time_s


class Smoother:
    """Smooths the recognitions of each track of a video.

    Landmarks and box go through a One-Euro filter [1]_ whose speeds are in inter-ocular distances a second, so that a
    face is treated alike at any size. Probabilities decay exponentially. The label changes when another has led for
    long enough by enough: its lead over a margin, times seconds, is added up, and set back to 0 where it falls under
    it. Uncertain takes part as a label whose probability is always `threshold`.

    Parameters
    ----------
    classes : sequence of str
        The model's.
    strength : float, default=0.5
        0 returns every recognition as it came. Up to 1 half-life, margins and the time that a change takes grow in
        proportion, and the cut-offs of the filter fall in proportion.
    threshold : float, default=0
        Probability under which no expression is named; the `Recognizer`'s.

    Raises
    ------
    InputError
        If strength or threshold does not lie from 0 to 1.

    References
    ----------
    .. [1] Casiez, Roussel and Vogel, 1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in
       Interactive Systems, CHI 2012.
    """

    def __init__(self, classes, *, strength=0.5, threshold=0.0):
        for name, value in (("strength", strength), ("threshold", threshold)):
            if not 0 <= value <= 1:
                raise InputError(f"{name} of smoothing must lie from 0 to 1, got {value!r}; give another")
        self.classes, self.strength, self.threshold = tuple(classes), strength, threshold
        self._tracks = {}

    def update(self, track_id, recognition, *, time_s):
        """Return a recognition smoothed over what the track showed before.

        Parameters
        ----------
        track_id : int
        recognition : Recognition
            The model's answer to this frame; its chip and crop are handed on as they are.
        time_s : float
            When the frame was taken, in seconds. A frame that is not later than the last takes its place.

        Returns
        -------
        Recognition
            Its `confidence` is the probability of the label that is shown, which near a change need not be the
            likeliest; where the label is `UNCERTAIN`, that of the likeliest.
        """
        if self.strength < LEAST_STRENGTH:
            return recognition
        track = self._tracks.setdefault(track_id, _Track())
        track.tick(time_s)
        points, scores = _points(recognition.face), self._scores(recognition.probabilities)
        track.now = self._begun(points, scores) if track.before is None else self._next(track, points, scores)
        return self._shown(recognition, track.now)

    def forget_but(self, track_ids):
        """Drop what is remembered of all tracks but these."""
        self._tracks = {track_id: self._tracks[track_id] for track_id in track_ids if track_id in self._tracks}

    def _scores(self, probabilities):
        """Return the probabilities in order and, as the last, that of uncertain."""
        return np.array([*(probabilities[name] for name in self.classes), self.threshold])

    def _begun(self, points, scores):
        return _State(points, points, np.zeros_like(points), scores, scores, _leader(scores), np.zeros(len(scores)))

    def _next(self, track, points, scores):
        before, elapsed_s, strength = track.before, track.elapsed_s, self.strength
        smooth, velocity = one_euro(before, points, elapsed_s=elapsed_s, strength=strength)
        time_constant_s = strength * HALF_LIFE_S / math.log(2)
        probable = decayed(before.scores, before.raw_scores, scores, elapsed_s / time_constant_s)
        lead = probable - probable[before.label] - strength * MARGIN
        evidence = np.maximum(before.evidence + elapsed_s * lead, 0.0)
        label = before.label
        needed = np.full(len(scores), strength * EVIDENCE_S)
        needed[-1] = strength * UNCERTAIN_EVIDENCE_S
        if (ready := evidence >= needed).any():
            label = int(np.where(ready, probable, -1.0).argmax())
            evidence = np.zeros(len(scores))
        return _State(points, smooth, velocity, scores, probable, label, evidence)

    def _shown(self, recognition, state):
        landmarks, ((x, y), (right, bottom)) = state.points[:-2], state.points[-2:].tolist()
        face = replace(recognition.face, landmarks=landmarks.astype(np.float32), box=Box(x, y, right - x, bottom - y))
        probabilities = state.scores[:-1].tolist()
        named = state.label < len(self.classes)
        return replace(
            recognition,
            face=face,
            expression=self.classes[state.label] if named else UNCERTAIN,
            confidence=probabilities[state.label] if named else max(probabilities),
            probabilities=dict(zip(self.classes, probabilities, strict=True)),
        )


def decayed(smooth, before, now, steps):
    """Return an exponentially decaying mean after the signal has gone straight from one value to another.

    Parameters
    ----------
    smooth : ndarray
        The mean at the beginning of that time.
    before, now : ndarray, same shape
        The signal at its beginning and its end.
    steps : float or ndarray
        How long it took, in time constants; over 0.

    Returns
    -------
    ndarray
        A mean of the three with weights that are not negative: the exact solution of ``dm/dt = (signal - m) / T``.
    """
    kept = np.exp(-steps)
    middle = -np.expm1(-steps) / steps
    return kept * smooth + (middle - kept) * before + (1 - middle) * now


def one_euro(before, points, *, elapsed_s, strength):
    """Return points and their velocities, both of shape (n, 2), filtered: slow points much, fast points little.

    Parameters
    ----------
    before : object with ``points``, ``raw_points`` and ``velocity``
        As they were `elapsed_s` seconds ago; velocities in inter-ocular distances a second.
    points : ndarray of shape (n, 2)
        As they came, landmarks first.
    elapsed_s : float
        Over 0.
    strength : float
        Over 0.
    """
    kept = math.exp(-2 * math.pi * SPEED_CUTOFF_HZ * elapsed_s)
    moved = (points - before.raw_points) / (_size(points) * elapsed_s)
    velocity = kept * before.velocity + (1 - kept) * moved
    mean = (before.velocity + velocity) / 2
    speed = np.hypot(mean[:, 0], mean[:, 1])
    cutoff_hz = (CUTOFF_HZ + CUTOFF_PER_SPEED * speed) / strength
    steps = 2 * np.pi * elapsed_s * cutoff_hz[:, None]
    return decayed(before.points, before.raw_points, points, steps), velocity


def _points(face):
    """Return the landmarks and, after them, two corners of the box, shape (70, 2)."""
    box = face.box
    corners = [(box.x, box.y), (box.x + box.width, box.y + box.height)]
    return np.concatenate([face.landmarks, corners]).astype(np.float64)


def _size(points):
    """Return the inter-ocular distance; where the eyes fall on one another, the side of the box."""
    return float(interocular_distance(points[:-2])) or float(np.abs(points[-1] - points[-2]).max()) or 1.0


def _leader(scores):
    """Return the index of the likeliest; the last, uncertain, only where it leads."""
    return int(scores.argmax())
