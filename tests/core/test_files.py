"""Atomic writes: what is not a regular file stays what it is."""

import os
import stat
import threading

import pytest

from landmark_fer.core.files import atomic_write_text, time_text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_written_and_not_replaced(tmp_path):
    pipe, texts = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: texts.append(pipe.read_text()), daemon=True)
    reader.start()
    atomic_write_text(pipe, "whole\n")
    reader.join(10)
    assert texts == ["whole\n"] and stat.S_ISFIFO(pipe.stat().st_mode) and list(tmp_path.iterdir()) == [pipe]


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="needs /dev/fd")
def test_an_open_file_is_written_and_its_device_not_replaced(tmp_path):
    with open(tmp_path / "out", "wb") as file:
        atomic_write_text(f"/dev/fd/{file.fileno()}", "text\n")
    assert (tmp_path / "out").read_text() == "text\n"


def test_a_link_to_a_device_leaves_both(tmp_path):
    if not os.path.exists("/dev/null"):
        pytest.skip("needs /dev/null")
    link = tmp_path / "null.json"
    link.symlink_to("/dev/null")
    atomic_write_text(link, "text\n")
    assert link.is_symlink() and not os.path.isfile("/dev/null")


def test_a_failed_write_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "a.json"
    atomic_write_text(path, "earlier\n")
    with pytest.raises(AttributeError):
        atomic_write_text(path, None)
    assert path.read_text() == "earlier\n" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "1970-01-01T00:00:00.250+00:00"),
        (-1.0, "1969-12-31T23:59:59.000+00:00"),
        (1e12, "1000000000000.0"),
        (-1e18, "-1e+18"),
        (1e300, "1e+300"),
    ],
)
def test_any_time_of_a_file_has_a_text(seconds, text):
    assert time_text(seconds) == text
