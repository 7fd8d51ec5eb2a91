"""What a live view shows beside the faces, and the keys that change it."""

from dataclasses import dataclass

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
