"""Timelines, the history of the last seconds, and the summary in text."""

import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.core.expressions import EXPRESSIONS, UNCERTAIN
from landmark_fer.live.sinks.summary import render_summary
from landmark_fer.live.timeline import (
    MAX_GAP_S,
    MAX_SEGMENTS,
    MAX_TRACKS,
    History,
    RunSummary,
    Segment,
    Timelines,
    TrackTimeline,
    merge_segments,
)
from landmark_fer.recognition.results import RecognizedFace
from tests.live.hand_made import make_faces, make_recognition


def timelines_of(frames, **settings):
    """Timelines of frames given as (time, {track: expression})."""
    timelines = Timelines(**settings)
    for time_s, expressions in frames:
        timelines.add(time_s, expressions)
    timelines.finish()
    return timelines


def video(times):
    """One face that is happy before the second second and sad from then on."""
    return [(time_s, {1: "happy" if time_s < 2 else "sad"}) for time_s in times]


@pytest.mark.parametrize("rate", [2, 10, 25, 60])
def test_shares_are_the_same_at_any_frame_rate(rate):
    track = timelines_of(video(np.arange(0, 10, 1 / rate))).tracks[1]
    assert track.seconds["happy"] == pytest.approx(2)
    assert track.seconds["sad"] == pytest.approx(8)
    assert track.changes == 1
    assert [(s.begin, s.end, s.expression) for s in track.segments] == [
        (0, pytest.approx(2), "happy"), (pytest.approx(2), pytest.approx(10), "sad"),
    ]  # fmt: skip


def test_shares_are_of_time_and_not_of_frames():
    """Many frames in the first two seconds, few in the others."""
    times = [*np.arange(0, 2, 0.01), *np.arange(2, 10.1, 0.5)]
    seconds = timelines_of(video(times)).tracks[1].seconds
    assert seconds["happy"] / seconds.total() == pytest.approx(0.2, abs=0.02)


def test_long_gaps_are_not_counted():
    frames = video(np.arange(0, 1, 0.1)) + video(np.arange(100, 101, 0.1))
    track = timelines_of(frames).tracks[1]
    assert track.seconds.total() == pytest.approx(2.0)
    assert len(track.segments) == 2
    assert track.changes == 1


def test_time_out_of_sight_is_not_counted():
    frames = [(k / 10, {} if 10 <= k < 30 else {1: "happy"}) for k in range(50)]
    track = timelines_of(frames).tracks[1]
    assert track.seconds == {"happy": pytest.approx(3.0)}
    assert [(s.begin, s.end) for s in track.segments] == [(0, pytest.approx(1.0)), (3.0, pytest.approx(5.0))]
    assert track.changes == 0


def test_single_frames_have_the_nominal_duration():
    assert timelines_of([(0.0, {1: "sad"})], frame_s=0.5).tracks[1].seconds == {"sad": 0.5}
    assert MAX_GAP_S > 0.5
    two = timelines_of([(0.0, {1: "sad"}), (0.5, {2: "happy"})], frame_s=0.5)
    assert [track.seconds.total() for track in two.tracks.values()] == [0.5, 0.5]


def test_memory_is_bounded_and_sums_are_exact():
    """Three hours at 5 frames a second: one face that flickers, and a passer-by every ten seconds."""
    timelines, frames = Timelines(), 3 * 3600 * 5
    for k in range(frames):
        expressions = {1: EXPRESSIONS[k % 3]}
        if k % 50 < 5:
            expressions[2 + k // 50] = "happy"
        timelines.add(k / 5, expressions)
    timelines.finish()
    assert len(timelines.tracks) <= MAX_TRACKS + 1
    assert len(timelines.tracks) + timelines.n_others == 1 + frames // 50
    track = timelines.tracks[1]
    assert len(track.segments) <= MAX_SEGMENTS
    assert track.changes == frames - 1
    assert [track.seconds[name] for name in EXPRESSIONS[:3]] == pytest.approx([3600.0] * 3)
    together = sum((one.seconds for one in timelines.tracks.values()), start=Counter()) + timelines.others.seconds
    assert together.total() == pytest.approx(10800 + frames // 50)
    assert len(render_summary(timelines, title="t", when="w")) < 3 * 2**20


def test_merging_keeps_long_segments_and_gaps():
    """Two long segments with short ones between, and a gap."""
    flicker = [Segment(100 + k, 101 + k, EXPRESSIONS[k % 2]) for k in range(20)]
    segments = [Segment(0, 100, "sad"), *flicker, Segment(120, 200, "happy"), Segment(300, 400, "sad")]
    coarse = merge_segments(segments, 40)
    assert len(coarse) < len(segments)
    assert (coarse[0].begin, coarse[-1].end) == (0, 400)
    assert [(s.begin, s.end) for s in coarse if s.expression == "sad"] == [(0, 100), (300, 400)]
    assert [(s.begin, s.end) for s in coarse if s.expression == "happy"] == [(120, 200)]
    assert all(a.end <= b.begin for a, b in itertools.pairwise(coarse))


def test_merging_keeps_short_distant_segments():
    track = TrackTimeline()
    for k in range(3 * MAX_SEGMENTS):
        track.add(60 * k, 60 * k + 0.04, "happy")
    assert 0 < len(track.segments) <= MAX_SEGMENTS
    assert (track.segments[0].begin, track.segments[-1].end) == (
        0,
        pytest.approx(60 * (3 * MAX_SEGMENTS - 1), abs=400),
    )


def faces_by_track(**expressions):
    predictions = {int(name[1:]): make_recognition(expression) for name, expression in expressions.items()}
    return [RecognizedFace(track_id, prediction, raw=prediction) for track_id, prediction in predictions.items()]


def test_text_of_a_video():
    summary = RunSummary(timelines=Timelines(1 / 25))
    for index in range(100):
        summary.add(index / 25, faces_by_track(t1="happy" if index < 75 else "neutral"))
    summary.finish(5.0)
    assert str(summary).splitlines() == [
        "100 frames, 100 faces, 20.0 frames/s; most often happy 75%, neutral 25%",
        "  #1: 4.0 s; happy 75%, neutral 25%",
    ]
    assert str(RunSummary()) == "0 frames, 0 faces, 0.0 frames/s"


@pytest.mark.parametrize("slower", [1, 5])
def test_text_has_shares_of_time_and_not_of_frames(slower):
    """A camera that slows down in the second half."""
    summary = RunSummary(timelines=Timelines())
    for index in range(100):
        summary.add(index / 25, faces_by_track(t1="happy"))
    for index in range(100 // slower):
        summary.add(4 + index / 25 * slower, faces_by_track(t1="neutral"))
    summary.finish(8.0)
    assert str(summary).splitlines()[1] == "  #1: 8.0 s; happy 50%, neutral 50%"


def test_reasons_follow_the_shares_of_a_track():
    summary = RunSummary(timelines=Timelines(1 / 10))
    for index in range(40):
        reason = (None, "turned away", "turned away", "too dark")[index // 10]
        face = replace(make_recognition(UNCERTAIN if reason else "happy"), reason=reason)
        summary.add(index / 10, make_faces(face))
    summary.finish(4.0)
    assert str(summary).splitlines()[1] == "  #1: 4.0 s; uncertain 75%, happy 25% (turned away 50%, too dark 25%)"


def test_single_images_have_no_durations():
    summary = RunSummary()
    summary.add(0.0, faces_by_track(t1="happy", t2="angry"))
    summary.finish(1.0)
    assert str(summary) == "1 frames, 2 faces, 1.0 frames/s; most often happy 50%, angry 50%"


def test_only_the_longest_tracks_are_listed():
    summary = RunSummary(timelines=Timelines())
    for index in range(40):
        summary.add(index / 10, faces_by_track(t1="happy", **{f"t{2 + index // 2}": "angry"}))
    summary.finish(4.0)
    lines = str(summary).splitlines()
    assert len(lines) == 10
    assert lines[1].startswith("  #1: 4.0 s")
    assert lines[-1] == "  and 13 more, seen for less time"


def faces_showing(*expressions):
    return make_faces(*(make_recognition(expression) for expression in expressions))


class TestHistory:
    def test_segments_of_one_expression_are_joined_and_meet_at_a_change(self):
        history = History()
        for time_s, expression in enumerate(("happy", "happy", "sad", UNCERTAIN, UNCERTAIN)):
            history.add(time_s / 2, faces_showing(expression))
        assert history.segments() == {1: [Segment(0, 1, "happy"), Segment(1, 1.5, "sad"), Segment(1.5, 2, UNCERTAIN)]}

    def test_a_face_out_of_sight_leaves_a_gap(self):
        history = History()
        happy = faces_showing("happy")
        for time_s, faces in ((0, happy), (0.5, happy), (1, []), (1.5, happy)):
            history.add(time_s, faces)
        assert history.segments() == {1: [Segment(0, 0.5, "happy"), Segment(1.5, 1.5, "happy")]}

    def test_a_long_pause_between_frames_leaves_a_gap(self):
        history = History()
        for time_s in (0, 0.5, 5, 5.5):
            history.add(time_s, faces_showing("happy"))
        assert history.segments() == {1: [Segment(0, 0.5, "happy"), Segment(5, 5.5, "happy")]}

    def test_older_segments_are_dropped(self):
        history = History(seconds=10)
        for time_s in range(60):
            history.add(time_s, faces_showing("happy", "sad") if time_s < 30 else faces_showing("happy"))
        assert history.segments() == {1: [Segment(49, 59, "happy")]}

    def test_number_of_segments_is_bounded(self):
        history = History(seconds=2)
        for step in range(2000):
            history.add(step / 20, faces_showing(("happy", "sad")[step % 2]))
        assert len(history.segments()[1]) <= 42

    def test_time_that_steps_back_clears_the_history(self):
        history = History()
        for time_s in (10, 10.5, 0):
            history.add(time_s, faces_showing("happy"))
        assert history.segments() == {1: [Segment(0, 0, "happy")]}

    def test_history_is_empty_before_the_first_frame(self):
        assert History().segments() == {} and History().now is None
