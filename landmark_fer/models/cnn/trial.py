"""Trying a strange network in a process of its own: a file that crashes OpenCV's reader then ends no more than that."""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2

from landmark_fer.cache_files import cache_folder
from landmark_fer.errors import InputError, LandmarkFerError
from landmark_fer.models.cnn.onnx_network import OnnxNetwork
from landmark_fer.models.cnn.sidecar import NetworkDescription

PATIENCE = 300
"""Seconds that reading a network and running it once may take."""

_REFUSED = 3  # exit status when the sentence is on stdout
_ROOT = Path(__file__).resolve().parents[3]
_LEAST_MEMORY, _COPIES = 4 * 2**30, 12  # what the process may have: bytes, and that many times the file


def try_network(content, description, *, name="the network"):
    """Raise if OpenCV crashes on a network, hangs, or cannot run it as it is described.

    Parameters
    ----------
    content : bytes
        An ONNX model.
    description : NetworkDescription
    name : str
        What to call it in a message.

    Raises
    ------
    InputError
        As `OnnxNetwork` does; or if the process that tried it died.
    """
    paths = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "landmark_fer.models.cnn.trial", json.dumps(description.to_dict()), str(name)]
    options = {"capture_output": True, "timeout": PATIENCE, "env": os.environ | {"PYTHONPATH": paths}}
    try:
        done = subprocess.run(command, input=content, **options)
    except subprocess.TimeoutExpired as error:
        raise InputError(f"{name} must run within {PATIENCE} seconds, and does not; choose another network") from error
    if done.returncode == _REFUSED:
        raise InputError(done.stdout.decode("utf-8"))
    if done.returncode:
        raise InputError(
            f"{name} must be ONNX that OpenCV runs, and makes it crash: it is damaged, or of a kind that OpenCV "
            "does not know; get the file anew or export it otherwise"
        )


def try_network_once(content, description, *, name="the network", cache=None):
    """Do as `try_network` does, unless the same OpenCV has run the same file on this machine before.

    Parameters
    ----------
    content, description, name
        As for `try_network`.
    cache : path-like, optional
        As for `cache_folder`; an empty file for each network that was tried lies there, where it can be written.
    """
    tried = hashlib.sha256(content)
    tried.update(f"{cv2.__version__} {description}".encode())
    mark = cache_folder(cache) / "tried" / tried.hexdigest()
    if mark.is_file():
        return
    try_network(content, description, name=name)
    with contextlib.suppress(OSError):
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def _limit_memory(n_bytes):
    """Let the process have so much memory and no more, where the system can: damaged sizes ask for any amount."""
    try:
        import resource
    except ImportError:  # Windows
        return
    wanted = max(_LEAST_MEMORY, _COPIES * n_bytes)
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _main():
    """Run the network on stdin once; the description and the name are the arguments."""
    content = sys.stdin.buffer.read()
    _limit_memory(len(content))
    try:
        OnnxNetwork(content, NetworkDescription.from_dict(json.loads(sys.argv[1])), name=sys.argv[2])
    except LandmarkFerError as error:
        sys.stdout.buffer.write(str(error).encode("utf-8"))
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(_main())
