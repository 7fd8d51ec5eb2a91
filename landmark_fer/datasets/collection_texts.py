"""What people read about a collection: what is kept of them, and how it goes away again."""

import shlex
from pathlib import Path

STORED = (
    "For each take: the face as a small grey image of 80 x 80 pixels, 68 points on it, times, the name you give "
    "yourself, and the expression that was asked for. A grey image of a face shows who you are, and a computer can "
    "recognize you by it. Whole images of the camera are kept only with --keep-images; sound never."
)

WHERE = "All of it lies in {path} on this computer, and nothing is sent anywhere."

CONSENT = (
    "Models that are fitted on it hold traces of your face. You may stop at any time (q), undo the last take (u), and "
    "delete all that is yours: python -m landmark_fer.collect --out {path} --delete {subject}. Deleting does not "
    "change models that were fitted before: delete those, too. Record only people who agreed themselves, and for "
    "children also whoever cares for them."
)

README = """This folder was made by python -m landmark_fer.collect. It holds faces of people, who agreed to it.

What is kept: one folder for each person, one folder in it for each take (a few seconds of one expression):
  records.npy   the faces: a grey image of 80 x 80 pixels and 68 points each; people can be recognized by them
  frames.csv    when each was taken, where it was in the camera's image, how clearly the detector saw it
  take.json     who, which expression, when, with which settings
  images/     the camera's images, only where they were asked for with --keep-images

To see it:          python -m landmark_fer.collect --out THIS_FOLDER --list
To delete a person: python -m landmark_fer.collect --out THIS_FOLDER --delete NAME
To delete it all:   python -m landmark_fer.collect --out THIS_FOLDER --delete-all

Deleting a folder by hand does the same. Models that were fitted on these faces, copies and backups are not changed by
it: delete those, too. Do not give this folder away without asking everybody who is in it.
"""


def notice(path, subject, *, images=False):
    """Return what somebody has to know before being recorded, as a list of paragraphs."""
    kept = "Whole images of the camera are kept, too, because --keep-images asks for it." if images else ""
    quoted = {"path": shlex.quote(str(path)), "subject": shlex.quote(subject)}
    parts = [STORED, kept, WHERE.format(path=Path(path).resolve()), CONSENT.format(**quoted)]
    return [part for part in parts if part]
