"""The application of ``collect --web``: a visitor's camera, the takes that are kept of them, and their deletion."""

import json
from collections import Counter

from fastapi import Request, WebSocket
from fastapi.responses import JSONResponse, Response

from landmark_fer.core.errors import LandmarkFerError
from landmark_fer.core.expressions import EXPRESSIONS
from landmark_fer.live.web.application import Site
from landmark_fer.live.web.camera import ENDED, CameraVisit
from landmark_fer.live.web.limits import RefusedError, Visitors
from landmark_fer.live.web.protocol import encode, place_response, read_body

PLACES = {"/": "collect.html", "/favicon.ico": "icon.svg"}
AGREE = "agree"  # the message of who agrees; all others are keys
FULL = "somebody is being recorded here already; come back when they have left"


class CollectingApplication(Site):
    """The site that records one visitor at a time.

    Parameters
    ----------
    desk : CollectionServer
    facts : dict
        As from `page_facts`; the desk's are added.
    token : str, optional
    limits : Limits, optional
    """

    def __init__(self, desk, *, facts, token=None, limits=None):
        told = {**facts, **desk.facts()}
        super().__init__(facts=told, command="collect", places=PLACES, token=token, limits=limits, openapi_url=None)
        self._desk, self._seat = desk, Visitors(1)
        self._examples = {}

    def add_routes(self, app):
        """Add the addresses for the camera, for what is kept, and for what an expression looks like."""
        app.add_api_websocket_route("/v1/sitting", self.sit)
        app.add_api_route("/v1/kept", self.tell_kept, methods=["GET"])
        app.add_api_route("/v1/delete", self.delete, methods=["POST"])
        app.add_api_route("/examples/{name}.jpg", self.show_example, methods=["GET"])

    async def sit(self, socket: WebSocket):
        """Record a visitor, if nobody else is being recorded."""
        await self.visit(socket, lambda: self._record(socket), visitors=self._seat, full=FULL)

    async def tell_kept(self):
        """Answer when the person agreed, and what is kept of them."""
        agreed, takes = await self._done(self._desk.kept)
        return JSONResponse({"agreed": agreed, "kept": kept_response(takes)})

    async def delete(self, request: Request):
        """Delete everything of the person, whose name the body must be, as JSON, so that nobody does it by accident."""
        try:
            name = json.loads(await read_body(request, self.limits, form=True))
        except ValueError:
            name = None
        if name != self._desk.subject:
            raise RefusedError(422, f"the body must be {json.dumps(self._desk.subject)}, whose faces are to be deleted")
        return JSONResponse({"deleted": await self._done(self._desk.delete)})

    async def show_example(self, name: str):
        """Answer with the demo's face showing an expression."""
        if name not in self._desk.expressions:
            raise RefusedError(404, f"the expression must be one of {', '.join(self._desk.expressions)}")
        if name not in self._examples:
            self._examples[name] = await self.workers.run(lambda: encode(self._desk.example(name)))
        return Response(self._examples[name], media_type="image/jpeg")

    async def _record(self, socket):
        try:
            sitting = await self._done(self._desk.sit)
            about = {"response": sitting_response, "hear": self._ear(sitting), "workers": self.workers}
            await CameraVisit(socket, lambda: sitting, limits=self.limits, **about).run()
        except RefusedError as error:
            await socket.send_json({"ended": str(error)})
            await socket.close(ENDED)

    def _ear(self, sitting):
        async def hear(text):
            if text == AGREE:
                await self._done(self._desk.agree)
            else:
                sitting.press(text)

        return hear

    async def _done(self, function):
        """Return what a function returns that reads or writes files; what it cannot do is a sentence to tell."""
        try:
            return await self.workers.run(function)
        except RefusedError:
            raise
        except LandmarkFerError as error:
            raise RefusedError(500, str(error)) from error


def kept_response(takes):
    """Return how many takes and faces there are of each expression, as plain values."""
    counts, faces = Counter(take["expression"] for take in takes), Counter()
    for take in takes:
        faces[take["expression"]] += take["faces"]
    return [{"expression": name, "takes": counts[name], "faces": faces[name]} for name in EXPRESSIONS if counts[name]]


def sitting_response(image, seen, *, seconds):
    """Return what a visitor is told about a image as plain values.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
    seen : landmark_fer.collect.browser_session.Seen
    seconds : float
        Between the image's arrival and this answer.
    """
    shown, ask = seen.shown, seen.shown.ask
    response = {
        "width": int(image.shape[1]),
        "height": int(image.shape[0]),
        "milliseconds": round(1000 * seconds, 1),
        "faces": [{**place_response(number, face), "chosen": number == shown.number} for number, face in seen.followed],
        "stage": shown.stage,
        "ask": None if ask is None else {"expression": ask.expression, "round": ask.round, "reason": ask.reason},
        "left_s": round(shown.left_s, 2),
        "share": round(shown.share, 3),
        "waits": shown.waits,
        "message": shown.message,
        "n_left": shown.n_left,
        "kept": kept_response(seen.takes),
    }
    return response if seen.ended is None else {**response, "ended": seen.ended}
