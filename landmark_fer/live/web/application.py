"""The web application of ``live --web``: visitors' cameras, the server's source, and the HTTP API."""

import asyncio
import logging
import time
from contextlib import asynccontextmanager

from fastapi import Request, WebSocket
from fastapi.responses import JSONResponse

import landmark_fer
from landmark_fer.live.observers import NEUTRAL_S
from landmark_fer.live.web.broadcast import Broadcast
from landmark_fer.live.web.camera import POLICY_VIOLATION, CameraSession, FrameReader
from landmark_fer.live.web.guard import client_address
from landmark_fer.live.web.limits import AddressLimits, RefusedError
from landmark_fer.live.web.protocol import (
    EXTRAS,
    OPENAPI_BODY,
    SCHEMA_ADDRESS,
    ErrorResponse,
    HealthResponse,
    ImageResponse,
    WatchResponse,
    parse_extras,
    read_image_body,
)
from landmark_fer.live.web.responder import Responder
from landmark_fer.live.web.site import Site

ROUTES = {"/": "index.html", "/docs": "api.html", "/favicon.ico": "icon.svg"}

DESCRIPTION = (
    "Predicts the expressions of the faces in an image. A prediction names the expression that a face shows, not what "
    "the person feels. Images are read in memory and never stored. If the server was started with a token, send it as "
    "'Authorization: Bearer TOKEN'."
)

OPENAPI_WATCH = {
    "responses": {
        "101": {
            "description": "A WebSocket. Each JSON message is a frame.",
            "content": {"application/json": {"schema": {"$ref": SCHEMA_ADDRESS.format(model=WatchResponse.__name__)}}},
        }
    }
}

NEUTRAL_REQUEST = "neutral"
"""Text message of a visitor's camera: the next two seconds are the neutral baseline of each face."""

SHOW_REQUEST = "show"
"""First word of a text message of a visitor's camera: what else is shown from now on, any of `EXTRAS`."""

REFUSALS = {
    401: "The token is missing or wrong.",
    403: "The request used another site's host name or came from another site's page.",
    408: "The image did not arrive in time.",
    413: "The image has too many bytes or pixels.",
    415: "The body is neither JPEG, PNG nor a form with a file.",
    422: "The body is not an image, or a damaged one; or `show` has another word.",
    426: "The request does not ask for a WebSocket.",
    429: "Too many images or wrong tokens came from one address.",
    500: "The server failed to read the image.",
    503: "The server is busy.",
}

_LOG = logging.getLogger(__name__)


def _refusals(*statuses):
    return {status: {"model": ErrorResponse, "description": REFUSALS[status]} for status in statuses}


class Application(Site):
    """The site that recognizes expressions: in visitors' cameras, the server's source, and images of API clients.

    Parameters
    ----------
    make_reader : callable
        Returns an object with ``read(image, time_s=...) -> list of RecognizedFace`` and ``close()``.
    facts : dict
        JSON values for the page, as from `page_facts`.
    token : str, optional
    source : Source, optional
        Opened.
    reopen, blur : optional
        As for `Broadcast`.
    limits : Limits, optional
    """

    def __init__(self, make_reader, *, facts, token=None, source=None, reopen=None, blur=None, limits=None):
        super().__init__(
            facts=facts, command="live", routes=ROUTES, token=token, limits=limits, description=DESCRIPTION
        )
        self._make_reader = make_reader
        self._broadcast = None
        if source is not None:
            self._broadcast = Broadcast(source, make_reader, reopen=reopen, blur=blur, limits=self.limits)
        self._client_limits = AddressLimits(self.limits.images_per_second, self.limits.image_burst)
        self._explanation_limits = AddressLimits(self.limits.explanation_load, self.limits.explanation_load)

    def add_routes(self, app):
        """Add the WebSockets of cameras and watchers, and the HTTP API."""
        app.add_api_route(
            "/v1/recognize",
            self.recognize,
            methods=["POST"],
            response_model=ImageResponse,
            responses=_refusals(*REFUSALS.keys() - {426}),
            openapi_extra={"requestBody": OPENAPI_BODY},
            summary="Predict the expressions in an image",
        )
        app.add_api_route(
            "/v1/health",
            self.health,
            response_model=HealthResponse,
            responses=_refusals(401, 403, 429),
            summary="Check the server's state",
        )
        app.add_api_route(
            "/v1/watch",
            self.refuse_without_websocket,
            status_code=426,
            response_model=ErrorResponse,
            response_description=REFUSALS[426],
            responses=_refusals(401, 403, 429),
            openapi_extra=OPENAPI_WATCH,
            summary="Watch the server's source",
        )
        app.add_api_websocket_route("/v1/camera", self.camera)
        app.add_api_websocket_route("/v1/watch", self.watch)
        schema = WatchResponse.model_json_schema(ref_template=SCHEMA_ADDRESS)
        del schema["$defs"]  # they are in the description already
        app.openapi()["components"]["schemas"][schema["title"]] = schema

    @asynccontextmanager
    async def lifespan(self, app):
        """Read the server's source while the server runs."""
        async with super().lifespan(app):
            if self._broadcast is not None:
                self._broadcast.start()
            try:
                yield
            finally:
                if self._broadcast is not None:
                    await asyncio.to_thread(self._broadcast.close)

    async def recognize(self, request: Request, show: str = ""):
        """Return the faces in an image, the clearest first. Each request is independent of the others.

        The body is the image itself (`image/jpeg`, `image/png`) or a form with the image as its first file. With
        `?show=details`, `?show=explain` or `?show=details,explain` faces have these fields; above the limit of
        explanations for one address, the field is null.
        """
        arrived_s = time.monotonic()
        extras = parse_extras(show.split(",") if show else ())
        if extras is None:
            raise RefusedError(422, f"show must be {' or '.join(EXTRAS)} or both with a comma, got {show[:80]!r}")
        address = client_address(request.scope)
        if not self._client_limits.of(address).take():
            rate = self.limits.images_per_second
            raise RefusedError(429, f"at most {rate:g} images a second are read for one address; wait a second")
        content = await read_image_body(request, self.limits)
        responder = Responder(self._explanation_limits.of(address), extras=extras, per_frame=None)
        reader = FrameReader(self._make_reader, max_pixels=self.limits.image_pixels, make_response=responder.respond)
        try:
            return JSONResponse(await self.workers.run(reader.read, content, arrived_s))
        except RefusedError:
            raise
        except Exception as error:
            _LOG.exception("an image could not be read")
            raise RefusedError(500, "this image could not be read; see the server's log") from error
        finally:
            self.workers.submit(reader.close)

    async def health(self):
        """Return the server's state and what it serves."""
        return {
            "status": "ok",
            "version": landmark_fer.__version__,
            "classes": self.facts["classes"],
            "visitors": self.visitors.count,
            "source": self.facts["source"],
        }

    async def refuse_without_websocket(self):
        """Send the server's source over a WebSocket; start the server with `--source`.

        Send the text "json" for the next frame as a JSON message, or "next" for that message followed by the image, a
        JPEG in a binary message. Add " details" or " explain" or both for these fields of faces. Ask again after each
        frame. A client that asks late misses frames; none queue up. After the last frame the connection is closed.
        """
        raise RefusedError(426, "this address is a WebSocket; connect with ws:// or, behind a proxy, wss://")

    async def camera(self, socket: WebSocket):
        """Recognize the frames of a visitor's camera."""
        readers = []
        responder = Responder(self._explanation_limits.of(client_address(socket.scope)))

        def make_reader():
            readers.append(self._make_reader())
            return readers[-1]

        async def handle_text(text):
            request, *words = text.split(" ")
            if text == NEUTRAL_REQUEST:
                for reader in readers:
                    reader.request_baseline(NEUTRAL_S)
            elif request == SHOW_REQUEST and (extras := parse_extras(words)) is not None:
                responder.extras = extras
            else:
                return False
            return True

        session = CameraSession(
            socket,
            make_reader,
            make_response=responder.respond,
            workers=self.workers,
            limits=self.limits,
            on_text=handle_text,
        )
        await self.serve_visitor(socket, session.run)

    async def watch(self, socket: WebSocket):
        """Send the server's source to a visitor."""
        if self._broadcast is None:
            await socket.accept()
            await socket.close(POLICY_VIOLATION, "this server has no source to watch")
            return
        await self.serve_visitor(socket, lambda: self._broadcast.watch(socket))
