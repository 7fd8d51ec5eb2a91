"""A real server on a free port, and a client for its HTTP API and WebSockets."""

import http.client
import io
import json
import threading
from contextlib import contextmanager
from types import SimpleNamespace

from PIL import Image

from landmark_fer.live.web.server import LiveServer
from landmark_fer.recognition.results import RecognizedFace

TOKEN = "a-token-for-tests"


class PlainReader:
    """Reads each image independently; faces are numbered from the left. Counts the open readers."""

    opened = closed = 0

    def __init__(self, recognizer):
        self._recognizer = recognizer
        type(self).opened += 1

    def read(self, image, *, time_s):
        recognitions = sorted(self._recognizer.recognize(image), key=lambda recognition: recognition.face.box.x)
        return [RecognizedFace(number, each, each) for number, each in enumerate(recognitions, 1)]

    def close(self):
        type(self).closed += 1


@contextmanager
def live_server(make_reader, **options):
    """Run the server of ``live --web`` in a thread and yield a client."""
    with running(LiveServer(make_reader, address="127.0.0.1:0", **options)) as client:
        yield client


@contextmanager
def running(server):
    """Run a server in a thread and yield a client."""
    with server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield Client(server.url)
        finally:
            server.stop()
            thread.join(30)
            assert not thread.is_alive()


class Client:
    """Sends requests to a server as programs and browsers do."""

    def __init__(self, url):
        self.url, self.host = url, url.removeprefix("http://").strip("/")

    def request(self, path, *, method="GET", body=None, headers=None, content_type=None):
        """Return status, headers (lower-case names), content, and parsed JSON."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        own_headers = {"Content-Type": content_type} if content_type else {}
        connection.request(method, path, body, {**own_headers, **(headers or {})})
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        content = response.read()
        connection.close()
        is_json = content and headers.get("content-type", "").startswith("application/json")
        return SimpleNamespace(
            status=response.status, headers=headers, content=content, json=json.loads(content) if is_json else None
        )

    def recognize(self, content, *, content_type="image/jpeg", headers=None):
        return self.request("/v1/recognize", method="POST", body=content, content_type=content_type, headers=headers)

    def connect(self, path="/v1/camera", **options):
        """Open a WebSocket; a context manager."""
        from websockets.sync.client import connect

        options = {"compression": None, "open_timeout": 60, "max_size": None, **options}
        return connect(f"ws://{self.host}{path}", **options)


def receive(socket):
    """Return the next JSON message of a WebSocket."""
    return json.loads(socket.recv(timeout=120))


def as_file(image, format="JPEG", **options):
    """Return an image as the bytes of a file."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format, **options)
    return stream.getvalue()
