"""Smoothing of landmarks, probabilities and labels of each track over time, independent of the frame rate.

Every signal is interpolated linearly between two frames and the filters are solved exactly for it. The result depends
on the signal and on time, not on the number of frames.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.core.geometry import interocular_distance
from landmark_fer.core.records import Box

# Values at strength 1. Times and margins are multiplied by the strength, cut-off frequencies are divided by it.
HALF_LIFE_S = 0.20  # half-life of probabilities, which decay exponentially
MARGIN = 0.20  # lead in probability that another label needs before it gathers evidence
EVIDENCE_S = 0.04  # evidence (lead over the margin times seconds) that changes the label
UNCERTAIN_EVIDENCE_S = 0.16  # the same for a change to uncertain, which is crossed on the way between two labels
CUTOFF_HZ = 0.5  # cutoff for points that do not move
CUTOFF_PER_SPEED = 2.5  # additional Hz for each inter-ocular distance a second
SPEED_CUTOFF_HZ = 1.0  # cutoff for speeds at any strength, as in the paper

MIN_STRENGTH = 1e-6  # weaker smoothing changes nothing and would divide by 0
MIN_STEP_S = 1e-6  # frames that are closer in time count as one


@dataclass(frozen=True, eq=False)
class _State:
    """Smoothed and raw values of a track after a frame; points are landmarks and two corners of the box."""

    raw_points: np.ndarray
    points: np.ndarray
    velocity: np.ndarray
    raw_scores: np.ndarray
    scores: np.ndarray
    label: int
    evidence: np.ndarray


class _Track:
    """State of a track after the last frame and before it, for a frame that replaces the last."""

    def __init__(self):
        self.clock = -math.inf
        self.elapsed_s = 0.0
        self.before = self.now = None

    def tick(self, time_s):
        """Advance to a time. If the clock stands still or steps back, the next frame replaces the last."""
        if time_s - self.clock > MIN_STEP_S:
            self.before, self.elapsed_s = self.now, time_s - self.clock
        self.clock = time_s


class Smoother:
    """Smooths the recognitions of each track of a video.

    Landmarks and box pass a One-Euro filter [1]_ with speeds in inter-ocular distances a second, which makes it
    independent of the size of the face. Probabilities decay exponentially. The label changes when another label
    has gathered enough evidence: the integral over time of its lead over a margin, which never falls below 0.
    Uncertain counts as a label with the constant probability `threshold`.

    Parameters
    ----------
    classes : sequence of str
        Of the model.
    strength : float, default=0.5
        From 0, which returns every recognition unchanged, to 1. Half-life, margin and evidence grow in proportion;
        cut-off frequencies fall in proportion.
    threshold : float, default=0
        Threshold of the `Recognizer`.

    Raises
    ------
    InputError
        If strength or threshold is not from 0 to 1.

    References
    ----------
    .. [1] Casiez, Roussel and Vogel, 1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in
       Interactive Systems, CHI 2012.
    """

    def __init__(self, classes, *, strength=0.5, threshold=0.0):
        for name, value in (("strength", strength), ("threshold", threshold)):
            if not 0 <= value <= 1:
                raise InputError(f"{name} of smoothing must be from 0 to 1, got {value!r}; give another")
        self.classes, self.strength, self.threshold = tuple(classes), strength, threshold
        self._tracks = {}

    def update(self, track_id, recognition, *, time_s):
        """Return a recognition smoothed with the earlier recognitions of the track.

        Parameters
        ----------
        track_id : int
        recognition : Recognition
            The model's prediction for this frame; its chip and crop are not changed.
        time_s : float
            Time of the frame in seconds. A frame that is not later than the last replaces it.

        Returns
        -------
        Recognition
            Its `confidence` is the probability of its expression, which near a change may not be the largest. If the
            expression is `UNCERTAIN`, it is the largest probability.
        """
        if self.strength < MIN_STRENGTH:
            return recognition
        track = self._tracks.setdefault(track_id, _Track())
        track.tick(time_s)
        points, scores = _points(recognition.face), self._scores(recognition.probabilities)
        track.now = self._first(points, scores) if track.before is None else self._next(track, points, scores)
        return self._smoothed(recognition, track.now)

    def keep_only(self, track_ids):
        """Remove all tracks but these."""
        self._tracks = {track_id: self._tracks[track_id] for track_id in track_ids if track_id in self._tracks}

    def _scores(self, probabilities):
        """Return the probabilities in the order of the classes and, last, that of uncertain."""
        return np.array([*(probabilities[name] for name in self.classes), self.threshold])

    def _first(self, points, scores):
        return _State(
            points, points, np.zeros_like(points), scores, scores, int(scores.argmax()), np.zeros(len(scores))
        )

    def _next(self, track, points, scores):
        before, elapsed_s, strength = track.before, track.elapsed_s, self.strength
        smooth, velocity = one_euro(before, points, elapsed_s=elapsed_s, strength=strength)
        time_constant_s = strength * HALF_LIFE_S / math.log(2)
        decayed_scores = decayed(before.scores, before.raw_scores, scores, elapsed_s / time_constant_s)
        lead = decayed_scores - decayed_scores[before.label] - strength * MARGIN
        evidence = np.maximum(before.evidence + elapsed_s * lead, 0.0)
        label = before.label
        required = np.full(len(scores), strength * EVIDENCE_S)
        required[-1] = strength * UNCERTAIN_EVIDENCE_S
        if (ready := evidence >= required).any():
            label = int(np.where(ready, decayed_scores, -1.0).argmax())
            evidence = np.zeros(len(scores))
        return _State(points, smooth, velocity, scores, decayed_scores, label, evidence)

    def _smoothed(self, recognition, state):
        landmarks, ((x, y), (right, bottom)) = state.points[:-2], state.points[-2:].tolist()
        face = replace(recognition.face, landmarks=landmarks.astype(np.float32), box=Box(x, y, right - x, bottom - y))
        probabilities = state.scores[:-1].tolist()
        certain = state.label < len(self.classes)
        return replace(
            recognition,
            face=face,
            expression=self.classes[state.label] if certain else UNCERTAIN,
            confidence=probabilities[state.label] if certain else max(probabilities),
            probabilities=dict(zip(self.classes, probabilities, strict=True)),
        )


def decayed(smooth, before, now, steps):
    """Return an exponentially decaying mean at the end of a linear change of the signal.

    Parameters
    ----------
    smooth : ndarray
        The mean at the start of the change.
    before, now : ndarray, same shape
        The signal at the start and at the end.
    steps : float or ndarray
        Duration in time constants; over 0.

    Returns
    -------
    ndarray
        A mean of the three with non-negative weights: the exact solution of ``dm/dt = (signal - m) / T``.
    """
    decay = np.exp(-steps)
    mean_decay = -np.expm1(-steps) / steps
    return decay * smooth + (mean_decay - decay) * before + (1 - mean_decay) * now


def one_euro(before, points, *, elapsed_s, strength):
    """Return points and velocities of shape (n, 2) after a One-Euro filter, which smooths slow points most.

    Parameters
    ----------
    before : object with ``points``, ``raw_points`` and ``velocity``
        State `elapsed_s` seconds ago; velocities in inter-ocular distances a second.
    points : ndarray of shape (n, 2)
        Raw points, landmarks first.
    elapsed_s : float
        Over 0.
    strength : float
        Over 0.
    """
    decay = math.exp(-2 * math.pi * SPEED_CUTOFF_HZ * elapsed_s)
    raw_velocity = (points - before.raw_points) / (_size(points) * elapsed_s)
    velocity = decay * before.velocity + (1 - decay) * raw_velocity
    mean = (before.velocity + velocity) / 2
    speed = np.hypot(mean[:, 0], mean[:, 1])
    cutoff_hz = (CUTOFF_HZ + CUTOFF_PER_SPEED * speed) / strength
    steps = 2 * np.pi * elapsed_s * cutoff_hz[:, None]
    return decayed(before.points, before.raw_points, points, steps), velocity


def _points(face):
    """Return the landmarks followed by two corners of the box, shape (70, 2)."""
    box = face.box
    corners = [(box.x, box.y), (box.x + box.width, box.y + box.height)]
    return np.concatenate([face.landmarks, corners]).astype(np.float64)


def _size(points):
    """Return the inter-ocular distance, or the side of the box if that distance is 0."""
    return float(interocular_distance(points[:-2])) or float(np.abs(points[-1] - points[-2]).max()) or 1.0
