"""Director: whose turn it is, when a take begins and ends, and what keys do. It knows neither window nor files."""

from collections import deque
from dataclasses import dataclass

from landmark_fer.collect.recorder import Recorder, nearest_face

PREPARE_S = 2.0  # to read what is asked for, once it goes on by itself
LONGEST = 3.0  # times a take's seconds: so long it waits for images that come slowly

READY, COUNTDOWN, RECORDING, DONE = "ready", "countdown", "recording", "done"


@dataclass
class Shown:
    """What a person at the screen should see now.

    Attributes
    ----------
    stage : {"ready", "countdown", "recording", "done"}
    ask : Ask or None
        None when all is done.
    left_s : float
        Of the stage.
    share : float
        Of the take that is recorded, 0 to 1.
    waits : bool
        Whether nothing goes on until space is pressed.
    number : int or None
        Of the face that is, or would be, recorded.
    message : str
        What happened last.
    n_left : int
        Takes that are still asked for, this one included.
    """

    stage: str
    ask: object = None
    left_s: float = 0.0
    share: float = 0.0
    waits: bool = False
    number: int | None = None
    message: str = ""
    n_left: int = 0


class Director:
    """Leads somebody through the takes that are asked for.

    Parameters
    ----------
    asks : list of Ask
    keep : callable
        Given an Ask and a Recorder with faces enough, keeps the take and returns what `undo` needs.
    undo : callable
        Given that, deletes the take.
    settings : ExtractorSettings
    countdown_s, seconds : float, default=3 and 2
        Before a take, and of it.
    keep_images : bool, default=False

    Attributes
    ----------
    ended : bool
        Whether the person wants to leave, or all is done and was seen.
    """

    def __init__(self, asks, keep, undo, *, settings, countdown_s=3.0, seconds=2.0, keep_images=False):
        self.ended = False
        self._asks, self._keep, self._undo = deque(asks), keep, undo
        self._settings, self._keep_images = settings, keep_images
        self._lasts = {READY: PREPARE_S, COUNTDOWN: countdown_s, RECORDING: seconds}
        self._stage, self._since, self._waits = READY, None, True
        self._recorder, self._number, self._message = None, None, ""
        self._kept = []

    def update(self, frame, followed):
        """Take a frame with the faces that are followed in it, and return what is `Shown`."""
        time_s = frame.time_s
        self._since = time_s if self._since is None else self._since
        self._number = nearest_face(followed, self._number)
        if not self._asks:
            return Shown(DONE, message=self._message)
        if self._stage == RECORDING:
            self._recorder.add(frame, followed)
        if not self._waits and self._is_over(time_s - self._since):
            self._go_on(time_s)
        return self._shown(time_s)

    def press(self, key):
        """Do what a key is for; None and other keys do nothing."""
        if key in KEYS:
            KEYS[key][1](self)

    def switch(self):
        """Begin, wait, or go on; a take that is being recorded is begun anew afterwards."""
        self._waits = not self._waits
        self._begin(READY if self._waits else COUNTDOWN)

    def skip(self):
        """Ask for this expression at the end."""
        if self._asks:
            self._asks.rotate(-1)
            self._message = f"{self._asks[-1].expression} is asked for later"
            self._begin(READY)

    def undo(self):
        """Delete the last take of this session and ask for it anew."""
        if not self._kept:
            self._message = "there is no take of this session to undo"
            return
        ask, take = self._kept.pop()
        self._undo(take)
        self._asks.appendleft(ask)
        self._message = f"the take of {ask.expression} was deleted"
        self._waits = True
        self._begin(READY)

    def quit(self):
        """Leave."""
        self.ended = True

    def _begin(self, stage):
        self._stage, self._since = stage, None
        self._recorder = Recorder(self._settings, keep_images=self._keep_images) if stage == RECORDING else None

    def _is_over(self, passed_s):
        lasts = self._lasts[self._stage]
        starved = self._stage == RECORDING and self._recorder.starved
        return passed_s >= lasts * (LONGEST if starved else 1.0)

    def _go_on(self, time_s):
        following = {READY: COUNTDOWN, COUNTDOWN: RECORDING, RECORDING: READY}[self._stage]
        if self._stage == RECORDING:
            self._finish()
        self._begin(following)
        self._since = time_s

    def _finish(self):
        if not self._recorder.enough:
            starved, n_images = self._recorder.starved, self._recorder.n_images
            why = f"only {n_images} images came in that time" if starved else "no face was seen long enough"
            self._message = f"{why}; {self._asks[0].expression} once more"
            return
        ask = self._asks.popleft()
        self._kept.append((ask, self._keep(ask, self._recorder)))
        self._message = f"kept {len(self._recorder)} faces of {ask.expression}; undo (u) deletes them"

    def _shown(self, time_s):
        if not self._asks:
            return Shown(DONE, message=self._message)
        passed = time_s - (time_s if self._since is None else self._since)
        lasts = self._lasts[self._stage]
        share = min(1.0, passed / lasts) if self._stage == RECORDING else 0.0
        return Shown(
            self._stage,
            self._asks[0],
            left_s=max(0.0, lasts - passed),
            share=share,
            waits=self._waits,
            number=self._number,
            message=self._message,
            n_left=len(self._asks),
        )


KEYS = {
    "space": ("begin, wait, go on", Director.switch),
    "s": ("later", Director.skip),
    "u": ("undo the last take", Director.undo),
    "backspace": ("undo the last take", Director.undo),
    "q": ("leave", Director.quit),
    "escape": ("leave", Director.quit),
}
"""What each key does: in words, and the method."""
