"""Backend of joblib for a Dask cluster. Importing it needs the packages of requirements-cluster.txt."""

import io
import pickle
import weakref

import cloudpickle
import numpy as np
from joblib import parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from joblib.parallel import FallbackToBackend, ParallelBackendBase, SequentialBackend

_LARGE = 2**20  # bytes; a larger array is sent to the workers once, not with each task
_TRIES = 3  # a batch is submitted again if its data were lost with a worker


class ClusterBackend(ParallelBackendBase):
    """Backend of joblib's ``Parallel`` that runs tasks on a Dask cluster.

    A ``Parallel`` with one job, or without a number of jobs, runs in this process.

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
        """Return the number of parallel tasks: at least two, so that a worker always has a next one."""
        if n_jobs in (None, 1):
            return 1
        n_cores = max(2, sum(self.client.ncores().values()))
        return n_cores if n_jobs < 0 else min(n_jobs, n_cores)

    def configure(self, n_jobs=1, parallel=None, **_):
        """Start to serve a ``Parallel``; return the number of parallel tasks."""
        self.parallel = parallel
        if self.effective_n_jobs(n_jobs) == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        return self.effective_n_jobs(n_jobs)

    def submit(self, func, callback=None):
        """Submit a batch of calls; `callback` gets the future when it is done or has failed."""
        return self._start(func, callback, _TRIES)

    apply_async = submit  # its name before joblib 1.5

    def retrieve_result_callback(self, out):
        """Return the results of a finished future."""
        from distributed.scheduler import KilledWorker

        try:
            return out.result()
        except KilledWorker as error:
            raise TerminatedWorkerError(f"a task ended {error.allowed_failures + 1} workers of the cluster") from error

    def abort_everything(self, ensure_ready=True):
        """Cancel all running tasks."""
        self.client.cancel(list(self._running))
        self._running.clear()

    def get_nested_backend(self):
        """Return the backend of a ``Parallel`` inside a task."""
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
        """Return a future of an array on all workers, which is sent on first use."""
        reference, future = self._sent.get(id(array), (lambda: None, None))
        if reference() is not array:
            future = self.client.scatter(np.asarray(array), broadcast=True, hash=False)
            key = id(array)
            reference = weakref.ref(array, lambda _: self._sent.pop(key, None))
            self._sent[key] = reference, future
        return future


def packed(items):
    """Return items pickled without their large arrays, and the list of these arrays."""
    content = io.BytesIO()
    pickler = _Pickler(content)
    pickler.dump(items)
    return content.getvalue(), pickler.arrays


def unpacked(payload, arrays):
    """Return the items that `packed` pickled."""
    return _Unpickler(io.BytesIO(payload), arrays).load()


class _Pickler(cloudpickle.Pickler):
    """Pickler that puts large arrays into a list instead of the pickle."""

    def __init__(self, file):
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.arrays = []

    def persistent_id(self, value):
        """Return the position of a large array in the list, None for other values."""
        if not isinstance(value, np.ndarray) or value.nbytes < _LARGE or value.dtype.hasobject:
            return None
        positions = [position for position, array in enumerate(self.arrays) if array is value]
        if not positions:
            self.arrays.append(value)
        return positions[0] if positions else len(self.arrays) - 1


class _Unpickler(pickle.Unpickler):
    """Unpickler that takes large arrays from a list."""

    def __init__(self, file, arrays):
        super().__init__(file)
        self._arrays = arrays

    def persistent_load(self, position):
        """Return the array at a position from `_Pickler.persistent_id`."""
        return self._arrays[position]


def _run(payload, *arrays):
    """Run a batch of calls in a worker, without further parallel work."""
    with parallel_config(backend="sequential"):
        return [function(*args, **options) for function, args, options in unpacked(payload, arrays)]
