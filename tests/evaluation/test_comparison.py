"""Tests of the comparison of candidates: ranking, choice with its reason, tables."""

import numpy as np
import pytest

from landmark_fer.evaluation.comparison import choose, comparison_rows
from landmark_fer.evaluation.cross_validation import CandidateResult
from landmark_fer.evaluation.tables import align_columns, format_comparison, format_confusion

CLASSES = ("happy", "sad")
TRUTH = np.repeat(CLASSES, 10)


def result(n_right):
    """Return out-of-fold probabilities that are right for the first `n_right` faces of each class."""
    right = np.tile(np.arange(10) < n_right, 2)
    of_truth = np.where(right, 0.8, 0.3)
    first = np.where(TRUTH == "happy", of_truth, 1 - of_truth)
    return CandidateResult(np.stack([first, 1 - first], axis=1), [1.0, 3.0], 0.5)


@pytest.fixture
def rows():
    return comparison_rows({"embedding_knn": result(6), "ls_svm": result(9), "dummy": result(5)}, TRUTH, CLASSES)


def test_rows_are_sorted_by_accuracy(rows):
    assert [row["name"] for row in rows] == ["ls_svm", "embedding_knn", "dummy"]
    assert [row["accuracy"] for row in rows] == pytest.approx([0.9, 0.6, 0.5])
    assert rows[0]["fit_s"] == 2.0 and rows[0]["ms_per_face"] == 0.5
    assert rows[0]["confusion"] == [[9, 1], [1, 9]]


def test_the_reason_names_the_best_candidate_the_margin_and_the_second(rows):
    name, reason = choose(rows)
    assert name == "ls_svm"
    for part in ("ls_svm has the highest out-of-fold", "90.0 %", "30.0 points over embedding_knn", "69.9 to 97.2"):
        assert part in reason


def test_a_single_candidate_is_chosen(rows):
    assert choose(rows[1:2]) == ("embedding_knn", "embedding_knn was the only candidate.")


def test_the_table_has_one_row_per_candidate(rows):
    heading, *lines = format_comparison(rows).splitlines()
    assert heading.split()[:2] == ["model", "macro-F1"] and len(lines) == 3
    assert lines[0].split()[:4] == ["ls_svm", "90.0", "90.0", "90.0"]
    assert "69.9 - 97.2" in lines[0]
    assert len({len(line) for line in [heading, *lines]}) == 1


def test_columns_are_aligned():
    assert align_columns([("a", "1"), ("long", "100")]) == "a       1\nlong  100"


def test_the_confusion_table_is_in_per_cent_of_the_label():
    text = format_confusion([[3, 1], [0, 0]], CLASSES)
    assert [line.split() for line in text.splitlines()[1:]] == [["happy", "75", "25"], ["sad", "0", "0"]]
