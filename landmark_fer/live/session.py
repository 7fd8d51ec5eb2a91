"""The live loop: frames go to the reader, what it sees to the sinks and the window, and keys come back."""

import contextlib
import math
import time
from dataclasses import replace

from landmark_fer.core.errors import SinkError
from landmark_fer.live.drawing.charts import History
from landmark_fer.live.drawing.overlay import draw_frame
from landmark_fer.live.pacing import Interrupts, Pace, Rate
from landmark_fer.live.reader import SECONDS, Explainer, NeutralBaselines, SmallImages
from landmark_fer.live.sinks.recording import KeyedRecording
from landmark_fer.live.sinks.snapshot import write_snapshot
from landmark_fer.live.state import State
from landmark_fer.live.timeline import RunSummary, Timelines

LISTEN_S = 0.05  # keys are heard at least this often while a image stands


class Session:
    """One run: to the end of the source, to Ctrl-C, to a quitting key, or until the window is closed.

    Parameters
    ----------
    source : Source
        As from `open_source`.
    reader : LiveReader or StillReader
    sinks : sequence
        Logs, recorders, summaries, all entered. None is closed here.
    window : Window, optional
        Entered. A file is then shown at its own pace; without a window it runs as fast as it can.
    view : OverlayOptions, optional
        What is shown at the beginning.
    folder : path-like, default="."
        Where snapshots and the recordings of key r go.
    facts : dict, optional
        About the model, for snapshots.
    neutral_s : float, default=0
        Take the faces of so many seconds for the resting ones, from the first frame on.
    interrupts : Interrupts, optional
        Entered; held back while a frame is written.
    """

    def __init__(
        self,
        source,
        reader,
        *,
        sinks=(),
        window=None,
        view=None,
        folder=".",
        facts=None,
        neutral_s=0.0,
        interrupts=None,
    ):
        self.source, self.reader, self.sinks, self.window = source, reader, list(sinks), window
        self.folder, self.facts, self.state = folder, facts, State(view)
        self.history, self.resting = History(), NeutralBaselines(neutral_s or SECONDS)
        if neutral_s:
            self.resting.want()
        self.tally = RunSummary(timelines=None if reader.still else Timelines(1 / source.frames_per_second))
        self._small_images = SmallImages()
        self.recording = KeyedRecording(folder, frames_per_second=source.frames_per_second)
        self._interrupts = interrupts or Interrupts()
        self._explainer = Explainer(at_once=None if reader.still else 1)
        self._pace, self._rate = Pace(), Rate()

    def run(self, max_frames=None):
        """Run, for at most so many frames, and return the `RunSummary` of what was seen.

        Raises
        ------
        SinkError
            If a sink cannot be written.
        SourceError
            If the source breaks.
        """
        begin = time.perf_counter()
        with self.recording, contextlib.suppress(KeyboardInterrupt):
            while not self.state.ended and self.tally.frames != max_frames:
                self._step()
        self.tally.finish(time.perf_counter() - begin)
        self.tally.hint = self._small_images.hint
        return self.tally

    def press(self, key):
        """Do what a key is for; None and other keys do nothing."""
        if key in ACTIONS:
            ACTIONS[key](self)
        else:
            self.state.switch(key)

    def quit(self):
        """End with this frame."""
        self.state.ended = True

    def begin_neutral(self):
        """Take the faces from the next frame on for the resting ones."""
        self.resting.want()

    def take_snapshot(self):
        """Write the image on the screen and what was seen in it into the folder."""
        frame, seen = self.state.frame, self.state.seen
        if frame is None:
            return
        try:
            path = write_snapshot(self.folder, frame, self._drawn(self._kept_view()), seen, facts=self.facts)
        except SinkError as error:
            self.state.tell(str(error))
        else:
            self.state.tell(f"saved {path}")

    def switch_recording(self):
        """Begin a recording of what is shown, or end it."""
        self.state.tell(self.recording.switch())

    def _step(self):
        """Take one frame, or what comes instead of one: a pause, a wait, the end."""
        if self.state.view.paused and self.window is not None:
            self._stand()
            return
        frame = self.source.take(LISTEN_S if self.window is not None else None)
        if frame is not None:
            self._read(frame)
        elif self.source.ended:
            self._stay()
        elif self.window is not None:
            self._show()

    def _read(self, frame):
        state = self.state
        state.frame, state.seen = frame, self.reader.read(frame.image, time_s=frame.time_s)
        self.tally.add(frame.time_s, state.seen)
        self._small_images.add(frame.image, state.seen)
        self.history.add(frame.time_s, state.seen)
        if (told := self.resting.update(frame.time_s, state.seen)) is not None:
            state.tell(told)
        explanations = self._explain(frame, state.seen)
        with self._interrupts.held_back():
            self._deliver(frame, state.seen, explanations)
        if self.window is None:
            return
        state.view = replace(state.view, frames_per_second=self._rate.tick())
        while not self.source.live and not state.ended and (wait_s := self._pace.wait_s(frame.time_s)) > 0:
            self._hear(self.window.wait(wait_s))
        if not state.ended:
            self._show()

    def _stay(self):
        """Leave a single image on the screen until a quitting key, the last of several for its time; then end."""
        still = self.window is not None and self.reader.still and self.state.frame is not None
        stays_s = (math.inf if self.tally.frames == 1 else 1 / self.source.frames_per_second) if still else 0.0
        end = time.perf_counter() + stays_s
        while not self.state.ended and time.perf_counter() < end:
            self._stand()
        self.quit()

    def _stand(self):
        """Show the last image for a moment longer; a key may have asked for its reasons meanwhile."""
        if self.state.frame is not None:
            self._explain(self.state.frame, self.state.seen)
        self._show(LISTEN_S)

    def _explain(self, frame, seen):
        """Return the explanations made for this frame; none unless somebody takes them."""
        taken = self.window is not None or self.recording.on or any(map(_takes_reasons, self.sinks))
        return self._explainer.update(seen, frame.time_s) if self.state.view.explain and taken else {}

    def _deliver(self, frame, seen, explanations):
        """Hand a frame and its answers to the sinks; it is drawn once, and only where a sink takes it drawn."""
        drawn = frame
        if self.recording.on or any(sink.takes_annotated for sink in self.sinks):
            drawn = replace(frame, image=self._drawn(self._kept_view()))
        for sink in self.sinks:
            options = {"explanations": explanations} if getattr(sink, "takes_explanations", False) else {}
            sink.write(drawn if sink.takes_annotated else frame, seen, **options)
        if self.recording.on and (failed := self.recording.write(drawn, seen)):
            self.state.tell(failed)

    def _kept_view(self):
        """Return the view without what is meant for the person at the window."""
        hidden = {"help": False, "paused": False, "recording": False, "frames_per_second": None, "message": None}
        return replace(self.state.view, **hidden)

    def _drawn(self, view):
        state = self.state
        explanations = self._explainer.latest if view.explain else None
        history = self.history if view.strip else None
        return draw_frame(state.frame.image, state.seen, view=view, explanations=explanations, history=history)

    def _show(self, wait_s=0.0):
        """Show the last frame as it is to be seen now, and hear keys."""
        state = self.state
        if state.frame is None:
            self._hear(self.window.wait(wait_s or LISTEN_S))
            return
        message = state.message or self.source.message or self.resting.line(state.seen)
        view = replace(state.view, message=message, recording=self.recording.on)
        view = replace(view, frames_per_second=None) if view.paused else view
        self._hear(self.window.show(self._drawn(view), wait_s=wait_s))

    def _hear(self, key):
        self.press(key)
        if self.window.closed:
            self.quit()


ACTIONS = {
    "q": Session.quit,
    "escape": Session.quit,
    "n": Session.begin_neutral,
    "s": Session.take_snapshot,
    "r": Session.switch_recording,
}


def _takes_reasons(sink):
    return sink.takes_annotated or getattr(sink, "takes_explanations", False)
