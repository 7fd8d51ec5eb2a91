"""Access control in front of every request: host, origin, token; and the security headers of every response."""

import asyncio
import contextlib
import hashlib
import hmac
import json
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

COOKIE = "landmark_fer_token"
WRONG_TOKEN = "This token is wrong."
OPEN_PATHS = frozenset({"/enter", "/page/style.css"})  # the token form needs them

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with "no-referrer" browsers send forms with the Origin "null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}

_ENCODED_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


def is_loopback(host):
    """Return whether a host name or IP address is this machine's own."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class AccessToken:
    """The server's token, and the cookie that replaces it in a browser.

    Parameters
    ----------
    token : str or None
        With None, every request is allowed.
    """

    def __init__(self, token):
        self.token = token
        secret = (token or "").encode()
        self._digest = hashlib.sha256(secret).digest()
        self.cookie = hmac.new(secret, b"landmark_fer cookie", hashlib.sha256).hexdigest()

    def matches(self, token):
        """Return whether a token is the right one, in constant time."""
        return hmac.compare_digest(hashlib.sha256(token.encode()).digest(), self._digest)

    def allows(self, headers):
        """Return whether request headers (lower-case names) hold the token or its cookie."""
        if self.token is None:
            return True
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.matches(token.strip()):
            return True
        return hmac.compare_digest(_cookie(headers).encode(), self.cookie.encode())

    def cookie_header(self, *, secure):
        """Return the value of a Set-Cookie header."""
        return f"{COOKIE}={self.cookie}; HttpOnly; SameSite=Strict; Path=/" + ("; Secure" if secure else "")


class Guard:
    """ASGI middleware that checks host, origin and token.

    Parameters
    ----------
    app : ASGI application
    access : AccessToken
    attempts : AddressLimits
        Limits of wrong tokens.
    token_page : callable
        Takes a message and returns the HTML of the token form, as bytes.
    """

    def __init__(self, app, *, access, attempts, token_page):
        self._app, self._access, self._attempts, self._token_page = app, access, attempts, token_page

    async def __call__(self, scope, receive, send):
        """Refuse a request or pass it on."""
        if scope["type"] == "lifespan":
            await self._run_lifespan(scope, receive, send)
            return
        send = _with_security_headers(send)
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await _send_response(send, *refusal, kind="websocket.http.response")
        else:
            await _send_response(send, *refusal)

    async def _run_lifespan(self, scope, receive, send):
        """Run the application's lifespan. Its cancellation, by a second Ctrl-C, is not reported as a failure."""

        async def send_unless_cancelled(message):
            if not asyncio.current_task().cancelling():
                await send(message)

        with contextlib.suppress(asyncio.CancelledError):
            await self._app(scope, receive, send_unless_cancelled)

    def _refusal(self, scope):
        """Return (status, headers, body) of the refusal of a request, or None."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        message = self._wrong_site(headers)
        if message is not None:
            return _json_response(403, message)
        if scope["path"] in OPEN_PATHS:
            return None
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"))) if scope["type"] == "http" else {}
        attempts = self._attempts.of(client_address(scope))
        has_token = self._access.token is not None and ("token" in query or "authorization" in headers)
        if has_token and attempts.available < 1:
            return TOO_MANY_ATTEMPTS
        if self._access.allows(headers) and "token" not in query:
            return None
        if "token" in query and self._access.matches(query.pop("token")):
            return self._redirect_with_cookie(scope, query)
        if has_token:
            attempts.take()
        return self._unauthorized(headers, wrong_token=has_token)

    def _wrong_site(self, headers):
        """Return a message if a request uses another site's host name or comes from another site's page."""
        host = headers.get("host", "")
        name = _host_name(f"//{host}")
        if name is None:
            return "the Host header must name this server, and does not"
        if self._access.token is None and not is_loopback(name):
            return f"without a token this server accepts only localhost, got the host {name}"
        origin = headers.get("origin")
        if origin is not None and (_host_name(origin) is None or urlsplit(origin).netloc.lower() != host.lower()):
            return "pages of other sites may not use this server"
        return None

    def _redirect_with_cookie(self, scope, query):
        """Redirect a browser to the same address without the token, and set the cookie."""
        location = quote("/" + scope["path"].lstrip("/")) + (f"?{urlencode(query)}" if query else "")
        cookie = self._access.cookie_header(secure=scope["scheme"] == "https")
        return 303, [("location", location), ("set-cookie", cookie)], b""

    def _unauthorized(self, headers, *, wrong_token):
        if "text/html" in headers.get("accept", ""):
            body = self._token_page(WRONG_TOKEN if wrong_token else "")
            return 401, [("content-type", "text/html; charset=utf-8")], body
        return _json_response(401, "this server needs its token; send it as 'Authorization: Bearer TOKEN'")


def client_address(scope):
    """Return the network address of a request's client; empty if it is unknown."""
    return scope["client"][0] if scope.get("client") else ""


def _host_name(address):
    """Return the host name in an address that begins with ``//`` or a scheme; None if there is none."""
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


def _json_response(status, message):
    headers = [("content-type", "application/json")]
    if status == 401:
        headers.append(("www-authenticate", "Bearer"))
    return status, headers, json.dumps({"detail": message}).encode()


TOO_MANY_ATTEMPTS = _json_response(429, "too many wrong tokens came from this address; wait a minute")


async def _send_response(send, status, headers, body, *, kind="http.response"):
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    await send({"type": f"{kind}.start", "status": status, "headers": encoded})
    await send({"type": f"{kind}.body", "body": body})


def _with_security_headers(send):
    async def wrapped(message):
        if message["type"].endswith("http.response.start"):
            message = {**message, "headers": [*message.get("headers", []), *_ENCODED_HEADERS]}
        await send(message)

    return wrapped
