"""A joblib backend that gives its tasks to the workers of a Dask cluster.

joblib brings one of its own. That one waits for ever for a task that killed its worker, keeps what it sends on a single
worker, whose end loses it, and spreads what runs inside a task over the cluster again; hence this small one.
"""

import io
import pickle
import weakref

import cloudpickle
import numpy as np
from joblib import parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from joblib.parallel import FallbackToBackend, ParallelBackendBase, SequentialBackend

_LARGE = 2**20  # bytes of an array that is sent to the workers once, not with each task
_TRIES = 3  # with data that were lost with the workers that had them


class ClusterBackend(ParallelBackendBase):
    """What joblib's ``Parallel`` calls to have work done on a Dask cluster.

    What asks for one job, or for none, is done in this process.

    Parameters
    ----------
    client : distributed.Client
    """

    supports_retrieve_callback = True
    has_other_machines = True
    default_n_jobs = 1

    def __init__(self, client, **options):
        super().__init__(**options)
        self.client = client
        self._sent, self._running = {}, set()

    def effective_n_jobs(self, n_jobs):
        """Return how many tasks are done at a time: at least two, so that one is never without work."""
        if n_jobs in (None, 1):
            return 1
        most = max(2, sum(self.client.ncores().values()))
        return most if n_jobs < 0 else min(n_jobs, most)

    def configure(self, n_jobs=1, parallel=None, **_):
        """Begin to serve a ``Parallel``; return how many tasks are done at a time."""
        self.parallel = parallel
        if self.effective_n_jobs(n_jobs) == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        return self.effective_n_jobs(n_jobs)

    def submit(self, func, callback=None):
        """Have a batch of calls done; `callback` gets the future when it is there, whatever came of it."""
        return self._start(func, callback, _TRIES)

    apply_async = submit  # what joblib before 1.5 calls it

    def retrieve_result_callback(self, out):
        """Return the results in a future that is done."""
        from distributed.scheduler import KilledWorker

        try:
            return out.result()
        except KilledWorker as error:
            raise TerminatedWorkerError(f"a task ended {error.allowed_failures + 1} workers of the cluster") from error

    def abort_everything(self, ensure_ready=True):
        """Cancel what is not done."""
        self.client.cancel(list(self._running))
        self._running.clear()

    def get_nested_backend(self):
        """Return what Parallel uses inside a task."""
        return SequentialBackend(nesting_level=1), None

    def _start(self, func, callback, tries):
        payload, arrays = packed(func.items)
        future = self.client.submit(_run, payload, *map(self._send, arrays), pure=False)
        self._running.add(future)
        future.add_done_callback(lambda done: self._done(done, func, callback, tries - 1))
        return future

    def _done(self, future, func, callback, tries):
        running = future in self._running
        self._running.discard(future)
        if running and tries and future.status in ("cancelled", "lost") and self.client.status == "running":
            self._sent.clear()
            self._start(func, callback, tries)
        elif callback is not None:
            callback(future)

    def _send(self, array):
        """Return a future of an array that every worker has, sent when it is first asked for."""
        reference, future = self._sent.get(id(array), (lambda: None, None))
        if reference() is not array:
            future = self.client.scatter(np.asarray(array), broadcast=True, hash=False)
            key = id(array)
            reference = weakref.ref(array, lambda _: self._sent.pop(key, None))
            self._sent[key] = reference, future
        return future


def packed(items):
    """Return what `unpacked` makes the items of again: bytes, and the large arrays that were found in them."""
    content = io.BytesIO()
    pickler = _Pickler(content)
    pickler.dump(items)
    return content.getvalue(), pickler.arrays


def unpacked(payload, arrays):
    """Return the items that `packed` took apart."""
    return _Unpickler(io.BytesIO(payload), arrays).load()


class _Pickler(cloudpickle.Pickler):
    """Leaves large arrays out, wherever they lie, and keeps them in a list."""

    def __init__(self, file):
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.arrays = []

    def persistent_id(self, value):
        """Return the place of a large array in the list, None for anything else."""
        if not isinstance(value, np.ndarray) or value.nbytes < _LARGE or value.dtype.hasobject:
            return None
        known = [place for place, array in enumerate(self.arrays) if array is value]
        if not known:
            self.arrays.append(value)
        return known[0] if known else len(self.arrays) - 1


class _Unpickler(pickle.Unpickler):
    """Puts the arrays of a list where `_Pickler` left them out."""

    def __init__(self, file, arrays):
        super().__init__(file)
        self._arrays = arrays

    def persistent_load(self, place):
        """Return the array that `_Pickler.persistent_id` gave this place."""
        return self._arrays[place]


def _run(payload, *arrays):
    """Do a batch of calls in a worker, and what they would have done at a time one after the other."""
    with parallel_config(backend="sequential"):
        return [function(*args, **options) for function, args, options in unpacked(payload, arrays)]
