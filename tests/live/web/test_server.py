"""Addresses and tokens of the server, and the errors about them."""

import socket
import subprocess
import sys

import pytest

from landmark_fer.core import optional_packages
from landmark_fer.core.errors import DependencyError, InputError
from landmark_fer.live.web.server import LiveServer, parse_address, serve

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
def test_invalid_addresses_are_reported(text):
    with pytest.raises(InputError, match=r"--web must be HOST:PORT.*got"):
        parse_address(text, TOKEN)


@pytest.mark.parametrize("token", ["", "short", "with a space", "ünïcödé-token", "line\nbreak"])
def test_tokens_must_be_long_and_ascii(token):
    with pytest.raises(InputError, match="--web-token must have 8 to 200 visible ASCII characters"):
        parse_address("127.0.0.1:8000", token)


def test_a_port_in_use_is_reported():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=rf"--web 127.0.0.1:{port} cannot be used .*in use.*try --web"):
            serve(None, address=f"127.0.0.1:{port}")


def test_an_address_of_another_machine_is_reported():
    with pytest.raises(InputError, match=r"--web 192\.0\.2\.1:8000 cannot be used"):
        serve(None, address="192.0.2.1:8000", token=TOKEN)


def test_missing_fastapi_is_reported(monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(optional_packages.importlib, "import_module", missing)
    with pytest.raises(DependencyError, match=r"live --web needs .*fastapi.*install -r requirements-web\.txt"):
        LiveServer(None)


def test_importing_the_server_imports_neither_fastapi_nor_opencv():
    code = "import sys, landmark_fer.live.web.server; print(*{'fastapi', 'uvicorn', 'cv2'} & set(sys.modules))"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == ""
