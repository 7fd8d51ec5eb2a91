"""Ensembles in ``fit``: check two members, fit their mean on faces that neither learnt from, score the test faces."""

import time
from dataclasses import dataclass
from itertools import chain

import numpy as np
from sklearn.base import clone

from landmark_fer.artifact.artifact import load_artifact
from landmark_fer.artifact.ensemble_files import bundled_reference
from landmark_fer.artifact.facts import base_facts, votes_of_training
from landmark_fer.artifact.manifest import MANIFEST_NAME
from landmark_fer.core.errors import ArtifactError, InputError
from landmark_fer.core.records import rows_of
from landmark_fer.datasets.merging import repeated
from landmark_fer.evaluation.comparison import comparison_rows
from landmark_fer.evaluation.cross_validation import CandidateResult, make_folds
from landmark_fer.evaluation.rejection import rejection_facts
from landmark_fer.evaluation.scores import class_columns, score
from landmark_fer.evaluation.significance import compare_pairs
from landmark_fer.evaluation.splits import has_official_split, prepare_folds, split_for_networks
from landmark_fer.models.base import fit_predictor, predict_in_order
from landmark_fer.models.ensemble import Ensemble, WeightedMean
from landmark_fer.models.mean_fitting import FORMS, fit_mean
from landmark_fer.models.networks.classifier import validation_split
from landmark_fer.perception.extraction import ExtractorSettings

NAME = "ensemble"
N_FOLDS = 5
"""Folds of the validation set on which forms of the mean are compared."""

PLAIN = WeightedMean("arithmetic", (0.5, 0.5))
"""The plain mean, to which weights and temperatures are compared."""

_TOLERANCE = 0.02  # in accuracy: libraries and versions of the extractor round differently
_SCORES = ("n", "accuracy", "accuracy_leak_free", "macro_f1", "log_loss", "ece")


@dataclass(frozen=True, eq=False)
class FittedEnsemble:
    """An ensemble of two artifacts.

    Attributes
    ----------
    rows, pairs : list of dict
        As from `comparison_rows` and `compare_pairs`, of the ensemble and its members on the validation set.
    reason, folds : str
        Sentences on the chosen mean and on the faces that it was fitted to.
    predictor : Ensemble
    facts : dict
        Facts for `save_artifact`.
    split : SplitFaces
    """

    rows: list
    pairs: list
    reason: str
    folds: str
    predictor: Ensemble
    facts: dict
    split: object


def load_members(paths):
    """Return the two members of an ensemble, the classical model first, after their kinds are checked.

    Parameters
    ----------
    paths : sequence of path-like
        Artifacts, as for `load_artifact`.

    Returns
    -------
    list of Artifact

    Raises
    ------
    ArtifactError
        If one is missing or damaged, or its manifest lacks facts.
    InputError
        If they are not a classical model and a network of the same classes that `fit` saved, or need different images.
    """
    members = [load_artifact(path) for path in paths]
    formats = [artifact.manifest["model"]["format"] for artifact in members]
    networks = [
        "comparison" in each.manifest and form == "network" for each, form in zip(members, formats, strict=True)
    ]
    if len(members) != 2 or sum(networks) != 1 or not {"joblib", "skops"} & {*formats}:
        got = ", ".join(f"{path} ({form})" for path, form in zip(paths, formats, strict=True))
        raise InputError(
            f"members of an ensemble must be a classical model (joblib or skops) and a network, both saved by fit, "
            f"got {got}; name one of each"
        )
    members = members[::-1] if networks[0] else members
    for artifact in members:
        _check_facts(artifact)
    classes = [", ".join(artifact.classes) for artifact in members]
    if classes[0] != classes[1]:
        raise InputError(f"members of an ensemble must predict the same classes, got {' and '.join(classes)}")
    merged_settings(members)
    return members


def merged_settings(members):
    """Return the extractor settings that suit all members.

    Parameters
    ----------
    members : sequence of Artifact

    Raises
    ------
    InputError
        If two members need different chips, crops or detectors.
    """
    merged = {}
    for artifact in members:
        for name, value in artifact.manifest["extractor"].items():
            if merged.setdefault(name, value) != value:
                raise InputError(
                    f"members of an ensemble must have the same {name}, got {merged[name]} and {value}; fit one again"
                )
    return ExtractorSettings.from_dict(merged)


def fit_ensemble(dataset, members, *, out, model_format=None, cache=None):
    """Fit the mean of two members on the network's validation set, and score the ensemble on the test faces.

    A copy of the classical member is fitted without the validation set for that. The ensemble's own member is the one
    fitted on all training faces.

    Parameters
    ----------
    dataset : FaceDataset
        The data that the members were fitted on, extracted with `merged_settings`.
    members : list of Artifact
        As from `load_members`.
    out : path-like
        Folder in which the ensemble will be saved.
    model_format : {"joblib", "skops"}, optional
        Of the classical member; by default as it was saved.
    cache : path-like, optional
        As for `find_near_duplicates`.

    Returns
    -------
    FittedEnsemble

    Raises
    ------
    InputError
        If the members were not fitted on the data set's training faces, or the network's validation set cannot be
        reproduced from them.
    """
    classical, network = members
    if tuple(dataset.classes) != classical.classes:
        got = ", ".join(dataset.classes)
        raise InputError(f"members of {', '.join(classical.classes)} need data of these expressions, got {got}")
    seed = network.manifest.get("seed", 0)
    prepared = prepare_folds(dataset, random_state=seed)
    dataset = prepared.dataset
    split = split_for_networks(dataset, n_folds=prepared.n_folds, random_state=seed, cache=cache)
    for artifact in members:
        _check_training_faces(artifact, dataset, split, seed)
    expressions = dataset.expressions[split.training]
    fitted, validation = validation_split(
        np.unique(expressions, return_inverse=True)[1], split.groups, random_state=seed
    )
    truth = class_columns(expressions[validation], dataset.classes)
    names = [artifact.manifest["model_name"] for artifact in members]
    results = {names[1]: _result(network.predictor, dataset, split.training[validation])}
    _check_validation_set(network, truth, results[names[1]].probabilities)
    refitted, seconds = _refitted(classical.predictor, dataset, split, fitted)
    results[names[0]] = _result(refitted, dataset, split.training[validation], seconds)
    predictions = np.array([results[name].probabilities for name in names])
    folds = _folds(expressions[validation], split.groups[validation], seed)
    chosen = fit_mean(predictions, truth, folds)
    ms_per_face = sum(result.ms_per_face for result in results.values())
    results = {NAME: CandidateResult(chosen.probabilities, [0.0], ms_per_face), **results}
    plain = CandidateResult(PLAIN(predictions), [0.0], ms_per_face)
    rows = comparison_rows(results | {FORMS[0].name: plain}, expressions[validation], dataset.classes)
    groups = split.groups[validation]
    pairs = compare_pairs(results, expressions[validation], dataset.classes, groups, random_state=seed)
    predictor = Ensemble(
        [(name, artifact.predictor) for name, artifact in zip(names, members, strict=True)],
        chosen.mean,
        dataset.classes,
    )
    reason = _reason(chosen, names)
    sentence = " ".join([_describe(len(expressions), len(validation), names, len(folds)), *prepared.sentences])
    warning = "may have included" in network.manifest.get("folds", "")
    sentence += " The network may have learnt from some of these faces before it was fine-tuned." * warning
    facts = base_facts(dataset, split, predictor, settings=merged_settings(members)) | {
        "fields": list(dict.fromkeys(name for artifact in members for name in artifact.manifest["fields"])),
        "features": NAME,
        "seed": seed,
        "model_name": NAME,
        "calibration": {"kind": "temperature", "members": names} if chosen.form.temperature else None,
        "folds": sentence,
        "comparison": rows,
        "pairs": pairs,
        "choice": reason,
        "search": None,
        "rejection": rejection_facts(expressions[validation], chosen.probabilities, dataset.classes),
        "ensemble": {
            "mean": chosen.mean.to_dict(),
            "form": chosen.form.name,
            "forms": chosen.rows,
            "members": [_member_facts(artifact, out, model_format) for artifact in members],
            "scores": {test.name: _scores_of_parts(predictor, dataset, test) for test in split.tests},
        },
    }
    return FittedEnsemble(rows, pairs, reason, sentence, predictor, facts, split)


def _check_facts(artifact):
    """Raise ArtifactError if a manifest lacks what an ensemble needs to know of the fit of a member."""
    manifest = artifact.manifest
    try:
        row = next(each for each in manifest["comparison"] if each["name"] == manifest["model_name"])
        numbers = [
            row["accuracy"],
            *chain.from_iterable(row["confusion"]),
            *manifest["data"]["n_by_expression"].values(),
        ]
        fits = all(isinstance(number, int | float) for number in [*numbers, manifest["data"].get("n_training", 0)])
        fits = fits and isinstance(manifest.get("folds", ""), str) and 0 <= manifest.get("seed", 0) < 2**32
    except (LookupError, TypeError, AttributeError, StopIteration):
        fits = False
    if not fits:
        raise ArtifactError(
            f"{artifact.path} must have the training data, seed and scores of its model in {MANIFEST_NAME}, as fit "
            "writes them; fit the model again"
        )


def _check_training_faces(artifact, dataset, split, seed):
    """Raise InputError unless an artifact was fitted on the training faces of a split."""
    own, training = artifact.manifest.get("data", {}), dataset.expressions[split.training]
    counts = {name: int((training == name).sum()) for name in dataset.classes}
    same_seed = has_official_split(dataset) or artifact.manifest.get("seed") == seed
    if own.get("n_by_expression") != counts or not same_seed:
        raise InputError(
            f"members of an ensemble must be fitted on the same training faces as given, {len(training):,} of "
            f"{dataset.source}, got {artifact.path} of {own.get('n_training', 0):,} of {own.get('source')} with seed "
            f"{artifact.manifest.get('seed')}; give its --data, or fit it again"
        )


def _check_validation_set(network, truth, probabilities):
    """Raise InputError unless a network does as well on its validation set as its manifest says."""
    name = network.manifest["model_name"]
    recorded = next(row for row in network.manifest["comparison"] if row["name"] == name)
    counts = np.bincount(truth, minlength=probabilities.shape[1]).tolist()
    accuracy = float((probabilities.argmax(axis=1) == truth).mean())
    tolerance = max(_TOLERANCE, 1 / len(truth))
    if [sum(row) for row in recorded["confusion"]] != counts or abs(accuracy - recorded["accuracy"]) > tolerance:
        raise InputError(
            f"the validation set of {network.path} cannot be reproduced: {len(truth):,} faces are found with an "
            f"accuracy of {accuracy:.1%}, {sum(map(sum, recorded['confusion'])):,} with {recorded['accuracy']:.1%} are "
            "recorded; give the data that it was trained on, or train it again"
        )


def _refitted(predictor, dataset, split, fitted):
    """Return a copy of a pipeline fitted on some of the training faces, and the seconds that it took."""
    start = time.perf_counter()
    fitted = repeated(fitted, None if dataset.weights is None else dataset.weights[split.training])
    rows, votes = split.training[fitted], votes_of_training(dataset, split)
    votes = None if votes is None else votes[fitted]
    copy = fit_predictor(clone(predictor), rows_of(dataset.records, rows), dataset.expressions[rows], votes)
    return copy, time.perf_counter() - start


def _result(predictor, dataset, rows, fit_s=0.0):
    """Return the predictions for faces as the result of a candidate."""
    start = time.perf_counter()
    probabilities = predict_in_order(predictor, dataset.records[rows], dataset.classes)
    return CandidateResult(probabilities, [fit_s], (time.perf_counter() - start) / len(rows) * 1000)


def _folds(expressions, groups, seed):
    """Return grouped folds of the validation set; none if an expression is too rare for two."""
    fewest = min(len(np.unique(groups[expressions == name])) for name in np.unique(expressions))
    return make_folds(expressions, groups, n_folds=min(N_FOLDS, fewest), random_state=seed) if fewest > 1 else []


def _scores_of_parts(ensemble, dataset, test):
    """Return scores of each member, and of the plain mean of both, on one set of test faces."""
    expressions = dataset.expressions[test.rows]
    predictions = ensemble.member_probabilities(rows_of(dataset.records, test.rows))
    parts = {name: each for (name, _), each in zip(ensemble.members, predictions, strict=True)}
    parts[FORMS[0].name] = PLAIN(predictions)
    scored = {name: score(expressions, each, dataset.classes, leak_free=test.leak_free) for name, each in parts.items()}
    return {name: {key: scores[key] for key in _SCORES} for name, scores in scored.items()}


def _member_facts(artifact, out, model_format):
    """Return what the manifest says of a member."""
    manifest, name = artifact.manifest, bundled_reference(artifact, out)
    form = manifest["model"]["format"]
    form = form if model_format is None or form == "network" or name else model_format
    facts = {each: manifest.get(each) for each in ("model_name", "features", "command", "created", "seed")}
    facts |= {"format": form, "sha256": manifest["model"]["sha256"]}
    return facts | ({"artifact": name} if name else {})


def _reason(chosen, names):
    """Return why a form of the mean was chosen, as a sentence."""
    weights = " and ".join(f"{weight:.2f} of {name}" for weight, name in zip(chosen.mean.weights, names, strict=True))
    text = f"The ensemble is the {chosen.form.name} of {' and '.join(names)} (weights {weights}, temperature "
    text += f"{chosen.mean.temperature:.2f})"
    if not chosen.rows:
        return f"{text}, because the validation set is too small to compare others."
    best, own = chosen.rows[0], next(row for row in chosen.rows if row["name"] == chosen.form.name)
    if best is own:
        return f"{text}, which has the lowest log loss on held-out folds of the validation set, {own['log_loss']:.3f}."
    return (
        f"{text}: on held-out folds of the validation set its log loss is {own['log_loss']:.3f}, less than a standard "
        f"error ({own['standard_error']:.3f}) above that of the {best['name']}, {best['log_loss']:.3f}."
    )


def _describe(n_training, n_validation, names, n_folds):
    """Return on which faces members and mean were fitted and compared, as sentences."""
    n_fitted = n_training - n_validation
    text = (
        f"{names[0]} is fitted on all {n_training:,} training faces and {names[1]} trained on {n_fitted:,} of them; "
        f"the mean is fitted to the other {n_validation:,}, the validation set of {names[1]}, with predictions of a "
        f"{names[0]} that was fitted without them. Near-duplicates and subjects stay together."
    )
    if n_folds:
        text += f" The ensemble's scores are of {n_folds} folds of the validation set, each with a mean of the others."
    return text
