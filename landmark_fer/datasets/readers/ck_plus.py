"""Readers of CK+ [1]_, sequences from a neutral face to an apex, and of CK+48, crops of their last frames on Kaggle.

References
----------
.. [1] Lucey, Cohn, Kanade, Saragih, Ambadar and Matthews, The Extended Cohn-Kanade Dataset (CK+): a complete dataset
   for action unit and emotion-specified expression, CVPR Workshops 2010.
"""

import re

from landmark_fer.core.errors import DataError
from landmark_fer.datasets.readers.folder_names import expression_above, most_match, parts_of
from landmark_fer.datasets.readers.layout_reader import Entry, LayoutReader

CODES = {
    0: "neutral",
    1: "angry",
    2: "contempt",
    3: "disgust",
    4: "fear",
    5: "happy",
    6: "sad",
    7: "surprise",
}

APEX_FRAMES = 3  # at the end of a sequence; neighbours of the apex are nearly the same image

_IMAGES, _EMOTION = "cohn-kanade-images", "Emotion"
_FRAME = re.compile(r"(S\d{3})_(\d{3})_(\d{8})(?:\.\w+)?", re.IGNORECASE)
_LABEL = re.compile(r"(S\d{3})_(\d{3})_\d{8}_emotion\.txt", re.IGNORECASE)


class CkPlus(LayoutReader):
    """Reads CK+: the first frame of each labelled sequence as neutral, the last three as its expression.

    Sequences without a label (266 of 593) are left out, since nobody rated them. A subject's images are nearly the
    same, so folds keep subjects together.
    """

    title = "CK+"
    layout = f"{_IMAGES}/S005/001/S005_001_00000001.png and {_EMOTION}/S005/001/S005_001_00000011_emotion.txt"
    crops = False
    rare_expressions = ("contempt",)

    @classmethod
    def recognizes(cls, file_index):
        """Return whether there are frames in folders by subject and sequence."""
        return any(_is_frame_of_sequence(name) for name in file_index.images)

    def entries(self, file_index):
        """Return the first frame and the last frames of each labelled sequence."""
        sequences = _sequences(file_index.images)
        labels = self._labels(file_index)
        if sequences and not labels:
            raise DataError(
                f"{self.path} must hold CK+'s folder {_EMOTION} next to {_IMAGES}, with S005/001/..._emotion.txt; "
                f"it holds {len(sequences):,} sequences and no label; unpack Emotion_labels.zip there"
            )
        unlabelled = [key for key in sequences if key not in labels]
        self.leave_out(
            (name for key in unlabelled for name in sequences[key]),
            f"frames are of sequences without a label ({len(unlabelled)}), and are left out",
        )
        self.leave_out(["/".join(key) for key in labels if key not in sequences], "labels have no frames")
        entries, between, unknown = [], [], []
        for key in sorted(set(sequences) & set(labels)):
            frames = sequences[key]
            if labels[key] is None:
                unknown += frames
                continue
            apex = frames[max(1, len(frames) - APEX_FRAMES) :]
            if apex:
                entries.append(Entry(frames[0], "neutral", subject=key[0]))
            entries += [Entry(name, labels[key], subject=key[0]) for name in apex or frames]
            between += frames[1 : len(frames) - len(apex)]
        self.leave_out(unknown, "frames are of sequences whose label is no code, and are left out")
        self.leave_out(
            between, f"frames lie between the first and the last {APEX_FRAMES} of a sequence, and are left out"
        )
        return entries

    def _labels(self, file_index):
        """Return {(subject, sequence): expression}; None where the code is unknown or the file unreadable."""
        matches = {name: _LABEL.fullmatch(parts_of(name)[1]) for name in file_index.others}
        keys = {name: (match[1].upper(), match[2]) for name, match in matches.items() if match}
        labels, invalid = {}, []
        for name, content in file_index.contents(sorted(keys)):
            expression = None if isinstance(content, DataError) else _expression(content)
            if expression is None:
                invalid.append(name)
            labels[keys[name]] = expression
        self.leave_out(invalid, f"label files hold no code from 0 to {max(CODES)}, and their sequences are left out")
        return labels


class Ck48(LayoutReader):
    """Reads CK+48: a folder for each class with crops of the last three frames of CK+'s sequences.

    The three frames are nearly one image, so only folds by subject are valid. Folders named like splits are ignored,
    since they mix subjects.
    """

    title = "CK+48"
    layout = "a folder for each class with S010_004_00000017.png"
    crops = True
    rare_expressions = ("contempt",)

    @classmethod
    def recognizes(cls, file_index):
        """Return whether most images are frames of CK+ in folders named after expressions."""
        return most_match(
            file_index.images, lambda name: _FRAME.fullmatch(parts_of(name)[1]) and expression_above(name)
        )

    def entries(self, file_index):
        """Return every frame in a folder named after an expression."""
        entries, other_names = [], []
        for name in file_index.images:
            match, expression = _FRAME.fullmatch(parts_of(name)[1]), expression_above(name)
            if match and expression:
                entries.append(Entry(name, expression, subject=match[1].upper()))
            else:
                other_names.append(name)
        self.leave_out(other_names, "images are not named like frames of CK+ in a class's folder, and are left out")
        return entries


def _sequences(names):
    """Return {(subject, sequence): names of frames in order}."""
    sequences = {}
    for name in names:
        if _is_frame_of_sequence(name):
            match = _FRAME.fullmatch(parts_of(name)[1])
            sequences.setdefault((match[1].upper(), match[2]), []).append(name)
    return {key: sorted(frames, key=lambda name: parts_of(name)[1]) for key, frames in sequences.items()}


def _is_frame_of_sequence(name):
    folders, file_name = parts_of(name)
    match = _FRAME.fullmatch(file_name)
    return bool(match) and [folder.upper() for folder in folders[-2:]] == [match[1].upper(), match[2]]


def _expression(content):
    """Return the expression of a label file, which holds one number like ``3.0000000e+00``; None if it is invalid."""
    try:
        number = float(content.decode("ascii").strip())
        return CODES.get(int(number)) if number == int(number) else None
    except (ValueError, OverflowError):
        return None
