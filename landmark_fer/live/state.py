"""State of a session: overlay options, keys, messages."""

import time
from dataclasses import dataclass, replace

KEYS = (
    ("q", "quit"),
    ("escape", "quit"),
    ("space", "pause or go on"),
    ("l", "landmarks"),
    ("b", "bars"),
    ("m", "mirror"),
    ("e", "explain"),
    ("t", "last 30 seconds"),
    ("n", "neutral face now"),
    ("s", "snapshot"),
    ("r", "record"),
    ("h", "this help"),
)
"""What each key does, as the help panel lists it."""


@dataclass
class OverlayOptions:
    """What is shown beside the faces.

    Attributes
    ----------
    landmarks, bars : bool
        The 68 points; the probabilities of each face.
    explain : bool
        The reasons of each face for which there are any.
    strip : bool
        The last seconds, where there is a history.
    help : bool
        The list of keys.
    mirror : bool
        Show the image as a mirror does.
    paused, recording : bool
        Marks in the corner.
    frames_per_second : float or None
    message : str or None
        One line at the bottom.
    """

    landmarks: bool = True
    bars: bool = True
    explain: bool = False
    strip: bool = False
    help: bool = False
    mirror: bool = False
    paused: bool = False
    recording: bool = False
    frames_per_second: float | None = None
    message: str | None = None


MESSAGE_S = 4.0  # for which a message stays on the screen

SWITCHES = {
    "l": "landmarks",
    "b": "bars",
    "m": "mirror",
    "e": "explain",
    "t": "strip",
    "h": "help",
    "space": "paused",
}
"""The keys that turn a part of the view on and off."""


class State:
    """The state of a session.

    Parameters
    ----------
    view : OverlayOptions, optional
        What is shown at the beginning.

    Attributes
    ----------
    view : OverlayOptions
        What is shown now.
    frame : Frame or None
        The last one.
    seen : list of RecognizedFace
        In it.
    ended : bool
        Whether the person wants to stop.
    """

    def __init__(self, view=None):
        self.view = view or OverlayOptions()
        self.frame, self.seen = None, []
        self.ended, self._message, self._until_s = False, None, 0.0

    def switch(self, key):
        """Turn on or off what a key is for; other keys, and None, do nothing."""
        name = SWITCHES.get(key)
        if name is not None:
            self.view = replace(self.view, **{name: not getattr(self.view, name)})

    def tell(self, message):
        """Say something for a while."""
        self._message, self._until_s = message, time.perf_counter() + MESSAGE_S

    @property
    def message(self):
        """What is said now, or None."""
        return self._message if time.perf_counter() < self._until_s else None
