"""Across data sets: a model fitted on one, scored on each; on its own, on people whom it does not know."""

from sklearn.base import clone

from landmark_fer.core.errors import InputError
from landmark_fer.datasets.near_duplicates import find_near_duplicates
from landmark_fer.evaluation.assessment import assess
from landmark_fer.evaluation.comparison import align_columns
from landmark_fer.evaluation.scores import score
from landmark_fer.evaluation.splits import TRAINING, has_chips
from landmark_fer.evaluation.subjects import check_enough_subjects, related_faces, scores_by_subject
from landmark_fer.evaluation.validation import cross_validate_candidates, make_folds
from landmark_fer.models.base import fit_predictor


def cross_datasets(datasets, candidate, *, n_folds=5, jobs=1, random_state=0, cache=None, bar=True):
    """Fit a candidate on each data set and score it on each.

    It is fitted on the split Training where there is one, else on all faces, and scored on the other splits, or on all
    faces. On its own data set without a split it is scored out of fold, folds by subject where subjects are known.
    Answers are among the classes that both data sets have.

    Parameters
    ----------
    datasets : dict of str to FaceDataset
        At least one; extracted with the same settings.
    candidate : Candidate
    n_folds : int, default=5
    jobs : int, default=1
        Folds at the same time.
    random_state : int, default=0
    cache : path-like, optional
        As for `find_near_duplicates`.
    bar : bool, default=True
        Whether to show progress bars.

    Returns
    -------
    list of dict
        One for each pair: ``trained_on, tested_on, how`` ("test split", "all faces", "out of fold"), ``n, classes,
        absent`` (classes of the training data that the test data lack), ``left_out`` (the reverse, by expression),
        ``accuracy, accuracy_interval, interval_by, n_subjects, macro_f1, accuracy_all`` (if any class of the
        training data may be answered), ``accuracy_leak_free``. Figures are None where no class is shared.

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
    for trained_on, learnt in datasets.items():
        training = _training_faces(learnt)
        predictor = fit_predictor(clone(candidate.pipeline), training.records, training.expressions)
        for tested_on, other in datasets.items():
            pair = {"trained_on": trained_on, "tested_on": tested_on}
            if tested_on == trained_on and not _is_split(other):
                options = {"n_folds": n_folds, "jobs": jobs, "random_state": random_state, "bar": bar}
                scores = _out_of_fold(other, candidate, find_near_duplicates(other, cache=cache).groups, **options)
            else:
                scores = _across(predictor, training, _test_faces(other), cache)
            rows.append(pair | scores)
    return rows


def format_crossing(rows, key="accuracy"):
    """Return a figure of `cross_datasets` as a plain-text table: rows were fitted on, columns tested on."""
    names = list(dict.fromkeys(row["trained_on"] for row in rows))
    cells = {(row["trained_on"], row["tested_on"]): row for row in rows}
    lines = [("fitted on \\ tested on", *names)]
    return align_columns(lines + [(own, *(_cell(cells[own, other], key) for other in names)) for own in names])


def notes_on(rows):
    """Return a sentence for each pair on how it was scored and on the classes that are left out, as a list."""
    return [f"{row['trained_on']} -> {row['tested_on']}: {_note(row)}" for row in rows]


def _across(predictor, training, test, cache):
    if not set(training.classes) & set(test.classes):
        nothing = dict.fromkeys(
            ("accuracy", "accuracy_interval", "interval_by", "macro_f1", "accuracy_all", "accuracy_leak_free")
        )
        counts = {name: int((test.expressions == name).sum()) for name in test.classes}
        about = {"how": "no class is shared", "n": 0, "n_subjects": 0, "classes": [], "left_out": counts}
        return about | {"absent": list(training.classes)} | nothing
    against = training if has_chips(training) and has_chips(test) else None
    options = {"against": against, "scored_classes": "shared", "cache": cache}
    scores, _ = assess(predictor, test, training.classes, **options)
    kept = ("n", "accuracy", "accuracy_interval", "interval_by", "n_subjects", "macro_f1")
    return {
        "how": "test split" if _is_split(test, but_training=False) else "all faces",
        "classes": [name for name in training.classes if name not in scores["classes_without_faces"]],
        "absent": scores["classes_without_faces"],
        "left_out": scores["left_out_by_expression"],
        **{key: scores[key] for key in (*kept, "accuracy_all", "accuracy_leak_free")},
    }


def _out_of_fold(dataset, candidate, near_duplicates, *, n_folds, jobs, random_state, bar):
    groups = related_faces(dataset, near_duplicates)
    check_enough_subjects(dataset, groups, n_folds=n_folds)
    folds = make_folds(dataset.expressions, groups, n_folds=n_folds, random_state=random_state)
    options = {"jobs": jobs, "random_state": random_state, "bar": bar}
    faces = dataset.records, dataset.expressions, folds, dataset.classes
    probabilities = cross_validate_candidates({"one": candidate}, *faces, **options)["one"].probabilities
    scores = score(dataset.expressions, probabilities, dataset.classes)
    scores |= scores_by_subject(dataset, probabilities, dataset.classes)
    kept = ("n", "accuracy", "accuracy_interval", "interval_by", "n_subjects", "macro_f1")
    return {
        "how": "out of fold",
        "classes": list(dataset.classes),
        "absent": [],
        "left_out": {},
        "accuracy_all": scores["accuracy"],
        "accuracy_leak_free": scores["accuracy"],  # folds keep near-duplicates and subjects together
        **{key: scores[key] for key in kept},
    }


def _is_split(dataset, but_training=True):
    training = dataset.splits == TRAINING
    others = (dataset.splits != "") & ~training
    return bool(others.any() and (training.any() or not but_training))


def _training_faces(dataset):
    return dataset.take(dataset.splits == TRAINING) if _is_split(dataset) else dataset


def _test_faces(dataset):
    return dataset.take((dataset.splits != TRAINING) & (dataset.splits != "")) if _is_split(dataset) else dataset


def _cell(row, key):
    if row[key] is None:
        return "-"
    low, high = (f"{100 * end:.0f}" for end in row["accuracy_interval"])
    interval = f" ({low} to {high})" if key == "accuracy" else ""
    return f"{100 * row[key]:.1f}{interval}"


def _note(row):
    parts = [f"{row['how']}, {row['n']:,} faces of {len(row['classes'])} classes"]
    if row["n_subjects"]:
        parts.append(f"{row['n_subjects']:,} subjects")
    if row["absent"]:
        parts.append(f"not in the test data, so no answer: {', '.join(row['absent'])}")
    if row["left_out"]:
        counts = ", ".join(f"{count:,} of {name}" for name, count in row["left_out"].items())
        parts.append(f"not in the training data, so left out: {counts}")
    return "; ".join(parts)
