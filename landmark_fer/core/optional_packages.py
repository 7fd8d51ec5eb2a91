"""Packages that one feature alone needs: imported when it is asked for, and missed in a sentence."""

import importlib

from landmark_fer.core.errors import DependencyError

OPTIONAL_PACKAGES = {
    "onnxruntime": "-r requirements.txt",  # which has it for no Intel Mac
    "skops": "skops>=0.16,<0.17",
    "onnx": "onnx>=1.17,<2",
    "fastapi": "-r requirements-web.txt",
    "uvicorn": "-r requirements-web.txt",
    "websockets": "-r requirements-web.txt",
    "torch": "-r requirements-cnn.txt",
    "keras": "-r requirements-cnn.txt",
    "onnxscript": "-r requirements-cnn.txt",
    "matplotlib": "matplotlib>=3.10,<4",
    "distributed": "-r requirements-cluster.txt",
    "optuna": "-r requirements-search.txt",
}
"""What to install for each: as requirements-export.txt has it, or a whole file of the kind."""


def import_optional(module, *, purpose):
    """Return a module of an optional package.

    Parameters
    ----------
    module : str
        Dotted name; its first part is a key of `OPTIONAL_PACKAGES`.
    purpose : str
        What cannot be done without, as the beginning of a sentence.

    Raises
    ------
    DependencyError
        If it cannot be imported.
    """
    package = module.partition(".")[0]
    wanted = OPTIONAL_PACKAGES[package]
    wanted = wanted if wanted.startswith("-r ") else f'"{wanted}"'
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise DependencyError(
            f"{purpose} needs the package {package}, which cannot be imported ({error}); run: pip install {wanted}"
        ) from error
