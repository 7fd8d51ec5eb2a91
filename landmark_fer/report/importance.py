"""What a saved model's report lacks, measured later: from the data that it was fitted on, without fitting anything.

The faces are read and divided as by the command that fitted the model, which its manifest tells; that they are the same
faces is checked before anything is measured.
"""

import contextlib
import io
import json
import shlex
from pathlib import Path

from joblib import effective_n_jobs

from landmark_fer.artifact.artifact import load_artifact
from landmark_fer.artifact.manifest import MANIFEST_NAME, read_manifest
from landmark_fer.core.errors import ArtifactError, DataError, InputError, SinkError
from landmark_fer.core.files import atomic_write_text
from landmark_fer.datasets import load_dataset
from landmark_fer.evaluation.importance import region_swaps
from landmark_fer.evaluation.splits import prepare_folds, split_faces, split_for_networks
from landmark_fer.evaluation.subjects import people_in_folds
from landmark_fer.fit.options import fit_parser
from landmark_fer.perception.extraction import ExtractorSettings
from landmark_fer.reports.measures import importance

_SECONDS = 600.0  # whoever asks for it waits for more faces than a fit, to which it is an addition


def measure_importance(folder, paths, *, command=None, shape_predictor=None, jobs=None, cache=None):
    """Measure which regions of the face a saved model goes by, on its test faces, and keep that in its manifest.

    Parameters
    ----------
    folder : path-like
        Of the artifact.
    paths : sequence of path-like
        The data that it was fitted on, as for `load_dataset`; they may lie elsewhere by now.
    command : str, optional
        That measures it; kept beside the numbers.
    shape_predictor, jobs, cache
        As for `load_dataset`, whose `predictor` is the first.

    Returns
    -------
    dict
        As from `report_measures.importance`, with ``command``.

    Raises
    ------
    ArtifactError
        If there is no artifact, its manifest names no data, or another took its place meanwhile.
    InputError
        If the model reads nothing that has regions.
    DataError
        If the data are not those that it was fitted on.
    SinkError
        If the manifest cannot be written.
    """
    folder = Path(folder)
    artifact = load_artifact(folder, threads=effective_n_jobs(jobs or -1))
    manifest = artifact.manifest
    if not region_swaps(manifest["fields"]):
        raise InputError(
            f"{folder} reads {', '.join(manifest['fields'])}, in which regions of the face have no fixed place, so "
            "that none can be exchanged; measure a model of landmarks or chips"
        )
    options = _options_of(manifest)
    extraction = {"settings": ExtractorSettings.from_dict(manifest["extractor"]), "predictor": shape_predictor}
    dataset = _read(paths, options, jobs=jobs, cache=cache, **extraction)
    dataset, split = _divided(dataset, options, "network" in manifest, cache)
    _check_same(folder, manifest, dataset, split)
    asked = {"seconds": _SECONDS, "most": len(dataset)}
    found = importance(dataset, split, artifact.predictor, manifest["fields"], options.seed, **asked)
    found["command"] = command
    _keep(folder, manifest, {"importance": found})
    return found


def _options_of(manifest):
    """Return the options of the command that fitted a model; the defaults where it was no command, or is not known."""
    words = shlex.split(str(manifest.get("command") or ""))
    arguments = words[3:] if words[1:3] == ["-m", "landmark_fer.fit"] else []
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            return fit_parser().parse_args(arguments)
        except SystemExit:  # of another version's options; whether the faces are the same is checked
            return fit_parser().parse_args([])


def _read(paths, options, **extraction):
    paths = list(paths)
    given = {name: getattr(options, name) for name in ("labels", "votes", "dataset", "images", "poses")}
    expressions, weights = options.expressions, options.data_weights
    if len(paths) > 1 and weights:
        given["weights"] = [int(word) for word in weights.split(",")]
    return load_dataset(paths, expressions=expressions.split(",") if expressions else None, **given, **extraction)


def _divided(dataset, options, is_network, cache):
    """Return the data set and its split as fitting had them."""
    divide, n_folds = (split_for_networks, {}) if is_network else (split_faces, {"n_folds": options.folds})
    dataset, _ = people_in_folds(dataset, options.folds_by)
    prepared = prepare_folds(dataset, random_state=options.seed, **n_folds)
    drawn = {"n_folds": prepared.n_folds, "random_state": options.seed, "cache": cache}
    return prepared.dataset, divide(prepared.dataset, **drawn)


def _check_same(folder, manifest, dataset, split):
    about = manifest.get("data")
    if not about:
        raise ArtifactError(f"{folder / MANIFEST_NAME} names no data that the model was fitted on; fit the model anew")
    counts = {test.name: (len(test.rows), int(test.leak_free.sum())) for test in split.tests}
    wanted = {name: (each["n"], each["n_leak_free"]) for name, each in manifest.get("scores", {}).items()}
    if (dataset.key, counts) != (about["key"], wanted):
        raise DataError(
            f"the data must be those that {folder} was fitted on ({about['source']}, {about['n_training']:,} training "
            f"faces, key {about['key'][:8]}), and {dataset.source} has {len(split.training):,} of key "
            f"{dataset.key[:8]}; give the others, all of them"
        )


def _keep(folder, manifest, facts):
    """Add facts to the manifest of an artifact that is still the same."""
    standing = read_manifest(folder)
    if standing["model"]["sha256"] != manifest["model"]["sha256"]:
        raise ArtifactError(f"{folder} was replaced by another model meanwhile; measure again")
    text = json.dumps(standing | facts, indent=1, ensure_ascii=False, allow_nan=False)
    try:
        atomic_write_text(folder / MANIFEST_NAME, f"{text}\n")
    except OSError as error:
        raise SinkError(
            f"{folder / MANIFEST_NAME} could not be written ({error.strerror or error}); copy the folder to a place "
            "that can be"
        ) from error
