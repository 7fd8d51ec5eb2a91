"""The page of collect: the real command and a real browser, with the demo clip as its camera."""

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
from landmark_fer.datasets.collection import read_description, read_takes
from landmark_fer.live.sources.opening import open_source
from tools.browser import chromium, find_chromium

ROOT = Path(__file__).parents[3]
SLOW_S = 150
QUICK = ("--countdown", "0.5", "--seconds", "0.5", "--rounds", "1")

# Controls and texts, as rectangles.
RECTANGLES = """[
  ...document.querySelectorAll(
    "button, select, h1, h2, summary, .status, .notice, .expression, #hint, img, tr, #folder")]
  .filter((element) => element.checkVisibility())
  .map((element) => ({ text: element.textContent.trim().slice(0, 30), ...element.getBoundingClientRect().toJSON() }))"""

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def camera_file(tmp_path_factory):
    """The first five seconds of the demo clip, with one person."""
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
    """Run the command, yield the URL that it prints, end it with Ctrl-C, and assert that it succeeds."""
    command = [sys.executable, "-m", "landmark_fer.collect", "--web", "127.0.0.1:0", "--out", str(out), *options]
    environment = {name: value for name, value in os.environ.items() if name != "LANDMARK_FER_WEB_TOKEN"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        for line in process.stdout:
            if match := re.search(r"open (http://\S+) in a browser", line):
                yield match[1]
                break
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=120)
        assert (process.returncode, error) == (0, "")
    finally:
        process.kill()


def open_page(page, url):
    page.open(url)
    page.until("document.getElementById('intro').checkVisibility()")


def click(page, name):
    page.run(f"document.getElementById('{name}').click()")


def text_of(page, name):
    return page.run(f"document.getElementById('{name}').innerText")


def start(page):
    click(page, "start")
    page.until(
        "document.getElementById('expression')?.checkVisibility() && document.getElementById('expression').textContent"
    )
    page.until("document.getElementById('example').naturalWidth || document.getElementById('example').hidden")


def wait_for_takes(page, number):
    page.until(f"document.querySelectorAll('#takes tbody tr:not(.total)').length === {number}", seconds=SLOW_S)


def test_consent_takes_undo_leaving_and_continuing(page, tmp_path, capsys):
    out = tmp_path / "my faces"
    with command(out, "--subject", "ann", "--expressions", "neutral,happy", *QUICK) as url:
        open_page(page, url)
        notice = text_of(page, "intro")
        assert str(out) in notice and "to the computer that runs collect" in notice and "--delete ann" in notice
        assert read_description(out)["consent"] == {}
        start(page)
        assert read_description(out)["consent"]["ann"]["how"] == "in the browser"
        assert text_of(page, "expression") == "neutral" and "2 to go" in text_of(page, "round")
        assert page.run("document.getElementById('example').src").endswith("/examples/neutral.jpg")
        assert read_takes(out) == []
        page.press(" ")
        wait_for_takes(page, 1)
        click(page, "u")
        page.until("document.getElementById('no-takes').checkVisibility()", seconds=SLOW_S)
        assert read_takes(out) == []
        assert text_of(page, "space-text") == "Begin"
        click(page, "space")
        wait_for_takes(page, 1)
        page.press("q")
        page.until("document.getElementById('intro').checkVisibility()")
        assert page.run("document.getElementById('video').srcObject") is None
        takes = read_takes(out)
        assert collect.main(["--out", str(out), "--list"]) == 0
        listing = capsys.readouterr().out
        assert f"{takes[0]['expression']:9}   {len(takes)} takes" in listing and "ann (agreed 20" in listing
        assert "agreed to be recorded on 20" in text_of(page, "consent-date")
        assert page.complaints == []
    with command(out, "--subject", "ann", "--expressions", "neutral,happy", *QUICK) as url:
        open_page(page, url)
        assert text_of(page, "start") == "Start the camera"
        wait_for_takes(page, len(takes))
        start(page)
        if len(takes) == 1:  # the second may be complete before q is pressed
            assert text_of(page, "expression") == "happy" and "1 to go" in text_of(page, "round")
            page.press(" ")
        page.until("document.getElementById('expression').textContent === 'Thank you'", seconds=SLOW_S)
        wait_for_takes(page, 2)
        page.open("about:blank")  # like closing the tab
        assert page.complaints == []
    assert sorted(take["expression"] for take in read_takes(out)) == ["happy", "neutral"]
    assert all(take["source"] == "browser's camera" for take in read_takes(out))


def test_deleting_needs_two_confirmations(page, tmp_path):
    out = tmp_path / "mine"
    with command(out, "--subject", "ann", "--expressions", "neutral", *QUICK) as url:
        open_page(page, url)
        assert page.run("document.getElementById('delete').disabled")
        start(page)
        page.press(" ")
        wait_for_takes(page, 1)
        click(page, "delete")
        assert "all 1 takes" in text_of(page, "question") and str(out) in text_of(page, "question")
        click(page, "no")
        assert page.run("document.getElementById('delete').checkVisibility()")
        click(page, "delete")
        click(page, "yes")
        assert "cannot be undone" in text_of(page, "question")
        assert len(read_takes(out)) == 1
        click(page, "yes")
        page.until("document.getElementById('alert').textContent.includes('1 takes of ann were deleted')")
        assert read_takes(out) == [] and read_description(out)["consent"] == {}
        assert text_of(page, "start") == "I agree, start the camera"
        assert page.run("document.getElementById('privacy').open")
        assert page.complaints == []


def test_who_declines_is_not_recorded(page, tmp_path):
    with command(tmp_path / "mine") as url:
        open_page(page, url)
        click(page, "decline")
        page.until("document.getElementById('alert').textContent.includes('close this page')")
        assert page.run("document.getElementById('video').srcObject") is None
        for key in (" ", "s", "u", "q"):
            page.press(key)
        assert not page.run("document.getElementById('camera').checkVisibility()")
        assert page.complaints == []
    assert read_description(tmp_path / "mine")["consent"] == {}


def test_consent_by_option_is_not_asked_again(page, tmp_path):
    with command(tmp_path / "mine", "--consent", "--keep-images") as url:
        open_page(page, url)
        assert text_of(page, "start") == "Start the camera"
        click(page, "privacy")
        assert "Whole images of the camera are stored, too" in page.run(
            "document.getElementById('paragraphs').textContent"
        )
    assert read_description(tmp_path / "mine")["consent"]["me"]["how"] == "--consent"


def test_a_second_visitor_sees_why_nothing_starts(page, tmp_path, camera_file):
    with command(tmp_path / "mine", *QUICK) as url, chromium(tmp_path / "profile", camera=camera_file) as other:
        open_page(page, url)
        start(page)
        open_page(other, url)
        click(other, "start")
        other.until("document.getElementById('alert').textContent.includes('somebody is being recorded here already')")
        assert page.run("document.getElementById('camera').checkVisibility()")
        assert other.complaints == page.complaints == []


def test_a_lost_server_is_reported(page, tmp_path):
    with command(tmp_path / "mine") as url:
        open_page(page, url)
        start(page)
    page.until("document.getElementById('alert').textContent.includes('server')")
    assert page.run("document.getElementById('start').checkVisibility()")


@pytest.fixture(scope="module")
def shared_url(tmp_path_factory):
    out = tmp_path_factory.mktemp("shared") / "mine"
    with command(out, "--subject", "a name of sixty letters that goes on and on and on and on", *QUICK) as url:
        yield url


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width, height", [(375, 812), (320, 640), (812, 375), (1280, 900), (1920, 1080)])
def test_elements_fit_the_page_and_do_not_overlap(page, shared_url, width, height, dark):
    page.resize(width, height, phone=width < 900, dark=dark)
    open_page(page, shared_url)
    assert page.check_rectangles(RECTANGLES, width) >= 7
    start(page)
    page.until("document.getElementById('instruction').checkVisibility()")
    assert page.check_rectangles(RECTANGLES, width) >= 12
    click(page, "delete")
    assert page.check_rectangles(RECTANGLES, width) >= 12
    if width == 375:
        bottom = page.run("document.getElementById('space').getBoundingClientRect().bottom")
        assert bottom <= height  # the button that starts a take is visible without scrolling
    assert page.complaints == []
