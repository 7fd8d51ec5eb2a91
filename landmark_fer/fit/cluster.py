"""Work of joblib on a Dask cluster."""

import contextlib
import importlib.metadata
import platform
import re

import joblib

from landmark_fer import __version__
from landmark_fer.core.errors import DependencyError, InputError, LandmarkFerError
from landmark_fer.core.optional_packages import import_optional

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
    from landmark_fer.fit.cluster_backend import ClusterBackend  # it needs Dask's packages

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
