"""What the cells of a csv mean: columns by their names, how many cells a row must have, whole numbers."""

import re

from landmark_fer.core.errors import DataError

_WHOLE = re.compile(r"0{0,9}(\d{1,3})(?:\.0{0,9})?", re.ASCII)


class Columns:
    """The columns of a csv that mean something.

    Parameters
    ----------
    header : sequence of str
        Cells as from `csv_rows`.
    names : dict of str to sequence of str
        What the column of each meaning may be called, in any letter case; the first name that is there counts.

    Attributes
    ----------
    places : dict of str to int
        Where the column of each meaning stands; without those that are not there.
    width : int
        How many cells a row must have: those of the header up to the last that is not empty.
    """

    def __init__(self, header, names):
        self._header, self._names = header, names
        self._words = [cell.lower() for cell in header]
        found = {kind: [name.lower() for name in named if name.lower() in self._words] for kind, named in names.items()}
        self.places = {kind: self._words.index(words[0]) for kind, words in found.items() if words}
        self.width = max((place for place, cell in enumerate(header, start=1) if cell), default=0)

    def __contains__(self, kind):
        return kind in self.places

    def check(
        self, required, *, source, rule, advice="name them in the first line, separated by commas, semicolons or tabs"
    ):
        """Raise if a column that is required is not there, or one that means something is there twice.

        Parameters
        ----------
        required : sequence of str
            Meanings.
        source : path-like
            What messages call the file.
        rule : str
            What it must have.
        advice : str, optional
            What to do where it lacks one.

        Raises
        ------
        DataError
        """
        meaningful = {name.lower() for named in self._names.values() for name in named}
        if twice := next((word for word in self._words if word in meaningful and self._words.count(word) > 1), None):
            times = self._words.count(twice)
            raise DataError(f"{source} must have each column once, has {twice!r} {times} times; rename one")
        if missing := [self._names[kind][0] for kind in required if kind not in self.places]:
            found = ", ".join(repr(cell[:30]) for cell in self._header[:10]) or "nothing"
            raise DataError(f"{source} must have {rule}, lacks {', '.join(missing)}, has {found}; {advice}")

    def problem_of(self, cells, *, optional=()):
        """Return what is wrong with how many cells a row has, or None; empty ones beyond the last do not matter.

        Parameters
        ----------
        cells : sequence of str
        optional : sequence of str
            Meanings of the last columns, whose cells may be missing.
        """
        if len(cells) > self.width and any(cells[self.width :]):
            return f"has {len(cells)} cells, must have {self.width}; a cell with a separator in it needs quotes"
        fewest = self.width
        while fewest and any(self.places.get(kind) == fewest - 1 for kind in optional):
            fewest -= 1
        return f"has {len(cells)} cells, must have {self.width}" if len(cells) < fewest else None

    def cells_of(self, cells):
        """Return the cells of a row that mean something, as {meaning: cell}; "" where the row ends before one."""
        return {kind: cells[place] if place < len(cells) else "" for kind, place in self.places.items()}


def whole_number(text):
    """Return the number below 1,000 in a cell, also where it is written ``3.0`` or ``03``, or None."""
    found = _WHOLE.fullmatch(text)
    return int(found[1]) if found else None
