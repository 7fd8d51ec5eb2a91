"""The text summary: counts of faces, and each track's shares of time by expression."""

import pytest

from landmark_fer.core.records import RecognizedFace
from landmark_fer.live.timeline import RunSummary, Timelines
from tests.live.hand_made import make_recognition


def make_faces(**expressions):
    predictions = {int(name[1:]): make_recognition(expression) for name, expression in expressions.items()}
    return [RecognizedFace(track_id, prediction, raw=prediction) for track_id, prediction in predictions.items()]


def test_text_of_a_video():
    summary = RunSummary(timelines=Timelines(1 / 25))
    for index in range(100):
        summary.add(index / 25, make_faces(t1="happy" if index < 75 else "neutral"))
    summary.finish(5.0)
    assert str(summary).splitlines() == [
        "100 frames, 100 faces, 20.0 frames/s; most often happy 75%, neutral 25%",
        "  #1: 4.0 s; happy 75%, neutral 25%",
    ]
    assert str(RunSummary()) == "0 frames, 0 faces, 0.0 frames/s"


@pytest.mark.parametrize("slower", [1, 5])
def test_shares_are_of_time_and_not_of_frames(slower):
    """A camera that slows down in the second half."""
    summary = RunSummary(timelines=Timelines())
    for index in range(100):
        summary.add(index / 25, make_faces(t1="happy"))
    for index in range(100 // slower):
        summary.add(4 + index / 25 * slower, make_faces(t1="neutral"))
    summary.finish(8.0)
    assert str(summary).splitlines()[1] == "  #1: 8.0 s; happy 50%, neutral 50%"


def test_single_images_have_no_durations():
    summary = RunSummary()
    summary.add(0.0, make_faces(t1="happy", t2="angry"))
    summary.finish(1.0)
    assert str(summary) == "1 frames, 2 faces, 1.0 frames/s; most often happy 50%, angry 50%"


def test_only_the_longest_tracks_are_listed():
    summary = RunSummary(timelines=Timelines())
    for index in range(40):
        summary.add(index / 10, make_faces(t1="happy", **{f"t{2 + index // 2}": "angry"}))
    summary.finish(4.0)
    lines = str(summary).splitlines()
    assert len(lines) == 10
    assert lines[1].startswith("  #1: 4.0 s")
    assert lines[-1] == "  and 13 more, seen for less time"
