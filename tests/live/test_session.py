"""The live loop: frames, keys, sinks, explanations, recordings, and how a session ends."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from landmark_fer.core.errors import SinkError
from landmark_fer.drawing.overlay_options import CONTROLS, OverlayOptions
from landmark_fer.drawing.status import Status
from landmark_fer.live import pacing, session
from landmark_fer.live.observers import (
    EXPLANATION_LOAD,
    INTERVAL_S,
    BaselineNotes,
    ExplanationSchedule,
    describe_baselines,
    explain_within,
)
from landmark_fer.live.session import Session, SessionState
from landmark_fer.live.sinks.recording import KeyRecording
from landmark_fer.live.sources.frames import Frame, Source
from landmark_fer.live.sources.opening import open_source
from landmark_fer.live.timeline import History
from landmark_fer.recognition.baseline import Baseline
from landmark_fer.recognition.track_baselines import TrackBaselines
from tests.live.hand_made import make_recognition
from tests.live.stand_ins import FixedReader, Rows, ScriptedWindow, StallingCamera, images

SWITCHES = [(key, control.name) for control in CONTROLS if control.is_option for key in control.keys]


class Draw(NamedTuple):
    """The arguments of one call of `draw_frame`."""

    options: OverlayOptions
    status: Status
    explanations: dict
    history: History


@pytest.fixture
def draws(monkeypatch):
    """The arguments of every call of `draw_frame`, which draws nothing."""
    drawn = []

    def draw(image, faces, *, options, status, explanations, history, memory):
        drawn.append(Draw(options, status or Status(), explanations, history))
        return np.full_like(image, len(drawn) % 256)

    monkeypatch.setattr(session, "draw_frame", draw)
    return drawn


def run(n=20, *, keys=None, reader=None, source=None, max_frames=None, close_at=None, **options):
    window = ScriptedWindow(keys, close_at=close_at)
    made = Session(source or images(n), reader or FixedReader(1), window=window, **options)
    return made, made.run(max_frames)


def test_every_frame_of_a_source_is_read_and_written_once():
    reader, rows = FixedReader(1, 2), Rows()
    summary = Session(images(20), reader, sinks=[rows]).run()
    assert (summary.frames, summary.faces) == (20, 40)
    assert summary.seconds > 0
    assert [frame.index for frame in rows.frames] == list(range(20))
    assert reader.times == [index / 1000 for index in range(20)]
    assert all([face.track_id for face in faces] == [1, 2] for faces in rows.faces)


def test_max_frames_reads_no_further_frame():
    source = images(20)
    assert Session(source, FixedReader()).run(5).frames == 5
    assert next(source).index == 5


def test_every_control_is_an_option_or_an_action_of_the_session():
    assert {control.name for control in CONTROLS if control.is_option} == set(vars(OverlayOptions()))
    assert all(callable(getattr(Session, control.name)) for control in CONTROLS if not control.is_option)
    keys = [key for control in CONTROLS for key in control.keys]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("key", ["q", "escape"])
def test_quitting_keys(key):
    made, summary = run(keys={3: [key]})
    assert summary.frames == 3
    assert len(made.window.shown) == 3


@pytest.mark.parametrize("key", ["x", "enter", "7"])
def test_other_keys_change_nothing(key, draws):
    made, summary = run(keys={3: [key]})
    assert summary.frames == 20
    assert made.state.options == OverlayOptions()


@pytest.mark.parametrize("key,name", SWITCHES)
def test_keys_switch_options_on_and_off(key, name, draws):
    _, summary = run(keys={3: [key], 10: [key]})
    shown = [getattr(draw.options, name) for draw in draws]
    before = getattr(OverlayOptions(), name)
    assert shown == [before] * 3 + [not before] * 7 + [before] * 10
    assert summary.frames == 20


def test_timeline_shows_the_history_while_it_is_on(draws):
    made, _ = run(keys={3: ["t"], 10: ["t"]})
    assert [draw.options.timeline for draw in draws] == [False] * 3 + [True] * 7 + [False] * 10
    assert all(draw.history is made.history for draw in draws)
    assert list(made.history.segments()) == [1]


def test_pause_takes_no_frame_and_shifts_no_time(draws):
    reader = FixedReader(1)
    made, summary = run(keys={3: ["space"], 30: ["space"]}, reader=reader)
    assert summary.frames == 20
    assert len(made.window.shown) == 20 + 27
    assert reader.times == [index / 1000 for index in range(20)]
    assert [draw.status.paused for draw in draws] == [False] * 3 + [True] * 27 + [False] * 17


def test_other_keys_work_during_a_pause(draws):
    _, summary = run(keys={3: ["space"], 5: ["h"], 9: ["q"]})
    assert summary.frames == 3
    assert [draw.options.help for draw in draws] == [False] * 5 + [True] * 4


@pytest.mark.parametrize(("seconds", "named"), [(60.0, True), (0.0, False)])
def test_a_new_window_names_its_keys_for_some_seconds(seconds, named, draws, monkeypatch):
    monkeypatch.setattr(session, "KEYS_S", seconds)
    run(3)
    assert [draw.status.keys for draw in draws] == [named] * 3


def test_recordings_name_no_keys(draws):
    Session(images(2), FixedReader(1), sinks=[Rows(annotated=True)]).run()
    assert not any(draw.status.keys for draw in draws)


def test_closing_the_window_ends():
    assert run(close_at=3)[1].frames == 3


def test_single_image_stays_until_a_quitting_key():
    made, summary = run(1, reader=FixedReader(1, still=True), keys={5: ["l"], 9: ["q"]})
    assert summary.frames == 1
    assert len(made.window.shown) == 9
    assert not made.state.options.landmarks


def test_video_of_one_frame_ends_by_itself():
    assert len(run(1)[0].window.shown) == 1


def test_last_image_of_a_folder_stays_for_its_time(draws):
    made, summary = run(2, reader=FixedReader(still=True), source=images(2, rate=50.0))
    assert summary.frames == 2
    assert len(made.window.shown) > 2


class Clock:
    """A clock that tests move."""

    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now


def test_video_in_a_window_is_shown_at_its_own_pace(monkeypatch, draws):
    clock = Clock()
    monkeypatch.setattr(pacing, "time", clock)
    shown_at = []

    class Window(ScriptedWindow):
        def show(self, image, *, wait_s=0.0):
            shown_at.append(clock.now - 100)
            return super().show(image, wait_s=wait_s)

        def wait(self, wait_s):
            clock.now += wait_s

    Session(images(5, rate=10.0), FixedReader(), window=Window()).run()
    assert shown_at == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_delayed_video_goes_on_at_its_pace_without_catching_up(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(pacing, "time", clock)
    pace = pacing.Pace()
    assert pace.wait_s(0.0) == 0
    clock.now += 0.05
    assert pace.wait_s(0.1) == pytest.approx(0.05)
    clock.now += 30
    assert pace.wait_s(0.2) == 0
    assert pace.wait_s(0.3) == pytest.approx(0.1)


def test_rate_is_that_of_the_last_second(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(pacing, "time", clock)
    rate = pacing.Rate()
    assert rate.tick() is None
    for _ in range(100):
        clock.now += 0.1
        slow = rate.tick()
    for _ in range(100):
        clock.now += 0.02
        fast = rate.tick()
    assert (slow, fast) == (pytest.approx(10), pytest.approx(50))


def test_waiting_for_a_camera_does_not_delay_keys(draws):
    source = StallingCamera([True, False, False, True])
    made, summary = run(source=source, reader=FixedReader(1))
    assert summary.frames == 2
    assert all(timeout is not None and timeout <= 0.1 for timeout in source.timeouts)
    assert [draw.status.message for draw in draws] == [None, "waiting for camera", "waiting for camera", None]
    assert made.window.waits == []


def test_a_key_ends_the_wait_for_a_camera(draws):
    _, summary = run(source=StallingCamera([True] + [False] * 50 + [True]), keys={10: ["q"]})
    assert summary.frames == 1


def test_without_a_window_a_camera_is_awaited_without_a_timeout():
    source = StallingCamera([True, True])
    assert Session(source, FixedReader()).run().frames == 2
    assert set(source.timeouts) == {None}


def test_nothing_is_drawn_unless_a_sink_takes_annotated_frames(draws):
    sinks = [Rows(), Rows(explanations=True)]
    Session(images(5), FixedReader(1), sinks=sinks, options=OverlayOptions(explain=True)).run()
    assert draws == []


def test_each_sink_gets_what_it_takes(draws):
    plain, drawn, again, explained = Rows(), Rows(annotated=True), Rows(annotated=True), Rows(explanations=True)
    sinks = [plain, drawn, again, explained]
    Session(images(3), FixedReader(1), sinks=sinks, options=OverlayOptions(explain=True)).run()
    assert len(draws) == 3
    assert [frame.image.max() for frame in plain.frames] == [0, 0, 0]
    assert [frame.image.max() for frame in drawn.frames] == [1, 2, 3]
    assert [a.image is b.image for a, b in zip(drawn.frames, again.frames, strict=True)] == [True] * 3
    assert plain.explanations == [None] * 3
    assert explained.explanations == [{1: "why 1"}, {}, {}]


def test_written_images_have_no_help_and_no_status(draws):
    run(10, keys={1: ["h"], 2: ["n"]}, sinks=[Rows(annotated=True)])
    written, shown = draws[::2], draws[1::2]
    assert not any(draw.options.help or draw.status != Status() for draw in written)
    assert any(draw.options.help for draw in shown)
    assert any(draw.status.message for draw in shown)
    assert any(draw.status.frames_per_second for draw in shown)


def test_nothing_is_explained_unless_it_is_shown_or_written():
    reader = FixedReader(1)
    Session(images(10), reader, sinks=[Rows()], options=OverlayOptions(explain=True)).run()
    Session(images(10), reader, sinks=[Rows(explanations=True), Rows(annotated=True)]).run()
    assert reader.explained == []


def test_explanations_are_made_a_few_times_a_second_for_each_face_and_one_at_a_time(draws):
    reader, rows = FixedReader(1, 2, 3), Rows(explanations=True)
    Session(images(200, rate=50.0), reader, sinks=[rows], options=OverlayOptions(explain=True)).run()  # four seconds
    assert all(len(made) <= 1 for made in rows.explanations)
    for track_id in (1, 2, 3):
        at = [frame.time_s for frame, made in zip(rows.frames, rows.explanations, strict=True) if track_id in made]
        assert 8 <= len(at) <= 14
        assert min(np.diff(at)) >= INTERVAL_S - 1e-9


def test_faces_that_wait_for_their_turn_are_explained_when_they_have_a_row_or_in_a_pause():
    schedule, (face,) = ExplanationSchedule(), FixedReader(1).read(None, time_s=0)
    assert schedule.update([face.moved(1, 0)], 0.0, waiting=False) == {}
    assert schedule.update([face], 0.04, waiting=False) == {1: "why 1"}
    assert schedule.update([face.moved(1, 0)], 1.0, waiting=False) == {}
    assert schedule.latest == {1: "why 1"}
    assert schedule.update([face.moved(1, 0)], 1.0) == {1: "why 1"}


@pytest.mark.parametrize("live", [True, False])
def test_explanations_of_a_camera_are_limited_those_of_a_video_are_complete(live, monkeypatch):
    monkeypatch.setattr(session, "explain_within", lambda limit: lambda recognition: None)
    reader, rows = FixedReader(1), Rows(explanations=True)
    Session(images(5, live=live), reader, sinks=[rows], options=OverlayOptions(explain=True)).run()
    assert any(rows.explanations) is not live


def test_slow_explanations_keep_within_their_share_of_the_time(monkeypatch):
    clock = type("Clock", (), {"now": 0.0, "__call__": lambda self: self.now})()
    monkeypatch.setattr(pacing.time, "thread_time", clock)

    def explain(recognition):
        clock.now += 0.4
        return "why"

    limited = explain_within(pacing.RateLimit(EXPLANATION_LOAD, EXPLANATION_LOAD, clock=clock))
    recognition, n_made = replace(make_recognition("happy"), _explainer=explain), 0
    while clock.now < 20:
        clock.now += 0.05
        n_made += limited(recognition) is not None
    assert 0.8 * EXPLANATION_LOAD * clock.now <= 0.4 * n_made <= EXPLANATION_LOAD * (clock.now + 1) + 0.4


def test_changed_prediction_is_explained_sooner():
    schedule, sooner = ExplanationSchedule(), FixedReader(1, expression="angry").read(None, time_s=0)
    assert schedule.update(FixedReader(1).read(None, time_s=0), 0.0)
    assert not schedule.update(sooner, 0.04)
    assert schedule.update(sooner, 0.12)
    assert not schedule.update(sooner, 0.24)
    assert not schedule.update([], 0.28)
    assert schedule.latest == {}


def test_every_face_of_a_single_image_is_explained():
    rows = Rows(explanations=True)
    reader = FixedReader(1, 2, 3, still=True)
    Session(images(1), reader, sinks=[rows], options=OverlayOptions(explain=True)).run()
    assert set(rows.explanations[0]) == {1, 2, 3}


def test_explanations_stay_on_screen_until_there_are_newer_ones(draws):
    run(5, keys={2: ["e"]})
    assert [draw.explanations for draw in draws] == [{}, {}, {1: "why 1"}, {1: "why 1"}, {1: "why 1"}]


def test_single_image_is_explained_once_after_the_key(draws):
    reader = FixedReader(1, 2, still=True)
    run(1, reader=reader, keys={3: ["e"], 9: ["q"]})
    assert sorted(reader.explained) == [1, 2]
    assert [set(draw.explanations) for draw in draws] == [set()] * 3 + [{1, 2}] * 6


def test_paused_video_is_explained_after_the_key(draws):
    reader = FixedReader(1, 2)
    run(5, reader=reader, keys={2: ["space"], 4: ["e"], 9: ["q"]})
    assert sorted(reader.explained) == [1, 2]


def test_snapshot_is_written_and_reported(tmp_path, draws):
    made, _ = run(5, keys={3: ["s"]}, folder=tmp_path / "new", facts={"model": "made-up"})
    kinds = sorted(path.suffix for path in (tmp_path / "new").iterdir())
    assert kinds == [".json", ".png"]
    assert "snapshot" in made.state.message
    assert [draw.status.message is not None for draw in draws] == [False] * 4 + [True] * 2


def test_snapshot_that_cannot_be_written_is_reported_and_the_video_goes_on(tmp_path):
    (tmp_path / "file").write_text("")
    made, summary = run(5, keys={3: ["s"]}, folder=tmp_path / "file")
    assert summary.frames == 5
    assert "cannot be written" in made.state.message


def test_recording_begins_and_ends_with_its_key(tmp_path, draws):
    made, _ = run(20, keys={3: ["r"], 10: ["r"]}, source=images(20, rate=25.0), folder=tmp_path)
    (video,) = tmp_path.glob("recording-*.mp4")
    with open_source(video) as source:
        assert len(list(source)) == 7
    assert any(draw.status.recording for draw in draws)
    assert str(video) in made.state.message


def test_two_recordings_are_two_videos_and_the_last_is_finished_with_the_run(tmp_path):
    run(20, keys={3: ["r"], 6: ["r"], 9: ["r"]}, source=images(20, rate=25.0), folder=tmp_path)
    lengths = []
    for video in sorted(tmp_path.glob("recording-*.mp4")):
        with open_source(video) as source:
            lengths.append(len(list(source)))
    assert sorted(lengths) == [3, 11]


def test_no_recording_or_snapshot_takes_the_name_of_another_file(tmp_path, monkeypatch):
    class Still:
        """A clock that stands still, so that all names have one time stamp."""

        time, perf_counter, sleep = staticmethod(lambda: 1e9), time.perf_counter, time.sleep

    monkeypatch.setattr("landmark_fer.live.sinks.recording.time", Still)
    stamp = "recording-2001-09-09T01-46-40.000Z"
    (tmp_path / f"{stamp}.mp4").write_text("somebody's")
    (tmp_path / f"{stamp}-2.mp4").symlink_to(tmp_path / "not_there.mp4")
    keys = {3: ["r"], 6: ["r"], 9: ["r"], 12: ["r"]}
    made, _ = run(20, keys=keys, source=images(20, rate=25.0), folder=tmp_path)
    assert (tmp_path / f"{stamp}.mp4").read_text() == "somebody's" and not (tmp_path / "not_there.mp4").exists()
    assert f"{stamp}-4.mp4" in made.state.message
    assert all((tmp_path / f"{stamp}-{number}.mp4").stat().st_size > 100 for number in (3, 4))


def test_a_recording_of_nothing_leaves_nothing(tmp_path):
    messages = []
    recording = KeyRecording(tmp_path, frames_per_second=25.0, show_message=messages.append)
    recording.toggle()
    assert messages[-1].startswith("recording ")
    assert len(list(tmp_path.iterdir())) == 1
    recording.toggle()
    assert messages[-1] == "nothing was recorded"
    assert not list(tmp_path.iterdir())


def test_two_recordings_that_begin_at_once_have_two_files(tmp_path):
    messages = []
    recordings = [KeyRecording(tmp_path, frames_per_second=25.0, show_message=messages.append) for _ in range(8)]
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(KeyRecording.toggle, recordings))
    assert len({*messages}) == len(list(tmp_path.iterdir())) == 8


@pytest.mark.parametrize("method", ["__init__", "write"])
def test_recording_that_fails_is_reported_and_the_video_goes_on(tmp_path, monkeypatch, caplog, method):
    def fail(*_, **__):
        raise SinkError("recording.mp4 cannot be written (No space left on device)")

    monkeypatch.setattr(f"landmark_fer.live.sinks.video.VideoRecorder.{method}", fail)
    with caplog.at_level(logging.WARNING):
        made, summary = run(6, keys={3: ["r"]}, folder=tmp_path)
    assert summary.frames == 6
    assert not made.recording.on
    assert "No space left" in made.state.message
    assert "No space left" in caplog.text


@pytest.mark.parametrize("by_key", [False, True])
def test_neutral_baseline_is_recorded_and_reported(draws, by_key):
    options = {"keys": {1: ["n"]}} if by_key else {"neutral_s": 0.5}
    made, _ = run(source=images(60, rate=20.0 if by_key else 60.0), **options)  # the key records 2 seconds
    messages = list(dict.fromkeys(draw.status.message for draw in draws))
    assert any("neutral face for" in message for message in messages if message)
    assert any("neutral baseline recorded" in message for message in messages if message)
    assert describe_baselines(made.state.faces) == "#1 baseline key"
    assert describe_baselines(made.state.faces, shifts=True) == "#1 baseline key: nothing moved"
    assert "baseline key from" in str(made.summary)


def test_neutral_baseline_without_a_face_is_reported():
    made, summary = run(source=images(60, rate=60.0), reader=FixedReader(), neutral_s=0.5)
    assert "no face" in made.state.message
    assert "no neutral baseline was recorded" in summary.hint
    assert run(source=images(60, rate=60.0), reader=FixedReader(1), neutral_s=0.5)[1].hint is None
    assert describe_baselines([]) is None


@pytest.mark.parametrize(
    ("recorded", "expected"), [((3,), ""), ((2,), "; a smile"), ((3, 2, 1), "; #2: a smile"), ((3, 4), "")]
)
def test_a_doubtful_baseline_names_its_face_among_several(recorded, expected):
    warnings = {1: "a smile", 2: "a smile", 3: None, 4: None}
    made = {number: SimpleNamespace(baseline=SimpleNamespace(warning=text)) for number, text in warnings.items()}
    baselines = SimpleNamespace(collecting=True, recorded=(), get=made.get)
    notes = BaselineNotes(baselines, 2.0)
    assert notes.update() == "show a neutral face for 2 seconds"
    baselines.collecting, baselines.recorded = False, recorded
    assert notes.update() == f"neutral baseline recorded{expected}"


def test_a_recorded_baseline_is_saved(tmp_path):
    path = tmp_path / "me.json"
    made, summary = run(source=images(60, rate=60.0), neutral_s=0.5, save_baseline=path)
    assert Baseline.load(path).measurements == made.state.faces[0].baseline.measurements
    assert summary.hint is None


@pytest.mark.parametrize(("track_ids", "message"), [((1, 2), "2 faces were seen"), ((), "no face in sight")])
def test_a_baseline_that_is_not_of_one_face_is_not_saved(tmp_path, track_ids, message):
    path = tmp_path / "me.json"
    options = {"neutral_s": 0.5, "save_baseline": path}
    made, summary = run(source=images(60, rate=60.0), reader=FixedReader(*track_ids), **options)
    assert message in made.state.message
    assert "not written" in summary.hint and str(path) in summary.hint
    assert not path.exists()


def test_a_baseline_that_cannot_be_written_ends_no_session(tmp_path):
    made, summary = run(source=images(60, rate=60.0), neutral_s=0.5, save_baseline=tmp_path / "none" / "me.json")
    assert summary.frames == 60 and summary.hint is None
    assert "could not be written" in str(made.neutral.error)


def test_the_key_says_where_no_baseline_is_recorded():
    still = FixedReader(1, still=True)
    made, _ = run(3, reader=still, keys={1: ["n"]})
    assert "single images" in made.state.message
    reader = FixedReader(1)
    reader.baselines = TrackBaselines(baseline="off")
    made, _ = run(3, reader=reader, keys={1: ["n"]})
    assert "--baseline is off" in made.state.message


def test_shift_from_neutral_is_described():
    reader = FixedReader(1)
    reader.request_baseline(1.0)
    for time_s in (0.0, 0.5, 1.0):
        (face,) = reader.read(None, time_s=time_s)
    moved = face.recognition.face.landmarks.copy()
    moved[[55, 56, 57, 58, 59, 65, 66, 67, 7, 8, 9], 1] += 6  # the jaw drops
    prediction = replace(face.recognition, face=replace(face.recognition.face, landmarks=moved))
    line = describe_baselines([replace(face, recognition=prediction)], shifts=True)
    assert line.startswith("#1 baseline key: ")
    assert "mouth opening +" in line
    assert line.count(",") == 2


def test_baselines_of_several_faces_are_named_once():
    faces = [
        SimpleNamespace(track_id=number, baseline=origin and object(), baseline_origin=origin)
        for number, origin in ((1, "auto"), (2, None), (3, "key"), (5, "auto"))
    ]
    assert describe_baselines(faces) == "#1 #5 baseline auto; #3 baseline key"


@pytest.mark.parametrize("details", [False, True])
def test_the_shift_from_neutral_is_shown_with_the_details(draws, monkeypatch, details):
    monkeypatch.setattr(session, "KEYS_S", 0.0)
    monkeypatch.setattr(SessionState, "message", None)
    run(source=images(60, rate=60.0), neutral_s=0.5, options=OverlayOptions(details=details))
    assert draws[-1].status.message == "#1 baseline key" + details * ": nothing moved"


def test_sink_that_fails_ends_the_run():
    class Full(Rows):
        def write(self, frame, faces=(), explanations=None):
            if frame.index == 3:
                raise SinkError("log.csv cannot be written (No space left on device)")
            super().write(frame, faces)

    rows = Full()
    with pytest.raises(SinkError, match="No space left"):
        Session(images(10), FixedReader(1), sinks=[rows]).run()
    assert len(rows.frames) == 3


def test_interrupt_finishes_the_recording(tmp_path):
    source = images(7, error=KeyboardInterrupt(), rate=25.0)
    _, summary = run(source=source, keys={2: ["r"]}, folder=tmp_path)
    assert summary.frames == 7 and ", interrupted" in str(summary)
    with open_source(next(Path(tmp_path).glob("*.mp4"))) as video:
        assert len(list(video)) == 5


class TestSmallImages:
    """A hint at the end: small images without a detected face may be crops."""

    @staticmethod
    def run(*sizes, reader=None, window=None):
        frames = (Frame(np.zeros((h, w, 3), np.uint8), i / 10, i) for i, (w, h) in enumerate(sizes))
        source = Source("images", frames, frames_per_second=1000.0)
        return Session(source, reader or FixedReader(still=True), window=window).run()

    def test_several_small_images_are_counted(self):
        summary = self.run((48, 48), (100, 100), (640, 480), (48, 48))
        assert str(summary).splitlines()[-1] == (
            "3 small images (48 x 48 pixels) show no face that the detector finds; if cropped to one face each, "
            "add --detector whole"
        )

    def test_one_small_image(self):
        assert "an image of 48 x 48 pixels shows no face" in str(self.run((48, 48)))

    def test_a_small_video(self):
        assert "--detector whole" in str(self.run((64, 48), (64, 48), reader=FixedReader()))

    def test_no_hint_where_faces_are_detected_or_images_are_large(self):
        assert "detector" not in str(self.run((48, 48), reader=FixedReader(1, still=True)))
        assert "detector" not in str(self.run((640, 480), (160, 90)))
