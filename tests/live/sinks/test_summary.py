"""Summaries: shares of time and not of frames, in flat memory; a page that needs nothing else and trusts nobody."""

import itertools
import re
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest

from landmark_fer.core.errors import InputError, SinkError
from landmark_fer.core.expressions import EXPRESSIONS, UNCERTAIN
from landmark_fer.figures.palette import EXPRESSION_COLOURS
from landmark_fer.live.sinks.summary import SummaryWriter, clock, render_summary
from landmark_fer.live.sources.opening import Frame
from landmark_fer.live.timeline import (
    MAX_GAP_S,
    MAX_SEGMENTS,
    MAX_TRACKS,
    Segment,
    Timelines,
    TrackTimeline,
    merge_segments,
)
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


def test_time_is_counted_and_not_frames():
    """Many frames in the first two seconds, few in the others."""
    times = [*np.arange(0, 2, 0.01), *np.arange(2, 10.1, 0.5)]
    seconds = timelines_of(video(times)).tracks[1].seconds
    assert seconds["happy"] / seconds.total() == pytest.approx(0.2, abs=0.02)


def test_gaps_are_not_counted():
    frames = video(np.arange(0, 1, 0.1)) + video(np.arange(100, 101, 0.1))
    track = timelines_of(frames).tracks[1]
    assert track.seconds.total() == pytest.approx(2.0)
    assert len(track.segments) == 2
    assert track.changes == 1


def test_face_that_is_away_for_a_while_is_not_counted_meanwhile():
    frames = [(k / 10, {} if 10 <= k < 30 else {1: "happy"}) for k in range(50)]
    track = timelines_of(frames).tracks[1]
    assert track.seconds == {"happy": pytest.approx(3.0)}
    assert [(s.begin, s.end) for s in track.segments] == [(0, pytest.approx(1.0)), (3.0, pytest.approx(5.0))]
    assert track.changes == 0


def test_images_of_a_folder_and_a_single_one_have_their_time():
    assert timelines_of([(0.0, {1: "sad"})], frame_s=0.5).tracks[1].seconds == {"sad": 0.5}
    assert MAX_GAP_S > 0.5
    two = timelines_of([(0.0, {1: "sad"}), (0.5, {2: "happy"})], frame_s=0.5)
    assert [track.seconds.total() for track in two.tracks.values()] == [0.5, 0.5]


def test_nothing_seen():
    assert Timelines().begin is None
    assert "No face was found" in render_summary(timelines_of([]), title="t", when="w")
    assert "No face was found" in render_summary(timelines_of([(0.0, {}), (1.0, {})]), title="t", when="w")


def test_hours_do_not_fill_the_memory_and_sums_stay_exact():
    """Three hours at 5 frames a second: one face that flickers, and a passer-by every ten seconds."""
    timelines, frames = Timelines(), 3 * 3600 * 5
    for k in range(frames):
        seen = {1: EXPRESSIONS[k % 3]}
        if k % 50 < 5:
            seen[2 + k // 50] = "happy"
        timelines.add(k / 5, seen)
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


def test_merging_keeps_what_is_seen_from_afar():
    """Two long times, with a flicker between and a gap behind."""
    flicker = [Segment(100 + k, 101 + k, EXPRESSIONS[k % 2]) for k in range(20)]
    segments = [Segment(0, 100, "sad"), *flicker, Segment(120, 200, "happy"), Segment(300, 400, "sad")]
    coarse = merge_segments(segments, 40)
    assert len(coarse) < len(segments)
    assert (coarse[0].begin, coarse[-1].end) == (0, 400)
    assert [(s.begin, s.end) for s in coarse if s.expression == "sad"] == [(0, 100), (300, 400)]
    assert [(s.begin, s.end) for s in coarse if s.expression == "happy"] == [(120, 200)]
    assert all(a.end <= b.begin for a, b in itertools.pairwise(coarse))


def test_brief_sightings_of_a_long_time_are_not_merged_away():
    track = TrackTimeline()
    for k in range(3 * MAX_SEGMENTS):
        track.add(60 * k, 60 * k + 0.04, "happy")
    assert 0 < len(track.segments) <= MAX_SEGMENTS
    assert (track.segments[0].begin, track.segments[-1].end) == (
        0,
        pytest.approx(60 * (3 * MAX_SEGMENTS - 1), abs=400),
    )


@pytest.mark.parametrize(
    "seconds,fine,text",
    [(0, False, "0:00"), (59.96, True, "1:00.0"), (59.94, True, "0:59.9"), (61, False, "1:01"),
     (3599.7, False, "1:00:00"), (36125, False, "10:02:05")],
)  # fmt: skip
def test_clock(seconds, fine, text):
    assert clock(seconds, fine=fine) == text


class Page(HTMLParser):
    """Reads a page strictly enough: every tag closed in its turn, and what the tags say."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words = [], [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def write_page(path, **settings):
    """A face happy for 3 of 4 seconds, then uncertain; a second one through the first second."""
    with SummaryWriter(path, EXPRESSIONS, **settings) as summary:
        for k in range(40):
            first = make_recognition("happy") if k < 30 else make_recognition(UNCERTAIN)
            seen = make_faces(first, make_recognition("angry")) if k < 10 else make_faces(first)
            summary.write(Frame(None, k / 10, k, 1795240392.25 + k / 10), seen)
    return path.read_text()


def test_page_says_the_numbers(tmp_path):
    text = write_page(tmp_path / "summary.html", facts={"source": "video.mp4", "model": {"sha256": "abc123"}})
    page = Page(text)
    assert [word in page.words for word in ("video.mp4", "abc123", "not what the people feel")] == [True] * 3
    words = re.sub(r"\s+", " ", page.words)
    assert "from 2026-11-21 05:53:12 to 2026-11-21 05:53:16, UTC" in words
    assert "All faces 2 faces, 0:05.0 together" in words
    assert "Face 1 from 0:00 to 0:04 of 0:04, visible for 0:04.0; 1 change of expression" in words
    assert "happy75.0%0:03.0" in words
    assert "uncertain25.0%0:01.0" in words
    assert "Face 2 from 0:00 to 0:01 of 0:04, visible for 0:01.0; 0 changes of expression" in words
    labels = [svg["aria-label"] for svg in page.all("svg")]
    assert labels == ["Timeline of face 1: happy 75%, uncertain 25%", "Timeline of face 2: angry 100%"]


def test_timeline_has_the_colours_and_the_widths(tmp_path):
    page = Page(write_page(tmp_path / "summary.html"))
    bars = [(rect["fill"], float(rect["width"])) for rect in page.all("rect") if "fill" in rect]
    assert bars == [
        (EXPRESSION_COLOURS["happy"], 750),
        (EXPRESSION_COLOURS[UNCERTAIN], 250),
        (EXPRESSION_COLOURS["angry"], 1000),
    ]
    places = [(rect["x"], rect["width"]) for rect in page.all("rect") if rect.get("class") == "place"]
    assert places == [("0.0", "1000.0"), ("0.0", "250.0")]


def test_page_needs_nothing_from_outside_and_fits_screens(tmp_path):
    text = write_page(tmp_path / "summary.html")
    assert not re.search(r"https?:|src=|href=|@import|url\(|<script|<link", text)
    for part in ("prefers-color-scheme: dark", "width=device-width", "@media print", "<meta charset"):
        assert part in text


def test_what_comes_from_outside_is_escaped(tmp_path):
    evil = "<script>alert('x')</script>&\"><img src=x onerror=alert(1)>"
    text = write_page(tmp_path / "summary.html", facts={"source": evil, evil: [evil]})
    page = Page(text)
    assert "<script" not in text
    assert "<img" not in text
    assert evil in page.words


def test_nothing_is_written_before_a_frame_or_over_what_stands_there_until_the_end(tmp_path):
    path = tmp_path / "summary.html"
    path.write_text("old")
    with SummaryWriter(path, EXPRESSIONS):
        pass
    assert path.read_text() == "old"
    with SummaryWriter(path, EXPRESSIONS) as summary:
        summary.write(Frame(None, 0.0, 0), [])
        assert path.read_text() == "old"
    assert "No face was found" in path.read_text()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SinkError])
def test_summary_is_written_when_the_run_breaks_off(tmp_path, error):
    path = tmp_path / "summary.html"
    with pytest.raises(error), SummaryWriter(path, EXPRESSIONS) as summary:
        summary.write(Frame(None, 0.0, 0), make_faces(make_recognition()))
        raise error
    assert "Face 1" in path.read_text()


def test_impossible_places(tmp_path):
    with pytest.raises(InputError, match=r"--summary must end in \.html"):
        SummaryWriter(tmp_path / "summary.pdf", EXPRESSIONS)
    with pytest.raises(SinkError, match="there is no folder"):
        SummaryWriter(tmp_path / "missing" / "summary.html", EXPRESSIONS)


def test_full_disk_is_said_unless_something_else_is_wrong_too(tmp_path, monkeypatch, caplog):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(SinkError, match=r"summary\.html cannot be written \(No space left on device\)"):
        write_page(tmp_path / "summary.html")
    with pytest.raises(KeyError), SummaryWriter(tmp_path / "summary.html", EXPRESSIONS) as summary:
        summary.write(Frame(None, 0.0, 0), [])
        raise KeyError
    assert "No space left on device" in caplog.text
    assert list(tmp_path.iterdir()) == []
