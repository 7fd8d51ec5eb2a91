"""Model files of an artifact: joblib, skops, ONNX."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import joblib
import sklearn

from landmark_fer.core.errors import ArtifactError, DependencyError, InputError
from landmark_fer.core.optional_packages import import_optional

_TRUSTED_OF_SKLEARN = ("sklearn.neural_network._stochastic_optimizers.AdamOptimizer",)
"""Types that candidates hold of scikit-learn and that skops does not trust by itself."""


def trusted_types():
    """Return the names of the types that a saved model may hold besides those that skops trusts.

    They are the estimators of this package, as the registry of candidates imports them, and the values they hold.

    Returns
    -------
    set of str
    """
    from sklearn.base import BaseEstimator

    from landmark_fer.models import candidates  # noqa: F401  it imports every estimator
    from landmark_fer.models.calibration import Calibration
    from landmark_fer.models.rules import Rule

    kinds, pending = {Calibration, Rule}, [BaseEstimator]
    while pending:
        found = pending.pop().__subclasses__()
        kinds.update(found)
        pending += found
    own = ("landmark_fer.features.", "landmark_fer.models.")
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if kind.__module__.startswith(own)}
    return names | set(_TRUSTED_OF_SKLEARN)


def skops_content(predictor):
    """Return a fitted predictor as the bytes of a skops file.

    Raises
    ------
    ArtifactError
        If it holds types that could not be loaded again.
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
        What to call it in a message.

    Raises
    ------
    ArtifactError
        If it holds a type that is not trusted; nothing of it was made then.
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
    unknown = [kind for kind in skops.get_untrusted_types(data=content) if kind not in trusted]
    if unknown:
        raise ArtifactError(
            f"{name} must hold types that landmark_fer trusts alone, and holds {', '.join(unknown)}; "
            "ask its maker for one fitted with landmark_fer's own models"
        )


@dataclass(frozen=True)
class ModelFormat:
    """How a model is kept.

    Attributes
    ----------
    file : str
        Its name in the folder.
    write : callable
        Takes the path, the fitted predictor and the facts of `save_artifact`.
    read : callable
        Takes the content as bytes, its name for messages and the threads that an ONNX model may use; returns the
        predictor.
    packages : tuple of str
        What writing needs beyond the usual.
    needs_sklearn : bool
        Whether it loads with the minor version of scikit-learn alone that it was fitted with.
    """

    file: str
    write: Callable
    read: Callable
    packages: tuple = ()
    needs_sklearn: bool = True


def _write_joblib(path, predictor, facts):
    joblib.dump(predictor, path, compress=("zlib", 6))


def _read_joblib(content, name, threads):
    return joblib.load(io.BytesIO(content))  # the very bytes that were checked


def _write_skops(path, predictor, facts):
    path.write_bytes(skops_content(predictor))


def _read_skops(content, name, threads):
    return load_skops(content, name)


def _write_onnx(path, predictor, facts):
    from landmark_fer.artifact.export.onnx_model import onnx_content

    path.write_bytes(onnx_content(predictor, facts))


def _read_onnx(content, name, threads):
    from landmark_fer.models.onnx_runtime import OnnxPredictor

    return OnnxPredictor(content, threads=threads)


def _write_network(path, predictor, facts):
    from landmark_fer.artifact.network_files import write_network

    write_network(path, predictor, facts)


def _read_network(content, name, threads):
    from landmark_fer.models.networks.onnx_network import OnnxNetwork

    return OnnxNetwork(content, name=name, threads=threads)


MODEL_FORMATS = {
    "joblib": ModelFormat("model.joblib", _write_joblib, _read_joblib),
    "skops": ModelFormat("model.skops", _write_skops, _read_skops, packages=("skops",)),
    "onnx": ModelFormat("model.onnx", _write_onnx, _read_onnx, packages=("onnx",), needs_sklearn=False),
    "network": ModelFormat(
        "model.onnx", _write_network, _read_network, packages=("keras", "torch"), needs_sklearn=False
    ),
}
"""By name."""

NETWORK_SUFFIXES = (".onnx", ".keras")
"""Of files that are a network by themselves."""


def check_model_format(name):
    """Raise if a model could not be written in a format.

    Parameters
    ----------
    name : str
        A key of `MODEL_FORMATS`.

    Raises
    ------
    InputError
        If there is no such format.
    DependencyError
        If what it needs is not installed.
    """
    if name not in MODEL_FORMATS:
        raise InputError(f"the model's format must be one of {', '.join(MODEL_FORMATS)}, got {name!r}")
    for package in MODEL_FORMATS[name].packages:
        import_optional(package, purpose=f"writing a model as {name}")


def write_model(folder, predictor, facts, name):
    """Write a model into a folder and return what the manifest says of it: file, format, hash and size.

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
    kind.write(folder / kind.file, predictor, facts)
    return {"file": kind.file, "format": name, **file_facts(folder / kind.file)}


def file_facts(path):
    """Return what a manifest says of a file: hash and size."""
    content = Path(path).read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def format_versions(name):
    """Return the versions of the packages that wrote a format, by name."""
    return {each: version(each) for each in ("numpy", *(MODEL_FORMATS[name].packages or ("joblib",)))}


def read_model(folder, manifest, *, threads=1):
    """Return the predictor of an artifact: first its hash is checked, then its versions, and only then is it loaded.

    Parameters
    ----------
    folder : Path
    manifest : dict
    threads : int, default=1
        As for `load_artifact`.

    Raises
    ------
    ArtifactError
        If it is missing, damaged, of another version, or no model.
    DependencyError
        If what its format needs is not installed.
    """
    kind = _format_of(folder, manifest["model"])
    model = folder / kind.file
    content = checked_content(model, manifest["model"]["sha256"])
    if kind.needs_sklearn:
        _check_versions(folder, manifest["versions"])
    try:
        return kind.read(content, str(model), threads)
    except (ArtifactError, DependencyError):
        raise
    except Exception as error:  # a file of other code raises nearly anything
        raise ArtifactError(f"{model} cannot be loaded ({error}); fit the model anew") from error


def _format_of(folder, entry):
    """Return the format that a manifest names; the first artifacts named none and were joblib."""
    name = entry.get("format", "joblib")
    kind = MODEL_FORMATS.get(name) if isinstance(name, str) else None
    if kind is None:
        known = ", ".join(MODEL_FORMATS)
        raise ArtifactError(f"{folder} must hold a model as {known}, got {name!r}; update landmark_fer or fit anew")
    if entry.get("file", kind.file) != kind.file:
        raise ArtifactError(f"{folder} must keep its model as {kind.file}, got {entry['file']!r}; fit the model anew")
    return kind


def checked_content(path, sha256):
    """Return the content of a file of an artifact whose hash is that in its manifest.

    Raises
    ------
    ArtifactError
        If it cannot be read or has another.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}); fit the model anew") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ArtifactError(f"{path} must have the SHA-256 in its manifest, and has not: it is damaged or replaced")
    return content


def _check_versions(folder, versions):
    saved, here = str(versions.get("scikit-learn", "none")), sklearn.__version__
    if saved.split(".")[:2] != here.split(".")[:2]:
        raise ArtifactError(
            f"{folder} was fitted with scikit-learn {saved} and {here} is installed; a fitted model is tied to its "
            f"minor version: install scikit-learn {'.'.join(saved.split('.')[:2])} or fit the model anew"
        )
