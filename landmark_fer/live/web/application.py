"""The web application: routes, pages and files."""

import asyncio
import html
import json
import logging
import time
from contextlib import asynccontextmanager
from importlib.resources import files
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.websockets import WebSocketDisconnect

import landmark_fer
from landmark_fer.core.errors import InputError
from landmark_fer.live.web.broadcast import Broadcast
from landmark_fer.live.web.camera import TRY_LATER, CameraVisit, Video, Workers
from landmark_fer.live.web.guard import TOO_MANY_TRIES, WRONG_TOKEN, Guard, Key, address_of
from landmark_fer.live.web.limits import AddressBook, Limits, RefusedError, Visitors
from landmark_fer.live.web.protocol import OPENAPI_BODY, ErrorResponse, HealthResponse, ImageResponse, read_body

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

PAGES = {"/": "index.html", "/docs": "programs.html", "/favicon.ico": "icon.svg"}
"""What ``live --web`` shows at addresses other than /page/NAME."""


def read_pages(places=PAGES):
    """Return (content, type) of each file of the page by its address, as a dictionary.

    Parameters
    ----------
    places : dict of str to str
        Addresses other than /page/NAME, and the files that are shown there.

    Raises
    ------
    InputError
        If the package was installed without them.
    """
    folder = files("landmark_fer.live.web") / "page"
    found = {}
    for entry in folder.iterdir() if folder.is_dir() else ():
        suffix = "." + entry.name.rpartition(".")[2]
        if suffix in TYPES:
            found[f"/page/{entry.name}"] = entry.read_bytes(), TYPES[suffix]
    missing = [name for name in places.values() if f"/page/{name}" not in found]
    if missing:
        raise InputError(f"the page's files {', '.join(missing)} are missing from {folder}; install landmark_fer again")
    return found | {address: found[f"/page/{name}"] for address, name in places.items()}


def token_page(pages, sentence, command):
    """Return the page that asks for the token, with a sentence and the command's name in it, as bytes."""
    content, _ = pages["/page/enter.html"]
    return content.replace(b"{{sentence}}", html.escape(sentence).encode()).replace(b"{{command}}", command.encode())


def as_json(value):
    """Return a value as compact JSON bytes."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


class Site:
    """An application without addresses of its own; those that inherit from it give them in `add_routes`.

    Parameters
    ----------
    facts : dict
        What the page is told.
    command : str
        What was started, as the page that asks for the token calls it.
    places : dict of str to str
        Which file of the page is shown at which address.
    token : str, optional
    limits : Limits, optional
    described : dict
        For FastAPI: ``description``, ``openapi_url``.

    Attributes
    ----------
    asgi : ASGI application
        With the guard in front.
    """

    def __init__(self, *, facts, command, places, token=None, limits=None, **described):
        self.limits, self.facts = limits or Limits(), facts
        self.visitors, self.workers = Visitors(self.limits.visitors), Workers(self.limits)
        self._key, self._pages = Key(token), read_pages(places)
        self._tries = AddressBook(self.limits.tries_per_second, self.limits.tries_at_once)
        self._ask_for_token = lambda text: token_page(self._pages, text, command)
        self.asgi = Guard(self._routes(described), key=self._key, tries=self._tries, refuse_page=self._ask_for_token)

    def add_routes(self, app):
        """Add the addresses that this site has beside its pages."""

    @asynccontextmanager
    async def running(self, _):
        """Do what must be done before the first and after the last visitor."""
        try:
            yield
        finally:
            await asyncio.to_thread(self.workers.close)

    async def visit(self, socket, run, *, visitors=None, full="{most} visitors are here already; come back later"):
        """Serve one visitor's WebSocket, if there is room.

        Parameters
        ----------
        socket : fastapi.WebSocket
        run : coroutine function
        visitors : Visitors, optional
            Who counts; all of this site by default.
        full : str
            What is said where there is no room.
        """
        visitors = visitors or self.visitors
        await socket.accept()
        if not visitors.enter():
            await socket.close(TRY_LATER, full.format(most=visitors.most))
            return
        try:
            await run()
        except (WebSocketDisconnect, RuntimeError):  # gone while an answer was on its way: Starlette raises either
            pass
        finally:
            visitors.leave()

    def _routes(self, described):
        app = FastAPI(
            title="landmark_fer",
            version=landmark_fer.__version__,
            docs_url=None,  # FastAPI's own page loads its scripts from another site
            redoc_url=None,
            lifespan=self.running,
            exception_handlers={RefusedError: _refused},
            **described,
        )
        self.add_routes(app)
        for address, (content, kind) in self._pages.items():
            app.router.routes.append(Route(address, _constant(content, kind)))
        app.router.routes.append(Route("/page/facts.json", self._tell_facts))
        app.router.routes.append(Route("/enter", self._enter, methods=["POST"]))
        return app

    async def _tell_facts(self, _):
        return JSONResponse(self.facts)

    async def _enter(self, request):
        """Take the token from the form of the page that asks for it."""
        allowance = self._tries.of(address_of(request.scope))
        if allowance.left < 1:
            status, headers, body = TOO_MANY_TRIES
            return Response(body, status, dict(headers))
        form = dict(parse_qsl((await read_body(request, self.limits, form=True)).decode("latin-1")))
        if self._key.token is not None and self._key.fits(form.get("token", "")):
            cookie = self._key.cookie_header(secure=request.url.scheme == "https")
            return RedirectResponse("/", 303, {"set-cookie": cookie})
        allowance.take()
        return Response(self._ask_for_token(WRONG_TOKEN), 401, media_type="text/html")


def _constant(content, kind):
    async def response(_):
        return Response(content, headers={"content-type": kind})

    return response


async def _refused(_, error):
    headers = {"retry-after": "1"} if error.status in (429, 503) else None
    return JSONResponse({"detail": str(error)}, error.status, headers)


_LOG = logging.getLogger(__name__)

DESCRIPTION = (
    "Reads the expressions of the faces in a image. The answer names the expression that a face shows, not what the "
    "person feels. Images are read in memory and never stored. Where the server was started with a token, send it as "
    "'Authorization: Bearer TOKEN'."
)

REFUSALS = {
    401: "The token is missing or wrong.",
    403: "The request was made under another site's name, or by another site's page.",
    408: "The image took too long to come.",
    413: "The image has too many bytes or pixels.",
    415: "The body is neither JPEG, PNG nor a form with a file.",
    422: "The body is no image, or a damaged one.",
    429: "Too many images, or too many wrong tokens, came from one address.",
    500: "The image could not be read, which should not happen.",
    503: "The server is busy.",
}


def _refusals(*statuses):
    return {status: {"model": ErrorResponse, "description": REFUSALS[status]} for status in statuses}


class Application(Site):
    """The site that reads images: visitors' cameras, the server's source, images that programs send.

    Parameters
    ----------
    make_reader : callable
        Returns an object with ``read(image, time_s=...) -> list of RecognizedFace`` and ``close()``.
    token : str, optional
    source : Source, optional
        Opened.
    again : callable, optional
        As for `Broadcast`.
    facts : dict
        What the page is told, as from `page_facts`.
    limits : Limits, optional
    """

    def __init__(self, make_reader, *, facts, token=None, source=None, again=None, limits=None):
        super().__init__(facts=facts, command="live", places=PAGES, token=token, limits=limits, description=DESCRIPTION)
        self._make_reader = make_reader
        self._broadcast = Broadcast(source, make_reader, again=again) if source is not None else None
        self._programs = AddressBook(self.limits.images_per_second, self.limits.images_at_once)

    def add_routes(self, app):
        """Add the addresses for cameras, for watchers and for programs."""
        app.add_api_route(
            "/v1/recognize",
            self.recognize,
            methods=["POST"],
            response_model=ImageResponse,
            responses=_refusals(*REFUSALS),
            openapi_extra={"requestBody": OPENAPI_BODY},
            summary="Read the faces of a image",
        )
        app.add_api_route(
            "/v1/health", self.health, response_model=HealthResponse, responses=_refusals(401, 403, 429),
            summary="Ask whether the server is up",
        )  # fmt: skip
        app.add_api_websocket_route("/v1/camera", self.camera)
        app.add_api_websocket_route("/v1/watch", self.watch)

    @asynccontextmanager
    async def running(self, app):
        """Read the server's source while there are visitors."""
        async with super().running(app):
            if self._broadcast is not None:
                self._broadcast.begin()
            try:
                yield
            finally:
                if self._broadcast is not None:
                    await asyncio.to_thread(self._broadcast.close)

    async def recognize(self, request: Request):
        """Answer with the faces of a image, the clearest first; each request stands alone.

        The body is the image itself (`image/jpeg`, `image/png`) or a form with the image as its first file.
        """
        came_s = time.monotonic()
        if not self._programs.of(address_of(request.scope)).take():
            most = self.limits.images_per_second
            raise RefusedError(429, f"at most {most:g} images a second are read for one address; wait a second")
        content = await read_body(request, self.limits)
        video = Video(self._make_reader, most_pixels=self.limits.image_pixels)
        try:
            return JSONResponse(await self.workers.run(video.read, content, came_s))
        except RefusedError:
            raise
        except Exception as error:
            _LOG.exception("a image could not be read")
            raise RefusedError(500, "this image could not be read; the server's log says why") from error
        finally:
            self.workers.later(video.close)

    async def health(self):
        """Answer that the server is up, and what it runs."""
        return {
            "status": "ok",
            "version": landmark_fer.__version__,
            "classes": self.facts["classes"],
            "visitors": self.visitors.count,
            "source": self.facts["source"],
        }

    async def camera(self, socket: WebSocket):
        """Serve a visitor's own camera."""
        await self.visit(socket, CameraVisit(socket, self._make_reader, workers=self.workers, limits=self.limits).run)

    async def watch(self, socket: WebSocket):
        """Show the server's source to a visitor."""
        if self._broadcast is None:
            await socket.accept()
            await socket.close(1008, "this server has no source to watch")
            return
        await self.visit(socket, lambda: self._broadcast.watch(socket))
