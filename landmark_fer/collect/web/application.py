"""The web application of ``collect --web``: a visitor's camera, the stored takes, and their deletion."""

import json
import time
from collections import Counter

from fastapi import Request, WebSocket
from fastapi.responses import JSONResponse, Response

from landmark_fer.collect.examples import example_image
from landmark_fer.core.errors import LandmarkFerError
from landmark_fer.core.expressions import EXPRESSIONS
from landmark_fer.live.web.camera import NORMAL_CLOSURE, CameraSession
from landmark_fer.live.web.limits import RefusedError, Visitors
from landmark_fer.live.web.protocol import encode, position_response, read_short_body
from landmark_fer.live.web.site import Site

ROUTES = {"/": "collect.html", "/favicon.ico": "icon.svg"}
AGREE = "agree"  # text message of a visitor who agrees; other messages are keys
OCCUPIED = "somebody is being recorded here already; come back when they have left"


class CollectionApplication(Site):
    """The site that records one visitor at a time.

    Parameters
    ----------
    service : CollectionService
    facts : dict
        JSON values for the page, as from `page_facts`; the service's are added.
    token : str, optional
    limits : Limits, optional
    """

    def __init__(self, service, *, facts, token=None, limits=None):
        facts = {**facts, **service.facts()}
        super().__init__(facts=facts, command="collect", routes=ROUTES, token=token, limits=limits, openapi_url=None)
        self._service, self._recorded_visitors, self._examples = service, Visitors(1), {}

    def add_routes(self, app):
        """Add the WebSocket of the session, and the routes for stored takes, deletion and examples."""
        app.add_api_websocket_route("/v1/session", self.session)
        app.add_api_route("/v1/takes", self.takes, methods=["GET"])
        app.add_api_route("/v1/delete", self.delete, methods=["POST"])
        app.add_api_route("/examples/{name}.jpg", self.example, methods=["GET"])

    async def session(self, socket: WebSocket):
        """Record a visitor, unless somebody else is being recorded."""
        await self.serve_visitor(socket, lambda: self._record(socket), visitors=self._recorded_visitors, full=OCCUPIED)

    async def takes(self):
        """Return the subject's consent date and stored takes."""
        consent_date, takes = await self._run(self._service.overview)
        return JSONResponse({"consented": consent_date, "recorded": takes_response(takes)})

    async def delete(self, request: Request):
        """Delete all data of the subject. The body must be the subject's name as JSON, as a confirmation."""
        try:
            name = json.loads(await read_short_body(request, self.limits))
        except ValueError:
            name = None
        subject = self._service.subject
        if name != subject:
            raise RefusedError(422, f"the body must be {json.dumps(subject)}, whose faces are to be deleted")
        return JSONResponse({"deleted": await self._run(self._service.delete)})

    async def example(self, name: str):
        """Return an example image of an expression."""
        if name not in self._service.expressions:
            raise RefusedError(404, f"the expression must be one of {', '.join(self._service.expressions)}")
        if name not in self._examples:
            self._examples[name] = await self.workers.run(lambda: encode(example_image(name)))
        return Response(self._examples[name], media_type="image/jpeg")

    async def _record(self, socket):
        try:
            session = await self._run(self._service.start_session)
            camera = CameraSession(
                socket,
                lambda: session,
                workers=self.workers,
                limits=self.limits,
                make_response=session_response,
                on_text=self._text_handler(session),
            )
            await camera.run()
        except RefusedError as error:
            await socket.send_json({"ended": str(error)})
            await socket.close(NORMAL_CLOSURE)

    def _text_handler(self, session):
        async def handle(text):
            if text == AGREE:
                await self._run(self._service.agree)
            else:
                session.press(text)
            return True

        return handle

    async def _run(self, function):
        """Run a function that reads or writes files in a worker thread; its errors become refusals."""
        try:
            return await self.workers.run(function)
        except RefusedError:
            raise
        except LandmarkFerError as error:
            raise RefusedError(500, str(error)) from error


def takes_response(takes):
    """Return the number of takes and faces of each expression as JSON values."""
    counts, faces = Counter(take["expression"] for take in takes), Counter()
    for take in takes:
        faces[take["expression"]] += take["faces"]
    return [{"expression": name, "takes": counts[name], "faces": faces[name]} for name in EXPRESSIONS if counts[name]]


def session_response(image, result, arrived_s):
    """Return the response to a visitor's image as JSON values.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
    result : FrameResult
    arrived_s : float
        When the image arrived, by `time.monotonic`.
    """
    state, take = result.state, result.state.take
    response = {
        "width": int(image.shape[1]),
        "height": int(image.shape[0]),
        "milliseconds": round(1000 * (time.monotonic() - arrived_s), 1),
        "faces": [
            {**position_response(track_id, face), "chosen": track_id == state.track_id}
            for track_id, face in result.followed
        ],
        "stage": state.stage,
        "take": None if take is None else {"expression": take.expression, "round": take.round, "reason": take.reason},
        "left_s": round(state.left_s, 2),
        "share": round(state.share, 3),
        "waiting": state.waiting,
        "message": state.message,
        "n_left": state.n_left,
        "recorded": takes_response(result.takes),
    }
    return response if result.ended is None else {**response, "ended": result.ended}
