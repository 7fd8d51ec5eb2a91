"""The application of ``live --web``: its addresses and what is behind each."""

import asyncio
import logging
import time
from contextlib import asynccontextmanager

from fastapi import Request, WebSocket
from fastapi.responses import JSONResponse

import landmark_fer
from landmark_fer.live.web.bodies import OPENAPI_BODY, read_body
from landmark_fer.live.web.broadcast import Broadcast
from landmark_fer.live.web.camera import CameraVisit
from landmark_fer.live.web.guard import address_of
from landmark_fer.live.web.limits import AddressBook, RefusedError
from landmark_fer.live.web.pages import PAGES
from landmark_fer.live.web.protocol import ErrorResponse, HealthResponse, ImageResponse
from landmark_fer.live.web.site import Site
from landmark_fer.live.web.workers import Video

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
        Returns an object with ``read(image, time_s=...) -> list of SeenFace`` and ``close()``.
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
