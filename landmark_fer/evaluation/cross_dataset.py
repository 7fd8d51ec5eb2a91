"""Evaluation across data sets: a model fitted on one data set and scored on each of them."""

from sklearn.base import clone

from landmark_fer.core.errors import InputError
from landmark_fer.datasets.near_duplicates import find_near_duplicates
from landmark_fer.evaluation.assessment import assess
from landmark_fer.evaluation.cross_validation import cross_validate_candidates, make_folds
from landmark_fer.evaluation.scores import score, subject_intervals
from landmark_fer.evaluation.splits import TRAINING, has_chips
from landmark_fer.evaluation.subjects import check_enough_subjects, related_faces
from landmark_fer.models.base import fit_predictor

_SCORES = ("n", "accuracy", "accuracy_interval", "interval_by", "n_subjects", "macro_f1")


def evaluate_across_datasets(datasets, candidate, *, n_folds=5, jobs=1, random_state=0, cache=None, bar=True):
    """Fit a candidate on each data set and score it on each.

    The candidate is fitted on the split Training, or on all faces where there is none, and scored on the other splits,
    or on all faces. Within one data set without a split it is scored out of fold; folds keep subjects together.
    Predictions are restricted to the classes that both data sets have.

    Parameters
    ----------
    datasets : dict of str to FaceDataset
        At least one; extracted with the same settings.
    candidate : Candidate
    n_folds : int, default=5
    jobs : int, default=1
        Number of folds in parallel.
    random_state : int, default=0
    cache : path-like, optional
        As for `find_near_duplicates`.
    bar : bool, default=True
        Whether to show progress bars.

    Returns
    -------
    list of dict
        One row for each pair: ``trained_on, tested_on, protocol`` ("test split", "all faces", "out of fold" or
        "no class is shared"), ``n, classes, absent`` (classes of the training data that the test data lack),
        ``left_out`` (faces of classes that the training data lack, by class), ``accuracy, accuracy_interval,
        interval_by, n_subjects, macro_f1, accuracy_all`` (with all classes of the training data),
        ``accuracy_leak_free``. Scores are None where no class is shared.

    Raises
    ------
    InputError
        If there is no data set.
    DataError
        If a data set has too few subjects for the folds.
    """
    if not datasets:
        raise InputError("a table across data sets needs at least one, got none; give their paths")
    rows = []
    for trained_on, own in datasets.items():
        training = own.take(own.splits == TRAINING) if _has_test_split(own) else own
        predictor = fit_predictor(clone(candidate.pipeline), training.records, training.expressions)
        for tested_on, other in datasets.items():
            if tested_on == trained_on and not _has_test_split(other):
                groups = find_near_duplicates(other, cache=cache).groups
                scores = _score_out_of_fold(
                    other, candidate, groups, n_folds=n_folds, jobs=jobs, random_state=random_state, bar=bar
                )
            else:
                scores = _score_on_other(predictor, training, other, cache)
            rows.append({"trained_on": trained_on, "tested_on": tested_on, **scores})
    return rows


def describe_pairs(rows):
    """Return one sentence for each pair of data sets about the protocol and the classes left out, as a list."""
    return [f"{row['trained_on']} -> {row['tested_on']}: {_describe_pair(row)}" for row in rows]


def _score_on_other(predictor, training, dataset, cache):
    """Score a predictor on the test faces of a data set that it was not fitted on."""
    has_split = _has_test_split(dataset)
    test = dataset.take((dataset.splits != TRAINING) & (dataset.splits != "")) if has_split else dataset
    if not set(training.classes) & set(test.classes):
        return {
            "protocol": "no class is shared",
            "n": 0,
            "n_subjects": 0,
            "classes": [],
            "left_out": {name: int((test.expressions == name).sum()) for name in test.classes},
            "absent": list(training.classes),
            **dict.fromkeys(
                ("accuracy", "accuracy_interval", "interval_by", "macro_f1", "accuracy_all", "accuracy_leak_free")
            ),
        }
    against = training if has_chips(training) and has_chips(test) else None
    scores, _ = assess(predictor, test, training.classes, against=against, scored_classes="shared", cache=cache)
    is_test_split = bool(((test.splits != "") & (test.splits != TRAINING)).any())
    return {
        "protocol": "test split" if is_test_split else "all faces",
        "classes": [name for name in training.classes if name not in scores["classes_without_faces"]],
        "absent": scores["classes_without_faces"],
        "left_out": scores["left_out_by_expression"],
        **{key: scores[key] for key in (*_SCORES, "accuracy_all", "accuracy_leak_free")},
    }


def _score_out_of_fold(dataset, candidate, near_duplicates, *, n_folds, jobs, random_state, bar):
    """Score a candidate on a data set without a split, by cross-validation."""
    groups = related_faces(dataset, near_duplicates)
    check_enough_subjects(dataset, groups, n_folds=n_folds)
    folds = make_folds(dataset.expressions, groups, n_folds=n_folds, random_state=random_state)
    results = cross_validate_candidates(
        {"candidate": candidate},
        dataset.records,
        dataset.expressions,
        folds,
        dataset.classes,
        jobs=jobs,
        random_state=random_state,
        bar=bar,
    )
    probabilities = results["candidate"].probabilities
    scores = score(dataset.expressions, probabilities, dataset.classes)
    scores |= subject_intervals(dataset, probabilities, dataset.classes)
    return {
        "protocol": "out of fold",
        "classes": list(dataset.classes),
        "absent": [],
        "left_out": {},
        "accuracy_all": scores["accuracy"],
        "accuracy_leak_free": scores["accuracy"],  # folds keep near-duplicates and subjects together
        **{key: scores[key] for key in _SCORES},
    }


def _has_test_split(dataset):
    """Return whether a data set has the split Training and another one."""
    training = dataset.splits == TRAINING
    return bool(training.any() and ((dataset.splits != "") & ~training).any())


def _describe_pair(row):
    parts = [f"{row['protocol']}, {row['n']:,} faces of {len(row['classes'])} classes"]
    if row["n_subjects"]:
        parts.append(f"{row['n_subjects']:,} subjects")
    if row["absent"]:
        parts.append(f"not in the test data, so never predicted: {', '.join(row['absent'])}")
    if row["left_out"]:
        counts = ", ".join(f"{count:,} of {name}" for name, count in row["left_out"].items())
        parts.append(f"not in the training data, so left out: {counts}")
    return "; ".join(parts)
