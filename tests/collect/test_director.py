"""The director: takes begin and end by the video's own time, keys do what they say, and nobody is recorded unasked."""

import numpy as np
import pytest

from landmark_fer.collect.director import COUNTDOWN, DONE, READY, RECORDING, Director
from landmark_fer.collect.plan import Ask
from landmark_fer.collect.recorder import Recorder, nearest_face
from landmark_fer.core.records import Box, Face
from landmark_fer.live.sources.frames import Frame
from landmark_fer.perception.extraction import ExtractorSettings

SETTINGS = ExtractorSettings()


def face(side=80.0, value=0):
    chip = np.full((80, 80), value, np.uint8)
    return Face(Box(10.0, 10.0, side, side), np.full((68, 2), value, np.float32), chip, 1.0)


def frame(time_s):
    return Frame(np.zeros((48, 64, 3), np.uint8), time_s, round(25 * time_s))


class Run:
    """A director with its video at 25 frames per second, and what it kept."""

    def __init__(self, *expressions, seen=lambda time_s: [(1, face())], **options):
        self.kept, self.seen, self.index = [], seen, 0
        asks = [Ask(name, 1) for name in expressions]
        self.director = Director(asks, self._keep, self._undo, settings=SETTINGS, **options)

    def _keep(self, ask, recorder):
        self.kept.append((ask.expression, recorder.take()))
        return len(self.kept)

    def _undo(self, number):
        assert number == len(self.kept)
        self.kept.pop()

    def go(self, seconds, rate=25):
        """Show the next seconds of the video; return the stages that were seen, without repetitions."""
        stages = []
        for _ in range(round(rate * seconds)):
            time_s, self.index = self.index / 25, self.index + 25 // rate
            self.shown = self.director.update(frame(time_s), self.seen(time_s))
            stages += [self.shown.stage] if stages[-1:] != [self.shown.stage] else []
        return stages


def test_nothing_is_recorded_before_space():
    run = Run("happy")
    assert run.go(20) == [READY]
    assert run.shown.waits
    assert run.kept == []


def test_a_take_is_counted_down_recorded_and_kept():
    run = Run("happy", "sad", countdown_s=3, seconds=2)
    run.go(1)
    run.director.press("space")
    assert run.go(1) == [COUNTDOWN]
    assert run.shown.left_s == pytest.approx(2.0, abs=0.1)
    assert run.go(2.5) == [COUNTDOWN, RECORDING]
    assert run.kept == []
    assert run.go(2) == [RECORDING, READY]
    assert [name for name, _ in run.kept] == ["happy"]
    assert run.shown.ask.expression == "sad"
    assert "kept" in run.shown.message
    assert run.go(8)[:3] == [READY, COUNTDOWN, RECORDING]  # goes on by itself


def test_all_is_done_in_the_end():
    run = Run("happy", countdown_s=0.5, seconds=1)
    run.director.press("space")
    assert run.go(4)[-1] == DONE
    assert not run.director.ended
    run.director.press("q")
    assert run.director.ended


def test_a_take_has_at_most_ten_faces_a_second_and_none_of_before():
    run = Run("happy", countdown_s=1, seconds=2, seen=lambda time_s: [(1, face(value=round(10 * time_s)))])
    run.director.press("space")
    run.go(4)
    records, frames, images = run.kept[0][1]
    times = [row["time_s"] for row in frames]
    assert 14 <= len(records) <= 21
    assert min(times) >= 1.0
    assert max(times) <= 3.1
    assert np.diff(times).min() >= 0.1 - 1e-6
    assert [int(chip[0, 0]) for chip in records["chip"]] == [round(10 * time_s) for time_s in times]
    assert images == []


def test_waiting_throws_the_begun_take_away():
    run = Run("happy", countdown_s=0.5, seconds=2)
    run.director.press("space")
    run.go(1.5)
    assert run.shown.stage == RECORDING
    run.director.press("space")
    assert run.go(10) == [READY]
    assert run.kept == []


def test_nobody_to_be_seen_is_no_take():
    run = Run("happy", countdown_s=0.5, seconds=1, seen=lambda time_s: [])
    run.director.press("space")
    run.go(2)
    assert run.kept == []
    assert "no face was seen long enough" in run.shown.message
    assert run.shown.ask.expression == "happy"


def test_where_images_come_slowly_a_take_waits_for_them():
    run = Run("happy", "sad", countdown_s=0.5, seconds=1)
    run.director.press("space")
    run.go(8, rate=2)
    assert run.kept[0][0] == "happy"
    assert len(run.kept[0][1][0]) == 5


def test_but_not_for_ever():
    run = Run("happy", countdown_s=0.5, seconds=1)
    run.director.press("space")
    run.go(9, rate=1)
    assert run.kept == []
    assert "images came in that time; happy once more" in run.shown.message


def test_undo_deletes_the_last_take_and_asks_for_it_again():
    run = Run("happy", "sad", countdown_s=0.5, seconds=1)
    run.director.press("space")
    run.go(2)
    assert len(run.kept) == 1
    run.director.press("u")
    assert run.kept == []
    assert run.go(5) == [READY]
    assert run.shown.ask.expression == "happy"
    assert run.shown.waits
    run.director.press("u")
    run.go(0.1)
    assert "no take of this session" in run.shown.message


def test_later_moves_an_expression_to_the_end():
    run = Run("happy", "sad")
    run.director.press("s")
    run.go(0.1)
    assert run.shown.ask.expression == "sad"
    assert run.shown.n_left == 2


def test_other_keys_and_none_do_nothing():
    run = Run("happy")
    for key in (None, "x", "enter", "tab"):
        run.director.press(key)
    assert run.go(1) == [READY]
    assert not run.director.ended


def test_the_largest_face_is_taken_and_kept_to():
    two = [(1, face(60)), (2, face(90))]
    assert nearest_face(two) == 2
    assert nearest_face(two, 1) == 1
    assert nearest_face(two, 7) == 2
    assert nearest_face([]) is None


def test_a_recorder_never_mixes_two_people():
    recorder = Recorder(SETTINGS)
    recorder.add(frame(0.0), [(1, face(value=1)), (2, face(60, value=2))])
    recorder.add(frame(0.2), [(2, face(200, value=2))])
    recorder.add(frame(0.4), [(1, face(50, value=1)), (2, face(200, value=2))])
    records, frames, _ = recorder.take()
    assert records["chip"][:, 0, 0].tolist() == [1, 1]
    assert [row["time_s"] for row in frames] == [0.0, 0.4]


def test_images_are_kept_where_they_are_asked_for():
    recorder = Recorder(SETTINGS, keep_images=True)
    recorder.add(frame(0.0), [(1, face())])
    assert [image[:8] for image in recorder.take()[2]] == [b"\x89PNG\r\n\x1a\n"]
