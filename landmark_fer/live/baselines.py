"""Resting faces in a running video: when they are looked at, and how far a face has moved from its own, in words."""

from landmark_fer.recognition.baseline import NeutralBaseline

SECONDS = 2.0
MOST_NAMED = 3  # shifts of a face
MOST_FACES = 2  # in one line
LEAST_SHIFT = 0.02  # that is named, in the units of the measurements: mostly inter-ocular distances


class NeutralBaselines:
    """Looks at the resting faces when somebody wants it, and says how faces differ from them later.

    Parameters
    ----------
    seconds : float, default=2
        For how long they are looked at.
    """

    def __init__(self, seconds=SECONDS):
        self.seconds = seconds
        self._baseline = NeutralBaseline()
        self._wanted, self._until_s = False, None

    def want(self):
        """Look at the faces from the next frame on."""
        self._wanted = True

    def update(self, time_s, seen):
        """Take a frame; return what to tell the person, or None.

        Parameters
        ----------
        time_s : float
        seen : list of SeenFace
        """
        told = None
        if self._wanted:
            self._baseline.begin(time_s, self.seconds)
            self._wanted, self._until_s = False, time_s + self.seconds
            told = f"show a resting face for {self.seconds:g} seconds"
        for face in seen:
            self._baseline.add(face.track_id, face.recognition, time_s)
        if self._until_s is not None and time_s >= self._until_s:
            self._until_s = None
            told = "resting face taken" if self._shifts(seen) else "no face was seen at rest; press n to try again"
        return told

    def line(self, seen):
        """Return how faces have moved from their rest, in a line; None while no rest is known of any.

        Parameters
        ----------
        seen : list of SeenFace
        """
        shifts = list(self._shifts(seen).items())[:MOST_FACES]
        return "; ".join(f"#{track_id} since rest: {_said(shift)}" for track_id, shift in shifts) or None

    def _shifts(self, seen):
        shifts = {face.track_id: self._baseline.shift(face.track_id, face.recognition) for face in seen}
        return {track_id: shift for track_id, shift in shifts.items() if shift is not None}


def _said(shift):
    """Return the largest shifts in words; of the two sides of a face the mean."""
    sides = {}
    for name, value in shift.items():
        sides.setdefault(name.removeprefix("left_").removeprefix("right_"), []).append(value)
    means = {name: sum(values) / len(values) for name, values in sides.items()}
    largest = sorted(means, key=lambda name: -abs(means[name]))[:MOST_NAMED]
    named = [f"{name.replace('_', ' ')} {means[name]:+.2f}" for name in largest if abs(means[name]) >= LEAST_SHIFT]
    return ", ".join(named) or "nothing moved"
