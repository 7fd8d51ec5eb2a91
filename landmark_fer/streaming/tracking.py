"""Tracking: which face of this frame is which face of the frames before."""

from dataclasses import dataclass

from landmark_fer.face.records import Box


@dataclass
class _Track:
    number: int
    box: Box
    seen_s: float


class Tracker:
    """Gives each face a number that it keeps from frame to frame, by the overlap of boxes, best overlap first.

    Parameters
    ----------
    least_overlap : float, default=0.3
        Shared area over joint area, below which two boxes are two faces.
    patience_s : float, default=0.5
        For how many seconds a track waits for its face to be seen again.
    """

    def __init__(self, *, least_overlap=0.3, patience_s=0.5):
        self.least_overlap, self.patience_s = least_overlap, patience_s
        self._tracks = []
        self._next_number = 1

    def update(self, faces, *, time_s):
        """Return the track numbers of the faces of a frame, in their order.

        Parameters
        ----------
        faces : sequence of Face
        time_s : float
            When the frame was taken, in seconds; never less than in the call before.

        Returns
        -------
        list of int
            Counted from 1; distinct within a frame; a number is never given to a second track.
        """
        self._tracks = [track for track in self._tracks if time_s - track.seen_s <= self.patience_s]
        matched = self._matched(faces)
        for index, face in enumerate(faces):
            if index not in matched:
                matched[index] = _Track(self._next_number, face.box, time_s)
                self._tracks.append(matched[index])
                self._next_number += 1
            matched[index].box, matched[index].seen_s = face.box, time_s
        return [matched[index].number for index in range(len(faces))]

    def _matched(self, faces):
        """Return the track of each face that has one, by the face's index."""
        pairs = [
            (face.box.overlap(track.box), index, track)
            for index, face in enumerate(faces)
            for track in self._tracks
        ]  # fmt: skip
        matched, taken = {}, set()
        for overlap, index, track in sorted(pairs, key=lambda pair: -pair[0]):
            if overlap >= self.least_overlap and index not in matched and track.number not in taken:
                matched[index] = track
                taken.add(track.number)
        return matched
