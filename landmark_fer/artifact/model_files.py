"""Model files of an artifact in the formats joblib, skops and ONNX, and of ensembles."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import joblib
import sklearn

from landmark_fer.core.errors import ArtifactError, DependencyError, InputError, plain_reason, plain_value
from landmark_fer.core.optional_packages import import_optional

_TRUSTED_OF_SKLEARN = ("sklearn.neural_network._stochastic_optimizers.AdamOptimizer",)
"""Types of scikit-learn in candidates that skops does not trust by default."""


def trusted_types():
    """Return the names of the types that a saved model may hold in addition to those that skops trusts.

    They are the estimators of this package that the registry of candidates imports, and the values they hold.

    Returns
    -------
    set of str
    """
    from sklearn.base import BaseEstimator

    from landmark_fer.models import candidates  # noqa: F401  imports every estimator
    from landmark_fer.models.calibration import Calibration
    from landmark_fer.models.rules import Rule

    kinds, pending = {Calibration, Rule}, [BaseEstimator]
    while pending:
        subclasses = pending.pop().__subclasses__()
        kinds.update(subclasses)
        pending += subclasses
    own = ("landmark_fer.features.", "landmark_fer.models.")
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if kind.__module__.startswith(own)}
    return names | set(_TRUSTED_OF_SKLEARN)


def skops_content(predictor):
    """Return a fitted predictor as the bytes of a skops file.

    Raises
    ------
    ArtifactError
        If it holds types that could not be loaded.
    DependencyError
        If skops is not installed.
    """
    skops = _skops("writing a skops file")
    content = skops.dumps(predictor, compression=zipfile.ZIP_DEFLATED, compresslevel=6)
    _check_types(skops, content, "the model")
    return content


def load_skops(content, name):
    """Return the predictor in the bytes of a skops file.

    Parameters
    ----------
    content : bytes
    name : str
        The file's name for messages.

    Raises
    ------
    ArtifactError
        If it holds a type that is not trusted; no object is created then.
    DependencyError
        If skops is not installed.
    """
    skops = _skops(f"loading {name}")
    _check_types(skops, content, name)
    return skops.loads(content, trusted=sorted(trusted_types()))


def _skops(purpose):
    return import_optional("skops.io", purpose=purpose)


def _check_types(skops, content, name):
    trusted = trusted_types()
    untrusted = [kind for kind in skops.get_untrusted_types(data=content) if kind not in trusted]
    if untrusted:
        raise ArtifactError(
            f"{name} must hold only types that landmark_fer trusts, got {', '.join(untrusted)}; "
            "use a model of one of landmark_fer's own candidates"
        )


@dataclass(frozen=True)
class ModelFormat:
    """One file format of models.

    Attributes
    ----------
    file : str
        Name of the file in the folder.
    write : callable
        Takes the path, the fitted predictor and the facts of `save_artifact`; may return the size in bytes of all
        files that predictions need, if there are others.
    read : callable
        Takes the content as bytes, its path and the number of threads of an ONNX model; returns the predictor.
    packages : tuple of str
        Optional packages that writing needs.
    needs_sklearn : bool
        Whether it loads only with the minor version of scikit-learn that it was fitted with.
    """

    file: str
    write: Callable
    read: Callable
    packages: tuple = ()
    needs_sklearn: bool = True


def _write_joblib(path, predictor, facts):
    joblib.dump(predictor, path, compress=("zlib", 6))


def _read_joblib(content, path, threads):
    return joblib.load(io.BytesIO(content))  # the bytes whose hash was checked


def _write_skops(path, predictor, facts):
    path.write_bytes(skops_content(predictor))


def _read_skops(content, path, threads):
    return load_skops(content, str(path))


def _write_onnx(path, predictor, facts):
    from landmark_fer.artifact.export.onnx_model import onnx_content

    path.write_bytes(onnx_content(predictor, facts))


def _read_onnx(content, path, threads):
    from landmark_fer.models.onnx_runtime import OnnxPredictor

    return OnnxPredictor(content, threads=threads)


def _write_network(path, predictor, facts):
    from landmark_fer.artifact.network_files import write_network

    write_network(path, predictor, facts)


def _read_network(content, path, threads):
    from landmark_fer.models.networks.onnx_network import OnnxNetwork

    return OnnxNetwork(content, name=str(path), threads=threads)


def _write_ensemble(path, predictor, facts):
    from landmark_fer.artifact.ensemble_files import write_ensemble

    return write_ensemble(path, predictor, facts)


def _read_ensemble(content, path, threads):
    from landmark_fer.artifact.ensemble_files import read_ensemble

    return read_ensemble(content, path, threads)


MODEL_FORMATS = {
    "joblib": ModelFormat("model.joblib", _write_joblib, _read_joblib),
    "skops": ModelFormat("model.skops", _write_skops, _read_skops, packages=("skops",)),
    "onnx": ModelFormat("model.onnx", _write_onnx, _read_onnx, packages=("onnx",), needs_sklearn=False),
    "network": ModelFormat(
        "model.onnx", _write_network, _read_network, packages=("keras", "torch"), needs_sklearn=False
    ),
    "ensemble": ModelFormat("ensemble.json", _write_ensemble, _read_ensemble),
}
"""Formats by name."""

NETWORK_SUFFIXES = (".onnx", ".keras")
"""Suffixes of files that hold a network without an artifact."""


def check_model_format(name):
    """Raise if models cannot be written in a format.

    Parameters
    ----------
    name : str
        A key of `MODEL_FORMATS`.

    Raises
    ------
    InputError
        If the format is unknown.
    DependencyError
        If a package that it needs is not installed.
    """
    if name not in MODEL_FORMATS:
        raise InputError(f"the model's format must be one of {', '.join(MODEL_FORMATS)}, got {name!r}")
    for package in MODEL_FORMATS[name].packages:
        import_optional(package, purpose=f"writing a model as {name}")


def write_model(folder, predictor, facts, name):
    """Write a model into a folder and return its entry in the manifest: file, format, hash and size.

    Parameters
    ----------
    folder : Path
    predictor : estimator
        Fitted.
    facts : dict
        As for `save_artifact`.
    name : str
        A key of `MODEL_FORMATS`.

    Returns
    -------
    dict
    """
    check_model_format(name)
    kind = MODEL_FORMATS[name]
    size = kind.write(folder / kind.file, predictor, facts)
    entry = {"file": kind.file, "format": name, **file_facts(folder / kind.file)}
    return entry if size is None else entry | {"bytes": size}


def file_facts(path):
    """Return the hash and size of a file as in a manifest."""
    content = Path(path).read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def format_versions(name):
    """Return the installed versions of the packages that write a format, by name."""
    return {package: version(package) for package in ("numpy", *(MODEL_FORMATS[name].packages or ("joblib",)))}


def read_model(folder, manifest, *, threads=1):
    """Return the predictor of an artifact after its hash and then its versions are checked.

    Parameters
    ----------
    folder : Path
    manifest : dict
    threads : int, default=1
        As for `load_artifact`.

    Raises
    ------
    ArtifactError
        If it is missing, damaged, of another version, or not a model.
    DependencyError
        If a package that its format needs is not installed.
    """
    kind = _format_of(folder, manifest["model"])
    model = folder / kind.file
    content = checked_content(model, manifest["model"]["sha256"])
    if kind.needs_sklearn:
        _check_versions(folder, manifest["versions"])
    try:
        return kind.read(content, model, threads)
    except (ArtifactError, DependencyError):
        raise
    except Exception as error:  # a damaged file may raise anything
        raise ArtifactError(f"{model} cannot be loaded ({plain_reason(error)}); fit the model again") from error


def _format_of(folder, entry):
    """Return the `ModelFormat` that the entry of a model in a manifest names."""
    name = entry.get("format")
    kind = MODEL_FORMATS.get(name) if isinstance(name, str) else None
    if kind is None:
        names = ", ".join(MODEL_FORMATS)
        raise ArtifactError(
            f"{folder} must hold a model as {names}, got {plain_value(name)}; update landmark_fer or fit it again"
        )
    if entry.get("file") != kind.file:
        raise ArtifactError(
            f"{folder} must hold its model in {kind.file}, got {plain_value(entry.get('file'))}; fit the model again"
        )
    return kind


def checked_content(path, sha256):
    """Return the content of a file of an artifact after its hash is checked.

    Raises
    ------
    ArtifactError
        If it cannot be read or has another hash.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}); fit the model again") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ArtifactError(f"{path} must have the SHA-256 in its manifest, got another: it is damaged or replaced")
    return content


def _check_versions(folder, versions):
    saved, installed = str(versions.get("scikit-learn", "none")), sklearn.__version__
    if saved.split(".")[:2] != installed.split(".")[:2]:
        raise ArtifactError(
            f"{folder} was fitted with scikit-learn {saved} and {installed} is installed; a fitted model needs its "
            f"minor version: install scikit-learn {'.'.join(saved.split('.')[:2])} or fit the model again"
        )
