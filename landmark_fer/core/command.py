"""What every command does around its work: sentences for tracebacks, exit statuses, quiet where nobody listens."""

import contextlib
import os
import sys

from landmark_fer.core.errors import LandmarkFerError

STOPPED, UNHEARD = 130, 141  # exit statuses of a shell's commands that end by SIGINT and by SIGPIPE


def run_command(work, *, stopped="stopped"):
    """Do a command's work and return its exit status.

    Parameters
    ----------
    work : callable
        Returns the status.
    stopped : str, default="stopped"
        What is said on stderr after Ctrl-C.

    Returns
    -------
    int
        That of `work`; 2 after a `LandmarkFerError` or where stdout cannot be written, 130 after Ctrl-C, 141 where
        whoever read stdout has gone (``| head``).
    """
    _let_any_name_be_printed()
    stdout = _Validation(sys.stdout)
    try:
        with contextlib.redirect_stdout(sys.stdout if sys.stdout is None else stdout):
            return _ended(work, stopped, stdout.flush)
    except OSError as error:
        if error is not stdout.error:
            raise
        stdout.silence()
        if isinstance(error, BrokenPipeError):
            return UNHEARD
        _tell(f"error: stdout cannot be written ({error.strerror or error}); free space or send it elsewhere")
        return 2


def _ended(work, stopped, flush):
    try:
        status = work()
        flush()
        return status
    except LandmarkFerError as error:
        flush()
        _tell(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        flush()
        _tell(stopped)
        return STOPPED


class _Validation:
    """A stream that remembers its own error, which else could not be told from that of another file."""

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
        """Let what is still to be written, at the interpreter's end, go nowhere."""
        with contextlib.suppress(OSError, ValueError), open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), self._stream.fileno())

    @contextlib.contextmanager
    def _watching(self):
        try:
            yield
        except OSError as error:
            self.error = error
            raise


def _let_any_name_be_printed():
    """Print what the terminal's encoding has no letters for as escapes: a file's name must not end the work."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):  # no stream, or another's
            stream.reconfigure(errors="backslashreplace")


def _tell(sentence):
    with contextlib.suppress(OSError, ValueError, AttributeError):  # stderr may be closed, too
        sys.stderr.write(f"{sentence}\n")
        sys.stderr.flush()
