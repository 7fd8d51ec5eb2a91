"""Timelines and the summary page: shares of time, bounded memory, HTML without external files, escaped text."""

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from landmark_fer.core.errors import InputError, SinkError
from landmark_fer.core.expressions import EXPRESSIONS, UNCERTAIN
from landmark_fer.figures.palette import EXPRESSION_COLOURS
from landmark_fer.live.sinks.summary import SummaryWriter, clock, render_summary
from landmark_fer.live.sources.frames import Frame
from landmark_fer.live.timeline import (
    Timelines,
)
from tests.live.hand_made import make_faces, make_recognition


def test_no_face():
    timelines = Timelines()
    assert timelines.begin is None
    assert "No face was found" in render_summary(timelines, title="t", when="w")
    for time_s in (0.0, 1.0):
        timelines.add(time_s, {})
    timelines.finish()
    assert "No face was found" in render_summary(timelines, title="t", when="w")


@pytest.mark.parametrize(
    "seconds,fine,text",
    [(0, False, "0:00"), (59.96, True, "1:00.0"), (59.94, True, "0:59.9"), (61, False, "1:01"),
     (3599.7, False, "1:00:00"), (36125, False, "10:02:05")],
)  # fmt: skip
def test_clock(seconds, fine, text):
    assert clock(seconds, fine=fine) == text


def test_reasons_of_uncertain_time_are_listed(tmp_path):
    path = tmp_path / "summary.html"
    with SummaryWriter(path, EXPRESSIONS) as summary:
        for k in range(40):
            reason = (None, "turned away", "turned away", "too dark")[k // 10]
            face = replace(make_recognition(UNCERTAIN if reason else "happy"), reason=reason)
            summary.write(Frame(None, k / 10, k, 1795240392.25 + k / 10), make_faces(face))
    words = Page(path.read_text()).words
    assert "Of the uncertain time, the face was turned away for 0:02.0, too dark for 0:01.0." in words
    assert "happy25.0%" in words and "uncertain75.0%" in words


class Page(HTMLParser):
    """A parsed page; every tag must be closed in its order."""

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
    """Write the page of a face happy for 3 of 4 seconds, then uncertain, and a second face in the first second."""
    with SummaryWriter(path, EXPRESSIONS, **settings) as summary:
        for k in range(40):
            first = make_recognition("happy") if k < 30 else make_recognition(UNCERTAIN)
            faces = make_faces(first, make_recognition("angry")) if k < 10 else make_faces(first)
            summary.write(Frame(None, k / 10, k, 1795240392.25 + k / 10), faces)
    return path.read_text()


def test_page_holds_shares_and_times(tmp_path):
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


def test_timelines_have_colours_and_widths(tmp_path):
    page = Page(write_page(tmp_path / "summary.html"))
    bars = [(rect["fill"], float(rect["width"])) for rect in page.all("rect") if "fill" in rect]
    assert bars == [
        (EXPRESSION_COLOURS["happy"], 750),
        (EXPRESSION_COLOURS[UNCERTAIN], 250),
        (EXPRESSION_COLOURS["angry"], 1000),
    ]
    places = [(rect["x"], rect["width"]) for rect in page.all("rect") if rect.get("class") == "place"]
    assert places == [("0.0", "1000.0"), ("0.0", "250.0")]


def test_page_needs_no_external_files_and_fits_screens(tmp_path):
    text = write_page(tmp_path / "summary.html")
    assert not re.search(r"https?:|src=|href=|@import|url\(|<script|<link", text)
    for part in ("prefers-color-scheme: dark", "width=device-width", "@media print", "<meta charset"):
        assert part in text


def test_facts_are_escaped(tmp_path):
    evil = "<script>alert('x')</script>&\"><img src=x onerror=alert(1)>"
    text = write_page(tmp_path / "summary.html", facts={"source": evil, evil: [evil]})
    page = Page(text)
    assert "<script" not in text
    assert "<img" not in text
    assert evil in page.words


def test_older_file_is_replaced_at_the_end_and_only_after_a_frame(tmp_path):
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
def test_summary_is_written_after_an_interrupt_or_error(tmp_path, error):
    path = tmp_path / "summary.html"
    with pytest.raises(error), SummaryWriter(path, EXPRESSIONS) as summary:
        summary.write(Frame(None, 0.0, 0), make_faces(make_recognition()))
        raise error
    assert "Face 1" in path.read_text()


def test_paths_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match=r"--summary must end in \.html"):
        SummaryWriter(tmp_path / "summary.pdf", EXPRESSIONS)
    with pytest.raises(SinkError, match="there is no folder"):
        SummaryWriter(tmp_path / "missing" / "summary.html", EXPRESSIONS)


def test_full_disk_is_reported_and_does_not_hide_another_error(tmp_path, monkeypatch, caplog):
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


def write_events(path, labels, *, faces=True):
    """Write the page of a happy face or none, with a label for each of ten frames a second."""
    with SummaryWriter(path, EXPRESSIONS) as summary:
        for k, label in enumerate(labels):
            summary.write(Frame(None, k / 10, k, event=label), make_faces(make_recognition("happy")) if faces else [])
    return path.read_text()


def test_page_compares_events(tmp_path):
    text = write_events(tmp_path / "summary.html", [None] * 10 + ["a <b>"] * 60 + ["c"] * 20)
    page = Page(text)
    words = re.sub(r"\s+", " ", page.words)
    assert "a <b> 0:01.0 to 0:07.0 happy 100.0% 0:06.00:06.0 c 0:07.0 to" in words
    assert "no event 0:00.0 to 0:01.0 happy 100.0% 0:01.00:01.0" in words
    assert "a <b>0 0–390 0–390 0–39100 61–1000" in words and "c0 –0 –0 –100 –0" in words  # shares and intervals
    assert "a <b>0.15 0.15–0.150.00" in words
    data = json.loads(html.unescape(re.search(r'<pre id="event-data">(.*?)</pre>', text, re.DOTALL)[1]))
    assert [(each["event"], each["seconds"], each["blocks"]) for each in data["events"]] == [
        ("a <b>", 6, 6), ("c", 2, 2), (None, 1, 1),
    ]  # fmt: skip
    assert data["events"][0]["share_of_time"]["happy"] == {"mean": 1, "low": 0.6097, "high": 1}
    assert data["events"][1]["mean_probability"]["happy"] == {"mean": 0.7, "low": None, "high": None}
    assert not re.search(r"https?:|src=|href=|@import|url\(|<script|<link", text)


def test_page_without_events_has_no_section_of_them(tmp_path):
    assert "Each moment belongs to one event" not in write_events(tmp_path / "summary.html", [None] * 10)


@pytest.mark.parametrize("labels", [["a"] * 10, [None] * 5 + ["a"] * 5, ["a", None, "b"]])
def test_events_without_any_face_have_times_and_no_estimates(tmp_path, labels):
    text = write_events(tmp_path / "summary.html", labels, faces=False)
    assert "Each moment belongs to one event" in text and "Share of time of each expression" not in text
