"""Fitting on a dask cluster."""

import contextlib
import importlib.metadata
import io
import pickle
import platform
import re
import weakref

import cloudpickle
import joblib
import numpy as np
from joblib import parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from joblib.parallel import FallbackToBackend, ParallelBackendBase, SequentialBackend

from landmark_fer import __version__
from landmark_fer.core.errors import DependencyError, InputError, LandmarkFerError
from landmark_fer.core.optional_packages import import_optional

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


LOCAL = "local"
PATIENCE = 10  # seconds to reach a scheduler
PATIENCE_FOR_WORKERS = 60  # seconds until the first worker is there

# What decides what comes out: packages, each by the names under which it may be installed.
DECIDES = (
    ("numpy",),
    ("scipy",),
    ("scikit-learn",),
    ("opencv-python", "opencv-python-headless", "opencv-contrib-python"),
    ("dlib-bin", "dlib"),
    ("pillow",),
    ("joblib",),
    ("dask",),
    ("distributed",),
)

_ADDRESS = re.compile(r"(tcp|tls|ws|wss)://[^/\s:]+:\d{1,5}|(tcp|tls|ws|wss)://\[[0-9a-fA-F:]+\]:\d{1,5}")


@contextlib.contextmanager
def computing_on(address, jobs=None):
    """Give the number of jobs to ask joblib for; inside, a cluster does them if one is named.

    Parameters
    ----------
    address : str or None
        ``tcp://HOST:PORT`` of a scheduler, `LOCAL` for a cluster of processes on this machine, None for none.
    jobs : int, optional
        By default the cores of this machine, or the threads of the cluster's workers.

    Raises
    ------
    InputError
        If the address is none, or no scheduler answers there, or it has no workers.
    DependencyError
        If Dask is not installed, or a worker has not what this machine has.
    """
    if address is None:
        yield jobs or joblib.cpu_count()
        return
    if address != LOCAL and not _ADDRESS.fullmatch(address):
        raise InputError(f"--cluster must be local or the address of a scheduler, tcp://HOST:PORT, got {address}")
    distributed = import_optional("distributed", purpose="--cluster")
    with contextlib.ExitStack() as stack:
        client = _connect(distributed, address, jobs, stack)
        check_workers(client)
        backend = ClusterBackend(client)
        with joblib.parallel_config(backend=backend, n_jobs=1), _loss_named(distributed, address):
            yield backend.effective_n_jobs(jobs if jobs and jobs > 1 else -1)


def check_workers(client):
    """Raise DependencyError if a worker of a cluster lacks this package, or has versions that could answer otherwise.

    Parameters
    ----------
    client : distributed.Client
    """
    here = versions()
    try:
        predictions = client.run(versions)
    except ModuleNotFoundError as error:
        raise DependencyError(
            f"each worker of the cluster must have landmark_fer installed, and one lacks {error.name}; "
            "run there: python -m pip install . in landmark_fer's folder"
        ) from error
    for worker, there in sorted(predictions.items()):
        differ = [f"{name} {there.get(name)} instead of {version}" for name, version in here.items()]
        differ = [text for text, name in zip(differ, here, strict=True) if there.get(name) != here[name]]
        if differ:
            raise DependencyError(
                f"each worker of the cluster must have the versions of this machine, and {worker} has "
                f"{', '.join(differ)}; install the same there"
            )


def versions():
    """Return the versions of this process that decide what comes out, as a dict of name to version or None."""
    found = {"python": ".".join(platform.python_version_tuple()[:2]), "landmark_fer": __version__}
    for names in DECIDES:
        found[names[0]] = next((version for version in map(_version, names) if version), None)
    return found


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _connect(distributed, address, jobs, stack):
    """Return a client of the cluster, whose scheduler and workers are there."""
    if address == LOCAL:
        options = {"n_workers": jobs or joblib.cpu_count(), "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
        address = stack.enter_context(distributed.LocalCluster(**options, silence_logs=50))
    try:
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(
            f"no scheduler answers at {address}; start one with 'dask scheduler', or use --cluster {LOCAL}"
        ) from error
    stack.enter_context(client)
    try:
        client.wait_for_workers(1, timeout=PATIENCE_FOR_WORKERS)
    except TimeoutError as error:
        raise InputError(
            f"the scheduler at {address} has no workers; start some with 'dask worker {address} --nthreads 1'"
        ) from error
    return client


@contextlib.contextmanager
def _loss_named(distributed, address):
    """Say in a sentence what the loss of a cluster makes Dask raise."""
    from concurrent.futures import CancelledError

    from joblib.externals.loky.process_executor import TerminatedWorkerError

    try:
        yield
    except TerminatedWorkerError as error:
        raise LandmarkFerError(f"{error}; give the workers more memory, or look at their logs") from error
    except (CancelledError, distributed.comm.CommClosedError) as error:
        raise LandmarkFerError(
            f"the cluster {address} was lost ({type(error).__name__}); measured faces are kept: start it again, "
            "and run the command again"
        ) from error
