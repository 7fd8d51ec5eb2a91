"""The web server of ``live --web``: addresses, tokens, and serving until Ctrl-C."""

import contextlib
import logging
import re
import socket

import landmark_fer
from landmark_fer.core.errors import InputError
from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.core.landmarks import CLOSED_GROUPS, GROUPS
from landmark_fer.core.optional_packages import import_optional
from landmark_fer.live.web.guard import is_loopback
from landmark_fer.recognition import OFF

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8000
DEFAULT_ADDRESS = f"{DEFAULT_HOST}:{DEFAULT_PORT}"
MIN_TOKEN_LENGTH = 8

_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.%]+\]|[A-Za-z0-9._-]*)(?::(?P<port>\d{1,5}))?")
_TOKEN = re.compile(rf"[!-~]{{{MIN_TOKEN_LENGTH},200}}")


def parse_address(text, token=None):
    """Return the host and port to listen on.

    Parameters
    ----------
    text : str
        ``HOST:PORT``, or one of both: ``:9000``, ``9000``, ``localhost``, ``[::1]:8000``. Port 0 means any free port.
    token : str, optional

    Returns
    -------
    host : str
    port : int

    Raises
    ------
    InputError
        If the text is not an address; if other machines can reach the address and there is no token; or if the token
        is too short or holds other characters than visible ASCII.
    """
    match = _ADDRESS.fullmatch(f":{text}" if text.isdecimal() else text)
    if match is None or int(match["port"] or 0) > 65535:
        raise InputError(f"--web must be HOST:PORT, for example {DEFAULT_HOST}:{DEFAULT_PORT}, got {text!r}")
    host = match["host"].strip("[]") or DEFAULT_HOST
    if token is not None and not _TOKEN.fullmatch(token):
        raise InputError(
            f"--web-token must have {MIN_TOKEN_LENGTH} to 200 visible ASCII characters without spaces, "
            f"got {len(token)} characters; choose another token"
        )
    if token is None and not is_loopback(host):
        raise InputError(f"--web {text} can be reached from other machines and needs --web-token; add one")
    return host, int(match["port"] or DEFAULT_PORT)


def page_facts(classes, *, source=None, details=None, baseline=OFF):
    """Return the JSON values that the page needs: expressions, colours, landmark groups, overlay options, the source.

    Parameters
    ----------
    classes : sequence of str
    source : Source, optional
    details : dict of str to str, optional
        Facts about the model, which the page lists.
    baseline : str, default="off"
        Mode of the neutral baselines; the page can record one unless it is off.
    """
    from landmark_fer.drawing.overlay_options import browser_options
    from landmark_fer.figures.palette import EXPRESSION_COLOURS
    from landmark_fer.live.web.broadcast import public_name

    return {
        "version": landmark_fer.__version__,
        "classes": list(classes),
        "colours": {name: EXPRESSION_COLOURS[name] for name in (*classes, UNCERTAIN)},
        "uncertain": UNCERTAIN,
        "groups": [{"points": list(points), "closed": name in CLOSED_GROUPS} for name, points in GROUPS.items()],
        "options": browser_options(),
        "source": None if source is None else public_name(source),
        "baseline": baseline,
        "details": {str(name): str(value) for name, value in (details or {}).items()},
    }


class Server:
    """A uvicorn server for a web application; a context manager that listens from the start.

    Parameters
    ----------
    make_application : callable
        Takes the token and returns a `Site`. It is called after the packages that it needs were imported.
    address : str
        As for `parse_address`.
    token : str or None
    purpose : str
        The command, for the message about missing packages.

    Attributes
    ----------
    url : str
        Address to open in a browser on this machine.

    Raises
    ------
    InputError
        As from `parse_address`, or if the server cannot listen on the address.
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
        logging.getLogger("uvicorn.error").addFilter(_shorten)  # once, however many servers there are
        self._socket = _listen(host, port)
        self._server = uvicorn.Server(config)
        self.url = f"http://{_local_host(host)}:{self._socket.getsockname()[1]}/"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def run(self):
        """Serve until Ctrl-C or `stop`."""
        with contextlib.suppress(KeyboardInterrupt):
            self._server.run(sockets=[self._socket])

    def stop(self):
        """End `run`, from another thread."""
        self._server.should_exit = True


class LiveServer(Server):
    """The server of ``live --web``.

    Parameters
    ----------
    make_reader : callable
        Returns a new object with ``read(image, time_s=...) -> list of RecognizedFace`` and ``close()``. It is
        called once for each visitor, each single image, and the source.
    address : str, default="127.0.0.1:8000"
    token : str, optional
        Required of every request. It must be set if other machines can reach the address.
    source : Source, optional
        Opened; visitors can watch it. It is not closed here.
    reopen : callable, optional
        Opens the source again when it has ended, so that a file plays in a loop.
    blur : {"faces", "eyes"}, optional
        As for `Broadcast`.
    classes : sequence of str
        The expressions that the readers predict.
    details : dict of str to str, optional
        Facts about the model, which the page lists.
    baseline : str, default="off"
        As for `page_facts`.
    limits : Limits, optional
    """

    def __init__(
        self,
        make_reader,
        *,
        address=DEFAULT_ADDRESS,
        token=None,
        source=None,
        reopen=None,
        blur=None,
        classes=(),
        details=None,
        baseline=OFF,
        limits=None,
    ):
        def make_application(token):
            from landmark_fer.live.web.application import Application

            facts = page_facts(classes, source=source, details=details, baseline=baseline)
            source_options = {"source": source, "reopen": reopen, "blur": blur}
            return Application(make_reader, facts=facts, token=token, limits=limits, **source_options)

        super().__init__(make_application, address=address, token=token, purpose="live --web")


def serve(make_reader, *, on_ready=None, **options):
    """Serve the page and the HTTP API of ``live --web`` until Ctrl-C.

    Parameters
    ----------
    make_reader, **options
        As for `LiveServer`.
    on_ready : callable, optional
        Called with the URL to open as soon as the server listens.

    Raises
    ------
    InputError
        If the address is invalid, in use, or needs a token.
    DependencyError
        If FastAPI, uvicorn or websockets is not installed.
    """
    run_server(LiveServer(make_reader, **options), on_ready)


def run_server(server, on_ready=None):
    """Run a server until Ctrl-C and close it; `on_ready` as for `serve`."""
    with server:
        if on_ready is not None:
            on_ready(server.url)
        server.run()


def _shorten(record):
    """Drop the traceback from a log record on text of a client that is not UTF-8; a filter that keeps all records."""
    if record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError):
        record.exc_info = None
    return True


def _listen(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        raise InputError(
            f"--web {host}:{port} cannot be used ({error.strerror or error}); is another program using it? "
            f"try --web {DEFAULT_HOST}:{port + 1 if port < 65535 else DEFAULT_PORT}"
        ) from error


def _local_host(host):
    """Return the host name that a browser on this machine can open."""
    if host in ("0.0.0.0", "::"):
        return DEFAULT_HOST
    return f"[{host}]" if ":" in host else host
