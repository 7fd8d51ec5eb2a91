"""The live loop: every frame once, keys that do what the help says, sinks that get what they take, and clean ends."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from landmark_fer.core.errors import SinkError
from landmark_fer.live import pacing, session
from landmark_fer.live.drawing.overlay import KEYS, OverlayOptions
from landmark_fer.live.reader import EVERY_S, Explainer, NeutralBaselines
from landmark_fer.live.session import ACTIONS, Session
from landmark_fer.live.sinks.recording import KeyedRecording
from landmark_fer.live.sources.frames import Frame, Source
from landmark_fer.live.sources.opening import open_source
from landmark_fer.live.state import SWITCHES
from tests.live.stand_ins import FixedReader, Rows, ScriptedWindow, StallingCamera, images


@pytest.fixture
def draws(monkeypatch):
    """The views and options of everything that is drawn; nothing is really drawn."""
    drawn = []

    def draw(image, seen, *, view, explanations, history):
        drawn.append((view, explanations, history))
        return np.full_like(image, len(drawn) % 256)

    monkeypatch.setattr(session, "draw_frame", draw)
    return drawn


def run(n=20, *, keys=None, reader=None, source=None, max_frames=None, close_at=None, **options):
    window = ScriptedWindow(keys, close_at=close_at)
    made = Session(source or images(n), reader or FixedReader(1), window=window, **options)
    return made, made.run(max_frames)


def test_every_frame_of_a_source_is_read_and_written_once():
    reader, rows = FixedReader(1, 2), Rows()
    tally = Session(images(20), reader, sinks=[rows]).run()
    assert (tally.frames, tally.faces) == (20, 40)
    assert tally.seconds > 0
    assert [frame.index for frame in rows.frames] == list(range(20))
    assert reader.times == [index / 1000 for index in range(20)]
    assert all([face.track_id for face in seen] == [1, 2] for seen in rows.seen)


def test_max_frames_takes_no_frame_more():
    source = images(20)
    assert Session(source, FixedReader()).run(5).frames == 5
    assert next(source).index == 5


def test_help_lists_every_key_and_no_other():
    assert {key for key, _ in KEYS} == set(SWITCHES) | set(ACTIONS)
    assert not set(SWITCHES) & set(ACTIONS)


@pytest.mark.parametrize("key", ["q", "escape"])
def test_quitting_keys(key):
    made, tally = run(keys={3: [key]})
    assert tally.frames == 3
    assert len(made.window.shown) == 3


@pytest.mark.parametrize("key", ["x", "enter", "7"])
def test_other_keys_change_nothing(key, draws):
    made, tally = run(keys={3: [key]})
    assert tally.frames == 20
    assert made.state.view.landmarks == OverlayOptions().landmarks


@pytest.mark.parametrize("key,name", [pair for pair in SWITCHES.items() if pair[1] != "paused"])
def test_switches_show_and_hide(key, name, draws):
    _, tally = run(keys={3: [key], 10: [key]})
    shown = [getattr(view, name) for view, _, _ in draws]
    before = getattr(OverlayOptions(), name)
    assert shown == [before] * 3 + [not before] * 7 + [before] * 10
    assert tally.frames == 20


def test_strip_is_given_the_history_only_while_it_is_shown(draws):
    made, _ = run(keys={3: ["t"], 10: ["t"]})
    assert [history is not None for _, _, history in draws] == [False] * 3 + [True] * 7 + [False] * 10
    assert list(made.history.runs()) == [1]


def test_pause_takes_no_frame_and_shifts_no_time(draws):
    reader = FixedReader(1)
    made, tally = run(keys={3: ["space"], 30: ["space"]}, reader=reader)
    assert tally.frames == 20
    assert len(made.window.shown) == 20 + 27
    assert reader.times == [index / 1000 for index in range(20)]
    assert [view.paused for view, _, _ in draws] == [False] * 3 + [True] * 27 + [False] * 17


def test_paused_image_obeys_the_other_keys(draws):
    _, tally = run(keys={3: ["space"], 5: ["h"], 9: ["q"]})
    assert tally.frames == 3
    assert [view.help for view, _, _ in draws] == [False] * 5 + [True] * 4


def test_closing_the_window_ends():
    assert run(close_at=3)[1].frames == 3


def test_single_image_stays_until_a_quitting_key():
    made, tally = run(1, reader=FixedReader(1, still=True), keys={5: ["l"], 9: ["q"]})
    assert tally.frames == 1
    assert len(made.window.shown) == 9
    assert not made.state.view.landmarks


def test_video_of_one_frame_ends_by_itself():
    assert len(run(1)[0].window.shown) == 1


def test_last_image_of_a_folder_stays_for_its_time(draws):
    made, tally = run(2, reader=FixedReader(still=True), source=images(2, rate=50.0))
    assert tally.frames == 2
    assert len(made.window.shown) > 2


class Clock:
    """A clock that moves when somebody waits."""

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


def test_video_that_was_held_up_goes_on_at_its_pace_and_does_not_run_after_its_time(monkeypatch):
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


def test_camera_is_never_waited_for_longer_than_a_key_takes(draws):
    source = StallingCamera([True, False, False, True])
    made, tally = run(source=source, reader=FixedReader(1))
    assert tally.frames == 2
    assert all(timeout is not None and timeout <= 0.1 for timeout in source.timeouts)
    assert [view.message for view, _, _ in draws] == [None, "waiting for camera", "waiting for camera", None]
    assert made.window.waits == []


def test_key_ends_the_wait_for_a_camera(draws):
    _, tally = run(source=StallingCamera([True] + [False] * 50 + [True]), keys={10: ["q"]})
    assert tally.frames == 1


def test_camera_without_a_window_is_waited_for_as_long_as_it_takes():
    source = StallingCamera([True, True])
    assert Session(source, FixedReader()).run().frames == 2
    assert set(source.timeouts) == {None}


def test_nothing_is_drawn_where_nobody_takes_it(draws):
    Session(images(5), FixedReader(1), sinks=[Rows(), Rows(explanations=True)], view=OverlayOptions(explain=True)).run()
    assert draws == []


def test_each_sink_gets_what_it_takes(draws):
    plain, drawn, too, reasons = Rows(), Rows(annotated=True), Rows(annotated=True), Rows(explanations=True)
    Session(images(3), FixedReader(1), sinks=[plain, drawn, too, reasons], view=OverlayOptions(explain=True)).run()
    assert len(draws) == 3
    assert [frame.image.max() for frame in plain.frames] == [0, 0, 0]
    assert [frame.image.max() for frame in drawn.frames] == [1, 2, 3]
    assert [a.image is b.image for a, b in zip(drawn.frames, too.frames, strict=True)] == [True] * 3
    assert plain.explanations == [None] * 3
    assert reasons.explanations == [{1: "why 1"}, {}, {}]


def test_what_is_kept_does_not_show_what_is_meant_for_the_person(draws):
    run(10, keys={1: ["h"], 2: ["n"]}, sinks=[Rows(annotated=True)])
    kept, shown = draws[::2], draws[1::2]
    assert not any(view.help or view.message or view.frames_per_second for view, _, _ in kept)
    assert any(view.help for view, _, _ in shown)
    assert any(view.message for view, _, _ in shown)
    assert any(view.frames_per_second for view, _, _ in shown)


def test_nothing_is_explained_unless_it_is_shown_or_kept():
    reader = FixedReader(1)
    Session(images(10), reader, sinks=[Rows()], view=OverlayOptions(explain=True)).run()
    Session(images(10), reader, sinks=[Rows(explanations=True), Rows(annotated=True)]).run()
    assert reader.explained == []


def test_explanations_are_made_a_few_times_a_second_for_each_face_and_one_at_a_time(draws):
    reader, rows = FixedReader(1, 2, 3), Rows(explanations=True)
    Session(images(200, rate=50.0), reader, sinks=[rows], view=OverlayOptions(explain=True)).run()  # four seconds
    assert all(len(made) <= 1 for made in rows.explanations)
    for track_id in (1, 2, 3):
        at = [frame.time_s for frame, made in zip(rows.frames, rows.explanations, strict=True) if track_id in made]
        assert 8 <= len(at) <= 14
        assert min(np.diff(at)) >= EVERY_S - 1e-9


def test_changed_prediction_is_explained_sooner():
    explainer, sooner = Explainer(), FixedReader(1, expression="angry").read(None, time_s=0)
    assert explainer.update(FixedReader(1).read(None, time_s=0), 0.0)
    assert not explainer.update(sooner, 0.04)
    assert explainer.update(sooner, 0.12)
    assert not explainer.update(sooner, 0.24)
    assert not explainer.update([], 0.28)
    assert explainer.latest == {}


def test_every_face_of_a_single_image_is_explained():
    rows = Rows(explanations=True)
    reader = FixedReader(1, 2, 3, still=True)
    Session(images(1), reader, sinks=[rows], view=OverlayOptions(explain=True)).run()
    assert set(rows.explanations[0]) == {1, 2, 3}


def test_shown_explanations_stay_until_there_are_newer_ones(draws):
    run(5, keys={2: ["e"]})
    assert [made for _, made, _ in draws] == [None, None, {1: "why 1"}, {1: "why 1"}, {1: "why 1"}]


def test_standing_image_is_explained_once_when_a_key_asks_for_it(draws):
    reader = FixedReader(1, 2, still=True)
    run(1, reader=reader, keys={3: ["e"], 9: ["q"]})
    assert sorted(reader.explained) == [1, 2]
    assert [set(made or ()) for _, made, _ in draws] == [set()] * 3 + [{1, 2}] * 6


def test_paused_video_is_explained_when_a_key_asks_for_it(draws):
    reader = FixedReader(1, 2)
    run(5, reader=reader, keys={2: ["space"], 4: ["e"], 9: ["q"]})
    assert sorted(reader.explained) == [1, 2]


def test_snapshot_is_written_and_said(tmp_path, draws):
    made, _ = run(5, keys={3: ["s"]}, folder=tmp_path / "new", facts={"model": "made-up"})
    kinds = sorted(path.suffix for path in (tmp_path / "new").iterdir())
    assert kinds == [".json", ".png"]
    assert "snapshot" in made.state.message
    assert [view.message is not None for view, _, _ in draws] == [False] * 4 + [True] * 2


def test_snapshot_that_cannot_be_written_is_said_and_the_video_goes_on(tmp_path):
    (tmp_path / "file").write_text("")
    made, tally = run(5, keys={3: ["s"]}, folder=tmp_path / "file")
    assert tally.frames == 5
    assert "cannot be written" in made.state.message


def test_recording_begins_and_ends_with_its_key(tmp_path, draws):
    made, _ = run(20, keys={3: ["r"], 10: ["r"]}, source=images(20, rate=25.0), folder=tmp_path)
    (video,) = tmp_path.glob("recording-*.mp4")
    with open_source(video) as source:
        assert len(list(source)) == 7
    assert any(view.recording for view, _, _ in draws)
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
        """A clock that stands, so that all names are of one moment."""

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
    recording = KeyedRecording(tmp_path, frames_per_second=25.0)
    assert recording.switch().startswith("recording ")
    assert len(list(tmp_path.iterdir())) == 1
    assert recording.switch() == "nothing was recorded"
    assert not list(tmp_path.iterdir())


def test_two_recordings_that_begin_at_once_have_two_files(tmp_path):
    recordings = [KeyedRecording(tmp_path, frames_per_second=25.0) for _ in range(8)]
    with ThreadPoolExecutor(8) as executor:
        said = list(executor.map(lambda recording: recording.switch(), recordings))
    assert len({*said}) == len(list(tmp_path.iterdir())) == 8


@pytest.mark.parametrize("method", ["__init__", "write"])
def test_recording_that_fails_is_said_and_the_video_goes_on(tmp_path, monkeypatch, caplog, method):
    def fail(*_, **__):
        raise SinkError("recording.mp4 cannot be written (No space left on device)")

    monkeypatch.setattr(f"landmark_fer.live.sinks.video.VideoRecorder.{method}", fail)
    with caplog.at_level(logging.WARNING):
        made, tally = run(6, keys={3: ["r"]}, folder=tmp_path)
    assert tally.frames == 6
    assert not made.recording.on
    assert "No space left" in made.state.message
    assert "No space left" in caplog.text


@pytest.mark.parametrize("by_key", [False, True])
def test_resting_face_is_taken_and_said(draws, by_key):
    options = {"keys": {1: ["n"]}} if by_key else {"neutral_s": 0.5}
    made, _ = run(source=images(60, rate=20.0), **options)
    messages = list(dict.fromkeys(view.message for view, _, _ in draws))
    assert any("resting face for" in message for message in messages if message)
    assert any("resting face taken" in message for message in messages if message)
    assert made.resting.line(made.state.seen) == "#1 since rest: nothing moved"


def test_resting_face_that_nobody_showed_is_said():
    made, _ = run(source=images(60, rate=20.0), reader=FixedReader(), neutral_s=0.5)
    assert "no face" in made.state.message
    assert made.resting.line([]) is None


def test_what_moved_since_rest_is_named():
    reader, resting = FixedReader(1), NeutralBaselines(1.0)
    (face,) = reader.read(None, time_s=0.0)
    resting.want()
    for time_s in (0.0, 0.5, 1.0):
        resting.update(time_s, [face])
    moved = face.recognition.face.landmarks.copy()
    moved[[55, 56, 57, 58, 59, 65, 66, 67, 7, 8, 9], 1] += 6  # the jaw drops
    prediction = replace(face.recognition, face=replace(face.recognition.face, landmarks=moved))
    line = resting.line([replace(face, recognition=prediction)])
    assert line.startswith("#1 since rest: ")
    assert "mouth opening +" in line
    assert line.count(",") == 2


def test_sink_that_fails_ends_the_run():
    class Full(Rows):
        def write(self, frame, seen, **options):
            if frame.index == 3:
                raise SinkError("log.csv cannot be written (No space left on device)")
            super().write(frame, seen)

    rows = Full()
    with pytest.raises(SinkError, match="No space left"):
        Session(images(10), FixedReader(1), sinks=[rows]).run()
    assert len(rows.frames) == 3


def test_interrupt_ends_with_what_was_seen(tmp_path):
    source = images(7, error=KeyboardInterrupt(), rate=25.0)
    _, tally = run(source=source, keys={2: ["r"]}, folder=tmp_path)
    assert tally.frames == 7
    with open_source(next(Path(tmp_path).glob("*.mp4"))) as video:
        assert len(list(video)) == 5


class TestSmallImages:
    """Small images in which no face was seen may be crops, which is said at the end: none has room for words."""

    @staticmethod
    def run(*sizes, reader=None, window=None):
        frames = (Frame(np.zeros((h, w, 3), np.uint8), i / 10, i) for i, (w, h) in enumerate(sizes))
        source = Source("images", frames, frames_per_second=1000.0)
        return Session(source, reader or FixedReader(still=True), window=window).run()

    def test_they_are_counted(self):
        tally = self.run((48, 48), (100, 100), (640, 480), (48, 48))
        assert str(tally).splitlines()[-1] == (
            "3 small images (48 x 48 pixels) show no face that the detector can see; if cropped to one face each, "
            "add --detector whole"
        )

    def test_a_single_one(self):
        assert "an image of 48 x 48 pixels shows no face" in str(self.run((48, 48)))

    def test_a_small_video_too(self):
        assert "--detector whole" in str(self.run((64, 48), (64, 48), reader=FixedReader()))

    def test_no_word_where_faces_are_seen_or_images_are_large(self):
        assert "detector" not in str(self.run((48, 48), reader=FixedReader(1, still=True)))
        assert "detector" not in str(self.run((640, 480), (160, 90)))
