"""Keeping: one person's takes, as they come and as they are undone."""

from landmark_fer.live.interrupts import Interrupts


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
