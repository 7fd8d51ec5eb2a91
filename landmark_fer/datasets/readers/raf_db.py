"""Reader of RAF-DB [1]_, basic expressions: the official folder with its label list, Kaggle's copy in numbered folders.

References
----------
.. [1] Li, Deng and Du, Reliable Crowdsourcing and Deep Locality-Preserving Learning for Expression Recognition in the
   Wild, CVPR 2017.
"""

import re

from landmark_fer.core.errors import DataError
from landmark_fer.datasets.readers.csv_files import whole_number
from landmark_fer.datasets.readers.folder_names import most_match, number_above, parts_of, split_above
from landmark_fer.datasets.readers.layout_reader import Entry, LayoutReader
from landmark_fer.datasets.readers.numbered_folders import check_numbers, numbers_remark

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

    ``images="scenes"`` reads the photographs in ``Image/original`` instead, where they exist. In a photograph of
    several people the face with the highest detector score is taken, which may not be the labelled one.
    """

    title = "RAF-DB"
    layout = f"EmoLabel/{LABEL_LIST} and Image/aligned/train_00001_aligned.jpg, or folders 1 to {len(CODES)}"
    folder_codes = CODES
    own_file_name = re.compile(r"(?:train|test)_\d+_aligned(?:\.\w+)?", re.IGNORECASE)

    @classmethod
    def recognizes(cls, file_index):
        """Return whether there is its label list, or images with its names in numbered folders or ``aligned``."""
        if any(parts_of(name)[1] == LABEL_LIST for name in file_index.others):
            return True
        images = (name for name in file_index.images if _NAME.fullmatch(parts_of(name)[1]))
        return any(number_above(name) in CODES or parts_of(name)[0][-1:] == ("aligned",) for name in images)

    def entries(self, file_index):
        """Return the images of the label list, or without one those in numbered folders."""
        lists = [name for name in file_index.others if parts_of(name)[1] == LABEL_LIST]
        if lists:
            return self._from_list(file_index, lists[0])
        if not any(number_above(name) in CODES for name in file_index.images):
            raise DataError(f"{self.path} must hold RAF-DB's labels, EmoLabel/{LABEL_LIST}; put the file there")
        return self._from_folders(file_index)

    def _from_list(self, file_index, label_list):
        images = self._choose_images(file_index.images)
        lines = [line.split() for line in file_index.text(label_list).splitlines() if line.strip()]
        entries, missing, malformed = [], [], []
        for cells in lines:
            match = _NAME.fullmatch(cells[0])
            expression = CODES.get(int(cells[1])) if len(cells) == 2 and _is_number(cells[1]) else None
            if match is None or expression is None:
                malformed.append(" ".join(cells)[:40])
            elif match[1].lower() not in images:
                missing.append(cells[0])
            else:
                entries.append(Entry(images[match[1].lower()], expression, SPLITS[match[2].lower()]))
        self.leave_out(malformed, f"lines of {LABEL_LIST} are not like 'train_00001.jpg 5', 1 to {len(CODES)}")
        self.leave_out(missing, f"images of {LABEL_LIST} do not exist")
        return entries

    def _choose_images(self, names):
        """Return the aligned crops, or the photographs, by number: {train_00001: name}."""
        images = {"aligned": {}, "original": {}}
        for name in names:
            folders, file_name = parts_of(name)
            if match := _NAME.fullmatch(file_name):
                is_aligned = "_aligned" in file_name.lower() or folders[-1:] == ("aligned",)
                images["aligned" if is_aligned else "original"][match[1].lower()] = name
        first, second = ("original", "aligned") if self.images == "scenes" else ("aligned", "original")
        chosen, other = (first, second) if images[first] else (second, first)
        self.crops = chosen == "aligned"
        kinds = {"aligned": "aligned crops", "original": "photographs"}
        self.leave_out(images[other].values(), f"images are {kinds[other]}; the {kinds[chosen]} are read instead")
        return images[chosen]

    def _from_folders(self, file_index):
        check_numbers(self, file_index.images)
        self.crops = True
        codes_of_list = self._read_label_csvs(file_index)
        if not most_match(file_index.images, lambda name: _NAME.fullmatch(parts_of(name)[1])):
            self.remarks.append(numbers_remark(self))
        entries, elsewhere, contradicted = [], [], []
        for name in file_index.images:
            number, file_name = number_above(name), parts_of(name)[1]
            if number not in CODES:
                elsewhere.append(name)
            elif codes_of_list.get(file_name, number) != number:
                contradicted.append(name)
            else:
                match = _NAME.fullmatch(file_name)
                split = split_above(name, suffix="_set") or (SPLITS[match[2].lower()] if match else "")
                entries.append(Entry(name, CODES[number], split))
        self.leave_out(elsewhere, f"images lie in no folder named 1 to {len(CODES)}, and are left out")
        self.leave_out(contradicted, "images lie in another folder than the csv's label says, and are left out")
        return entries

    def _read_label_csvs(self, file_index):
        """Return {file name: code} of Kaggle's ``train_labels.csv`` and ``test_labels.csv``, where they exist."""
        codes = {}
        for name in file_index.others:
            if parts_of(name)[1].lower() in ("train_labels.csv", "test_labels.csv"):
                for *_, image, label in (row.cells for row in file_index.rows(name) if len(row.cells) > 1):
                    if (code := whole_number(label)) is not None:  # the header has none
                        codes[image] = code
        return codes


def _is_number(text):
    return text.isdecimal() and len(text) < 4
