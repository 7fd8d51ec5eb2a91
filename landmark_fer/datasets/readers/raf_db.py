"""RAF-DB [1]_, basic expressions: the official folder with its list of labels, and Kaggle's copy in numbered folders.

References
----------
.. [1] Li, Deng and Du, Reliable Crowdsourcing and Deep Locality-Preserving Learning for Expression Recognition in the
   Wild, CVPR 2017.
"""

import re

from landmark_fer.core.errors import DataError
from landmark_fer.datasets.readers.csv_files import whole_number
from landmark_fer.datasets.readers.file_index import (
    check_numbers,
    mostly,
    number_above,
    parts_of,
    reading_of,
    split_above,
)
from landmark_fer.datasets.readers.layout_reader import Entry, LayoutReader

CODES = {
    1: "surprise",
    2: "fear",
    3: "disgust",
    4: "happy",
    5: "sad",
    6: "angry",
    7: "neutral",
}
SPLITS = {"train": "Training", "test": "test"}

LABEL_LIST = "list_patition_label.txt"  # sic

_NAME = re.compile(r"((train|test)_\d+)(?:_aligned)?(?:\.\w+)?", re.IGNORECASE)


class RafDb(LayoutReader):
    """Reads RAF-DB: the aligned crops of 100x100 pixels with the official split, train as Training, test as test.

    ``images="scenes"`` takes the photographs in ``Image/original`` instead, where they are; with several people in
    one the clearest face is taken, which may be another than the labelled one.
    """

    title = "RAF-DB"
    layout = f"EmoLabel/{LABEL_LIST} and Image/aligned/train_00001_aligned.jpg, or folders 1 to {len(CODES)}"

    @classmethod
    def recognizes(cls, file_index):
        """Whether there is its list of labels, or images named as its own in numbered folders or ``aligned``."""
        if any(parts_of(name)[1] == LABEL_LIST for name in file_index.others):
            return True
        own = (name for name in file_index.images if _NAME.fullmatch(parts_of(name)[1]))
        return any(number_above(name) in CODES or parts_of(name)[0][-1:] == ("aligned",) for name in own)

    def entries(self, file_index):
        """Return the images of the list of labels, or without one those in numbered folders."""
        lists = [name for name in file_index.others if parts_of(name)[1] == LABEL_LIST]
        if lists:
            return self._of_list(file_index, lists[0])
        if not any(number_above(name) in CODES for name in file_index.images):
            raise DataError(f"{self.path} must hold RAF-DB's labels, EmoLabel/{LABEL_LIST}; put the file there")
        return self._of_folders(file_index)

    def _of_list(self, file_index, labels):
        places = self._places(file_index.images)
        lines = [line.split() for line in file_index.text(labels).splitlines() if line.strip()]
        entries, missing, unknown = [], [], []
        for cells in lines:
            match = _NAME.fullmatch(cells[0])
            expression = CODES.get(int(cells[1])) if len(cells) == 2 and _is_number(cells[1]) else None
            if match is None or expression is None:
                unknown.append(" ".join(cells)[:40])
            elif match[1].lower() not in places:
                missing.append(cells[0])
            else:
                entries.append(Entry(places[match[1].lower()], expression, SPLITS[match[2].lower()]))
        self.note(unknown, f"lines of {LABEL_LIST} are not like 'train_00001.jpg 5', 1 to {len(CODES)}")
        self.note(missing, f"images of {LABEL_LIST} are not there")
        return entries

    def _places(self, names):
        """Return {train_00001: name} of the aligned crops, or of the photographs."""
        kinds = {"aligned": {}, "original": {}}
        for name in names:
            folders, own = parts_of(name)
            if match := _NAME.fullmatch(own):
                kind = "aligned" if "_aligned" in own.lower() or folders[-1:] == ("aligned",) else "original"
                kinds[kind][match[1].lower()] = name
        first, second = ("original", "aligned") if self.images == "scenes" else ("aligned", "original")
        chosen, other = (first, second) if kinds[first] else (second, first)
        what = "photographs, of which the aligned crops" if chosen == "aligned" else "crops, of which the photographs"
        self.note(kinds[other].values(), f"images are {what} are read")
        self.crops = chosen == "aligned"
        return kinds[chosen]

    def _of_folders(self, file_index):
        check_numbers(self.path, file_index.images, "raf-db", title=self.title)
        listed = self._listed_labels(file_index)
        if not mostly(file_index.images, lambda name: _NAME.fullmatch(parts_of(name)[1])):
            self.remarks.append(reading_of("raf-db", title=self.title))
        entries, foreign, differing = [], [], []
        for name in file_index.images:
            number, own = number_above(name), parts_of(name)[1]
            match = _NAME.fullmatch(own)
            if number not in CODES:
                foreign.append(name)
            elif listed.get(own, number) != number:
                differing.append(name)
            else:
                split = split_above(name, SPLITS) or (SPLITS[match[2].lower()] if match else "")
                entries.append(Entry(name, CODES[number], split))
        self.crops = True
        self.note(foreign, f"images lie in no folder named 1 to {len(CODES)}, and are left out")
        self.note(differing, "images lie in another folder than the csv's label says, and are left out")
        return entries

    def _listed_labels(self, file_index):
        """Return {image: number} of Kaggle's ``train_labels.csv`` and ``test_labels.csv``, where they are."""
        labels = {}
        for name in file_index.others:
            if parts_of(name)[1].lower() in ("train_labels.csv", "test_labels.csv"):
                for *_, image, label in (row.cells for row in file_index.rows(name) if len(row.cells) > 1):
                    if (number := whole_number(label)) is not None:  # the header has none
                        labels[image] = number
        return labels


def _is_number(text):
    return text.isdecimal() and len(text) < 4
