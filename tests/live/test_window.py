"""The window: one message without a display; images and keys with one."""

import os
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from landmark_fer.core.errors import SourceError
from landmark_fer.live import window
from landmark_fer.live.window import Window

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a display")
needs_xvfb = pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb, a virtual display, is not on PATH")


def run(script, **variables):
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    command = [sys.executable, "-c", textwrap.dedent(script)]
    return subprocess.run(command, env=environment | variables, capture_output=True, text=True, timeout=60)


@linux_only
@pytest.mark.parametrize("variables", [{}, {"DISPLAY": ":4242"}, {"DISPLAY": "nonsense"}, {"WAYLAND_DISPLAY": "none"}])
def test_missing_display_is_reported(variables):
    ended = run(
        "import sys; from landmark_fer.live.__main__ import main; sys.exit(main(['--source', 'demo']))", **variables
    )
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith("error: no display was found")
    assert "--headless" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_opencv_without_windows_is_reported(monkeypatch):
    def refuse(*_):
        raise window.cv2.error("The function is not implemented")

    monkeypatch.setattr(window, "check_display", lambda: None)
    monkeypatch.setattr(window.cv2, "namedWindow", refuse)
    with Window("test") as opened, pytest.raises(SourceError, match="this build of OpenCV has no windows"):
        opened.show(np.zeros((48, 64, 3), np.uint8))


@pytest.fixture(scope="module")
def display():
    """The number of a virtual display."""
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "800x600x24", "-noreset"]
    with subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL) as server:
        os.close(writer)
        with os.fdopen(reader) as numbers:
            yield f":{numbers.readline().strip()}"
        server.terminate()


@needs_xvfb
def test_window_opens_shows_and_closes(display):
    script = """
        import numpy as np
        from landmark_fer.live.window import Window, _visible
        with Window("test") as window:
            for _ in range(5):
                assert window.show(np.full((48, 64, 3), 200, np.uint8), wait_s=0.02) is None
                assert not window.closed
        with Window("test") as window:
            import cv2
            window.show(np.zeros((2000, 3000, 3), np.uint8))
            cv2.destroyWindow("test")
            window.wait(600)  # ends at once
            assert window.closed
            assert window.show(np.zeros((48, 64, 3), np.uint8), wait_s=600) is None
            assert not _visible("test")  # no window opens again
        print("done")
    """
    ended = run(script, DISPLAY=display)
    assert ended.stdout.strip() == "done", ended.stderr


@needs_xvfb
@pytest.mark.skipif(shutil.which("xdotool") is None, reason="xdotool, which sends keys, is not on PATH")
def test_keys_are_returned(display):
    script = """
        import subprocess
        import numpy as np
        from landmark_fer.live.window import Window
        with Window("keytest") as window:
            image = np.zeros((48, 64, 3), np.uint8)
            for _ in range(10):
                window.show(image, wait_s=0.05)
            keys = {"q": "q", "shift+s": "s", "space": "space", "Return": "enter", "plus": "+", "Escape": "escape"}
            for name, expected in keys.items():
                number = subprocess.check_output(["xdotool", "search", "--name", "keytest"], text=True).split()[-1]
                for _ in range(10):  # a window that is still being mapped receives no keys
                    subprocess.Popen(["xdotool", "key", "--window", number, name], stderr=subprocess.DEVNULL)
                    if expected in [window.show(image, wait_s=0.05) for _ in range(20)]:
                        break
                else:
                    raise AssertionError(name)
                while window.show(image, wait_s=0.3) is not None:
                    pass
        print("done")
    """
    ended = run(script, DISPLAY=display)
    assert ended.stdout.strip() == "done", ended.stderr


@needs_xvfb
def test_waiting_before_the_first_image(display):
    script = """
        import numpy as np
        from landmark_fer.live.window import Window
        with Window("test") as window:
            assert window.wait(0.01) is None
            assert not window.closed
            window.show(np.zeros((48, 64, 3), np.uint8))
            assert not window.closed
        print("done")
    """
    ended = run(script, DISPLAY=display)
    assert ended.stdout.strip() == "done", ended.stderr


@needs_xvfb
@pytest.mark.skipif(shutil.which("xdotool") is None, reason="xdotool, which sends keys, is not on PATH")
def test_modifiers_and_arrows_return_no_key(display):
    """Resizing the window or the images returns no key either."""
    script = """
        import subprocess
        import cv2
        import numpy as np
        from landmark_fer.live.window import Window
        with Window("modtest") as window:
            returned = [window.show(np.zeros((480, 640, 3), np.uint8), wait_s=0.05) for _ in range(10)]
            number = subprocess.check_output(["xdotool", "search", "--name", "modtest"], text=True).split()[-1]
            for name in ("Shift_L", "Control_L", "Caps_Lock", "Caps_Lock", "Up", "Delete", "F1", "eacute"):
                subprocess.run(["xdotool", "key", "--window", number, name], check=True)
                returned += [window.show(np.zeros((480, 640, 3), np.uint8), wait_s=0.05) for _ in range(3)]
            subprocess.run(["xdotool", "windowsize", number, "300", "500"], check=True)
            for side in (48, 1, 700):
                returned += [window.show(np.full((side, side, 3), 90, np.uint8), wait_s=0.05) for _ in range(5)]
                assert cv2.getWindowImageRect("modtest")[2] <= 300
            assert not window.closed
            assert set(returned) == {None}, returned
        print("done")
    """
    ended = run(script, DISPLAY=display)
    assert ended.stdout.strip() == "done", ended.stderr


@pytest.mark.parametrize(
    "code,name",
    [(-1, None), (0, None), (0x71, "q"), (0x51, "q"), (0x100071, "q"), (27, "escape"), (0x10001B, "escape"),
     (0xFFE1, None), (0xFF52, None), (0x250000, None), (0x3F, "?"), (0xE9, None)],
)  # fmt: skip
def test_key_names(code, name):
    assert window._key_name(code) == name
