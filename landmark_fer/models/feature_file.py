"""Features of faces in a temporary file, for models that look at a batch at a time."""

import tempfile

import numpy as np


class FeatureFile:
    """A matrix in a temporary file, in half precision; a context manager, at whose end it is gone.

    It is read and written with plain calls. A memory map would count what was read as this process's memory.

    Parameters
    ----------
    n, d : int
        Rows and columns.
    """

    def __init__(self, n, d):
        self.n, self._row = n, np.dtype((np.float16, (d,)))

    def __enter__(self):
        self._file = tempfile.TemporaryFile(prefix="landmark_fer-")
        self._file.truncate(self.n * self._row.itemsize)
        return self

    def __exit__(self, *_):
        self._file.close()

    def write(self, places, rows):
        """Write each of some rows, shape (m, d), at its place."""
        for place, row in zip(places.tolist(), rows.astype(np.float16), strict=True):
            self._file.seek(place * self._row.itemsize)
            self._file.write(row.data)

    def read(self, rows):
        """Return neighbouring rows, given as a slice, as float32 of shape (m, d)."""
        self._file.seek(rows.start * self._row.itemsize)
        content = self._file.read((rows.stop - rows.start) * self._row.itemsize)
        return np.frombuffer(content, dtype=self._row).astype(np.float32)
