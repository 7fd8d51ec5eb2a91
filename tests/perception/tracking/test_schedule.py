"""Detection schedule: the parts of a detector take turns at any frame rate; the whole detector runs where needed."""

import itertools

import pytest

from landmark_fer.perception.tracking.schedule import DetectionSchedule, DetectionThread


class Detector:
    """A fake detector with parts, which returns its name."""

    def __init__(self, name, *parts):
        self.name, self.parts = name, parts or (self,)

    def find(self, grey):
        """Return the name and the frame."""
        return [(self.name, grey)]


@pytest.fixture
def detector():
    return Detector("whole", Detector("others"), Detector("finest"))


class Sight:
    """A fake scene, identified by a number."""

    def __init__(self, number):
        self.number = number

    def differs(self, before):
        """Return whether another scene has another number."""
        return self.number != before.number


def shown(plan, times, number_at=lambda time_s: time_s, **situation):
    """Return which detector searches the frame of each time, as (name, time); each frame is a different scene."""
    usual = {"at_once": False, "quick": True, "seeking": False} | situation
    decisions = [(plan.next(time_s, lambda at=time_s: Sight(number_at(at)), **usual), time_s) for time_s in times]
    return [(chosen.name, time_s) for chosen, time_s in decisions if chosen is not None]


def at(rate, count, begin=0.0):
    """Return the times of frames, summed up like those of a video."""
    return list(itertools.islice(itertools.accumulate(itertools.repeat(1 / rate), initial=begin), count))


@pytest.mark.parametrize("rate", [15, 20, 24, 25, 29.97, 30, 50, 60, 120])
def test_each_part_searches_four_frames_a_second_and_never_the_same_frame(rate, detector):
    looks = shown(DetectionSchedule(detector), at(rate, round(20 * rate)))
    assert looks[0] == ("whole", 0.0)
    assert {name for name, _ in looks[1:]} == {"finest", "others"}
    for name in ("finest", "others"):
        times = [time_s for who, time_s in looks if who in (name, "whole")]
        pauses = [after - before for before, after in itertools.pairwise(times)]
        assert max(pauses) <= 0.25 + 1 / rate
        assert min(pauses[1:]) >= 0.25 - 1e-3
    assert len({time_s for _, time_s in looks}) == len(looks)


def test_searches_of_the_parts_stay_apart_in_time(detector):
    looks = shown(DetectionSchedule(detector), at(30, 600))
    assert min(after - before for (_, before), (_, after) in itertools.pairwise(looks)) >= 0.09


@pytest.mark.parametrize("rate", [2, 5, 10, 14])
def test_slow_videos_use_the_whole_detector(rate, detector):
    looks = shown(DetectionSchedule(detector), at(rate, 40), quick=False)
    assert {name for name, _ in looks} == {"whole"}
    times = [time_s for _, time_s in looks]
    assert max(after - before for before, after in itertools.pairwise(times)) <= max(
        0.25 + 1 / rate - 1e-3, 1 / rate + 1e-6
    )


def test_missed_faces_are_searched_more_often(detector):
    looks = shown(DetectionSchedule(detector), at(30, 90), seeking=True)
    for name in ("finest", "others"):
        times = [time_s for who, time_s in looks if who in (name, "whole")]
        assert max(after - before for before, after in itertools.pairwise(times[1:])) <= 0.1 + 1 / 30 + 1e-6


def test_no_part_searches_right_after_the_whole_detector(detector):
    for seeking in (False, True):
        plan = DetectionSchedule(detector)
        looks = shown(plan, [0.0], at_once=True, seeking=seeking) + shown(plan, at(100, 20, 0.01), seeking=seeking)
        assert looks[0] == ("whole", 0.0)
        assert [looks[1]] == [("finest", pytest.approx(0.05 if seeking else 0.13))]


def test_a_restart_uses_the_whole_detector_and_resets_the_parts(detector):
    plan = DetectionSchedule(detector)
    shown(plan, at(30, 5))
    assert shown(plan, [0.2], at_once=True) == [("whole", 0.2)]
    assert shown(plan, at(30, 3, begin=0.2 + 1 / 30)) == []
    assert not plan.begins
    plan.restart()
    assert plan.begins
    assert shown(plan, [0.4]) == [("whole", 0.4)]


def test_every_nth_frame_uses_the_whole_detector_at_any_time(detector):
    assert [time_s for _, time_s in shown(DetectionSchedule(detector, every=4), range(12))] == [0, 4, 8]
    assert {name for name, _ in shown(DetectionSchedule(detector, every=4), at(30, 60))} == {"whole"}
    assert len(shown(DetectionSchedule(detector, every=1), at(30, 7))) == 7


def test_a_detector_without_parts_searches_as_often_as_a_part():
    looks = shown(DetectionSchedule(Detector("only")), at(20, 101))
    assert [time_s for _, time_s in looks] == pytest.approx([0.25 * turn for turn in range(21)])


@pytest.mark.parametrize("quick", [True, False])
def test_static_scenes_are_searched_once_a_second_by_each_part(detector, quick):
    looks = shown(DetectionSchedule(detector), at(30, 301), number_at=lambda time_s: 0, quick=quick)
    for name in ("finest", "others") if quick else ("whole",):
        times = [time_s for who, time_s in looks if who in (name, "whole")]
        pauses = [after - before for before, after in itertools.pairwise(times)]
        assert 9 <= len(times) <= 11 and min(pauses[1:]) >= 1 - 1e-3 and max(pauses) <= 1 + 1 / 30 + 1e-3


def test_changes_are_searched_at_once_by_each_part_in_turn(detector):
    plan = DetectionSchedule(detector)
    shown(plan, at(30, 22), number_at=lambda time_s: 0)
    looks = shown(plan, at(30, 8, begin=22 / 30), number_at=lambda time_s: 1)
    assert [name for name, _ in looks] == ["others", "finest"] or [name for name, _ in looks] == ["finest", "others"]
    assert [time_s for _, time_s in looks] == pytest.approx([22 / 30, 23 / 30])


def test_changes_searched_by_one_part_are_searched_by_the_other(detector):
    plan = DetectionSchedule(detector)
    shown(plan, [0.0])
    first = shown(plan, [0.3], number_at=lambda time_s: 1)
    second = shown(plan, at(30, 3, begin=0.31), number_at=lambda time_s: 1)
    assert {name for name, _ in first + second} == {"others", "finest"} and len(first + second) == 2


def test_missed_faces_are_searched_in_static_scenes(detector):
    looks = shown(DetectionSchedule(detector), at(30, 31), number_at=lambda time_s: 0, seeking=True)
    assert len(looks) >= 16


def test_a_detection_uses_its_own_detector_and_frame(detector):
    thread = DetectionThread()
    try:
        first = thread.prepare(detector.parts[0], "one", 0.0, [])
        second = thread.prepare(detector, "two", 0.1, [])
        assert (first.boxes(), second.boxes()) == ([("others", "one")], [("whole", "two")])
        assert (second.grey, second.time_s, second.tracked) == ("two", 0.1, [])
    finally:
        thread.close()


def test_a_detection_runs_once_when_started_or_requested():
    looked = []

    class Noting:
        def find(self, grey):
            looked.append(grey)
            return []

    thread = DetectionThread()
    try:
        first, second = (thread.prepare(Noting(), grey, 0.0, []) for grey in ("one", "two"))
        thread.prepare(Noting(), "never decisions for", 0.0, [])
        assert looked == []
        second.begin()
        assert (first.boxes(), second.boxes(), first.boxes()) == ([], [], [])
        second.begin()
    finally:
        thread.close()
    assert looked == ["two", "one"]
