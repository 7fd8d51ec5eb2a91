"""Base of the web applications: pages, the token form, access control, and WebSocket sessions."""

import asyncio
import html
from contextlib import asynccontextmanager
from importlib.resources import files
from urllib.parse import parse_qsl

from fastapi import FastAPI
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.websockets import WebSocketDisconnect

import landmark_fer
from landmark_fer.core.errors import InputError
from landmark_fer.live.web.camera import TRY_AGAIN_LATER, Workers
from landmark_fer.live.web.guard import TOO_MANY_ATTEMPTS, WRONG_TOKEN, AccessToken, Guard, client_address
from landmark_fer.live.web.limits import AddressLimits, Limits, RefusedError, Visitors
from landmark_fer.live.web.protocol import read_short_body

FULL = "{maximum} visitors are here already; come back later"

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def read_pages(routes):
    """Return (content, type) of each file of the page by its address, as a dictionary.

    Parameters
    ----------
    routes : dict of str to str
        File names by address, for addresses other than /page/NAME.

    Raises
    ------
    InputError
        If files are missing from the installed package.
    """
    folder = files("landmark_fer.live.web") / "page"
    pages = {}
    for entry in folder.iterdir() if folder.is_dir() else ():
        suffix = "." + entry.name.rpartition(".")[2]
        if suffix in CONTENT_TYPES:
            pages[f"/page/{entry.name}"] = entry.read_bytes(), CONTENT_TYPES[suffix]
    missing = [name for name in routes.values() if f"/page/{name}" not in pages]
    if missing:
        raise InputError(f"the page's files {', '.join(missing)} are missing from {folder}; install landmark_fer again")
    return pages | {address: pages[f"/page/{name}"] for address, name in routes.items()}


class Site:
    """A web application without routes of its own; subclasses add theirs in `add_routes`.

    Parameters
    ----------
    facts : dict
        JSON values for the page, as from `page_facts`.
    command : str
        Name of the command, for the token form.
    routes : dict of str to str
        As for `read_pages`.
    token : str, optional
    limits : Limits, optional
    description : str, default=""
        For the OpenAPI description.
    openapi_url : str or None, default="/openapi.json"

    Attributes
    ----------
    asgi : ASGI application
        The application behind its `Guard`.
    """

    def __init__(self, *, facts, command, routes, token=None, limits=None, description="", openapi_url="/openapi.json"):
        self.limits, self.facts = limits or Limits(), facts
        self.visitors, self.workers = Visitors(self.limits.visitors), Workers(self.limits)
        self._command, self._access, self._pages = command, AccessToken(token), read_pages(routes)
        self._attempts = AddressLimits(self.limits.attempts_per_second, self.limits.attempt_burst)
        app = FastAPI(
            title="landmark_fer",
            version=landmark_fer.__version__,
            description=description,
            openapi_url=openapi_url,
            docs_url=None,  # FastAPI's own page loads scripts from another site
            redoc_url=None,
            lifespan=self.lifespan,
            exception_handlers={RefusedError: _refuse},
        )
        self._add_page_routes(app)
        self.asgi = Guard(app, access=self._access, attempts=self._attempts, token_page=self._token_page)

    def add_routes(self, app):
        """Add the routes of this site to a FastAPI application."""

    @asynccontextmanager
    async def lifespan(self, _):
        """Set up before the first request, and clean up after the last."""
        try:
            yield
        finally:
            await asyncio.to_thread(self.workers.close)

    async def serve_visitor(self, socket, run, *, visitors=None, full=FULL):
        """Run one visitor's WebSocket session, if there is room.

        Parameters
        ----------
        socket : fastapi.WebSocket
        run : coroutine function
            The session.
        visitors : Visitors, optional
            Counter of these sessions; the site's own by default.
        full : str
            Reason for closing the WebSocket when there is no room.
        """
        visitors = visitors or self.visitors
        await socket.accept()
        if not visitors.enter():
            await socket.close(TRY_AGAIN_LATER, full.format(maximum=visitors.maximum))
            return
        try:
            await run()
        except (WebSocketDisconnect, RuntimeError):  # Starlette raises either when the visitor left during a response
            pass
        finally:
            visitors.leave()

    def _add_page_routes(self, app):
        self.add_routes(app)
        for address, (content, content_type) in self._pages.items():
            app.router.routes.append(Route(address, _static(content, content_type)))
        app.router.routes.append(Route("/page/facts.json", self._send_facts))
        app.router.routes.append(Route("/enter", self._check_token, methods=["POST"]))

    async def _send_facts(self, _):
        return JSONResponse(self.facts)

    async def _check_token(self, request):
        """Handle the token form."""
        attempts = self._attempts.of(client_address(request.scope))
        if attempts.available < 1:
            status, headers, body = TOO_MANY_ATTEMPTS
            return Response(body, status, dict(headers))
        form = dict(parse_qsl((await read_short_body(request, self.limits)).decode("latin-1")))
        if self._access.token is not None and self._access.matches(form.get("token", "")):
            cookie = self._access.cookie_header(secure=request.url.scheme == "https")
            return RedirectResponse("/", 303, {"set-cookie": cookie})
        attempts.take()
        return Response(self._token_page(WRONG_TOKEN), 401, media_type="text/html")

    def _token_page(self, message):
        """Return the HTML of the token form with a message, as bytes."""
        content, _ = self._pages["/page/token.html"]
        message = html.escape(message).encode()
        return content.replace(b"{{message}}", message).replace(b"{{command}}", self._command.encode())


def _static(content, content_type):
    async def respond(_):
        return Response(content, headers={"content-type": content_type})

    return respond


async def _refuse(_, error):
    headers = {"retry-after": "1"} if error.status in (429, 503) else None
    return JSONResponse({"detail": str(error)}, error.status, headers)
