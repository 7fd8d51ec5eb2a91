"""FER2013 as images in folders that are numbered by its codes, or named after expressions."""

from landmark_fer.core.errors import DataError
from landmark_fer.core.expressions import EXPRESSIONS, FER2013_CODES, find_expression
from landmark_fer.core.naming import natural_key
from landmark_fer.datasets.readers.file_index import parts_of
from landmark_fer.datasets.readers.folders import class_and_split
from landmark_fer.datasets.readers.layout_reader import Entry, LayoutReader
from landmark_fer.datasets.readers.numbered import check_numbers, number_above, reading_of

CODES = dict(enumerate(FER2013_CODES))


class Fer2013Folders(LayoutReader):
    """Reads FER2013's images in folders 0 to 6, where the user says that they are FER2013's.

    Nothing in such a copy proves that its numbers are FER2013's: other programs number the same classes by the
    alphabet. So it is never recognized. Images come in the order in which folders with names are read.
    """

    title = "FER2013"
    layout = "fer2013.csv, or images in folders 0 to 6 or named after expressions, also below train and test"
    crops = True
    rest = "images lie in no folder of a class, and are left out"

    @classmethod
    def recognizes(cls, file_index):
        """Whether it is that: nothing says so."""
        return False

    def entries(self, file_index):
        """Return the images by class, then by path."""
        check_numbers(self.path, file_index.images, "fer2013", title=self.title)
        entries = []
        for name in file_index.images:
            if expression := _expression(name):
                entries.append(Entry(name, expression, class_and_split(name)[1]))
        if not entries:
            raise DataError(f"{self.path} must hold {self.title}: {self.layout}; it holds none of its images")
        if any(number_above(name) is not None for name in file_index.images):
            self.remarks.append(reading_of("fer2013", title=self.title))
        return sorted(entries, key=lambda entry: (EXPRESSIONS.index(entry.expression), natural_key(entry.name)))


def _expression(name):
    """Return what the nearest folder above a image that is a number or an expression means, or None."""
    for folder in reversed(parts_of(name)[0]):
        if folder.isdecimal():
            return CODES.get(int(folder)) if len(folder) < 4 else None
        if expression := find_expression(folder):
            return expression
    return None
