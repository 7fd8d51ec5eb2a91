"""CK+ [1]_, sequences from a neutral face to an apex, and CK+48, the crops of their last frames on Kaggle.

References
----------
.. [1] Lucey, Cohn, Kanade, Saragih, Ambadar and Matthews, The Extended Cohn-Kanade Dataset (CK+): a complete dataset
   for action unit and emotion-specified expression, CVPR Workshops 2010.
"""

import re

from landmark_fer.core.errors import DataError
from landmark_fer.core.expressions import find_expression
from landmark_fer.datasets.readers.file_index import mostly, parts_of
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
    """Reads CK+: of each labelled sequence the first frame as neutral, the last three as its expression.

    Sequences without a label (266 of 593) are left out, since nobody judged what they show. A subject's images are
    nearly the same: folds go by subject.
    """

    title = "CK+"
    layout = f"{_IMAGES}/S005/001/S005_001_00000001.png and {_EMOTION}/S005/001/S005_001_00000011_emotion.txt"
    crops = False
    unasked = ("contempt",)

    @classmethod
    def recognizes(cls, file_index):
        """Whether there are frames in folders by subject and sequence."""
        return any(_is_frame_of_sequence(name) for name in file_index.images)

    def entries(self, file_index):
        """Return the first frame and the last frames of each labelled sequence."""
        sequences = _sequences(file_index.images)
        labels = self._labels(file_index)
        if sequences and not labels:
            raise DataError(
                f"{self.path} must hold CK+'s folder {_EMOTION} beside {_IMAGES}, with S005/001/..._emotion.txt; "
                f"it holds {len(sequences):,} sequences and no label; unpack Emotion_labels.zip there"
            )
        unlabelled = [key for key in sequences if key not in labels]
        self.note(
            (name for key in unlabelled for name in sequences[key]),
            f"frames are of sequences without a label ({len(unlabelled)}), and are left out",
        )
        self.note([f"{s}/{n}" for s, n in labels if (s, n) not in sequences], "labels have no frames")
        entries, between, unknown = [], [], []
        for key in sorted(set(sequences) & set(labels)):
            frames = sequences[key]
            if labels[key] is None:
                unknown += frames
                continue
            apex = frames[max(1, len(frames) - APEX_FRAMES) :]
            entries += [
                Entry(name, expression, subject=key[0]) for name, expression in _shown(frames, apex, labels[key])
            ]
            between += frames[1 : len(frames) - len(apex)]
        self.note(unknown, "frames are of sequences whose label is no code, and are left out")
        self.note(between, f"frames lie between the first and the last {APEX_FRAMES} of a sequence, and are left out")
        return entries

    def _labels(self, file_index):
        """Return {(subject, sequence): expression}; None where the code is unknown or the file unreadable."""
        found = {name: _LABEL.fullmatch(parts_of(name)[1]) for name in file_index.others}
        found = {name: (match[1].upper(), match[2]) for name, match in found.items() if match}
        labels, broken = {}, []
        for name, content in file_index.contents(sorted(found)):
            expression = None if isinstance(content, DataError) else _expression(content)
            if expression is None:
                broken.append(name)
            labels[found[name]] = expression
        self.note(broken, f"label files hold no code from 0 to {max(CODES)}, and their sequences are left out")
        return labels


class Ck48(LayoutReader):
    """Reads CK+48: a folder a class with crops of the last three frames of CK+'s sequences.

    The three frames are one image to a model, so only folds by subject say something; folders named like splits
    are passed over, since they mix subjects.
    """

    title = "CK+48"
    layout = "a folder for each class with S010_004_00000017.png"
    crops = True
    unasked = ("contempt",)

    @classmethod
    def recognizes(cls, file_index):
        """Whether most images are frames of CK+ in folders named after expressions."""
        return mostly(file_index.images, lambda name: _FRAME.fullmatch(parts_of(name)[1]) and _class_above(name))

    def entries(self, file_index):
        """Return every frame in a folder named after an expression."""
        entries, foreign = [], []
        for name in file_index.images:
            match, expression = _FRAME.fullmatch(parts_of(name)[1]), _class_above(name)
            if match and expression:
                entries.append(Entry(name, expression, subject=match[1].upper()))
            else:
                foreign.append(name)
        self.note(foreign, "images are not named like frames of CK+ in a class's folder, and are left out")
        return entries


def _shown(frames, apex, expression):
    """Return (name, expression) of the neutral frame, unless it is all there is, and of the apex."""
    neutral = [(frames[0], "neutral")] if apex else []
    return neutral + [(name, expression) for name in apex or frames]


def _sequences(names):
    """Return {(subject, sequence): frames in order} of the images in folders by subject and sequence."""
    sequences = {}
    for name in names:
        if _is_frame_of_sequence(name):
            match = _FRAME.fullmatch(parts_of(name)[1])
            sequences.setdefault((match[1].upper(), match[2]), []).append(name)
    return {key: sorted(frames, key=lambda name: parts_of(name)[1]) for key, frames in sequences.items()}


def _is_frame_of_sequence(name):
    folders, own = parts_of(name)
    match = _FRAME.fullmatch(own)
    return bool(match) and [each.upper() for each in folders[-2:]] == [match[1].upper(), match[2]]


def _expression(content):
    """Return the expression of a label file, which holds one number like ``3.0000000e+00``; None for anything else."""
    try:
        number = float(content.decode("ascii").strip())
        return CODES.get(int(number)) if number == int(number) else None
    except (ValueError, OverflowError):
        return None


def _class_above(name):
    return next((found for folder in reversed(parts_of(name)[0]) if (found := find_expression(folder))), None)
