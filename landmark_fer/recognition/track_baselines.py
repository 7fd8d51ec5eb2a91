"""The neutral baseline of each track of a video: recorded on request, found by itself, or given for one person."""

import math
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from landmark_fer.core.errors import InputError
from landmark_fer.core.types import PathLike
from landmark_fer.features.measurements import measure
from landmark_fer.models.neutral_shift import NEUTRAL
from landmark_fer.recognition import AUTO, BASELINES, KEY, OFF
from landmark_fer.recognition.baseline import Baseline, median_baseline

if TYPE_CHECKING:
    from landmark_fer.recognition.recognizer import Recognizer
    from landmark_fer.recognition.results import Recognition

FILE = "file"
"""The origin of a baseline that was given, next to `AUTO` and `KEY`."""

SAMPLE_S = 0.1  # between two faces that count for `AUTO`, at least
CALM = 0.6  # probability of neutral, without a baseline, from which a face is calm
MIN_SAMPLES = 20  # of a track before it has a baseline
MAX_SAMPLES = 600  # the last ones count: about a minute
MIN_CALM = 0.5  # share of calm faces among them
SAMPLES_BETWEEN_UPDATES = 10


class TrackBaseline(NamedTuple):
    """The neutral baseline of a track, and its origin: `KEY`, `FILE` or `AUTO`."""

    baseline: Baseline
    origin: str


def baseline_of_option(value: "Baseline | PathLike | None") -> "Baseline | str":
    """Return what `TrackBaselines` takes for the value of an option.

    Parameters
    ----------
    value : Baseline, str, path-like or None
        A member of `BASELINES`, or a file that `Baseline.save` wrote; None is `OFF`.

    Raises
    ------
    DataError
        If the file cannot be read or is no baseline.
    """
    if value is None or isinstance(value, Baseline) or value in BASELINES:
        return OFF if value is None else value
    return Baseline.load(value)


class TrackBaselines:
    """The neutral baselines of the tracks of a video; no track gets that of another.

    A track has the first of:

    - the one recorded in a time window that the user opened, if its face was in sight then;
    - the one given, if its face was the only one in the frame in which it was first seen;
    - with `AUTO`, the median of its calm faces: those that are read as neutral without a baseline. It is made when most
      faces of the track are calm, and again with further ones.

    Parameters
    ----------
    recognizer : Recognizer, optional
        The one that makes the recognitions; without it the baselines have measurements only.
    baseline : Baseline or str, default="key"
        One of `BASELINES`, or a given baseline, which is of one person; others can be recorded with it, too.

    Attributes
    ----------
    option : Baseline or str
        As given.
    mode : str
        The same, or `FILE`.
    recorded : tuple of int
        The tracks whose baseline the last window recorded.

    Raises
    ------
    InputError
        If `baseline` is another text, or was made with another model.
    """

    def __init__(self, recognizer: "Recognizer | None" = None, baseline: Baseline | str = KEY) -> None:
        if isinstance(baseline, str) and baseline not in BASELINES:
            raise InputError(f"baseline must be {', '.join(BASELINES)} or a Baseline, got {baseline!r}")
        self.option = baseline
        self.mode = baseline if isinstance(baseline, str) else FILE
        self._given = None if isinstance(baseline, str) else baseline
        if self._given is not None and recognizer is not None:
            self._given.check_model(recognizer)
        self._recognizer = recognizer
        self._begin_s = self._end_s = math.inf
        self._requested_s: float | None = None
        self._samples: dict[int, list[tuple[float, Recognition]]] = {}
        self._recorded: dict[int, Baseline] = {}
        self._alone: dict[int, bool] = {}  # of each track, whether it was when it was first seen
        self._calm: dict[int, _CalmFaces] = {}
        self.recorded: tuple[int, ...] = ()

    @property
    def collecting(self) -> bool:
        """Whether a time window is open."""
        return self._end_s < math.inf

    def request(self, seconds: float) -> None:
        """Open a time window with the next frame, as `begin` does; another thread may call this."""
        self._requested_s = seconds

    def begin(self, time_s: float, seconds: float) -> None:
        """Open a time window whose faces are taken as neutral.

        Parameters
        ----------
        time_s : float
            Time of the first frame of the window.
        seconds : float
            Length of the window.

        Raises
        ------
        InputError
            If the length is not a positive number.
        """
        if not 0 < seconds < math.inf:
            raise InputError(f"seconds of the neutral baseline must be over 0, got {seconds!r}; try 2")
        self._begin_s, self._end_s, self._samples = time_s, time_s + seconds, {}

    def update(
        self,
        recognitions: "Mapping[int, Recognition]",
        time_s: float,
        left_out: Collection[int] = (),
        *,
        n_waiting: int = 0,
    ) -> None:
        """Add the faces of a frame, and set the baselines that they complete.

        While a window is open, each track keeps its earlier baseline.

        Parameters
        ----------
        recognitions : mapping of int to Recognition
            By track id; the model's predictions for this frame.
        time_s : float
            Time of the frame. If it lies before an open window, because the clock stepped back, that begins again.
        left_out : collection of int
            Tracks whose face does not count in this frame, such as one that speaks. Nor does one that cannot be read.
        n_waiting : int, default=0
            Number of further faces in the frame, which were not located in it because faces take turns.
        """
        if self.mode == OFF:
            return
        if (seconds := self._requested_s) is not None:
            self._requested_s = None
            self.begin(time_s, seconds)
        for track_id in recognitions:
            self._alone.setdefault(track_id, len(recognitions) + n_waiting == 1)
        counted = {
            track_id: recognition
            for track_id, recognition in recognitions.items()
            if track_id not in left_out and recognition.reason is None
        }
        if self.collecting:
            self._collect(counted, time_s)
        if self.mode == AUTO:
            for track_id, recognition in counted.items():
                self._calm.setdefault(track_id, _CalmFaces(self._recognizer)).add(recognition, time_s)

    def get(self, track_id: int) -> TrackBaseline | None:
        """Return the baseline of a track; None if it has none."""
        if (recorded := self._recorded.get(track_id)) is not None:
            return TrackBaseline(recorded, KEY)
        if self._given is not None:
            return TrackBaseline(self._given, FILE) if self._alone.get(track_id) else None
        calm = self._calm.get(track_id)
        return None if calm is None or calm.baseline is None else TrackBaseline(calm.baseline, AUTO)

    def keep_only(self, track_ids: Iterable[int]) -> None:
        """Remove all tracks but these."""
        valid_ids = set(track_ids)
        for table in (self._samples, self._recorded, self._alone, self._calm):
            for track_id in table.keys() - valid_ids:
                del table[track_id]

    def _collect(self, recognitions, time_s):
        if time_s >= self._end_s:
            baselines = {track: self._of_samples(samples) for track, samples in self._samples.items()}
            self._recorded |= baselines
            self.recorded = tuple(baselines)
            self._begin_s = self._end_s = math.inf
            self._samples = {}
            return
        if time_s < self._begin_s:
            self.begin(time_s, self._end_s - self._begin_s)
        for track_id, recognition in recognitions.items():
            self._samples.setdefault(track_id, []).append((time_s, recognition))

    def _of_samples(self, samples):
        times, recognitions = zip(*samples, strict=True)
        return Baseline.from_recognitions(recognitions, self._recognizer, seconds=max(times) - min(times))


class _CalmFaces:
    """The last faces of a track, and the baseline of those that are calm; None before `MIN_SAMPLES`."""

    def __init__(self, recognizer):
        self.baseline = None
        self._recognizer, self._last_s, self._n = recognizer, -math.inf, 0
        self._samples = deque(maxlen=MAX_SAMPLES)  # (time, measurements, probabilities), None where not calm

    def add(self, recognition, time_s):
        if 0 <= time_s - self._last_s < SAMPLE_S - 1e-6:  # times have rounding errors
            return
        self._last_s, self._n = time_s, self._n + 1
        plain = recognition.plain_probabilities
        calm = plain.get(NEUTRAL, 0.0) >= CALM
        self._samples.append((time_s, measure(recognition.face.landmarks), list(plain.values())) if calm else None)
        if self._n >= MIN_SAMPLES and self._n % SAMPLES_BETWEEN_UPDATES == 0:
            self._make_baseline()

    def _make_baseline(self):
        calm = [sample for sample in self._samples if sample is not None]
        if len(calm) > MIN_CALM * len(self._samples):
            times, measurements, rows = zip(*calm, strict=True)
            seconds = max(times) - min(times)
            self.baseline = median_baseline(measurements, rows, self._recognizer, seconds=seconds)
