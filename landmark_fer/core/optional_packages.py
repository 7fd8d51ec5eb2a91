"""Optional packages: imported by the feature that needs them, with a message that says how to install them."""

import importlib

from landmark_fer.core.errors import DependencyError

OPTIONAL_PACKAGES = {
    "onnxruntime": "-r requirements.txt",  # but not on Intel Macs
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
    "pyarrow": "-r requirements-parquet.txt",
}
"""The arguments of ``pip install`` for each: a requirement or a requirements file."""


def import_optional(module, *, purpose):
    """Return a module of an optional package.

    Parameters
    ----------
    module : str
        Dotted name; its first part is a key of `OPTIONAL_PACKAGES`.
    purpose : str
        The feature that needs it; begins the message.

    Raises
    ------
    DependencyError
        If it cannot be imported.
    """
    package = module.partition(".")[0]
    requirement = OPTIONAL_PACKAGES[package]
    requirement = requirement if requirement.startswith("-r ") else f'"{requirement}"'
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise DependencyError(
            f"{purpose} needs the package {package}, which cannot be imported ({error}); run: pip install {requirement}"
        ) from error
