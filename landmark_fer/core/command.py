"""Run a command: print errors as one sentence, return exit statuses, end quietly when the output is closed."""

import contextlib
import os
import signal
import sys

from landmark_fer.core.errors import LandmarkFerError

INTERRUPTED, OUTPUT_CLOSED = 130, 141  # exit statuses that shells use for SIGINT and SIGPIPE


def run_command(work, *, stopped="stopped"):
    """Run a command and return its exit status.

    Parameters
    ----------
    work : callable
        Takes nothing and returns the exit status.
    stopped : str, default="stopped"
        Message on stderr after Ctrl-C.

    Returns
    -------
    int
        The status of `work`; 2 after a `LandmarkFerError` or if stdout cannot be written, 130 after Ctrl-C, 141 if
        the reader of stdout has ended (``| head``).
    """
    _escape_unprintable()
    stdout = _WatchedStream(sys.stdout)
    try:
        with _interruptible(), contextlib.redirect_stdout(sys.stdout if sys.stdout is None else stdout):
            return _status(work, stopped, stdout.flush)
    except OSError as error:
        if error is not stdout.error:
            raise
        stdout.silence()
        if isinstance(error, BrokenPipeError):
            return OUTPUT_CLOSED
        _print_error(f"error: stdout cannot be written ({error.strerror or error}); free space or send it elsewhere")
        return 2


def end_at_interrupts():
    """End the process at Ctrl-C with one line and status 130, before and after `run_command`.

    Without it, an interrupt of the imports before `run_command` prints a traceback. A shell that starts a command in
    the background ignores SIGINT, and it stays ignored.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def _end(*_):
    _print_error("stopped")
    os._exit(INTERRUPTED)


@contextlib.contextmanager
def _interruptible():
    """Raise KeyboardInterrupt at Ctrl-C in a block, if it ends the process otherwise."""
    if signal.getsignal(signal.SIGINT) is not _end:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, _end)


def _status(work, stopped, flush):
    try:
        status = work()
        flush()
        return status
    except LandmarkFerError as error:
        flush()
        _print_error(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        flush()
        _print_error(stopped)
        return INTERRUPTED


class _WatchedStream:
    """A stream that stores its own error, to distinguish it from errors of other files."""

    def __init__(self, stream):
        self._stream, self.error = stream, None

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        with self._watching():
            return self._stream.write(text)

    def flush(self):
        with self._watching():
            if self._stream is not None:
                self._stream.flush()

    def silence(self):
        """Discard what the interpreter would still write at its end."""
        with contextlib.suppress(OSError, ValueError), open(os.devnull, "wb") as null:
            os.dup2(null.fileno(), self._stream.fileno())

    @contextlib.contextmanager
    def _watching(self):
        try:
            yield
        except OSError as error:
            self.error = error
            raise


def _escape_unprintable():
    """Print characters that the terminal's encoding lacks as escapes, so that no file name ends the command."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):  # no stream, or one without this method
            stream.reconfigure(errors="backslashreplace")


def _print_error(sentence):
    with contextlib.suppress(OSError, ValueError, AttributeError):  # stderr may be closed too
        sys.stderr.write(f"{sentence}\n")
        sys.stderr.flush()
