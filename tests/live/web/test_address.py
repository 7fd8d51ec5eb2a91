"""Where the server may listen, and what it says where it may not."""

import socket
import subprocess
import sys

import pytest

from landmark_fer.core import optional_packages
from landmark_fer.core.errors import DependencyError, InputError
from landmark_fer.live.web.server import WebServer, parse_address, serve

TOKEN = "a-token-for-tests"


@pytest.mark.parametrize(
    "text, host, port",
    [
        ("127.0.0.1:8000", "127.0.0.1", 8000),
        ("localhost", "localhost", 8000),
        (":9000", "127.0.0.1", 9000),
        ("9000", "127.0.0.1", 9000),
        ("", "127.0.0.1", 8000),
        ("[::1]:8001", "::1", 8001),
        ("127.0.0.2:0", "127.0.0.2", 0),
    ],
)
def test_addresses_of_this_machine_need_no_token(text, host, port):
    assert parse_address(text) == parse_address(text, TOKEN) == (host, port)


@pytest.mark.parametrize("text", ["0.0.0.0:8000", "192.168.1.5", "[::]:8000", "example.org:80", "localhost.org:80"])
def test_any_other_address_needs_a_token(text):
    with pytest.raises(InputError, match="needs --web-token"):
        parse_address(text)
    assert parse_address(text, TOKEN)


@pytest.mark.parametrize("text", ["http://localhost", "localhost:port", "a b", "localhost:70000", "::1:8000", "a:1:2"])
def test_what_is_no_address_is_said(text):
    with pytest.raises(InputError, match=r"--web must be HOST:PORT.*got"):
        parse_address(text, TOKEN)


@pytest.mark.parametrize("token", ["", "short", "with a space", "ünïcödé-token", "line\nbreak"])
def test_a_token_must_be_long_and_plain(token):
    with pytest.raises(InputError, match="--web-token must have 8 to 200 visible ASCII characters"):
        parse_address("127.0.0.1:8000", token)


def test_a_taken_port_is_said_in_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=rf"--web 127.0.0.1:{port} cannot be listened at .*in use.*try --web"):
            serve(None, address=f"127.0.0.1:{port}")


def test_an_address_of_another_machine_is_said_in_one_sentence():
    with pytest.raises(InputError, match=r"--web 192\.0\.2\.1:8000 cannot be listened at"):
        serve(None, address="192.0.2.1:8000", token=TOKEN)


def test_without_fastapi_there_is_a_sentence(monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(optional_packages.importlib, "import_module", missing)
    with pytest.raises(DependencyError, match=r"live --web needs .*fastapi.*install -r requirements-web\.txt"):
        WebServer(None)


def test_importing_the_server_needs_neither_fastapi_nor_opencv():
    code = "import sys, landmark_fer.live.web.server; print(*{'fastapi', 'uvicorn', 'cv2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
