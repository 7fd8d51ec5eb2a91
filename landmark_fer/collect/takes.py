"""Takes: recording the faces of one expression, storing them in a collection, and listing what is stored."""

import cv2

from landmark_fer.core.naming import natural_key
from landmark_fer.core.records import stack
from landmark_fer.datasets.collection import read_description, read_takes
from landmark_fer.live.pacing import Interrupts

MAX_FACES_PER_SECOND = 10.0  # frames that are closer in time are nearly equal
MIN_FACES = 5  # fewest faces in a take
_ROUNDING_S = 1e-6  # rounding error of frame times


def select_track(followed, current=None):
    """Return the track to record: the current one while it is visible, else the largest face; None without a face.

    Parameters
    ----------
    followed : list of (int, Face)
        As from `FaceFollower.follow`.
    current : int, optional
    """
    if any(track_id == current for track_id, _ in followed):
        return current
    return max(followed, key=lambda pair: pair[1].box.width * pair[1].box.height, default=(None,))[0]


class Recorder:
    """Records one take: the same face in each frame, at most `MAX_FACES_PER_SECOND`.

    Parameters
    ----------
    settings : ExtractorSettings
        Settings of the extractor that makes the faces.
    keep_images : bool, default=False
        Whether to record the whole images as well.

    Attributes
    ----------
    n_images : int
        Frames so far, with and without a face.
    """

    def __init__(self, settings, *, keep_images=False):
        self.n_images = 0
        self._settings, self._keep_images = settings, keep_images
        self._track_id, self._faces, self._frames, self._images = None, [], [], []

    def __len__(self):
        return len(self._faces)

    def add(self, frame, followed):
        """Record the face in a frame, unless it is not visible or too soon after the last.

        Parameters
        ----------
        frame : Frame
        followed : list of (int, Face)
        """
        self.n_images += 1
        if self._frames and frame.time_s - self._frames[-1]["time_s"] < 1 / MAX_FACES_PER_SECOND - _ROUNDING_S:
            return
        if self._track_id is None:
            self._track_id = select_track(followed)
        face = next((face for track_id, face in followed if track_id == self._track_id), None)
        if face is None:
            return
        row = {"time_s": frame.time_s} | {side: getattr(face.box, side) for side in ("x", "y", "width", "height")}
        row["detector_score"] = face.detector_score
        self._frames.append({name: round(float(value), 4) for name, value in row.items()})
        self._faces.append(face)
        if self._keep_images:
            self._images.append(cv2.imencode(".png", cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))[1].tobytes())

    @property
    def has_few_images(self):
        """Whether there were fewer images than a take needs faces."""
        return self.n_images < MIN_FACES

    @property
    def is_complete(self):
        """Whether there are enough faces for a take."""
        return len(self) >= MIN_FACES

    def data(self):
        """Return the arguments of `Collection.add`: records of shape (n,), frames as a list of dict, images."""
        sizes = {"chip_size": self._settings.chip_size, "crop_size": self._settings.crop_size or None}
        return stack(self._faces, **sizes), self._frames, self._images


class TakeStore:
    """Writes one subject's takes into a collection and lists them.

    Parameters
    ----------
    collection : Collection
    subject : str
    source : str
        Name of the video that is stored with the takes.
    interrupts : Interrupts, optional
        Held back while a take is written.

    Attributes
    ----------
    takes : list of dict
        The subject's takes, as from `read_takes`.
    """

    def __init__(self, collection, *, subject, source, interrupts=None):
        self.collection, self.subject, self.source = collection, subject, source
        self._interrupts = interrupts or Interrupts()
        self.takes = collection.takes(subject)

    @property
    def n_faces(self):
        """Number of faces in all takes."""
        return sum(take["faces"] for take in self.takes)

    def add(self, expression, recorder):
        """Write a take and return it, as from `read_takes`."""
        records, frames, images = recorder.data()
        with self._interrupts.held_back():
            take = self.collection.add(self.subject, expression, records, frames, source=self.source, images=images)
        self.takes.append(take)
        return take

    def remove(self, take):
        """Delete a take."""
        with self._interrupts.held_back():
            self.collection.remove(take)
        self.takes.remove(take)


def describe_takes(path):
    """Return a listing of a collection: each subject's consent, takes and faces by expression.

    Raises
    ------
    DataError
        If the folder is not a collection, or a take is damaged.
    """
    consent, takes = read_description(path)["consent"], read_takes(path)
    lines = [f"{path}: {len(takes)} takes, {sum(take['faces'] for take in takes)} faces"]
    for subject in sorted({take["subject"] for take in takes} | set(consent), key=natural_key):
        lines.append(f"\n{subject} (agreed {consent.get(subject, {}).get('agreed', 'never')})")
        faces = {}
        for take in takes:
            if take["subject"] == subject:
                faces.setdefault(take["expression"], []).append(take["faces"])
        lines += [f"  {name:9} {len(counts):3} takes  {sum(counts):5} faces" for name, counts in faces.items()]
    return "\n".join(lines)
