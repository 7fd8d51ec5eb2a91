"""Reader of AffectNet [1]_: the manually annotated csv files, folders with an ``_exp.npy`` an image, numbered folders.

References
----------
.. [1] Mollahosseini, Hasani and Mahoor, AffectNet: a Database for Facial Expression, Valence, and Arousal Computing in
   the Wild, IEEE Transactions on Affective Computing 10(1), 2019.
"""

import io

import numpy as np

from landmark_fer.core.errors import DataError
from landmark_fer.core.naming import natural_key
from landmark_fer.datasets.readers.csv_files import Columns, header_of, whole_number
from landmark_fer.datasets.readers.folder_names import number_above, parts_of, split_above
from landmark_fer.datasets.readers.layout_reader import Entry, LayoutReader
from landmark_fer.datasets.readers.numbered_folders import check_numbers, numbers_remark

CODES = {
    0: "neutral",
    1: "happy",
    2: "sad",
    3: "surprise",
    4: "fear",
    5: "disgust",
    6: "angry",
    7: "contempt",
}
LEFT_OUT = {8: "none", 9: "uncertain", 10: "no face"}

COLUMNS = (
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
)

# The split of each csv; the official test set was not published.
FILES = {"training.csv": "Training", "validation.csv": "validation"}

_NAMES = {"path": (COLUMNS[0],), "code": ("expression",)}
_IMAGES = "Manually_Annotated_Images"
_LABEL = "_exp.npy"
_SCALAR = b"'descr': '<U1', 'fortran_order': False, 'shape': ()"
_ONE_LETTER = b"\0\0\0"  # after its byte, in a text of four bytes a letter
_INVALID = 999  # code of a label that cannot be read


class AffectNet(LayoutReader):
    """Reads AffectNet: eight expressions with the official validation set; uncertain images are left out."""

    title = "AffectNet"
    layout = (
        f"training.csv and validation.csv with the images of {_IMAGES}, "
        "train_set/images/0.jpg with train_set/annotations/0_exp.npy, or folders 0 to 7"
    )
    folder_codes = CODES
    folder_codes_left_out = LEFT_OUT

    @classmethod
    def recognizes(cls, file_index):
        """Return whether there are label arrays, or images or csv files of the manually annotated part."""
        has_labels = any(name.endswith(_LABEL) for name in file_index.others) or bool(_csv_files(file_index))
        return has_labels or _has_annotated_images(file_index)

    def entries(self, file_index):
        """Return the images with one of the eight expressions."""
        if labels := [name for name in file_index.others if name.endswith(_LABEL)]:
            return self._from_arrays(file_index, labels)
        if csv_files := _csv_files(file_index):
            return self._from_csv_files(file_index, csv_files)
        if _has_annotated_images(file_index):
            raise DataError(f"{self.path} must hold AffectNet's {' and '.join(FILES)}; put them next to the images")
        return self._from_folders(file_index)

    def _from_arrays(self, file_index, labels):
        self.crops = True
        images = {_without_suffix(name): name for name in file_index.images}
        coded = []
        for label, content in file_index.contents(labels):
            image = label.removesuffix(_LABEL).replace("annotations/", "images/")
            split = split_above(image, suffix="_set")
            coded.append((images.pop(image, image), _code_of_array(content), split))
        self.leave_out(sorted(images.values(), key=natural_key), f"images have no {_LABEL}, and are left out")
        return self._entries_of_codes(sorted(coded, key=lambda entry: natural_key(entry[0])), file_index)

    def _from_csv_files(self, file_index, csv_files):
        self.crops = False
        images = {"/".join(name.split("/")[-2:]): name for name in file_index.images}
        coded = []
        for csv_file in csv_files:
            split = FILES[parts_of(csv_file)[1].lower()]
            rows = file_index.rows(csv_file)
            header = header_of(file_index.rows(csv_file))
            if _has_header(header):
                next(rows)
            else:  # as in some copies
                header = list(COLUMNS)
            columns = Columns(header, _NAMES)
            columns.check(_NAMES, source=csv_file, rule="AffectNet's columns")
            for row in rows:
                if columns.problem_of(row.cells):
                    coded.append((f"{row.where} of {csv_file}", _INVALID, split))
                else:
                    cells = columns.cells_of(row.cells)
                    path = cells["path"].replace("\\", "/")
                    coded.append((images.get(path, path), _number(cells["code"]), split))
        return self._entries_of_codes(coded, file_index)

    def _from_folders(self, file_index):
        check_numbers(self, file_index.images)
        self.crops = True
        numbers = {name: number_above(name) for name in file_index.images}
        unnumbered = [name for name in numbers if numbers[name] is None]
        self.leave_out(unnumbered, "images lie in no numbered folder, and are left out")
        coded = [
            (name, number, split_above(name, suffix="_set")) for name, number in numbers.items() if number is not None
        ]
        if coded:
            self.remarks.append(numbers_remark(self))
        return self._entries_of_codes(coded, file_index)

    def _entries_of_codes(self, coded, file_index):
        """Return the entries of (name, code, split), and leave out the others."""
        images = set(file_index.images)
        entries, missing, unknown, uncertain = [], [], [], {}
        for name, code, split in coded:
            if code in LEFT_OUT:
                uncertain.setdefault(LEFT_OUT[code], []).append(name)
            elif code not in CODES:
                unknown.append(name)
            elif name not in images:
                missing.append(name)
            else:
                entries.append(Entry(name, CODES[code], split))
        for word, names in sorted(uncertain.items()):
            self.leave_out(names, f"images have the label {word!r}, which is no expression, and are left out")
        self.leave_out(unknown, f"images have no readable label from 0 to {max(LEFT_OUT)}, and are left out")
        self.leave_out(missing, "images with a label do not exist")
        return entries


def _has_annotated_images(file_index):
    return any(_IMAGES in parts_of(name)[0] for name in file_index.images)


def _csv_files(file_index):
    names = (name for name in file_index.others if parts_of(name)[1].lower() in FILES)
    return [name for name in names if _is_of_affectnet(header_of(file_index.rows(name)))]


def _is_of_affectnet(cells):
    """Return whether the first row of a csv is AffectNet's: its header, or nine cells with a code in the seventh."""
    return _has_header(cells) or (len(cells) == len(COLUMNS) and _number(cells[6]) in CODES | LEFT_OUT)


def _has_header(cells):
    return "path" in Columns(cells, _NAMES)


def _code_of_array(content):
    """Return the number in an npy file, which holds a text like ``'3'`` or a number; `_INVALID` for anything else."""
    if isinstance(content, bytes) and _SCALAR in content[:128] and content.endswith(_ONE_LETTER):
        return _number(chr(content[-4]))  # nearly all files are like this; NumPy takes ten times as long
    try:
        return _number(str(np.load(io.BytesIO(content), allow_pickle=False).reshape(-1)[0]))
    except Exception:  # a damaged header makes NumPy raise nearly anything
        return _INVALID


def _number(text):
    number = whole_number(text.strip())
    return _INVALID if number is None else number


def _without_suffix(name):
    return name.rpartition(".")[0]
