"""Statistics of events: how much of the time faces show each expression, and mean probabilities, with intervals."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.evaluation.scores import wilson_interval

BLOCK_S = 1.0  # seconds that are resampled together
MIN_BLOCKS = 5  # fewer give no interval
N_DRAWS = 2000

_BATCH_CELLS = 10**6  # blocks times draws at once


@dataclass(frozen=True)
class Estimate:
    """A mean over time, with its 95 % interval; the interval is None where there are too few blocks."""

    mean: float
    interval: tuple | None


@dataclass(frozen=True)
class EventStatistics:
    """What faces show while an event is current. Several faces at a time count each.

    Attributes
    ----------
    label : str or None
        None for the time without an event.
    segments : list of (float, float)
        Begin and end of the event's parts, in seconds since the source began.
    seconds : float
        Duration of its frames.
    face_seconds : float
        The same, for each face.
    n_blocks : int
        Blocks of `BLOCK_S` with a face.
    shares : dict of str to Estimate
        Share of `face_seconds` with each expression shown, and uncertain, by its name. Empty without a face.
    probabilities : dict of str to Estimate
        Mean probability of each class; empty without a face.
    """

    label: str | None
    segments: list
    seconds: float
    face_seconds: float
    n_blocks: int
    shares: dict
    probabilities: dict

    def to_dict(self):
        """Return the statistics as JSON values."""

        def values(estimates):
            rows = {name: (each.mean, *(each.interval or (None, None))) for name, each in estimates.items()}
            return {
                name: {key: value and round(value, 4) for key, value in zip(("mean", "low", "high"), row, strict=True)}
                for name, row in rows.items()
            }

        return {
            "event": self.label,
            "segments": [[round(begin, 3), round(end, 3)] for begin, end in self.segments],
            "seconds": round(self.seconds, 3),
            "face_seconds": round(self.face_seconds, 3),
            "blocks": self.n_blocks,
            "share_of_time": values(self.shares),
            "mean_probability": values(self.probabilities),
        }


class EventComparison:
    """Collects frames and compares the events in them. The memory that it needs grows by one row for each second.

    Consecutive frames are nearly equal, so they are no independent observations. The intervals therefore come from a
    block bootstrap [1]_: blocks of `BLOCK_S` seconds, with all faces in them, are drawn with replacement within each
    event, `N_DRAWS` times, and the interval holds the middle 95 % of the means. The share of an expression that is
    shown never, or always, does not vary, and has Wilson's interval for as many observations as there are blocks. An
    expression that lasts for many seconds makes neighbouring blocks alike, and the intervals too narrow.

    Parameters
    ----------
    classes : sequence of str
        Expressions that the model predicts.
    random_state : int, default=0
        Seed of the bootstrap.

    References
    ----------
    .. [1] Carlstein, The Use of Subseries Values for Estimating the Variance of a General Statistic from a Stationary
       Sequence, The Annals of Statistics 14(3), 1986.
    """

    def __init__(self, classes, *, random_state=0):
        self._classes, self._shown = tuple(classes), (*classes, UNCERTAIN)
        self._random_state, self._previous = random_state, None
        self._seconds, self._segments = defaultdict(float), defaultdict(list)
        self._blocks = defaultdict(dict)  # by label and number: face seconds, then those by expression and probability

    def add(self, frame, faces, *, previous_s):
        """Add a frame.

        Parameters
        ----------
        frame : Frame
            With its event.
        faces : sequence of RecognizedFace
        previous_s : float
            How long the previous frame lasted, in seconds.
        """
        self.finish(previous_s)
        row = np.zeros(1 + len(self._shown) + len(self._classes))
        for face in faces:
            recognition = face.recognition
            row[0] += 1
            row[1 + self._shown.index(recognition.expression)] += 1
            row[1 + len(self._shown) :] += [recognition.probabilities.get(name, 0.0) for name in self._classes]
        self._previous = frame.event, frame.time_s, row

    def finish(self, previous_s):
        """Count the last frame, which lasted `previous_s` seconds."""
        if self._previous is None:
            return
        (label, begin_s, row), self._previous = self._previous, None
        end_s, segments, blocks = begin_s + previous_s, self._segments[label], self._blocks[label]
        if segments and abs(segments[-1][1] - begin_s) < 1e-6:
            segments[-1] = (segments[-1][0], end_s)
        else:
            segments.append((begin_s, end_s))
        self._seconds[label] += previous_s
        if row[0]:
            number = int(begin_s // BLOCK_S)
            blocks[number] = blocks.get(number, 0.0) + previous_s * row

    def statistics(self):
        """Return the `EventStatistics` of each label, in the order of their first frames; the time without is last."""
        labels = sorted(self._segments, key=lambda label: (label is None, self._segments[label][0]))
        return [self._of_label(label) for label in labels]

    def _of_label(self, label):
        blocks = np.array(list(self._blocks[label].values()))
        estimates = self._estimates(blocks) if len(blocks) else []
        n_shown = len(self._shown)
        return EventStatistics(
            label,
            self._segments[label],
            seconds=self._seconds[label],
            face_seconds=float(blocks[:, 0].sum()) if len(blocks) else 0.0,
            n_blocks=len(blocks),
            shares=dict(zip(self._shown, _not_certain(estimates[:n_shown], len(blocks)), strict=bool(estimates))),
            probabilities=dict(zip(self._classes, estimates[n_shown:], strict=bool(estimates))),
        )

    def _estimates(self, blocks):
        """Return an Estimate for each column of blocks after the first, which has their weights."""
        total = blocks.sum(axis=0)
        means, intervals = total[1:] / total[0], [None] * (blocks.shape[1] - 1)
        if len(blocks) >= MIN_BLOCKS:
            low, high = np.quantile(_resampled_means(blocks, self._random_state), (0.025, 0.975), axis=0)
            intervals = list(zip(low.tolist(), high.tolist(), strict=True))
        return [Estimate(mean, interval) for mean, interval in zip(means.tolist(), intervals, strict=True)]


def _not_certain(shares, n_blocks):
    """Return estimates of shares, in which 0 and 1 have Wilson's interval."""
    return [
        Estimate(each.mean, _wilson(each.mean, n_blocks)) if each.interval and each.mean in (0.0, 1.0) else each
        for each in shares
    ]


def _wilson(share, n_blocks):
    low, high = wilson_interval(share * n_blocks, n_blocks)
    return max(0.0, low), min(1.0, high)  # of rounding errors


def _resampled_means(blocks, random_state):
    """Return the weighted means of `N_DRAWS` draws of as many blocks, shape (N_DRAWS, columns - 1)."""
    generator, n = np.random.default_rng(random_state), len(blocks)
    batch = max(1, _BATCH_CELLS // n)
    sizes = [min(batch, N_DRAWS - done) for done in range(0, N_DRAWS, batch)]
    sums = np.concatenate([generator.multinomial(n, np.full(n, 1 / n), size=size) @ blocks for size in sizes])
    return sums[:, 1:] / sums[:, :1]
