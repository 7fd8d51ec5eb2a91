"""What a search has measured, kept in a file that a killed run leaves usable."""

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from landmark_fer.errors import SinkError
from landmark_fer.evaluation.scores import wilson_interval


@dataclass(frozen=True)
class Measurement:
    """One setting on the test faces of one fold, or of several together.

    Attributes
    ----------
    right, n : int
        Faces answered rightly, and all.
    log_loss : float
        Mean over the faces.
    seconds : float
        To fit and to answer, features not included.
    problem : str
        Why there is no answer; empty where there is.
    """

    right: int = 0
    n: int = 0
    log_loss: float = 0.0
    seconds: float = 0.0
    problem: str = ""

    @property
    def accuracy(self):
        """Share of the faces answered rightly; None where there is no answer."""
        return None if self.problem else self.right / self.n

    @property
    def interval(self):
        """As from `wilson_interval`; None where there is no answer."""
        return None if self.problem else wilson_interval(self.right, self.n)


def pool(measurements):
    """Return measurements on different faces as one."""
    n = sum(each.n for each in measurements)
    return Measurement(
        sum(each.right for each in measurements),
        n,
        sum(each.log_loss * each.n for each in measurements) / max(n, 1),
        sum(each.seconds for each in measurements),
        next((each.problem for each in measurements if each.problem), ""),
    )


class MeasurementLog:
    """Measurements by their keys: in memory, and one line of JSON each in a file.

    A line is on the disk before the next measurement is taken up. What cannot be read, such as the last line of a run
    that was killed while it wrote, is passed over, and so are the keys of other searches.

    Parameters
    ----------
    path : path-like or None
        None: in memory alone.
    """

    def __init__(self, path=None):
        self.path = None if path is None else Path(path)
        self._known = {}
        self._lead = ""
        if self.path is not None:
            with _writing(self.path):
                self._read()

    def get(self, key):
        """Return the measurement of a key, or None."""
        return self._known.get(key)

    def add(self, key, measurement, **about):
        """Keep a measurement; `about` is written beside it for people to read.

        Raises
        ------
        SinkError
            If the file cannot be written.
        """
        self._known[key] = measurement
        if self.path is None:
            return
        line = self._lead + json.dumps({"key": key, **asdict(measurement), "about": about}, default=str) + "\n"
        with _writing(self.path), open(self.path, "a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._lead = ""

    def _read(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = self.path.read_text(encoding="utf-8", errors="replace") if self.path.exists() else ""
        self._lead = "\n" if text and not text.endswith("\n") else ""
        for line in text.splitlines():
            try:
                fields = json.loads(line)
                key = fields.pop("key")
                fields.pop("about", None)
                self._known[key] = Measurement(**fields)
            except (ValueError, TypeError, KeyError, AttributeError):
                continue


@contextlib.contextmanager
def _writing(path):
    """Turn an error of the disk into a sentence."""
    try:
        yield
    except OSError as error:
        raise SinkError(
            f"the search's file {path} cannot be read and written ({error.strerror or error}); "
            "make room, or name another file"
        ) from error
