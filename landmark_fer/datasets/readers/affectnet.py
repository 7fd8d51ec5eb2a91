"""AffectNet [1]_: the manually annotated csv files, the folders with an ``_exp.npy`` a image, and numbered folders.

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
from landmark_fer.datasets.readers.file_index import check_numbers, number_above, parts_of, reading_of, split_above
from landmark_fer.datasets.readers.layout_reader import Entry, LayoutReader

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

# Which split each csv holds; the official test set was never published.
FILES = {"training.csv": "Training", "validation.csv": "validation"}
SPLITS = {"validation": "validation"}

_NAMES = {"path": (COLUMNS[0],), "code": ("expression",)}
_LABEL = "_exp.npy"
_SCALAR = b"'descr': '<U1', 'fortran_order': False, 'shape': ()"
_ONE_LETTER = b"\0\0\0"  # after its byte, in a text of four bytes a letter
_FAR = 999  # stands for a label that cannot be read


class AffectNet(LayoutReader):
    """Reads AffectNet: eight expressions with the official validation set; uncertain images are left out, counted."""

    title = "AffectNet"
    layout = (
        "training.csv and validation.csv with the images of Manually_Annotated_Images, "
        "train_set/images/0.jpg with train_set/annotations/0_exp.npy, or folders 0 to 7"
    )

    @classmethod
    def recognizes(cls, file_index):
        """Whether there are label arrays, or images or lists of the manually annotated part."""
        if any(name.endswith(_LABEL) for name in file_index.others) or _file_lists(file_index):
            return True
        return any("Manually_Annotated_Images" in parts_of(name)[0] for name in file_index.images)

    def entries(self, file_index):
        """Return the images that show one of the eight expressions."""
        labels = [name for name in file_index.others if name.endswith(_LABEL)]
        if labels:
            return self._of_arrays(file_index, labels)
        if lists := _file_lists(file_index):
            return self._of_lists(file_index, lists)
        if any("Manually_Annotated_Images" in parts_of(name)[0] for name in file_index.images):
            raise DataError(f"{self.path} must hold AffectNet's {' and '.join(FILES)}; put them beside the images")
        return self._of_folders(file_index)

    def _of_arrays(self, file_index, labels):
        images = {_stem(name): name for name in file_index.images}
        wanted = {name: name.removesuffix(_LABEL).replace("annotations/", "images/") for name in labels}
        self.crops = True
        codes = ((wanted[name], _code_of_array(content)) for name, content in file_index.contents(labels))
        found = [(images.get(stem, stem), code, split_above(stem, SPLITS), stem in images) for stem, code in codes]
        without = set(images.values()) - {name for name, *_ in found}
        self.note(sorted(without, key=natural_key), f"images have no {_LABEL}, and are left out")
        return self._kept(sorted(found, key=lambda each: natural_key(each[0])))

    def _of_lists(self, file_index, lists):
        places = {"/".join(name.split("/")[-2:]): name for name in file_index.images}
        found = []
        for name in lists:
            split = FILES[parts_of(name)[1].lower()]
            rows = file_index.rows(name)
            header = header_of(file_index.rows(name))
            if _has_header(header):
                next(rows)
            else:  # as in some copies
                header = list(COLUMNS)
            columns = Columns(header, _NAMES)
            columns.check(_NAMES, source=name, rule="AffectNet's columns")
            for row in rows:
                if columns.problem_of(row.cells):
                    found.append((f"{row.where} of {name}", _FAR, split, True))
                else:
                    of = columns.cells_of(row.cells)
                    key = of["path"].replace("\\", "/")
                    found.append((places.get(key, key), _number(of["code"]), split, key in places))
        self.crops = False
        return self._kept(found)

    def _of_folders(self, file_index):
        check_numbers(self.path, file_index.images, "affectnet", title=self.title)
        self.crops = True
        numbers = [(name, number_above(name)) for name in file_index.images]
        self.note([name for name, number in numbers if number is None], "images lie in no numbered folder")
        kept = [(name, number, split_above(name, SPLITS), True) for name, number in numbers if number is not None]
        if kept:
            self.remarks.append(reading_of("affectnet", title=self.title))
        return self._kept(kept)

    def _kept(self, found):
        """Return the entries of (name, code, split, whether it is there), and note what is left out."""
        entries, missing, unknown, uncertain = [], [], [], {}
        for name, code, split, there in found:
            if code in LEFT_OUT:
                uncertain.setdefault(LEFT_OUT[code], []).append(name)
            elif code not in CODES:
                unknown.append(name)
            elif not there:
                missing.append(name)
            else:
                entries.append(Entry(name, CODES[code], split))
        for word, names in sorted(uncertain.items()):
            self.note(names, f"images are labelled {word!r}, which is no expression, and are left out")
        self.note(unknown, f"images have no readable label from 0 to {max(LEFT_OUT)}, and are left out")
        self.note(missing, "images with a label are not there")
        return entries


def _file_lists(file_index):
    return [name for name in file_index.others if parts_of(name)[1].lower() in FILES and _is_list(file_index, name)]


def _is_list(file_index, name):
    """Whether a csv is one of AffectNet's: by its header, or by nine cells, a known code in the seventh."""
    cells = header_of(file_index.rows(name))
    return _has_header(cells) or (len(cells) == len(COLUMNS) and _number(cells[6]) in CODES | LEFT_OUT)


def _has_header(cells):
    return "path" in Columns(cells, _NAMES)


def _code_of_array(content):
    """Return the number in an npy file, which holds a text like ``'3'`` or a number; `_FAR` for anything else."""
    if isinstance(content, bytes) and _SCALAR in content[:128] and content.endswith(_ONE_LETTER):
        return _number(chr(content[-4]))  # as nearly all of them are; NumPy takes ten times as long
    try:
        return _number(str(np.load(io.BytesIO(content), allow_pickle=False).reshape(-1)[0]))
    except Exception:  # a damaged header makes NumPy raise nearly anything
        return _FAR


def _number(text):
    number = whole_number(text.strip())
    return _FAR if number is None else number


def _stem(name):
    return name.rpartition(".")[0]
