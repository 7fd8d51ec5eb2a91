"""Packages that one feature alone needs: imported when it is asked for, and missed in a sentence."""

import importlib

from landmark_fer.errors import DependencyError

OPTIONAL_PACKAGES = {
    "skops": "skops>=0.16,<0.17",
    "onnx": "onnx>=1.17,<2",
    "onnxruntime": "onnxruntime>=1.20,<2",
}
"""What to install for each; requirements-export.txt has the same."""


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
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise DependencyError(
            f"{purpose} needs the package {package}, which cannot be imported ({error}); "
            f'run: pip install "{OPTIONAL_PACKAGES[package]}"'
        ) from error
