"""Who is let in: checks of host, origin and token in front of every request, and headers that keep browsers careful."""

import hashlib
import hmac
import json
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

COOKIE = "landmark_fer_token"
WRONG_TOKEN = "This token is not the right one."
OPEN_PATHS = frozenset({"/enter", "/page/style.css"})  # what the form for the token needs

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with "no-referrer" forms would come with the Origin "null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}

_ENCODED = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


def is_loopback(host):
    """Return whether a host's name or number means this machine alone."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Key:
    """A token, and the cookie that stands for it in a browser.

    Parameters
    ----------
    token : str or None
        None: nobody is asked for one.
    """

    def __init__(self, token):
        self.token = token
        secret = (token or "").encode()
        self._token_digest = hashlib.sha256(secret).digest()
        self.cookie = hmac.new(secret, b"landmark_fer cookie", hashlib.sha256).hexdigest()

    def fits(self, token):
        """Return whether a token is the right one, in a time that does not depend on it."""
        return hmac.compare_digest(hashlib.sha256(token.encode()).digest(), self._token_digest)

    def lets_in(self, headers):
        """Return whether request headers (lower-case names) hold the token or its cookie."""
        if self.token is None:
            return True
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.fits(token.strip()):
            return True
        return hmac.compare_digest(_cookie(headers).encode(), self.cookie.encode())

    def cookie_header(self, *, secure):
        """Return the value of a Set-Cookie header."""
        return f"{COOKIE}={self.cookie}; HttpOnly; SameSite=Strict; Path=/" + ("; Secure" if secure else "")


class Guard:
    """An ASGI application around another.

    Parameters
    ----------
    app : ASGI application
    key : Key
    tries : AddressBook
        Of wrong tokens.
    refuse_page : callable
        From a sentence to the HTML that asks for the token.
    """

    def __init__(self, app, *, key, tries, refuse_page):
        self._app, self._key, self._tries, self._refuse_page = app, key, tries, refuse_page

    async def __call__(self, scope, receive, send):
        """Answer a request, or hand it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        send = _with_headers(send)
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await _response(send, *refusal, kind="websocket.http.response")
        else:
            await _response(send, *refusal)

    def _refusal(self, scope):
        """Return (status, headers, body) of what a request is refused with, or None."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        sentence = self._wrong_place(headers)
        if sentence is not None:
            return _as_json(403, sentence)
        if scope["path"] in OPEN_PATHS:
            return None
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"))) if scope["type"] == "http" else {}
        allowance = self._tries.of(address_of(scope))
        tried = self._key.token is not None and ("token" in query or "authorization" in headers)
        if tried and allowance.left < 1:
            return TOO_MANY_TRIES
        if self._key.lets_in(headers) and "token" not in query:
            return None
        if "token" in query and self._key.fits(query.pop("token")):
            return self._to_cookie(scope, query)
        if tried:
            allowance.take()
        return self._ask_for_token(headers, tried)

    def _wrong_place(self, headers):
        """Return a sentence if the request was made under another site's name, or by another site's page."""
        host = headers.get("host", "")
        name = _host_of(f"//{host}")
        if name is None:
            return "the Host header must name this server, and does not"
        if self._key.token is None and not is_loopback(name):
            return f"without a token this server answers to localhost only, and was called {name}"
        origin = headers.get("origin")
        if origin is not None and (_host_of(origin) is None or urlsplit(origin).netloc.lower() != host.lower()):
            return "pages of other sites may not ask this server"
        return None

    def _to_cookie(self, scope, query):
        """Send a browser to the same address without the token, which it keeps as a cookie from then on."""
        place = quote("/" + scope["path"].lstrip("/")) + (f"?{urlencode(query)}" if query else "")
        cookie = self._key.cookie_header(secure=scope["scheme"] == "https")
        return 303, [("location", place), ("set-cookie", cookie)], b""

    def _ask_for_token(self, headers, tried):
        if "text/html" in headers.get("accept", ""):
            body = self._refuse_page(WRONG_TOKEN if tried else "")
            return 401, [("content-type", "text/html; charset=utf-8")], body
        return _as_json(401, "this server asks for its token; send it as 'Authorization: Bearer TOKEN'")


def address_of(scope):
    """Return the network address that a request came from; empty where it is not known."""
    return scope["client"][0] if scope.get("client") else ""


def _host_of(address):
    """Return the host's name in an address that begins with ``//`` or a scheme; None where it has none."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts.hostname


def _cookie(headers):
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _as_json(status, sentence):
    headers = [("content-type", "application/json")]
    if status == 401:
        headers.append(("www-authenticate", "Bearer"))
    return status, headers, json.dumps({"detail": sentence}).encode()


TOO_MANY_TRIES = _as_json(429, "too many wrong tokens came from this address; wait a minute")


async def _response(send, status, headers, body, *, kind="http.response"):
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    await send({"type": f"{kind}.start", "status": status, "headers": encoded})
    await send({"type": f"{kind}.body", "body": body})


def _with_headers(send):
    async def wrapped(message):
        if message["type"].endswith("http.response.start"):
            message = {**message, "headers": [*message.get("headers", []), *_ENCODED]}
        await send(message)

    return wrapped
