"""The controller of a collecting session: a state machine for takes and keys, independent of window and files."""

from collections import deque
from dataclasses import dataclass

from landmark_fer.collect.plan import PlannedTake
from landmark_fer.collect.takes import Recorder, select_track

PREPARE_S = 2.0  # time to read the next expression before its countdown
MAX_STRETCH = 3.0  # how many times longer a take may last if images come slowly

READY, COUNTDOWN, RECORDING, DONE = "ready", "countdown", "recording", "done"


@dataclass
class SessionState:
    """The state of a session after a frame, for the screen.

    Attributes
    ----------
    stage : {"ready", "countdown", "recording", "done"}
    take : PlannedTake or None
        The current take; None when all are done.
    left_s : float
        Time until the end of the stage.
    share : float
        Recorded share of the take, 0 to 1.
    waiting : bool
        Whether the session is paused until space is pressed.
    track_id : int or None
        The face that is, or would be, recorded.
    message : str
        What happened last.
    n_left : int
        Takes left, the current one included.
    """

    stage: str
    take: PlannedTake | None = None
    left_s: float = 0.0
    share: float = 0.0
    waiting: bool = False
    track_id: int | None = None
    message: str = ""
    n_left: int = 0


class TakeController:
    """Leads a person through planned takes.

    Parameters
    ----------
    plan : list of PlannedTake
    store : TakeStore
        Receives complete takes, and deletes them on undo.
    settings : ExtractorSettings
    countdown_s : float, default=3
        Time before each take.
    seconds : float, default=2
        Length of a take.
    keep_images : bool, default=False
        Whether to record whole images as well.

    Attributes
    ----------
    ended : bool
        Whether the person left.
    """

    def __init__(self, plan, store, *, settings, countdown_s=3.0, seconds=2.0, keep_images=False):
        self.ended = False
        self._plan, self._store = deque(plan), store
        self._settings, self._keep_images = settings, keep_images
        self._durations = {READY: PREPARE_S, COUNTDOWN: countdown_s, RECORDING: seconds}
        self._stage, self._start_s, self._waiting = READY, None, True
        self._recorder, self._track_id, self._message = None, None, ""
        self._recorded = []

    def update(self, frame, followed):
        """Process a frame and the faces that are followed in it, and return the `SessionState`."""
        time_s = frame.time_s
        self._start_s = time_s if self._start_s is None else self._start_s
        self._track_id = select_track(followed, self._track_id)
        if self._stage == RECORDING:
            self._recorder.add(frame, followed)
        if self._plan and not self._waiting and self._stage_is_over(time_s):
            self._start_next_stage(time_s)
        return self._state(time_s)

    def press(self, key):
        """Do what a key is for; None and other keys do nothing."""
        if key in KEYS:
            KEYS[key](self)

    def toggle_waiting(self):
        """Pause, or start the countdown of the current take. An incomplete take is discarded."""
        self._waiting = not self._waiting
        self._enter(READY if self._waiting else COUNTDOWN)

    def postpone(self):
        """Move the current expression to the end of the plan."""
        if self._plan:
            self._plan.rotate(-1)
            self._message = f"{self._plan[-1].expression} comes later"
            self._enter(READY)

    def undo(self):
        """Delete the last take of this session and plan it again."""
        if not self._recorded:
            self._message = "there is no take of this session to undo"
            return
        planned, take = self._recorded.pop()
        self._store.remove(take)
        self._plan.appendleft(planned)
        self._message = f"the take of {planned.expression} was deleted"
        self._waiting = True
        self._enter(READY)

    def quit(self):
        """Leave the session."""
        self.ended = True

    def _enter(self, stage):
        self._stage, self._start_s = stage, None
        self._recorder = Recorder(self._settings, keep_images=self._keep_images) if stage == RECORDING else None

    def _stage_is_over(self, time_s):
        stretch = MAX_STRETCH if self._stage == RECORDING and self._recorder.has_few_images else 1.0
        return time_s - self._start_s >= stretch * self._durations[self._stage]

    def _start_next_stage(self, time_s):
        next_stage = {READY: COUNTDOWN, COUNTDOWN: RECORDING, RECORDING: READY}[self._stage]
        if self._stage == RECORDING:
            self._finish_take()
        self._enter(next_stage)
        self._start_s = time_s

    def _finish_take(self):
        recorder, planned = self._recorder, self._plan[0]
        if not recorder.is_complete:
            few = f"only {recorder.n_images} images came in that time"
            reason = few if recorder.has_few_images else "no face was visible long enough"
            self._message = f"{reason}; {planned.expression} once more"
            return
        self._recorded.append((planned, self._store.add(planned.expression, recorder)))
        self._plan.popleft()
        self._message = f"stored {len(recorder)} faces of {planned.expression}; undo (u) deletes them"

    def _state(self, time_s):
        if not self._plan:
            return SessionState(DONE, message=self._message)
        elapsed_s = time_s - (time_s if self._start_s is None else self._start_s)
        duration_s = self._durations[self._stage]
        return SessionState(
            self._stage,
            self._plan[0],
            left_s=max(0.0, duration_s - elapsed_s),
            share=min(1.0, elapsed_s / duration_s) if self._stage == RECORDING else 0.0,
            waiting=self._waiting,
            track_id=self._track_id,
            message=self._message,
            n_left=len(self._plan),
        )


KEYS = {
    "space": TakeController.toggle_waiting,
    "s": TakeController.postpone,
    "u": TakeController.undo,
    "backspace": TakeController.undo,
    "q": TakeController.quit,
    "escape": TakeController.quit,
}
"""Methods by key."""
