"""FER+ [1]_ as its own script lays it out: ``FER2013Train/fer0000000.png`` and the votes in each folder's label.csv.

References
----------
.. [1] Barsoum, Zhang, Canton Ferrer and Zhang, Training Deep Networks for Facial Expression Recognition with
   Crowd-Sourced Label Distribution, ICMI 2016.
"""

import numpy as np

from landmark_fer.core.errors import DataError
from landmark_fer.core.expressions import FERPLUS_COLUMNS
from landmark_fer.datasets.ferplus import majority
from landmark_fer.datasets.readers.csv_columns import whole_number
from landmark_fer.datasets.readers.file_index import parts_of
from landmark_fer.datasets.readers.layout_reader import Entry, LayoutReader

FOLDERS = {"FER2013Train": "Training", "FER2013Valid": "PublicTest", "FER2013Test": "PrivateTest"}

_LABELS = "label.csv"  # a image's name, the box in it, ten votes; no header


class FerPlusFolders(LayoutReader):
    """Reads FER+'s folders; a image's expression is the clear majority of its votes."""

    title = "FER+ in folders"
    layout = f"{', '.join(FOLDERS)}, each with fer0000000.png and {_LABELS}"
    crops = True

    @classmethod
    def recognizes(cls, file_index):
        """Whether images lie in folders with these names."""
        return any(_folder(name) in FOLDERS and parts_of(name)[1].startswith("fer") for name in file_index.images)

    def entries(self, file_index):
        """Return the images with a clear majority."""
        lists = [name for name in file_index.others if parts_of(name)[1] == _LABELS and _folder(name) in FOLDERS]
        if not lists:
            raise DataError(f"{self.path} must hold FER+'s {_LABELS} in {', '.join(FOLDERS)}; put them there")
        images, entries, broken, missing, unclear = set(file_index.images), [], [], [], []
        for labels in lists:
            above = labels.rpartition("/")[0]
            for row in file_index.rows(labels):
                votes = [whole_number(cell) for cell in row.cells[-len(FERPLUS_COLUMNS) :]]
                name = f"{above}/{row.cells[0]}"
                if len(row.cells) <= len(FERPLUS_COLUMNS) or None in votes:
                    broken.append(f"{row.where} of {labels}")
                elif name not in images:
                    missing.append(name)
                elif expression := str(majority(np.array([votes], dtype=np.int64))[0]):
                    entries.append(Entry(name, expression, FOLDERS[_folder(name)]))
                else:
                    unclear.append(name)
        self.note(unclear, "images have no clear majority of votes, and are left out")
        self.note(broken, f"rows of {_LABELS} do not end in {len(FERPLUS_COLUMNS)} votes")
        self.note(missing, f"images of {_LABELS} are not there")
        return entries


def _folder(name):
    return next(iter(parts_of(name)[0][-1:]), "")
