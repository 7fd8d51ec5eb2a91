"""Work of joblib on a Dask cluster."""

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


LOCAL = "local"
PATIENCE = 10  # seconds to reach a scheduler
PATIENCE_FOR_WORKERS = 60  # seconds to wait for the first worker

# Packages whose version can change results, each with the names of its distributions.
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
    """Run joblib's work on a cluster inside the context, if an address is given.

    Parameters
    ----------
    address : str or None
        ``tcp://HOST:PORT`` of a scheduler, `LOCAL` for processes on this machine, None for no cluster.
    jobs : int, optional
        By default the cores of this machine, or the threads of the cluster's workers.

    Yields
    ------
    int
        Number of jobs for joblib.

    Raises
    ------
    InputError
        If the address is malformed, no scheduler responds there, or it has no workers.
    DependencyError
        If Dask is not installed, or a worker lacks landmark_fer or has other versions.
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
        with joblib.parallel_config(backend=backend, n_jobs=1), _loss_reported(distributed, address):
            yield backend.effective_n_jobs(jobs if jobs and jobs > 1 else -1)


def check_workers(client):
    """Raise DependencyError if a worker lacks this package or has versions that could change results.

    Parameters
    ----------
    client : distributed.Client
    """
    here = versions()
    try:
        versions_of_workers = client.run(versions)
    except ModuleNotFoundError as error:
        raise DependencyError(
            f"each worker of the cluster must have landmark_fer installed, got one without {error.name}; "
            "run there: python -m pip install . in landmark_fer's folder"
        ) from error
    for worker, there in sorted(versions_of_workers.items()):
        differ = [f"{name} {there.get(name)} instead of {version}" for name, version in here.items()]
        differ = [text for text, name in zip(differ, here, strict=True) if there.get(name) != here[name]]
        if differ:
            raise DependencyError(
                f"each worker of the cluster must have the versions of this machine, got {worker} with "
                f"{', '.join(differ)}; install the same there"
            )


def versions():
    """Return the versions of this process that can change results, as a dict of name to version or None."""
    result = {"python": ".".join(platform.python_version_tuple()[:2]), "landmark_fer": __version__}
    for names in DECIDES:
        result[names[0]] = next((version for version in map(_version, names) if version), None)
    return result


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _connect(distributed, address, jobs, stack):
    """Return a client of a cluster whose scheduler and workers respond."""
    if address == LOCAL:
        options = {"n_workers": jobs or joblib.cpu_count(), "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
        address = stack.enter_context(distributed.LocalCluster(**options, silence_logs=50))
    try:
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(
            f"no scheduler responds at {address}; start one with 'dask scheduler', or use --cluster {LOCAL}"
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
def _loss_reported(distributed, address):
    """Raise LandmarkFerError for the errors that Dask raises when a cluster is lost."""
    from concurrent.futures import CancelledError

    from joblib.externals.loky.process_executor import TerminatedWorkerError

    try:
        yield
    except TerminatedWorkerError as error:
        raise LandmarkFerError(f"{error}; give the workers more memory, or check their logs") from error
    except (CancelledError, distributed.comm.CommClosedError) as error:
        raise LandmarkFerError(
            f"the cluster {address} was lost ({type(error).__name__}); extracted faces stay in the cache: start it "
            "again, and run the command again"
        ) from error
