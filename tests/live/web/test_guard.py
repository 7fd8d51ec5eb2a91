"""Access control by host, origin and token, and the security headers of every response."""

import asyncio

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from landmark_fer.live.web.guard import COOKIE, HEADERS, AccessToken, is_loopback
from landmark_fer.live.web.limits import Limits
from tests.live.web.client import TOKEN, live_server

PATHS = ("/", "/docs", "/openapi.json", "/v1/health", "/page/main.js", "/page/facts.json", "/favicon.ico", "/none")
HTML = {"Accept": "text/html"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def locked(make_reader):
    with live_server(make_reader, token=TOKEN, limits=Limits(attempts_per_second=1e6, attempt_burst=1e6)) as client:
        yield client


def refused_status(client, path="/v1/camera", **options):
    """Return the status with which a WebSocket is refused."""
    with pytest.raises(InvalidStatus) as refusal, client.connect(path, **options):
        pass
    return refusal.value.response.status_code


@pytest.mark.parametrize("path", PATHS)
def test_every_address_needs_the_token(locked, path):
    response = locked.request(path)
    assert response.status == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "Bearer TOKEN" in response.json["detail"]
    assert locked.request(path, headers=BEARER).status == (404 if path == "/none" else 200)


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper()])
def test_wrong_tokens_are_refused(locked, token, jpeg):
    assert locked.request("/v1/health", headers={"Authorization": f"Bearer {token}"}).status == 401
    assert locked.recognize(jpeg, headers={"Authorization": f"Bearer {token}"}).status == 401
    assert refused_status(locked, additional_headers={"Authorization": f"Bearer {token}"}) == 401
    assert refused_status(locked, additional_headers={"Cookie": f"{COOKIE}={token}"}) == 401
    assert refused_status(locked, "/v1/watch") == 401


def test_the_token_is_not_valid_as_a_cookie(locked):
    assert locked.request("/v1/health", headers={"Cookie": f"{COOKIE}={TOKEN}"}).status == 401


@pytest.mark.parametrize("way", ["form", "query"])
def test_browsers_get_a_cookie_that_scripts_and_other_sites_cannot_use(locked, way, jpeg):
    if way == "form":
        kind = "application/x-www-form-urlencoded"
        response = locked.request("/enter", method="POST", body=f"token={TOKEN}", content_type=kind)
    else:
        response = locked.request(f"/?token={TOKEN}", headers=HTML)
    assert response.status == 303
    assert response.headers["location"] == "/"
    cookie, *rules = response.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(rules)
    assert TOKEN not in cookie
    assert locked.request("/", headers={"Cookie": cookie}).status == 200
    assert locked.recognize(jpeg, headers={"Cookie": cookie}).status == 200
    with locked.connect(additional_headers={"Cookie": cookie}) as socket:
        socket.send(jpeg)
        assert "faces" in socket.recv(timeout=60)


def test_browsers_without_the_token_get_a_form(locked):
    response = locked.request("/", headers=HTML)
    assert response.status == 401
    assert b'action="/enter"' in response.content
    assert b"token is wrong" not in response.content
    assert b"token is wrong" in locked.request("/?token=wrong-token", headers=HTML).content
    wrong = locked.request(
        "/enter", method="POST", body="token=wrong", content_type="application/x-www-form-urlencoded"
    )
    assert wrong.status == 401 and b"token is wrong" in wrong.content
    assert locked.request("/page/style.css").status == 200


def test_the_redirect_cannot_be_injected_into(locked):
    response = locked.request(f"//other.example/%0d%0aset-cookie:x?token={TOKEN}&more=%0d%0a", headers=HTML)
    assert response.status == 303
    assert response.headers["location"].startswith("/other.example/%0D%0A")


def test_wrong_tokens_are_limited(make_reader):
    limits = Limits(attempts_per_second=1e-6, attempt_burst=3)
    with live_server(make_reader, token=TOKEN, limits=limits) as client:
        wrong = {"Authorization": "Bearer wrong-token"}
        assert [client.request("/v1/health", headers=wrong).status for _ in range(5)] == [401, 401, 401, 429, 429]
        assert client.request("/v1/health", headers=BEARER).status == 429  # otherwise guessing could go on
        cookie = {"Cookie": f"{COOKIE}={AccessToken(TOKEN).cookie}"}
        assert client.request("/v1/health", headers=cookie).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example"]
)
def test_rebound_host_names_are_refused(server, host):
    response = server.request("/v1/health", headers={"Host": host})
    assert response.status == 403
    assert "accepts only localhost" in response.json["detail"]


@pytest.mark.parametrize("host", ["localhost:9", "LOCALHOST", "127.0.0.1", "[::1]:8000", "127.9.9.9:1"])
def test_local_host_names_are_accepted(server, host):
    assert server.request("/v1/health", headers={"Host": host}).status == 200


@pytest.mark.parametrize("host", ["", "[::1", "a b", "@", "localhost:port"])
def test_invalid_hosts_are_refused(server, host):
    assert server.request("/v1/health", headers={"Host": host}).status in (400, 403)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost", "["])
def test_pages_of_other_sites_are_refused(server, origin, jpeg):
    assert refused_status(server, origin=origin) == 403
    assert refused_status(server, "/v1/watch", origin=origin) == 403
    assert server.recognize(jpeg, headers={"Origin": origin}).status == 403


def test_the_own_page_is_accepted(server, jpeg):
    origin = server.url.rstrip("/")
    assert server.recognize(jpeg, headers={"Origin": origin}).status == 200
    with server.connect(origin=origin) as socket:
        socket.send(jpeg)
        assert "faces" in socket.recv(timeout=60)


@pytest.mark.parametrize("path", [*PATHS, "/v1/recognize"])
def test_every_response_has_the_security_headers(server, locked, path):
    for client in (server, locked):
        headers = client.request(path).headers
        assert {name: headers[name.lower()] for name in HEADERS} == HEADERS
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    assert HEADERS["Cache-Control"] == "no-store"


@pytest.mark.parametrize("host, expected", [("127.0.0.1", True), ("::1", True), ("[::1]", True), ("localhost", True)])
def test_loopback(host, expected):
    assert is_loopback(host) is expected
    assert not is_loopback("0.0.0.0") and not is_loopback("::") and not is_loopback("10.0.0.1")


def test_without_a_token_everybody_is_allowed():
    assert AccessToken(None).allows({})
    assert not AccessToken(TOKEN).allows({})
    assert AccessToken(TOKEN).allows({"authorization": f"bearer  {TOKEN} "})


def test_a_second_interrupt_is_no_failure(make_reader):
    from landmark_fer.live.web.application import Application

    async def start_and_cancel():
        sent, started, received = [], asyncio.Event(), asyncio.Queue()
        received.put_nowait({"type": "lifespan.startup"})

        async def send(message):
            sent.append(message["type"])
            started.set()

        asgi = Application(make_reader, facts={}).asgi
        task = asyncio.create_task(asgi({"type": "lifespan", "state": {}}, received.get, send))
        await started.wait()
        task.cancel()
        await task
        return sent

    assert asyncio.run(start_and_cancel()) == ["lifespan.startup.complete"]


def test_text_that_is_not_utf8_closes_the_socket_without_a_traceback(make_reader, caplog):
    with live_server(make_reader) as client, client.connect("/v1/camera") as socket:
        socket.send(b"\xff\xfe", text=True)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=20)
    assert closed.value.rcvd.code == 1007
    assert not [record for record in caplog.records if record.exc_info]
