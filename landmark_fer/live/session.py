"""The live loop: reads frames, hands faces to the sinks and the window, and handles keys."""

import math
import time
from dataclasses import dataclass, field, replace

from landmark_fer.core.errors import SinkError
from landmark_fer.drawing.blur import HOLD_S, FaceBlur, hide_chips
from landmark_fer.drawing.overlay import draw_frame
from landmark_fer.drawing.overlay_options import CONTROL_OF_KEY, OverlayOptions
from landmark_fer.drawing.panel_places import PanelMemory
from landmark_fer.drawing.scene import SHOWN_SIZE
from landmark_fer.drawing.status import Status
from landmark_fer.live.events import Events
from landmark_fer.live.observers import (
    EXPLANATION_LOAD,
    NEUTRAL_S,
    BaselineNotes,
    ExplanationSchedule,
    SmallImages,
    describe_baselines,
    explain_within,
)
from landmark_fer.live.pacing import Interrupts, Pace, Rate, RateLimit
from landmark_fer.live.sinks.recording import KeyRecording
from landmark_fer.live.sinks.snapshot import write_snapshot
from landmark_fer.live.sources.frames import Frame
from landmark_fer.live.timeline import History, RunSummary, Timelines
from landmark_fer.recognition import OFF

KEY_WAIT_S = 0.05  # keys are handled at least this often
MESSAGE_S = 4.0  # how long a message stays on the screen
KEYS_S = 5.0  # how long a new window names its keys


@dataclass
class SessionState:
    """The state of a session.

    Attributes
    ----------
    options : OverlayOptions
    frame : Frame or None
        The last frame.
    faces : list of RecognizedFace
        Faces of the last frame.
    paused, ended : bool
    frames_per_second : float or None
        Measured; None before the second frame.
    """

    options: OverlayOptions = field(default_factory=OverlayOptions)
    frame: Frame | None = None
    faces: list = field(default_factory=list)
    paused: bool = False
    ended: bool = False
    frames_per_second: float | None = None
    _message: str | None = None
    _message_end_s: float = 0.0

    def show_message(self, message):
        """Show a message for a few seconds."""
        self._message, self._message_end_s = message, time.perf_counter() + MESSAGE_S

    @property
    def message(self):
        """The message to show now, or None."""
        return self._message if time.perf_counter() < self._message_end_s else None


class Session:
    """One run: until the source ends, Ctrl-C, a key to quit, or the window is closed.

    Parameters
    ----------
    source : Source
        As from `open_source`.
    reader : LiveReader or StillReader
    sinks : sequence of Sink
        Entered. They are not closed here.
    window : Window, optional
        Entered. Files are then shown at their own pace; without a window they run as fast as possible.
    options : OverlayOptions, optional
        What the overlay shows at the start.
    folder : path-like, default="."
        For snapshots and the recordings of key r.
    facts : dict, optional
        About the model, for snapshots.
    neutral_s : float, default=0
        Record the neutral baseline during so many seconds from the first frame on; 0 records none.
    save_baseline : path-like, optional
        File for the baseline that is recorded, by `neutral_s` or a key.
    events : iterable of Event, optional
        Of a video or camera; single images have none.
    blur : {"faces", "eyes"}, optional
        What is blurred in annotated images, with the places of faces that were just lost. The window, sinks of other
        frames and predictions stay as they are.
    interrupts : Interrupts, optional
        Entered; held back while a frame is written.

    Attributes
    ----------
    state : SessionState
    summary : RunSummary
    """

    def __init__(
        self,
        source,
        reader,
        *,
        sinks=(),
        window=None,
        options=None,
        folder=".",
        facts=None,
        neutral_s=0.0,
        save_baseline=None,
        events=(),
        blur=None,
        interrupts=None,
    ):
        self.source, self.reader, self.window = source, reader, window
        self.folder, self.facts = folder, facts
        self.state = SessionState(options or OverlayOptions())
        self.summary = RunSummary(timelines=None if reader.still else Timelines(1 / source.frames_per_second))
        self.history, self._neutral_s = History(), neutral_s or NEUTRAL_S
        self.neutral = BaselineNotes(reader.baselines, self._neutral_s, save_baseline)
        if neutral_s:
            self.record_neutral()
        self._events, self._mark_requested = Events(events), False
        self._blur = blur and FaceBlur(blur, hold_s=0.0 if reader.still else HOLD_S)
        self.recording = KeyRecording(
            folder,
            frames_per_second=source.frames_per_second,
            show_message=self.state.show_message,
            size=SHOWN_SIZE if reader.still else None,
            look_back=bool(blur) and not reader.still,
        )
        self.sinks = [*sinks, self.recording]
        self._small_images, self._panels = SmallImages(), PanelMemory()
        limited = {"explain": explain_within(RateLimit(EXPLANATION_LOAD, EXPLANATION_LOAD))} if source.live else {}
        self._explanations = ExplanationSchedule(per_frame=None if reader.still else 1, **limited)
        self._interrupts = interrupts or Interrupts()
        self._pace, self._rate = Pace(), Rate()
        self._keys_end_s = None
        self._n_unreadable = 0

    def run(self, max_frames=None):
        """Run for at most so many frames and return the `RunSummary`.

        Raises
        ------
        SinkError
            If a sink cannot be written.
        SourceError
            If the source fails.
        """
        begin = time.perf_counter()
        with self.recording:
            try:
                while not self.state.ended and self.summary.frames != max_frames:
                    self._step()
            except KeyboardInterrupt:
                self.summary.interrupted = True
        self.summary.finish(time.perf_counter() - begin)
        self.summary.damage = self.source.damage
        missed = self.state.frame and self._events.describe_missed(self.state.frame.time_s)
        hints = self._small_images.hint, missed, self.neutral.hint
        self.summary.hint = "\n".join(filter(None, hints)) or None
        return self.summary

    def handle_key(self, key):
        """Toggle the overlay option or do the action of a key; other keys, and None, do nothing."""
        control = CONTROL_OF_KEY.get(key)
        if control is None:
            return
        if control.is_option:
            value = getattr(self.state.options, control.name)
            self.state.options = replace(self.state.options, **{control.name: not value})
        else:
            getattr(self, control.name)()

    def quit(self):
        """End after this frame."""
        self.state.ended = True

    def pause(self):
        """Pause, or go on."""
        self.state.paused = not self.state.paused

    def record_neutral(self):
        """Record the neutral baseline from the next frame on."""
        if self.reader.still:
            self.state.show_message("a neutral baseline is recorded in a video or camera, not in single images")
        elif self.reader.baselines.mode == OFF:
            self.state.show_message("--baseline is off; leave it out to record one")
        else:
            self.reader.request_baseline(self._neutral_s)

    def mark_event(self):
        """Mark an event that begins with the next frame."""
        if self.reader.still:
            self.state.show_message("events mark moments of a video or camera, and single images have none")
        else:
            self._mark_requested = True
            self.state.show_message("event marked")

    def take_snapshot(self):
        """Write the annotated image and its predictions into the folder."""
        state = self.state
        if state.frame is None:
            return
        try:
            path = write_snapshot(self.folder, state.frame, self._annotated_image(), state.faces, facts=self.facts)
        except SinkError as error:
            state.show_message(str(error))
        else:
            state.show_message(f"saved {path}")

    def toggle_recording(self):
        """Start a recording of the annotated frames, or end it."""
        self.recording.toggle()

    def _step(self):
        """Handle one frame, or a moment of a pause, of waiting, or at the end."""
        if self.state.paused and self.window is not None:
            self._show_last_frame()
            return
        frame = self.source.take(KEY_WAIT_S if self.window is not None else None)
        self._write_unreadable()
        if frame is not None:
            self._process(frame)
        elif self.source.ended:
            self._end()
        elif self.window is not None:
            self._show()

    def _process(self, frame):
        state = self.state
        frame = self._with_event(frame)
        state.faces = self.reader.read(frame.image, time_s=frame.time_s)
        state.frame = frame = replace(frame, n_left_out=self.reader.n_left_out)
        self.summary.add(frame.time_s, state.faces, frame.n_left_out)
        self.history.add(frame.time_s, state.faces, frame.event)
        if self._blur is not None:
            self._blur.update(frame.time_s, self.reader.located)
        if self.reader.still:
            self.neutral.add_image(state.faces)
        if not frame.n_left_out:
            self._small_images.update(frame.image, state.faces)
        if (message := self.neutral.update()) is not None:
            state.show_message(message)
        explanations = self._explain(waiting=False)
        with self._interrupts.held_back():
            self._write(explanations)
        if self.window is None:
            return
        state.frames_per_second = self._rate.tick()
        while not self.source.live and not state.ended and (wait_s := self._pace.wait_s(frame.time_s)) > 0:
            self._handle_window(self.window.wait(wait_s))
        if not state.ended:
            self._show()

    def _with_event(self, frame):
        """Return a frame of a video with its event; show a message when one begins."""
        if self.reader.still:
            return frame
        if self._mark_requested:
            self._events.mark(frame.time_s)
            self._mark_requested = False
        event = self._events.label_at(frame.time_s)
        if event is not None and event != (self.state.frame and self.state.frame.event):
            self.state.show_message(event)
        return replace(frame, event=event)

    def _end(self):
        """End; a single image stays on the screen until a key to quit, the last of several for its time."""
        stay_s = 0.0
        if self.window is not None and self.reader.still and self.state.frame is not None:
            stay_s = math.inf if self.summary.frames == 1 else 1 / self.source.frames_per_second
        end = time.perf_counter() + stay_s
        while not self.state.ended and time.perf_counter() < end:
            self._show_last_frame()
        self.quit()

    def _show_last_frame(self):
        """Show the last frame for a moment longer; a key may request its explanation."""
        if self.state.frame is not None:
            self._explain()
        self._show(KEY_WAIT_S)

    def _explain(self, *, waiting=True):
        """Return the new explanations of the last frame; none are made unless they are shown or written."""
        is_used = self.window is not None or any(sink.takes_annotated or sink.takes_explanations for sink in self.sinks)
        if not (self.state.options.explain and is_used):
            return {}
        return self._explanations.update(self.state.faces, self.state.frame.time_s, waiting=waiting)

    def _write(self, explanations):
        """Hand the last frame to the sinks; it is drawn at most once."""
        frame = annotated = self.state.frame
        if any(sink.takes_annotated for sink in self.sinks):
            annotated = replace(frame, image=self._annotated_image(), mirrored=self.state.options.mirror)
            if self._blur is not None:
                annotated = replace(annotated, new_regions=self._blur.new_regions)
        for sink in self.sinks:
            sink.write(
                annotated if sink.takes_annotated else frame,
                self.state.faces,
                explanations if sink.takes_explanations else None,
            )

    def _write_unreadable(self):
        """Hand the names of images that could not be read since the last frame to the sinks."""
        for name in self.source.unreadable[self._n_unreadable :]:
            self._n_unreadable += 1
            with self._interrupts.held_back():
                for sink in self.sinks:
                    sink.write_unreadable(name)

    def _annotated_image(self):
        """Return the last image as it is written: blurred where that is an option, without help panel and status."""
        image, faces = self.state.frame.image, self.state.faces
        if self._blur is not None:
            image, faces = self._blur.apply(image), hide_chips(faces)
        return self._draw(image, faces, replace(self.state.options, help=False))

    def _draw(self, image, faces, options, status=None):
        return draw_frame(
            image,
            faces,
            options=options,
            status=status,
            explanations=self._explanations.latest,
            history=self.history,
            memory=self._panels,
        )

    def _show(self, wait_s=0.0):
        """Show the last frame in the window, and handle a key."""
        state = self.state
        if state.frame is None:
            self._handle_window(self.window.wait(wait_s or KEY_WAIT_S))
            return
        if self._keys_end_s is None:
            self._keys_end_s = time.perf_counter() + KEYS_S
        keys, message = time.perf_counter() < self._keys_end_s, state.message or self.source.message
        if message is None and not keys:
            message = describe_baselines(state.faces, shifts=state.options.details)
        status = Status(
            paused=state.paused,
            recording=self.recording.on,
            frames_per_second=None if state.paused else state.frames_per_second,
            message=message,
            keys=keys,
        )
        image = self._draw(state.frame.image, state.faces, state.options, status)
        self._handle_window(self.window.show(image, wait_s=wait_s))

    def _handle_window(self, key):
        self.handle_key(key)
        if self.window.closed:
            self.quit()
