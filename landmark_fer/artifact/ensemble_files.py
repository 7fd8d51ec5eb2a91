"""Files of ensembles: ``ensemble.json`` with the mean and the members' hashes, and the members' model files.

A member is a file in the ensemble's folder, or a bundled artifact that ``ensemble.json`` names. The bundled ensemble
names its members, so that checkout and wheel hold them once.
"""

import json
from pathlib import Path

from landmark_fer.artifact.manifest import BUNDLED_MEMBERS, read_manifest
from landmark_fer.artifact.model_files import MODEL_FORMATS, checked_content, file_facts
from landmark_fer.core.bundled import bundled
from landmark_fer.core.errors import ArtifactError, InputError, plain_value
from landmark_fer.models.ensemble import Ensemble, WeightedMean

MEMBER_FORMATS = ("joblib", "skops", "network")
"""Formats of members: of the classical model, and of the network, as ONNX."""


def write_ensemble(path, predictor, facts):
    """Write ``ensemble.json`` and the model files of the members, and return their size in bytes.

    Parameters
    ----------
    path : Path
        Of ``ensemble.json``.
    predictor : Ensemble
    facts : dict
        As for `save_artifact`. ``facts["ensemble"]["members"]`` has ``format`` of each member, and ``artifact`` of
        each that is a bundled artifact and is not copied.

    Raises
    ------
    InputError
        If the predictor is not an `Ensemble`, or a member cannot be saved in its format.
    """
    if not isinstance(predictor, Ensemble):
        raise InputError(f"an ensemble must be an Ensemble to be saved as one, got {type(predictor).__name__}")
    members = [
        {"name": name, **_entry(path.parent, member, described)}
        for (name, member), described in zip(predictor.members, facts["ensemble"]["members"], strict=True)
    ]
    values = {"classes": predictor.classes_.tolist(), "mean": predictor.mean.to_dict(), "members": members}
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    return path.stat().st_size + sum(_place(path.parent, each).stat().st_size for each in members)


def read_ensemble(content, path, threads):
    """Return the predictor that ``ensemble.json`` describes, after the hash of every member is checked.

    Parameters
    ----------
    content : bytes
        Of ``ensemble.json``.
    path : Path
        Of ``ensemble.json``.
    threads : int
        As for `load_artifact`.

    Returns
    -------
    Ensemble

    Raises
    ------
    ArtifactError
        If a member is missing, damaged or another one than at the time of the fit.
    DependencyError
        If a package that a member needs is not installed.
    """
    values = json.loads(content)
    checked = [(each, _checked_member(path.parent, each)) for each in values["members"]]  # all, before any is loaded
    members = [
        (each["name"], MODEL_FORMATS[each["format"]].read(member, _place(path.parent, each), threads))
        for each, member in checked
    ]
    return Ensemble(members, WeightedMean.from_dict(values["mean"]), values["classes"])


def bundled_reference(artifact, out):
    """Return the name of a bundled artifact that an ensemble at `out` refers to instead of holding a copy, or None.

    Only a bundled ensemble refers to its members: another one may outlive the installation.

    Parameters
    ----------
    artifact : Artifact
        The member.
    out : path-like
        Folder of the ensemble.
    """
    if artifact.path is None:
        return None
    folder, path = bundled("artifacts/default").resolve().parent, Path(artifact.path).resolve()
    bundles = Path(out).resolve().parent == folder and path.parent == folder and path.name in BUNDLED_MEMBERS
    return path.name if bundles else None


def _entry(folder, member, described):
    """Write the model file of a member unless it is bundled, and return its entry in ``ensemble.json``."""
    if described.get("artifact"):
        model = read_manifest(bundled(f"artifacts/{described['artifact']}"))["model"]
        return {"artifact": described["artifact"], **{name: model[name] for name in ("format", "file", "sha256")}}
    kind = MODEL_FORMATS[described["format"]]
    if described["format"] == "network":
        (folder / kind.file).write_bytes(member.content)
    else:
        kind.write(folder / kind.file, member, {})
    return {"format": described["format"], "file": kind.file, "sha256": file_facts(folder / kind.file)["sha256"]}


def _checked_member(folder, entry):
    """Return the content of a member's model file after its hash is checked."""
    kind = MODEL_FORMATS[entry["format"]] if entry["format"] in MEMBER_FORMATS else None
    if kind is None or entry["file"] != kind.file:
        raise ArtifactError(
            f"members of {folder} must be {', '.join(MEMBER_FORMATS)}, got {plain_value(entry['file'])} as "
            f"{plain_value(entry['format'])}; fit the ensemble again"
        )
    if "artifact" in entry and entry["artifact"] not in BUNDLED_MEMBERS:
        raise ArtifactError(
            f"members of {folder} must lie in it or be one of {', '.join(BUNDLED_MEMBERS)}, got "
            f"{plain_value(entry['artifact'])}; fit the ensemble again"
        )
    return checked_content(_place(folder, entry), entry["sha256"])


def _place(folder, entry):
    """Return the path of a member's model file."""
    if "artifact" in entry:
        return bundled(f"artifacts/{entry['artifact']}") / entry["file"]
    return folder / entry["file"]
