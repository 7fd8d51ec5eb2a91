"""A small client of Chromium's DevTools protocol: open a page, run its JavaScript, click, look, read its console."""

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
    """The page went to another address before its JavaScript had answered."""


class Page:
    """One page of a running Chromium."""

    def __init__(self, socket):
        self._socket, self._numbers = socket, itertools.count(1)
        self.complaints = []  # errors and warnings of the console, and whatever was refused or failed to load
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **parameters):
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

    def _note(self, event, told):
        if event == "Runtime.exceptionThrown":
            self.complaints.append(told["exceptionDetails"].get("exception", {}).get("description", str(told)))
        elif event == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.complaints.append(str([one.get("value", one.get("description")) for one in told["args"]]))
        elif event == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")

    def run(self, code):
        """Return the value of JavaScript, awaited."""
        response = self.ask("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in response, response["exceptionDetails"]
        return response["result"].get("value")

    def leave(self, code):
        """Run JavaScript that sends the page to another address, whether it still answers or not."""
        with contextlib.suppress(PageLeft):
            self.run(code)

    def before_each_page(self, code):
        self.ask("Page.addScriptToEvaluateOnNewDocument", source=code)

    def resize(self, width, height, *, ratio=1, phone=False, dark=False):
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=ratio, mobile=phone
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, address):
        self.ask("Page.navigate", url=address)
        self.until("document.readyState === 'complete'")

    def until(self, code, *, seconds=60):
        """Wait until JavaScript is true, and return its value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = None
            with contextlib.suppress(PageLeft):  # asked while the next page loads
                value = self.run(code)
            if value or value == {}:  # an element comes back empty
                return value
            time.sleep(0.1)
        raise AssertionError(f"not true within {seconds} s: {code}; console: {self.complaints}")

    def check_rectangles(self, code, width):
        """Hold that what JavaScript gives as rectangles lies within the width and apart; return how many they are."""
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
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, **more)

    def screenshot(self, *, whole=False, form="png", quality=None):
        more = {"quality": quality} if quality else {}
        response = self.ask("Page.captureScreenshot", format=form, captureBeyondViewport=whole, **more)
        return base64.b64decode(response["data"])


@contextlib.contextmanager
def chromium(profile, *, camera=None, devices=1):
    """Run Chromium with an empty profile folder, and yield a page.

    Parameters
    ----------
    profile : Path
    camera : Path, optional
        An .mjpeg file that plays as the camera, again and again.
    devices : int, default=1
        Cameras.
    """
    from websockets.sync.client import connect

    flags = [*FLAGS, f"--user-data-dir={profile}", f"--use-fake-device-for-media-stream=device-count={devices}"]
    flags += [f"--use-file-for-fake-video-capture={camera}"] if camera else []
    process = subprocess.Popen([find_chromium(), *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port = _port(profile / "DevToolsActivePort", process)
        with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as response:
            pages = [one for one in json.load(response) if one["type"] == "page"]
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
    """Return the port that Chromium writes down once it listens."""
    for _ in range(600):
        if path.is_file() and path.read_text().count("\n"):
            return int(path.read_text().splitlines()[0])
        assert process.poll() is None, f"Chromium ended with {process.returncode}"
        time.sleep(0.1)
    raise AssertionError("Chromium did not begin to listen")
