"""Reader of JAFFE [1]_: ten Japanese women, seven posed expressions; the file name states both.

References
----------
.. [1] Lyons, Akamatsu, Kamachi and Gyoba, Coding Facial Expressions with Gabor Wavelets, Automatic Face and Gesture
   Recognition 1998.
"""

import re

from landmark_fer.datasets.readers.folder_names import most_match, parts_of
from landmark_fer.datasets.readers.layout_reader import Entry, LayoutReader

CODES = {
    "AN": "angry",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happy",
    "NE": "neutral",
    "SA": "sad",
    "SU": "surprise",
}

_NAME = re.compile(r"([A-Z]{2})\.([A-Z]{2})(\d+)\.(\d+)(?:\.\w+)?", re.IGNORECASE)


class Jaffe(LayoutReader):
    """Reads JAFFE: ``KA.AN1.39.tiff`` is subject KA, angry, her first such image, 39th of all."""

    title = "JAFFE"
    layout = "images named like KA.AN1.39.tiff"
    crops = False

    @classmethod
    def recognizes(cls, file_index):
        """Return whether most images have such a name and one of the seven codes."""
        return most_match(file_index.images, _expression)

    def entries(self, file_index):
        """Return every image with such a name and a known code."""
        entries, other_names, unknown = [], [], []
        for name in file_index.images:
            file_name = parts_of(name)[1]
            if expression := _expression(name):
                entries.append(Entry(name, expression, subject=file_name[:2].upper()))
            else:
                (unknown if _NAME.fullmatch(file_name) else other_names).append(name)
        self.leave_out(other_names, "images are not named like KA.AN1.39.tiff, and are left out")
        self.leave_out(unknown, f"images have another code than {', '.join(CODES)}, and are left out")
        return entries


def _expression(name):
    match = _NAME.fullmatch(parts_of(name)[1])
    return CODES.get(match[2].upper()) if match else None
