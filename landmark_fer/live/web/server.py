"""The server: from an address and a reader to a page that people can open, until Ctrl-C."""

import contextlib
import re
import socket

import landmark_fer
from landmark_fer.core.errors import InputError
from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.core.landmarks import CLOSED_GROUPS, GROUPS
from landmark_fer.core.optional_packages import import_optional
from landmark_fer.live.web.guard import is_loopback

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8000
DEFAULT_ADDRESS = f"{DEFAULT_HOST}:{DEFAULT_PORT}"
LEAST_TOKEN = 8  # characters

_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.%]+\]|[A-Za-z0-9._-]*)(?::(?P<port>\d{1,5}))?")
_TOKEN = re.compile(rf"[!-~]{{{LEAST_TOKEN},200}}")


def parse_address(text, token=None):
    """Return where to listen.

    Parameters
    ----------
    text : str
        ``HOST:PORT``, or one of both: ``:9000``, ``9000``, ``localhost``, ``[::1]:8000``. Port 0 is any free one.
    token : str, optional

    Returns
    -------
    host : str
    port : int

    Raises
    ------
    InputError
        If it is no address; if it can be reached from other machines and there is no token; or if the token is too
        short or holds other characters than visible ASCII.
    """
    found = _ADDRESS.fullmatch(f":{text}" if text.isdecimal() else text)
    if found is None or int(found["port"] or 0) > 65535:
        raise InputError(f"--web must be HOST:PORT, for example {DEFAULT_HOST}:{DEFAULT_PORT}, got {text!r}")
    host = found["host"].strip("[]") or DEFAULT_HOST
    if token is not None and not _TOKEN.fullmatch(token):
        raise InputError(
            f"--web-token must have {LEAST_TOKEN} to 200 visible ASCII characters without spaces, "
            f"got {len(token)} characters; give another"
        )
    if token is None and not is_loopback(host):
        raise InputError(f"--web {text} can be reached from other machines and needs --web-token; give one")
    return host, int(found["port"] or DEFAULT_PORT) if found["port"] != "0" else 0


def page_facts(classes, *, source=None, about=None):
    """Return what the page is told: the words, their colours, how landmarks are joined, what can be watched."""
    from landmark_fer.figures.palette import EXPRESSION_COLOURS
    from landmark_fer.live.overlay_options import browser_options

    return {
        "version": landmark_fer.__version__,
        "classes": list(classes),
        "colours": {name: EXPRESSION_COLOURS[name] for name in (*classes, UNCERTAIN)},
        "uncertain": UNCERTAIN,
        "groups": [{"points": list(points), "closed": name in CLOSED_GROUPS} for name, points in GROUPS.items()],
        "options": browser_options(),
        "source": None if source is None else source.name,
        "about": {str(name): str(value) for name, value in (about or {}).items()},
    }


class Server:
    """A server that listens from the beginning and answers while it runs; a context manager.

    Parameters
    ----------
    make_application : callable
        Given the token, returns a `Site`. It is called when the packages that it needs are known to be there.
    address : str
    token : str or None
    purpose : str
        What cannot be done without the packages.

    Attributes
    ----------
    url : str
        What to open in a browser on this machine.

    Raises
    ------
    InputError
        As from `parse_address`, or if the address cannot be had.
    DependencyError
        If FastAPI, uvicorn or websockets is not installed.
    """

    def __init__(self, make_application, *, address, token=None, purpose):
        host, port = parse_address(address, token)
        for package in ("fastapi", "websockets", "uvicorn"):
            uvicorn = import_optional(package, purpose=purpose)
        application = make_application(token)
        config = uvicorn.Config(
            application.asgi,
            lifespan="on",
            ws="websockets-sansio",
            ws_max_size=application.limits.frame_bytes + 1024,
            ws_per_message_deflate=False,  # a small message cannot unpack to a large one
            access_log=False,  # addresses may hold the token
            log_level="warning",
            log_config=None,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=4 * application.limits.visitors,
            timeout_graceful_shutdown=3,
        )
        self._socket = _listen(host, port)
        self._server = uvicorn.Server(config)
        self.url = f"http://{_reachable(host)}:{self._socket.getsockname()[1]}/"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def run(self):
        """Answer until Ctrl-C or `stop`."""
        with contextlib.suppress(KeyboardInterrupt):
            self._server.run(sockets=[self._socket])

    def stop(self):
        """End `run`, from another thread."""
        self._server.should_exit = True


class WebServer(Server):
    """The server of ``live --web``.

    Parameters
    ----------
    make_reader, address, token, source, classes, about, again : as for `serve`
    limits : Limits, optional
    """

    def __init__(
        self, make_reader, *, address=DEFAULT_ADDRESS, token=None, source=None, classes=(), about=None, **more
    ):
        def make_application(token):
            from landmark_fer.live.web.application import Application

            facts = page_facts(classes, source=source, about=about)
            return Application(make_reader, facts=facts, token=token, source=source, **more)

        super().__init__(make_application, address=address, token=token, purpose="live --web")


def serve(make_reader, *, address=DEFAULT_ADDRESS, token=None, ready=None, **options):
    """Serve the page and the interface for programs until Ctrl-C.

    Parameters
    ----------
    make_reader : callable
        Returns a new object with ``read(image, time_s=...) -> list of RecognizedFace`` and ``close()``; one is made for
        each visitor, each single image, and the source.
    address : str, default="127.0.0.1:8000"
    token : str, optional
        Asked for on every request; there must be one where other machines can reach the address.
    ready : callable, optional
        Called with the address to open, as soon as the server listens.
    source : Source, optional
        Opened; visitors can watch it. It is not closed here.
    classes : sequence of str
        The expressions that the readers tell apart.
    about : dict of str to str, optional
        Facts about the model, which the page shows.
    again : callable, optional
        Opens the source anew when it has ended, so that a file is shown in a loop.

    Raises
    ------
    InputError
        If the address is none, cannot be had, or needs a token.
    DependencyError
        If FastAPI, uvicorn or websockets is not installed.
    """
    run_server(WebServer(make_reader, address=address, token=token, **options), ready)


def run_server(server, ready=None):
    """Run a server until Ctrl-C, and close it; `ready` as for `serve`."""
    with server:
        if ready is not None:
            ready(server.url)
        server.run()


def _listen(host, port):
    """Return a socket that listens; one sentence if it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        raise InputError(
            f"--web {host}:{port} cannot be listened at ({error.strerror or error}); is another program using it? "
            f"try --web {DEFAULT_HOST}:{port + 1 if port < 65535 else DEFAULT_PORT}"
        ) from error


def _reachable(host):
    """Return the host to open in a browser on this machine."""
    if host in ("0.0.0.0", "::"):
        return DEFAULT_HOST
    return f"[{host}]" if ":" in host else host
