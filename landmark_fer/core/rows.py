"""Some rows of more face records than memory holds: they are read when they are looked at."""

import numpy as np

MOST_COPIED = 2**28  # bytes of records that are copied at once, as NumPy would


class RecordRows:
    """Chosen rows of an array of face records, which is left where it lies (on the disk, say) until they are asked for.

    It has the length, dtype and shape of the rows, and can be indexed as an array can: with a slice, mask or positions
    it gives other rows, still unread; with the name of a field that field as an array; ``numpy.asarray`` reads all.

    Parameters
    ----------
    records : ndarray of shape (n,), structured
    rows : ndarray of shape (m,), int
    """

    ndim = 1

    def __init__(self, records, rows):
        self.records = records
        self.rows = np.asarray(rows)

    @property
    def dtype(self):
        """That of the records."""
        return self.records.dtype

    @property
    def shape(self):
        """(m,)."""
        return self.rows.shape

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, key):
        if isinstance(key, str):
            return self.records[key][self.rows]
        chosen = self.rows[key]
        return RecordRows(self.records, chosen) if np.ndim(chosen) else self.records[chosen]

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.records[self.rows], dtype=dtype)

    def copy(self):
        """Return the rows as an array."""
        return np.array(self.records[self.rows])


def rows_of(records, rows):
    """Return some rows of face records: as NumPy would where they are few, else as `RecordRows`.

    Parameters
    ----------
    records : ndarray of shape (n,), structured, or RecordRows
    rows : ndarray of shape (m,), int

    Returns
    -------
    ndarray of shape (m,) or RecordRows
    """
    if isinstance(records, RecordRows):
        return records[rows]
    return RecordRows(records, rows) if len(rows) * records.itemsize > MOST_COPIED else records[rows]
