"""KDEF [1]_: seventy actors, seven expressions, two sessions, five poses; all of it in a file's name.

References
----------
.. [1] Lundqvist, Flykt and Ohman, The Karolinska Directed Emotional Faces, Karolinska Institutet 1998,
   ISBN 91-630-7164-9.
"""

import re

from landmark_fer.datasets.readers.file_index import mostly, parts_of
from landmark_fer.datasets.readers.layout_reader import Entry, LayoutReader

CODES = {
    "AF": "fear",
    "AN": "angry",
    "DI": "disgust",
    "HA": "happy",
    "NE": "neutral",
    "SA": "sad",
    "SU": "surprise",
}

# The poses that each choice keeps: straight, half left and right, full left and right.
POSES = {"frontal": ("S",), "half": ("S", "HL", "HR"), "all": ("S", "HL", "HR", "FL", "FR")}

_NAME = re.compile(r"([AB])([FM]\d{2})([A-Z]{2})(S|HL|HR|FL|FR)(?:\.\w+)?", re.IGNORECASE)


class Kdef(LayoutReader):
    """Reads KDEF: ``AF01ANS.JPG`` is session A, female, number 01, angry, straight.

    Number 01 of session B is the same woman, number 01 of the men another person.
    """

    title = "KDEF"
    layout = "images named like AF01ANS.JPG"
    crops = False

    @classmethod
    def recognizes(cls, file_index):
        """Whether most images have such a name and one of the seven codes."""
        return mostly(file_index.images, _matched)

    def entries(self, file_index):
        """Return every image with such a name, a known code and one of the poses asked for."""
        entries, foreign, turned = [], [], []
        for name in file_index.images:
            match = _matched(name)
            if match is None:
                foreign.append(name)
            elif match[4].upper() not in POSES[self.poses]:
                turned.append(name)
            else:
                entries.append(Entry(name, CODES[match[3].upper()], subject=match[2].upper()))
        self.note(foreign, "images are not named like AF01ANS.JPG, and are left out")
        self.note(turned, "images are of heads turned aside, and are left out (--poses half or all keeps them)")
        return entries


def _matched(name):
    """Return the parts of a name with a known code, or None."""
    match = _NAME.fullmatch(parts_of(name)[1])
    return match if match and match[3].upper() in CODES else None
