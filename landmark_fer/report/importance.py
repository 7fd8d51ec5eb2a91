"""Importance of face regions of a saved model, measured on the data that it was fitted on, without a fit.

The data are loaded and split by the options of the command that fitted the model, which its manifest records. That they
are the same faces is checked first.
"""

import contextlib
import io
import json
import shlex
from pathlib import Path

from joblib import effective_n_jobs

from landmark_fer.artifact.artifact import load_artifact
from landmark_fer.artifact.manifest import MANIFEST_NAME, read_manifest
from landmark_fer.core.bundled import is_installed
from landmark_fer.core.errors import ArtifactError, DataError, InputError, SinkError
from landmark_fer.core.files import atomic_write_text
from landmark_fer.evaluation.importance import region_swaps
from landmark_fer.evaluation.splits import prepare_folds, split_faces, split_for_networks
from landmark_fer.evaluation.subjects import dataset_for_folds
from landmark_fer.fit.data import load_fit_data
from landmark_fer.fit.options import fit_parser
from landmark_fer.perception.extraction import ExtractorSettings
from landmark_fer.reports.measures import importance

_SECONDS = 600.0  # more than in a fit, where the measurement comes on top of the fit


def measure_importance(folder, paths, *, command=None, shape_predictor=None, jobs=None, cache=None):
    """Measure the importance of face regions of a saved model on its test faces, and add it to its manifest.

    Parameters
    ----------
    folder : path-like
        The artifact.
    paths : sequence of path-like
        The data sets that it was fitted on, as for `load_dataset`, wherever they are now.
    command : str, optional
        The command line that measures, recorded with the result.
    shape_predictor, jobs, cache
        As ``predictor``, ``jobs`` and ``cache`` of `load_dataset`.

    Returns
    -------
    dict
        As from `landmark_fer.reports.measures.importance`, with ``command``.

    Raises
    ------
    ArtifactError
        If there is no artifact, its manifest records no data, or another artifact replaced it meanwhile.
    InputError
        If the model reads no field with regions.
    DataError
        If the data are not those that it was fitted on.
    SinkError
        If the manifest cannot be written, or is part of the installed package.
    """
    folder = Path(folder)
    if is_installed(folder):
        raise SinkError(
            f"{folder} belongs to the installed package, which stays unchanged; copy it and measure the copy"
        )
    artifact = load_artifact(folder, threads=effective_n_jobs(jobs or -1))
    manifest = artifact.manifest
    if not region_swaps(manifest["fields"]):
        raise InputError(
            f"{folder} reads {', '.join(manifest['fields'])}, where regions of the face have no fixed place and cannot "
            "be exchanged; measure a model of landmarks or chips"
        )
    options = _options_of(manifest)
    dataset = load_fit_data(
        options,
        paths=list(paths),
        settings=ExtractorSettings.from_dict(manifest["extractor"]),
        predictor=shape_predictor,
        jobs=jobs,
        cache=cache,
    )
    dataset, split = _split(dataset, options, manifest, cache)
    _check_same(folder, manifest, dataset, split)
    result = importance(
        dataset,
        split,
        artifact.predictor,
        manifest["fields"],
        options.seed,
        seconds=_SECONDS,
        max_faces=len(dataset),
    )
    result["command"] = command
    _add_to_manifest(folder, manifest, {"importance": result})
    return result


def _options_of(manifest):
    """Return the options of the ``fit`` command in a manifest, or the defaults if there is none that parses."""
    words = shlex.split(str(manifest.get("command") or ""))
    arguments = words[3:] if words[1:3] == ["-m", "landmark_fer.fit"] else []
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            return fit_parser().parse_args(arguments)
        except SystemExit:  # options of another version; `_check_same` refuses other faces
            return fit_parser().parse_args([])


def _split(dataset, options, manifest, cache):
    """Return the data set and its split as in the fit."""
    is_network, seed = "network" in manifest or "ensemble" in manifest, manifest.get("seed", options.seed)
    dataset, _ = dataset_for_folds(dataset, options.folds_by)
    folds = {} if is_network else {"n_folds": options.folds}
    prepared = prepare_folds(dataset, random_state=seed, **folds)
    split = (split_for_networks if is_network else split_faces)(
        prepared.dataset, n_folds=prepared.n_folds, random_state=seed, cache=cache
    )
    return prepared.dataset, split


def _check_same(folder, manifest, dataset, split):
    data = manifest.get("data")
    if not data:
        raise ArtifactError(f"{folder / MANIFEST_NAME} names no data that the model was fitted on; fit the model again")
    actual = {test.name: (len(test.rows), int(test.leak_free.sum())) for test in split.tests}
    expected = {name: (each["n"], each["n_leak_free"]) for name, each in manifest.get("scores", {}).items()}
    if (dataset.key, actual) != (data["key"], expected):
        raise DataError(
            f"the data must be those that {folder} was fitted on ({data['source']}, {data['n_training']:,} training "
            f"faces, key {data['key'][:8]}), got {dataset.source} with {len(split.training):,} of key "
            f"{dataset.key[:8]}; give all data sets of the fit"
        )


def _add_to_manifest(folder, manifest, facts):
    """Add facts to the manifest of an artifact, unless another model replaced it meanwhile."""
    current = read_manifest(folder)
    if current["model"]["sha256"] != manifest["model"]["sha256"]:
        raise ArtifactError(f"{folder} was replaced by another model meanwhile; measure again")
    text = json.dumps(current | facts, indent=1, ensure_ascii=False, allow_nan=False)
    try:
        atomic_write_text(folder / MANIFEST_NAME, f"{text}\n")
    except OSError as error:
        raise SinkError(
            f"{folder / MANIFEST_NAME} could not be written ({error.strerror or error}); copy the folder to a place "
            "where you can write"
        ) from error
