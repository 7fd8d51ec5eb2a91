"""The take controller: takes follow the video's time, keys work, and nothing is recorded before space."""

import numpy as np
import pytest

from landmark_fer.collect.plan import PlannedTake
from landmark_fer.collect.take_controller import COUNTDOWN, DONE, READY, RECORDING, TakeController
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
    """A controller with a video of 25 frames per second, and the store of its takes."""

    def __init__(self, *expressions, followed=lambda time_s: [(1, face())], **options):
        self.stored, self.followed, self.index = [], followed, 0
        plan = [PlannedTake(name, 1) for name in expressions]
        self.controller = TakeController(plan, self, settings=SETTINGS, **options)

    def add(self, expression, recorder):
        self.stored.append((expression, recorder.data()))
        return len(self.stored)

    def remove(self, number):
        assert number == len(self.stored)
        self.stored.pop()

    def play(self, seconds, rate=25):
        """Play the next seconds of the video; return the stages without repetitions."""
        stages = []
        for _ in range(round(rate * seconds)):
            time_s, self.index = self.index / 25, self.index + 25 // rate
            self.state = self.controller.update(frame(time_s), self.followed(time_s))
            stages += [self.state.stage] if stages[-1:] != [self.state.stage] else []
        return stages


def test_nothing_is_recorded_before_space():
    run = Run("happy")
    assert run.play(20) == [READY]
    assert run.state.waiting
    assert run.stored == []


def test_a_take_is_counted_down_recorded_and_stored():
    run = Run("happy", "sad", countdown_s=3, seconds=2)
    run.play(1)
    run.controller.press("space")
    assert run.play(1) == [COUNTDOWN]
    assert run.state.left_s == pytest.approx(2.0, abs=0.1)
    assert run.play(2.5) == [COUNTDOWN, RECORDING]
    assert run.stored == []
    assert run.play(2) == [RECORDING, READY]
    assert [name for name, _ in run.stored] == ["happy"]
    assert run.state.take.expression == "sad"
    assert "stored" in run.state.message
    assert run.play(8)[:3] == [READY, COUNTDOWN, RECORDING]  # the next take starts by itself


def test_the_last_stage_is_done():
    run = Run("happy", countdown_s=0.5, seconds=1)
    run.controller.press("space")
    assert run.play(4)[-1] == DONE
    assert not run.controller.ended
    run.controller.press("q")
    assert run.controller.ended


def test_a_take_has_at_most_ten_faces_a_second_all_after_its_start():
    run = Run("happy", countdown_s=1, seconds=2, followed=lambda time_s: [(1, face(value=round(10 * time_s)))])
    run.controller.press("space")
    run.play(4)
    records, frames, images = run.stored[0][1]
    times = [row["time_s"] for row in frames]
    assert 14 <= len(records) <= 21
    assert min(times) >= 1.0
    assert max(times) <= 3.1
    assert np.diff(times).min() >= 0.1 - 1e-6
    assert [int(chip[0, 0]) for chip in records["chip"]] == [round(10 * time_s) for time_s in times]
    assert images == []


def test_pausing_discards_an_incomplete_take():
    run = Run("happy", countdown_s=0.5, seconds=2)
    run.controller.press("space")
    run.play(1.5)
    assert run.state.stage == RECORDING
    run.controller.press("space")
    assert run.play(10) == [READY]
    assert run.stored == []


def test_without_a_face_nothing_is_stored():
    run = Run("happy", countdown_s=0.5, seconds=1, followed=lambda time_s: [])
    run.controller.press("space")
    run.play(2)
    assert run.stored == []
    assert "no face was visible long enough" in run.state.message
    assert run.state.take.expression == "happy"


def test_a_take_lasts_longer_if_images_come_slowly():
    run = Run("happy", "sad", countdown_s=0.5, seconds=1)
    run.controller.press("space")
    run.play(8, rate=2)
    assert run.stored[0][0] == "happy"
    assert len(run.stored[0][1][0]) == 5


def test_a_take_ends_if_images_come_too_slowly():
    run = Run("happy", countdown_s=0.5, seconds=1)
    run.controller.press("space")
    run.play(9, rate=1)
    assert run.stored == []
    assert "images came in that time; happy once more" in run.state.message


def test_undo_deletes_the_last_take_and_plans_it_again():
    run = Run("happy", "sad", countdown_s=0.5, seconds=1)
    run.controller.press("space")
    run.play(2)
    assert len(run.stored) == 1
    run.controller.press("u")
    assert run.stored == []
    assert run.play(5) == [READY]
    assert run.state.take.expression == "happy"
    assert run.state.waiting
    run.controller.press("u")
    run.play(0.1)
    assert "no take of this session" in run.state.message


def test_postponing_moves_an_expression_to_the_end():
    run = Run("happy", "sad")
    run.controller.press("s")
    run.play(0.1)
    assert run.state.take.expression == "sad"
    assert run.state.n_left == 2


def test_other_keys_do_nothing():
    run = Run("happy")
    for key in (None, "x", "enter", "tab"):
        run.controller.press(key)
    assert run.play(1) == [READY]
    assert not run.controller.ended
