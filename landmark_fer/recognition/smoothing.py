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
from landmark_fer.recognition.results import close_second

# Values at strength 1. Times and widths are multiplied by the strength, cut-off frequencies are divided by it.
HALF_LIFE_S = 0.20  # half-life of probabilities
SPEECH_HALF_LIFE_S = 0.40  # the same while the face speaks: some syllables
STILL_HALF_LIFE_S = 1.20  # the same while they change little, for a face that is still
NEAR, FAR = (
    0.50,
    0.60,
)  # distances in units of p (1 - p) of the likeliest, which noise is proportional to: see `Smoother`
MARGIN = 0.20  # lead in probability with which another label replaces the one shown
MOST_MARGIN = 0.10  # at any strength
HOLD_S = 0.40  # how long the last certain prediction is held before uncertain is shown
MOST_HOLD_S = 0.25  # at any strength
REASON_S = 0.40  # how long a reason must hold or be gone until it is shown so
MOST_REASON_S = 0.25  # at any strength
SECOND_S = 0.60  # the same for a second name: most that are close for less are on their way to be the first
MOST_SECOND_S = 0.30  # at any strength
CUTOFF_HZ = 0.5  # cutoff for points that do not move
CUTOFF_PER_SPEED = 2.5  # additional Hz for each inter-ocular distance a second
SPEED_CUTOFF_HZ = 1.0  # cutoff for speeds at any strength, as in the paper

MIN_STRENGTH = 1e-6  # weaker smoothing changes nothing and would divide by 0
MIN_STEP_S = 1e-6  # frames that are closer in time count as one
_NO_LABEL = -1


@dataclass(frozen=True)
class _Lasting:
    """A value that is shown once it has lasted, until it has been gone as long."""

    shown: str | None
    new: str | None
    new_s: float = 0.0
    gone_s: float = 0.0

    def then(self, value, *, instead, elapsed_s, needed_s):
        """Return the next state; `instead` is shown where the value shown is gone and no other has lasted."""
        new_s = self.new_s + elapsed_s if value == self.new else 0.0
        gone_s = self.gone_s + elapsed_s if self.shown not in (value, self.new) else 0.0
        if new_s >= needed_s:
            return _Lasting(value, value, new_s)
        if gone_s >= needed_s:
            return _Lasting(instead, value, new_s)
        return _Lasting(self.shown, value, new_s, gone_s)


@dataclass(frozen=True, eq=False)
class _State:
    """Values of a track after a frame: raw, smoothed in two steps, shown. Points are landmarks and two box corners."""

    raw_points: np.ndarray
    points: np.ndarray
    velocity: np.ndarray
    raw_scores: np.ndarray
    scores: np.ndarray
    still_scores: np.ndarray
    shown: np.ndarray
    label: int
    reason: _Lasting
    second: _Lasting
    held_s: float = 0.0


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
    independent of the size of the face. Probabilities decay exponentially, in two steps: the second is slow but never
    farther than `FAR` from the first, so that changes pass and the noise of a still face does not. The probabilities
    shown follow the second at a distance of `NEAR` and do not move within it.

    The label is the likeliest expression shown, or the label before while no other leads it by more than `MARGIN`.
    No label has less than the threshold: while all expressions have less, the last prediction that had more is held
    for `HOLD_S`, because a change between two expressions passes there, then the expression is `UNCERTAIN`. It is
    also uncertain while the face cannot be read for a reason that has lasted for `REASON_S`. Another expression must be
    close to it for `SECOND_S` until both are named.

    Parameters
    ----------
    classes : sequence of str
        Of the model.
    strength : float, default=0.5
        From 0, which returns every recognition unchanged, to 1. Times and widths grow in proportion; cut-off
        frequencies fall in proportion.
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

    def update(self, track_id, recognition, *, time_s, speaking=False):
        """Return a recognition smoothed with the earlier recognitions of the track.

        Parameters
        ----------
        track_id : int
        recognition : Recognition
            The model's prediction for this frame; its chip and crop are not changed.
        time_s : float
            Time of the frame in seconds. A frame that is not later than the last replaces it.
        speaking : bool, default=False
            Whether the face speaks: the probabilities are then means over a longer time.

        Returns
        -------
        Recognition
            Its `confidence` is the probability of its expression, which is at most 0.1 below the largest. If the
            expression is `UNCERTAIN`, it is the largest probability, which is below the threshold unless there is a
            reason.
        """
        if self.strength < MIN_STRENGTH:
            return recognition
        track = self._tracks.setdefault(track_id, _Track())
        track.tick(time_s)
        points, scores = _points(recognition.face), self._scores(recognition.probabilities)
        half_life_s = SPEECH_HALF_LIFE_S if speaking else HALF_LIFE_S
        if track.before is None:
            track.now = self._first(points, scores, recognition.reason)
        else:
            track.now = self._next(track, points, scores, half_life_s, recognition.reason)
        return self._smoothed(recognition, track.now)

    def keep_only(self, track_ids):
        """Remove all tracks but these."""
        self._tracks = {track_id: self._tracks[track_id] for track_id in track_ids if track_id in self._tracks}

    def _scores(self, probabilities):
        return np.array([probabilities[name] for name in self.classes])

    def _first(self, points, scores, reason):
        label = self._label(scores, None)
        second = self._second(scores, label)
        lasting = _Lasting(reason, reason), _Lasting(second, second)
        return _State(points, points, np.zeros_like(points), *[scores] * 4, label, *lasting)

    def _next(self, track, points, scores, half_life_s, reason):
        before, elapsed_s, strength = track.before, track.elapsed_s, self.strength
        smooth, velocity = one_euro(before, points, elapsed_s=elapsed_s, strength=strength)
        steps = elapsed_s * math.log(2) / strength
        quick = decayed(before.scores, before.raw_scores, scores, steps / half_life_s)
        still = decayed(before.still_scores, before.scores, quick, steps / STILL_HALF_LIFE_S)
        still = _pulled(still, quick, strength * FAR)
        shown = _pulled(before.shown, still, strength * NEAR)
        label, held_s = self._label(shown, before.label), 0.0
        if label == _NO_LABEL != before.label:
            held_s = before.held_s + elapsed_s
            if held_s <= min(strength * HOLD_S, MOST_HOLD_S):
                shown, label = before.shown, before.label
        needed_s = min(strength * REASON_S, MOST_REASON_S)
        reason = before.reason.then(reason, instead=reason, elapsed_s=elapsed_s, needed_s=needed_s)
        second, needed_s = self._second(shown, label), min(strength * SECOND_S, MOST_SECOND_S)
        second = self._pair(before, label, second).then(second, instead=None, elapsed_s=elapsed_s, needed_s=needed_s)
        return _State(points, smooth, velocity, scores, quick, still, shown, label, reason, second, held_s)

    def _second(self, shown, label):
        """Return the name of another expression that is close to the label, or None."""
        return None if label == _NO_LABEL else close_second(self._by_name(shown), self.classes[label])

    def _pair(self, before, label, second):
        """Return the second name before; a new label waits for its own, unless the two shown change places."""
        if _NO_LABEL in (label, before.label) or label == before.label:
            return before.second
        first, now = self.classes[before.label], self.classes[label]
        if before.second.shown == now and second == first:
            return replace(before.second, shown=first, new=first)
        return replace(before.second, new=None, new_s=0.0)

    def _by_name(self, scores):
        return dict(zip(self.classes, scores.tolist(), strict=True))

    def _label(self, shown, before):
        """Return the index of the label for probabilities, given the label before; `_NO_LABEL` for uncertain."""
        best = int(shown.argmax())
        if shown[best] < self.threshold:
            return _NO_LABEL
        stays = before is not None and before != _NO_LABEL and shown[before] >= self.threshold
        margin = min(self.strength * MARGIN, MOST_MARGIN)
        return before if stays and shown[best] - shown[before] <= margin else best

    def _smoothed(self, recognition, state):
        landmarks, ((x, y), (right, bottom)) = state.points[:-2], state.points[-2:].tolist()
        face = replace(recognition.face, landmarks=landmarks.astype(np.float32), box=Box(x, y, right - x, bottom - y))
        probabilities = self._by_name(state.shown)
        certain = state.label != _NO_LABEL and state.reason.shown is None
        expression = self.classes[state.label] if certain else UNCERTAIN
        return replace(
            recognition,
            face=face,
            expression=expression,
            confidence=probabilities[expression] if certain else max(probabilities.values()),
            probabilities=probabilities,
            reason=state.reason.shown,
            _second=state.second.shown,
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


def _pulled(follower, leader, distance):
    """Return probabilities pulled straight towards others, up to a distance in units of p (1 - p) of the likeliest."""
    gap = float(np.abs(leader - follower).max())
    top = float(leader.max())
    reach = distance * top * (1 - top)
    return follower if gap <= reach else leader + (follower - leader) * (reach / gap)


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
