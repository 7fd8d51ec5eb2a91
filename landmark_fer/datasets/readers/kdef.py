"""Reader of KDEF [1]_: seventy actors, seven expressions, two sessions, five poses; the file name states them all.

References
----------
.. [1] Lundqvist, Flykt and Ohman, The Karolinska Directed Emotional Faces, Karolinska Institutet 1998,
   ISBN 91-630-7164-9.
"""

import re

from landmark_fer.datasets.readers.folder_names import most_match, parts_of
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

# The poses of each value of the option: straight, half left and right, full left and right.
POSES = {"frontal": ("S",), "half": ("S", "HL", "HR"), "all": ("S", "HL", "HR", "FL", "FR")}

_NAME = re.compile(r"([AB])([FM]\d{2})([A-Z]{2})(S|HL|HR|FL|FR)(?:\.\w+)?", re.IGNORECASE)


class Kdef(LayoutReader):
    """Reads KDEF: ``AF01ANS.JPG`` is session A, woman number 01, angry, straight.

    The subject is F01: the same woman in session B, and another person than the man M01.
    """

    title = "KDEF"
    layout = "images named like AF01ANS.JPG"
    crops = False

    @classmethod
    def recognizes(cls, file_index):
        """Return whether most images have such a name and one of the seven codes."""
        return most_match(file_index.images, _match)

    def entries(self, file_index):
        """Return every image with such a name, a known code and one of the chosen poses."""
        entries, other_names, profiles = [], [], []
        for name in file_index.images:
            match = _match(name)
            if match is None:
                other_names.append(name)
            elif match[4].upper() not in POSES[self.poses]:
                profiles.append(name)
            else:
                entries.append(Entry(name, CODES[match[3].upper()], subject=match[2].upper()))
        self.leave_out(other_names, "images are not named like AF01ANS.JPG, and are left out")
        self.leave_out(profiles, "images are half or full profiles, and are left out (--poses half or all keeps them)")
        return entries


def _match(name):
    """Return the match of a file name with a known code, or None."""
    match = _NAME.fullmatch(parts_of(name)[1])
    return match if match and match[3].upper() in CODES else None
