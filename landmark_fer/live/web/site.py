"""A site: what every application of the server shares: pages, facts, the token's form, visitors, workers, the guard."""

import asyncio
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

from fastapi import FastAPI
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.websockets import WebSocketDisconnect

import landmark_fer
from landmark_fer.live.web.bodies import read_body
from landmark_fer.live.web.camera import TRY_LATER
from landmark_fer.live.web.guard import TOO_MANY_TRIES, WRONG_TOKEN, Guard, Key, address_of
from landmark_fer.live.web.limits import AddressBook, Limits, RefusedError, Visitors
from landmark_fer.live.web.pages import read_pages, token_page
from landmark_fer.live.web.workers import Workers


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
