"""A small client of Chromium's DevTools protocol: opens pages, runs JavaScript, presses keys, reads the console."""

import base64
import contextlib
import itertools
import json
import shutil
import subprocess
import time
from urllib.request import urlopen

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--remote-debugging-port=0",
    "--use-fake-ui-for-media-stream",
)


def find_chromium():
    """Return the path of an installed Chromium, or None."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class PageLeft(AssertionError):
    """The page navigated away before its JavaScript had returned."""


class Page:
    """One page of a running Chromium."""

    def __init__(self, socket):
        self._socket, self._numbers = socket, itertools.count(1)
        self.complaints = []  # errors and warnings of the console, and requests that failed
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """Call a method of the protocol and return its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            if message.get("id") == number:
                return self._response(message)
            self._note(message.get("method"), message.get("params", {}))

    @staticmethod
    def _response(message):
        if "navigated" in message.get("error", {}).get("message", ""):
            raise PageLeft(message)
        assert "error" not in message, message
        return message["result"]

    def _note(self, event, details):
        if event == "Runtime.exceptionThrown":
            self.complaints.append(details["exceptionDetails"].get("exception", {}).get("description", str(details)))
        elif event == "Runtime.consoleAPICalled" and details["type"] in ("error", "warning", "assert"):
            self.complaints.append(str([each.get("value", each.get("description")) for each in details["args"]]))
        elif event == "Log.entryAdded" and details["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{details['entry']['text']} {details['entry'].get('url', '')}")

    def run(self, code):
        """Run JavaScript and return its value, awaited."""
        response = self.call("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in response, response["exceptionDetails"]
        return response["result"].get("value")

    def leave(self, code):
        """Run JavaScript that navigates away, whether it returns or not."""
        with contextlib.suppress(PageLeft):
            self.run(code)

    def before_each_page(self, code):
        """Run JavaScript before that of each page that is opened."""
        self.call("Page.addScriptToEvaluateOnNewDocument", source=code)

    def resize(self, width, height, *, ratio=1, phone=False, dark=False):
        """Set the size in CSS pixels, the device pixels of each, and the scheme of colours."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=ratio, mobile=phone
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, address):
        """Open a page and wait until it is complete."""
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete'")

    def until(self, code, *, seconds=60):
        """Wait until JavaScript returns a true value, and return it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = None
            with contextlib.suppress(PageLeft):  # the next page is loading
                value = self.run(code)
            if value or value == {}:  # elements are returned as {}
                return value
            time.sleep(0.1)
        raise AssertionError(f"not true within {seconds} s: {code}; console: {self.complaints}")

    def check_rectangles(self, code, width):
        """Assert that the rectangles that JavaScript returns fit the width and do not overlap; return their number."""
        assert self.run("document.documentElement.scrollWidth") <= width
        rectangles = self.run(code)
        for index, one in enumerate(rectangles):
            assert one["left"] >= 0 and one["right"] <= width, one
            for other in rectangles[index + 1 :]:
                apart = (
                    min(one["right"], other["right"]) - max(one["left"], other["left"]) < 1
                    or min(one["bottom"], other["bottom"]) - max(one["top"], other["top"]) < 1
                )
                assert apart, (one, other)
        return len(rectangles)

    def press(self, key, *, text=None):
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, **more)

    def screenshot(self, *, whole=False, form="png", quality=None):
        """Return an image of the visible part, or of the whole page, as a file's content."""
        more = {"quality": quality} if quality else {}
        response = self.call("Page.captureScreenshot", format=form, captureBeyondViewport=whole, **more)
        return base64.b64decode(response["data"])


@contextlib.contextmanager
def chromium(profile, *, camera=None, devices=1):
    """Run Chromium with an empty profile folder, and yield a page.

    Parameters
    ----------
    profile : Path
    camera : Path, optional
        An .mjpeg file that the camera plays in a loop.
    devices : int, default=1
        Number of cameras.
    """
    from websockets.sync.client import connect

    flags = [*FLAGS, f"--user-data-dir={profile}", f"--use-fake-device-for-media-stream=device-count={devices}"]
    flags += [f"--use-file-for-fake-video-capture={camera}"] if camera else []
    process = subprocess.Popen([find_chromium(), *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port = _port(profile / "DevToolsActivePort", process)
        with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as response:
            pages = [target for target in json.load(response) if target["type"] == "page"]
        with connect(pages[0]["webSocketDebuggerUrl"], max_size=None, max_queue=None, ping_interval=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(path, process):
    """Return the port that Chromium writes to a file once it listens."""
    for _ in range(600):
        if path.is_file() and path.read_text().count("\n"):
            return int(path.read_text().splitlines()[0])
        assert process.poll() is None, f"Chromium exited with {process.returncode}"
        time.sleep(0.1)
    raise AssertionError("Chromium did not start listening")
