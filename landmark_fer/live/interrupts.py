"""Ctrl-C at the right moment: never while a frame is being written, nor while files are being closed."""

import contextlib
import signal

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Turns Ctrl-C and ``kill``, which is how containers are stopped, into KeyboardInterrupt; a context manager.

    While interrupts are held back, the first waits until they are not; a second comes through, in case that a disk or
    a driver hangs. Where it was not entered, or not in the main thread, which alone hears signals, it changes nothing.
    """

    def __init__(self):
        self._held = self._waiting = False
        self._before = {}

    def __enter__(self):
        with contextlib.suppress(ValueError):  # not the main thread
            self._before = {number: signal.signal(number, self._hear) for number in SIGNALS}
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def held_back(self):
        """Let what is inside come to its end first."""
        self.hold_back()
        try:
            yield
        finally:
            self._held = False
        if self._waiting:
            self._waiting = False
            raise KeyboardInterrupt

    def hold_back(self):
        """Hold interrupts back from now on."""
        self._held, self._waiting = True, False

    def _hear(self, *_):
        if self._held and not self._waiting:
            self._waiting = True
        else:
            raise KeyboardInterrupt
