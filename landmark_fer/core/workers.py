"""Worker processes that end when their parent process ends, even if it is killed."""

import os
import threading
import time

_CHECK_S = 1.0  # between two checks whether the parent is alive


def end_with_parent():
    """Return arguments for ``joblib.Parallel`` that make its workers end within seconds of this process.

    A process that is killed cannot stop its workers, and a worker that was receiving a task would wait for the rest of
    it. Backends that start no processes ignore the arguments.

    Returns
    -------
    dict
    """
    return {"initializer": _end_with, "initargs": (os.getpid(),)}


def _end_with(parent):
    """End this worker process soon after its parent."""
    if hasattr(os, "getppid") and os.name == "posix":  # on other systems the parent id does not change
        threading.Thread(target=_wait_for_end_of, args=(parent,), daemon=True).start()


def _wait_for_end_of(parent):
    while os.getppid() == parent:
        time.sleep(_CHECK_S)
    os._exit(1)
