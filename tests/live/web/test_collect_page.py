"""Collecting as somebody does it: the real command, a real browser, the demo clip as its camera."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from landmark_fer.collect import __main__ as collect
from landmark_fer.datasets.collection import read_about, read_takes
from landmark_fer.live.sources.opening import open_source
from tests.live.web.browser import chromium, find_chromium

ROOT = Path(__file__).parents[3]
SLOW_S = 150
QUICK = ("--countdown", "0.5", "--seconds", "0.5", "--rounds", "1")

# Whatever can be clicked or read, as rectangles.
RECTANGLES = """[
  ...document.querySelectorAll("button, select, h1, h2, summary, .status, .notice, .asked, #hint, img, tr, #where")]
  .filter((one) => one.checkVisibility())
  .map((one) => ({ what: one.textContent.trim().slice(0, 30), ...one.getBoundingClientRect().toJSON() }))"""

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def camera_file(tmp_path_factory):
    """The first five seconds of the demo clip, in which one person is seen."""
    path = tmp_path_factory.mktemp("camera") / "clip.mjpeg"
    with open_source("demo") as source, path.open("wb") as file:
        for frame in source:
            if frame.time_s >= 5:
                break
            file.write(cv2.imencode(".jpg", frame.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory, camera_file):
    with chromium(tmp_path_factory.mktemp("profile"), camera=camera_file) as page:
        yield page


@contextlib.contextmanager
def command(out, *options):
    """Run the command, yield the address that it names, and end it by Ctrl-C; hold that it ends well."""
    command = [sys.executable, "-m", "landmark_fer.collect", "--web", "127.0.0.1:0", "--out", str(out), *options]
    environment = {name: value for name, value in os.environ.items() if name != "LANDMARK_FER_WEB_TOKEN"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        for line in process.stdout:
            if found := re.search(r"open (http://\S+) in a browser", line):
                yield found[1]
                break
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=120)
        assert (process.returncode, complaint) == (0, "")
    finally:
        process.kill()


def arrive(page, url):
    page.open(url)
    page.until("document.getElementById('before').checkVisibility()")


def click(page, name):
    page.run(f"document.getElementById('{name}').click()")


def text_of(page, name):
    return page.run(f"document.getElementById('{name}').innerText")


def start(page):
    click(page, "start")
    page.until("document.getElementById('asked')?.checkVisibility() && document.getElementById('asked').textContent")
    page.until("document.getElementById('example').naturalWidth || document.getElementById('example').hidden")


def until_kept(page, number):
    page.until(f"document.querySelectorAll('#takes tbody tr:not(.total)').length === {number}", seconds=SLOW_S)


def test_agreeing_takes_undoing_leaving_and_coming_back(page, tmp_path, capsys):
    out = tmp_path / "my faces"
    with command(out, "--subject", "ann", "--expressions", "neutral,happy", *QUICK) as url:
        arrive(page, url)
        told = text_of(page, "before")
        assert str(out) in told and "to the computer that runs collect" in told and "--delete ann" in told
        assert read_about(out)["consent"] == {}
        start(page)
        assert read_about(out)["consent"]["ann"]["how"] == "in the browser"
        assert text_of(page, "asked") == "neutral" and "2 to go" in text_of(page, "round")
        assert page.run("document.getElementById('example').src").endswith("/examples/neutral.jpg")
        assert read_takes(out) == []
        page.press(" ")
        until_kept(page, 1)
        click(page, "u")
        page.until("document.getElementById('nothing').checkVisibility()", seconds=SLOW_S)
        assert read_takes(out) == []
        assert text_of(page, "space-text") == "Begin"
        click(page, "space")
        until_kept(page, 1)
        page.press("q")
        page.until("document.getElementById('before').checkVisibility()")
        assert page.run("document.getElementById('video').srcObject") is None
        takes = read_takes(out)
        assert collect.main(["--out", str(out), "--list"]) == 0
        listed = capsys.readouterr().out
        assert f"{takes[0]['expression']:9}   {len(takes)} takes" in listed and "ann (agreed 20" in listed
        assert "agreed to be recorded on 20" in text_of(page, "agreed")
        assert page.complaints == []
    with command(out, "--subject", "ann", "--expressions", "neutral,happy", *QUICK) as url:
        arrive(page, url)
        assert text_of(page, "start") == "Start the camera"
        until_kept(page, len(takes))
        start(page)
        if len(takes) == 1:  # the second may have been kept before q was pressed
            assert text_of(page, "asked") == "happy" and "1 to go" in text_of(page, "round")
            page.press(" ")
        page.until("document.getElementById('asked').textContent === 'Thank you'", seconds=SLOW_S)
        until_kept(page, 2)
        page.open("about:blank")  # as closing the tab
        assert page.complaints == []
    assert sorted(take["expression"] for take in read_takes(out)) == ["happy", "neutral"]
    assert all(take["source"] == "browser's camera" for take in read_takes(out))


def test_deleting_is_asked_twice(page, tmp_path):
    out = tmp_path / "mine"
    with command(out, "--subject", "ann", "--expressions", "neutral", *QUICK) as url:
        arrive(page, url)
        assert page.run("document.getElementById('delete').disabled")
        start(page)
        page.press(" ")
        until_kept(page, 1)
        click(page, "delete")
        assert "all 1 takes" in text_of(page, "question") and str(out) in text_of(page, "question")
        click(page, "no")
        assert page.run("document.getElementById('delete').checkVisibility()")
        click(page, "delete")
        click(page, "yes")
        assert "cannot be brought back" in text_of(page, "question")
        assert len(read_takes(out)) == 1
        click(page, "yes")
        page.until("document.getElementById('news').textContent.includes('1 takes of ann were deleted')")
        assert read_takes(out) == [] and read_about(out)["consent"] == {}
        assert text_of(page, "start") == "I agree, start the camera"
        assert page.run("document.getElementById('notice').open")
        assert page.complaints == []


def test_who_says_no_is_not_recorded(page, tmp_path):
    with command(tmp_path / "mine") as url:
        arrive(page, url)
        click(page, "decline")
        page.until("document.getElementById('news').textContent.includes('close this page')")
        assert page.run("document.getElementById('video').srcObject") is None
        for key in (" ", "s", "u", "q"):
            page.press(key)
        assert not page.run("document.getElementById('looking').checkVisibility()")
        assert page.complaints == []
    assert read_about(tmp_path / "mine")["consent"] == {}


def test_consent_that_was_asked_elsewhere_is_not_asked_for_again(page, tmp_path):
    with command(tmp_path / "mine", "--consent", "--keep-images") as url:
        arrive(page, url)
        assert text_of(page, "start") == "Start the camera"
        click(page, "notice")
        assert "Whole images of the camera are kept, too" in page.run(
            "document.getElementById('paragraphs').textContent"
        )
    assert read_about(tmp_path / "mine")["consent"]["me"]["how"] == "--consent"


def test_a_second_visitor_reads_why_nothing_begins(page, tmp_path, camera_file):
    with command(tmp_path / "mine", *QUICK) as url, chromium(tmp_path / "profile", camera=camera_file) as other:
        arrive(page, url)
        start(page)
        arrive(other, url)
        click(other, "start")
        other.until("document.getElementById('news').textContent.includes('somebody is being recorded here already')")
        assert page.run("document.getElementById('looking').checkVisibility()")
        assert other.complaints == page.complaints == []


def test_a_server_that_goes_away_is_said(page, tmp_path):
    with command(tmp_path / "mine") as url:
        arrive(page, url)
        start(page)
    page.until("document.getElementById('news').textContent.includes('server')")
    assert page.run("document.getElementById('start').checkVisibility()")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    out = tmp_path_factory.mktemp("shared") / "mine"
    with command(out, "--subject", "a name of sixty letters that goes on and on and on and on", *QUICK) as url:
        yield url


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width, height", [(375, 812), (320, 640), (812, 375), (1280, 900), (1920, 1080)])
def test_nothing_overlaps_or_sticks_out(page, shared, width, height, dark):
    page.resize(width, height, phone=width < 900, dark=dark)
    arrive(page, shared)
    assert page.check_rectangles(RECTANGLES, width) >= 7
    start(page)
    page.until("document.getElementById('call').checkVisibility()")
    assert page.check_rectangles(RECTANGLES, width) >= 12
    click(page, "delete")
    assert page.check_rectangles(RECTANGLES, width) >= 12
    if width == 375:
        low = page.run("document.getElementById('space').getBoundingClientRect().bottom")
        assert low <= height  # what begins a take is seen without scrolling
    assert page.complaints == []
