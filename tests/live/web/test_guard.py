"""Who is let in: hosts, origins, tokens; and the headers that every answer has."""

import pytest
from websockets.exceptions import InvalidStatus

from landmark_fer.live.web.guard import COOKIE, HEADERS, Key, is_loopback
from landmark_fer.live.web.limits import Limits
from tests.live.web.asking import TOKEN, running

EVERYWHERE = ("/", "/docs", "/openapi.json", "/v1/health", "/page/main.js", "/page/facts.json", "/favicon.ico", "/none")
HTML = {"Accept": "text/html"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def locked(make_reader):
    with running(make_reader, token=TOKEN, limits=Limits(tries_per_second=1e6, tries_at_once=1e6)) as visitor:
        yield visitor


def refused(visitor, path="/v1/camera", **options):
    """Return the status with which a WebSocket is refused."""
    with pytest.raises(InvalidStatus) as told, visitor.visit(path, **options):
        pass
    return told.value.response.status_code


@pytest.mark.parametrize("path", EVERYWHERE)
def test_every_address_asks_for_the_token(locked, path):
    response = locked.ask(path)
    assert response.status == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "Bearer TOKEN" in response.json["detail"]
    assert locked.ask(path, headers=BEARER).status == (404 if path == "/none" else 200)


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", TOKEN.upper()])
def test_wrong_tokens_open_nothing(locked, token, jpeg):
    assert locked.ask("/v1/health", headers={"Authorization": f"Bearer {token}"}).status == 401
    assert locked.recognize(jpeg, headers={"Authorization": f"Bearer {token}"}).status == 401
    assert refused(locked, additional_headers={"Authorization": f"Bearer {token}"}) == 401
    assert refused(locked, additional_headers={"Cookie": f"{COOKIE}={token}"}) == 401
    assert refused(locked, "/v1/watch") == 401


def test_the_token_itself_is_no_cookie(locked):
    assert locked.ask("/v1/health", headers={"Cookie": f"{COOKIE}={TOKEN}"}).status == 401


@pytest.mark.parametrize("way", ["form", "query"])
def test_a_browser_gets_a_cookie_that_scripts_and_other_sites_cannot_use(locked, way, jpeg):
    if way == "form":
        kind = "application/x-www-form-urlencoded"
        response = locked.ask("/enter", method="POST", body=f"token={TOKEN}", kind=kind)
    else:
        response = locked.ask(f"/?token={TOKEN}", headers=HTML)
    assert response.status == 303
    assert response.headers["location"] == "/"
    cookie, *rules = response.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(rules)
    assert TOKEN not in cookie
    assert locked.ask("/", headers={"Cookie": cookie}).status == 200
    assert locked.recognize(jpeg, headers={"Cookie": cookie}).status == 200
    with locked.visit(additional_headers={"Cookie": cookie}) as socket:
        socket.send(jpeg)
        assert "faces" in socket.recv(timeout=60)


def test_a_browser_without_the_token_is_shown_a_form(locked):
    response = locked.ask("/", headers=HTML)
    assert response.status == 401
    assert b'action="/enter"' in response.content
    assert b"not the right one" not in response.content
    assert b"not the right one" in locked.ask("/?token=wrong-token", headers=HTML).content
    wrong = locked.ask("/enter", method="POST", body="token=wrong", kind="application/x-www-form-urlencoded")
    assert wrong.status == 401 and b"not the right one" in wrong.content
    assert locked.ask("/page/style.css").status == 200


def test_the_address_after_the_token_holds_nothing_that_was_smuggled_in(locked):
    response = locked.ask(f"//other.example/%0d%0aset-cookie:x?token={TOKEN}&more=%0d%0a", headers=HTML)
    assert response.status == 303
    assert response.headers["location"].startswith("/other.example/%0D%0A")


def test_tokens_cannot_be_tried_out_quickly(make_reader):
    limits = Limits(tries_per_second=1e-6, tries_at_once=3)
    with running(make_reader, token=TOKEN, limits=limits) as visitor:
        wrong = {"Authorization": "Bearer wrong-token"}
        assert [visitor.ask("/v1/health", headers=wrong).status for _ in range(5)] == [401, 401, 401, 429, 429]
        assert visitor.ask("/v1/health", headers=BEARER).status == 429  # else guessing on would pay
        cookie = {"Cookie": f"{COOKIE}={Key(TOKEN).cookie}"}
        assert visitor.ask("/v1/health", headers=cookie).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example"]
)
def test_a_name_that_was_rebound_to_this_machine_is_refused(server, host):
    response = server.ask("/v1/health", headers={"Host": host})
    assert response.status == 403
    assert "answers to localhost only" in response.json["detail"]


@pytest.mark.parametrize("host", ["localhost:9", "LOCALHOST", "127.0.0.1", "[::1]:8000", "127.9.9.9:1"])
def test_names_of_this_machine_are_welcome(server, host):
    assert server.ask("/v1/health", headers={"Host": host}).status == 200


@pytest.mark.parametrize("host", ["", "[::1", "a b", "@", "localhost:port"])
def test_a_host_that_is_none_is_refused(server, host):
    assert server.ask("/v1/health", headers={"Host": host}).status in (400, 403)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost", "["])
def test_pages_of_other_sites_may_not_ask(server, origin, jpeg):
    assert refused(server, origin=origin) == 403
    assert refused(server, "/v1/watch", origin=origin) == 403
    assert server.recognize(jpeg, headers={"Origin": origin}).status == 403


def test_the_own_page_may_ask(server, jpeg):
    origin = server.url.rstrip("/")
    assert server.recognize(jpeg, headers={"Origin": origin}).status == 200
    with server.visit(origin=origin) as socket:
        socket.send(jpeg)
        assert "faces" in socket.recv(timeout=60)


@pytest.mark.parametrize("path", [*EVERYWHERE, "/v1/recognize"])
def test_every_response_keeps_browsers_careful(server, locked, path):
    for visitor in (server, locked):
        headers = visitor.ask(path).headers
        assert {name: headers[name.lower()] for name in HEADERS} == HEADERS
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    assert HEADERS["Cache-Control"] == "no-store"


@pytest.mark.parametrize("host, own", [("127.0.0.1", True), ("::1", True), ("[::1]", True), ("localhost", True)])
def test_loopback(host, own):
    assert is_loopback(host) is own
    assert not is_loopback("0.0.0.0") and not is_loopback("::") and not is_loopback("10.0.0.1")


def test_a_key_without_a_token_lets_everybody_in():
    assert Key(None).lets_in({})
    assert not Key(TOKEN).lets_in({})
    assert Key(TOKEN).lets_in({"authorization": f"bearer  {TOKEN} "})
