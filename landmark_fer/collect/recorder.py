"""Keeping takes: frames of a take are checked, then written to the collection."""

import cv2

from landmark_fer.core.naming import natural_key
from landmark_fer.core.records import stack
from landmark_fer.datasets.collection import read_about, read_takes
from landmark_fer.live.pacing import Interrupts


def describe_takes(path):
    """Return who agreed when, and how many takes and faces of each expression there are, in lines.

    Raises
    ------
    DataError
        If the folder is no collection, or a take is damaged.
    """
    about, takes = read_about(path), read_takes(path)
    lines = [f"{path}: {len(takes)} takes, {sum(take['faces'] for take in takes)} faces"]
    for subject in sorted({take["subject"] for take in takes} | set(about["consent"]), key=natural_key):
        own = [take for take in takes if take["subject"] == subject]
        agreed = about["consent"].get(subject, {}).get("agreed", "never")
        lines.append(f"\n{subject} (agreed {agreed})")
        for expression in dict.fromkeys(take["expression"] for take in own):
            shown = [take for take in own if take["expression"] == expression]
            lines.append(f"  {expression:9} {len(shown):3} takes  {sum(take['faces'] for take in shown):5} faces")
    return "\n".join(lines)


FACES_PER_SECOND = 10.0  # frames that follow each other closer are the same image
FEWEST_FACES = 5  # of a take; with fewer nobody was really there
_ROUNDING_S = 1e-6  # times of frames are sums


def nearest_face(followed, number=None):
    """Return the number of the face to record: the one asked for while it is seen, else the largest; None if none is.

    Parameters
    ----------
    followed : list of (int, Face)
        As from `FaceFollower.follow`.
    number : int, optional
    """
    if any(known == number for known, _ in followed):
        return number
    return max(followed, key=lambda pair: pair[1].box.width * pair[1].box.height, default=(None,))[0]


class Recorder:
    """One take while it is recorded: the same face in each frame, at most `FACES_PER_SECOND`.

    Parameters
    ----------
    settings : ExtractorSettings
        Of the extractor whose faces come.
    keep_images : bool, default=False
        Whether whole images are kept, too.

    Attributes
    ----------
    n_images : int
        That came, with and without a face.
    """

    def __init__(self, settings, *, keep_images=False):
        self.n_images = 0
        self._sizes = {"chip_size": settings.chip_size, "crop_size": settings.crop_size or None}
        self._keep_images = keep_images
        self._number, self._faces, self._frames, self._images = None, [], [], []

    def __len__(self):
        return len(self._faces)

    def add(self, frame, followed):
        """Take the face of a frame, if it is there and it is time for another.

        Parameters
        ----------
        frame : Frame
        followed : list of (int, Face)
        """
        self.n_images += 1
        if self._frames and frame.time_s - self._frames[-1]["time_s"] < 1 / FACES_PER_SECOND - _ROUNDING_S:
            return
        if self._number is None:
            self._number = nearest_face(followed)
        face = next((face for number, face in followed if number == self._number), None)
        if face is None:
            return
        box = face.box
        place = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
        values = {"time_s": frame.time_s, **place, "detector_score": float(face.detector_score)}
        self._frames.append({name: round(float(value), 4) for name, value in values.items()})
        self._faces.append(face)
        if self._keep_images:
            self._images.append(cv2.imencode(".png", cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))[1].tobytes())

    @property
    def starved(self):
        """Whether so few images came that no face could be seen often enough."""
        return self.n_images < FEWEST_FACES

    @property
    def enough(self):
        """Whether there are faces enough for a take."""
        return len(self) >= FEWEST_FACES

    def take(self):
        """Return what `Collection.add` needs: records of shape (n,), frames as a list of dict, images."""
        return stack(self._faces, **self._sizes), self._frames, self._images


class Keeper:
    """Writes one person's takes into a collection, and knows what is there.

    Parameters
    ----------
    collection : Collection
    subject : str
    source : str
        As it is kept with the takes.
    interrupts : Interrupts, optional
        Held back while a take is written.

    Attributes
    ----------
    takes : list of dict
        As from `read_takes`, of this person.
    """

    def __init__(self, collection, *, subject, source, interrupts=None):
        self.collection, self.subject, self.source = collection, subject, source
        self._interrupts = interrupts or Interrupts()
        self.takes = collection.takes(subject)

    @property
    def n_faces(self):
        """Faces in all takes."""
        return sum(take["faces"] for take in self.takes)

    def keep(self, ask, recorder):
        """Write a take; return what `undo` needs."""
        records, frames, images = recorder.take()
        with self._interrupts.held_back():
            take = self.collection.add(self.subject, ask.expression, records, frames, source=self.source, images=images)
        self.takes.append(take)
        return take

    def undo(self, take):
        """Delete a take."""
        with self._interrupts.held_back():
            self.collection.remove(take)
        self.takes.remove(take)
