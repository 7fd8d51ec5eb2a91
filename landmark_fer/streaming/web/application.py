"""The web application: its addresses and what is behind each."""

import asyncio
import logging
import time
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.websockets import WebSocketDisconnect

import landmark_fer
from landmark_fer.streaming.web.bodies import OPENAPI_BODY, read_body
from landmark_fer.streaming.web.camera import TRY_LATER, CameraVisit
from landmark_fer.streaming.web.guard import TOO_MANY_TRIES, WRONG_TOKEN, Guard, Key, address_of
from landmark_fer.streaming.web.limits import AddressBook, Limits, RefusedError, Visitors
from landmark_fer.streaming.web.pages import read_pages, token_page
from landmark_fer.streaming.web.protocol import ErrorAnswer, HealthAnswer, PictureAnswer
from landmark_fer.streaming.web.watching import Broadcast
from landmark_fer.streaming.web.workers import Film, Workers

_LOG = logging.getLogger(__name__)

DESCRIPTION = (
    "Reads the expressions of the faces in a picture. The answer names the expression that a face shows, not what the "
    "person feels. Pictures are read in memory and never stored. Where the server was started with a token, send it as "
    "'Authorization: Bearer TOKEN'."
)

REFUSALS = {
    401: "The token is missing or wrong.",
    403: "The request was made under another site's name, or by another site's page.",
    408: "The picture took too long to come.",
    413: "The picture has too many bytes or pixels.",
    415: "The body is neither JPEG, PNG nor a form with a file.",
    422: "The body is no picture, or a damaged one.",
    429: "Too many pictures, or too many wrong tokens, came from one address.",
    500: "The picture could not be read, which should not happen.",
    503: "The server is busy.",
}


def _refusals(*statuses):
    return {status: {"model": ErrorAnswer, "description": REFUSALS[status]} for status in statuses}


class Application:
    """Everything that the addresses share.

    Parameters
    ----------
    make_reader : callable
        Returns an object with ``read(picture, time_s=...) -> list of SeenFace`` and ``close()``.
    token : str, optional
    source : Source, optional
        Opened.
    again : callable, optional
        As for `Broadcast`.
    facts : dict
        What the page is told, as from `page_facts`.
    limits : Limits, optional

    Attributes
    ----------
    asgi : ASGI application
        With the guard in front.
    """

    def __init__(self, make_reader, *, facts, token=None, source=None, again=None, limits=None):
        self.limits = limits or Limits()
        self._make_reader, self._facts, self._key = make_reader, facts, Key(token)
        self._pages, self._visitors = read_pages(), Visitors(self.limits.visitors)
        self._broadcast = Broadcast(source, make_reader, again=again) if source is not None else None
        self._workers = Workers(self.limits)
        self._programs = AddressBook(self.limits.pictures_per_second, self.limits.pictures_at_once)
        self._tries = AddressBook(self.limits.tries_per_second, self.limits.tries_at_once)
        self.asgi = Guard(
            self._routes(), key=self._key, tries=self._tries, refuse_page=lambda text: token_page(self._pages, text)
        )

    def _routes(self):
        app = FastAPI(
            title="landmark_fer",
            version=landmark_fer.__version__,
            description=DESCRIPTION,
            docs_url=None,  # FastAPI's own page loads its scripts from another site
            redoc_url=None,
            lifespan=self._lifespan,
            exception_handlers={RefusedError: _refused},
        )
        app.add_api_route(
            "/v1/recognize",
            self.recognize,
            methods=["POST"],
            response_model=PictureAnswer,
            responses=_refusals(*REFUSALS),
            openapi_extra={"requestBody": OPENAPI_BODY},
            summary="Read the faces of a picture",
        )
        app.add_api_route(
            "/v1/health", self.health, response_model=HealthAnswer, responses=_refusals(401, 403, 429),
            summary="Ask whether the server is up",
        )  # fmt: skip
        app.add_api_websocket_route("/v1/camera", self.camera)
        app.add_api_websocket_route("/v1/watch", self.watch)
        for address, (content, kind) in self._pages.items():
            app.router.routes.append(Route(address, _constant(content, kind)))
        app.router.routes.append(Route("/page/facts.json", self._tell_facts))
        app.router.routes.append(Route("/enter", self._enter, methods=["POST"]))
        return app

    @asynccontextmanager
    async def _lifespan(self, _):
        if self._broadcast is not None:
            self._broadcast.begin()
        try:
            yield
        finally:
            if self._broadcast is not None:
                await asyncio.to_thread(self._broadcast.close)
            await asyncio.to_thread(self._workers.close)

    async def recognize(self, request: Request):
        """Answer with the faces of a picture, the clearest first; each request stands alone.

        The body is the picture itself (`image/jpeg`, `image/png`) or a form with the picture as its first file.
        """
        came_s = time.monotonic()
        if not self._programs.of(address_of(request.scope)).take():
            most = self.limits.pictures_per_second
            raise RefusedError(429, f"at most {most:g} pictures a second are read for one address; wait a second")
        content = await read_body(request, self.limits)
        film = Film(self._make_reader, most_pixels=self.limits.picture_pixels)
        try:
            return JSONResponse(await self._workers.run(film.read, content, came_s))
        except RefusedError:
            raise
        except Exception as error:
            _LOG.exception("a picture could not be read")
            raise RefusedError(500, "this picture could not be read; the server's log says why") from error
        finally:
            self._workers.later(film.close)

    async def health(self):
        """Answer that the server is up, and what it runs."""
        return {
            "status": "ok",
            "version": landmark_fer.__version__,
            "classes": self._facts["classes"],
            "visitors": self._visitors.count,
            "source": self._facts["source"],
        }

    async def camera(self, socket: WebSocket):
        """Serve a visitor's own camera."""
        await self._visit(socket, CameraVisit(socket, self._make_reader, workers=self._workers, limits=self.limits).run)

    async def watch(self, socket: WebSocket):
        """Show the server's source to a visitor."""
        if self._broadcast is None:
            await socket.accept()
            await socket.close(1008, "this server has no source to watch")
            return
        await self._visit(socket, lambda: self._broadcast.watch(socket))

    async def _visit(self, socket, run):
        await socket.accept()
        if not self._visitors.enter():
            await socket.close(TRY_LATER, f"{self._visitors.most} visitors are here already; come back later")
            return
        try:
            await run()
        except (WebSocketDisconnect, RuntimeError):  # gone while an answer was on its way: Starlette raises either
            pass
        finally:
            self._visitors.leave()

    async def _tell_facts(self, _):
        return JSONResponse(self._facts)

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
        return Response(token_page(self._pages, WRONG_TOKEN), 401, media_type="text/html")


def _constant(content, kind):
    async def answer(_):
        return Response(content, headers={"content-type": kind})

    return answer


async def _refused(_, error):
    headers = {"retry-after": "1"} if error.status in (429, 503) else None
    return JSONResponse({"detail": str(error)}, error.status, headers)
