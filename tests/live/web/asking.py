"""A real server on a free port of this machine, and those who ask it."""

import http.client
import io
import json
import threading
from contextlib import contextmanager
from types import SimpleNamespace

from PIL import Image

from landmark_fer.core.records import RecognizedFace
from landmark_fer.live.web.server import WebServer

TOKEN = "a-token-for-tests"


class PlainReader:
    """Reads each image by itself; faces are numbered from the left. Counts how many are open."""

    opened = closed = 0

    def __init__(self, recognizer):
        self._recognizer = recognizer
        type(self).opened += 1

    def read(self, image, *, time_s):
        found = sorted(self._recognizer.recognize(image), key=lambda one: one.face.box.x)
        return [RecognizedFace(number, one, one) for number, one in enumerate(found, 1)]

    def close(self):
        type(self).closed += 1


@contextmanager
def running(make_reader, **options):
    """Yield how to ask a server of live that answers in a thread."""
    with predicting(WebServer(make_reader, address="127.0.0.1:0", **options)) as visitor:
        yield visitor


@contextmanager
def predicting(server):
    """Let a server answer in a thread, and yield how to ask it."""
    with server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield Visitor(server.url)
        finally:
            server.stop()
            thread.join(30)
            assert not thread.is_alive()


class Visitor:
    """Asks a server as programs and browsers do."""

    def __init__(self, url):
        self.url, self.place = url, url.removeprefix("http://").strip("/")

    def ask(self, path, *, method="GET", body=None, headers=None, kind=None):
        """Return status, headers (lower case) and body; JSON is taken apart."""
        connection = http.client.HTTPConnection(self.place, timeout=60)
        connection.request(method, path, body, {**({"Content-Type": kind} if kind else {}), **(headers or {})})
        response = connection.getresponse()
        told = {name.lower(): value for name, value in response.getheaders()}
        content = response.read()
        connection.close()
        is_json = content and told.get("content-type", "").startswith("application/json")
        return SimpleNamespace(
            status=response.status, headers=told, content=content, json=json.loads(content) if is_json else None
        )

    def recognize(self, content, *, kind="image/jpeg", **more):
        return self.ask("/v1/recognize", method="POST", body=content, kind=kind, **more)

    def visit(self, path="/v1/camera", **options):
        """Open a WebSocket; a context manager."""
        from websockets.sync.client import connect

        options = {"compression": None, "open_timeout": 60, "max_size": None, **options}
        return connect(f"ws://{self.place}{path}", **options)


def as_file(image, form="JPEG", **options):
    """Return a image as the bytes of a file."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, form, **options)
    return stream.getvalue()
