"""The comparison: order, choice with its reason, and tables as text."""

import numpy as np
import pytest

from landmark_fer.evaluation.comparison import (
    align_columns,
    choose,
    comparison_rows,
    format_confusion,
    format_table,
)
from landmark_fer.evaluation.validation import CandidateResult

CLASSES = ("happy", "sad")
TRUTH = np.repeat(CLASSES, 10)


def result(n_right):
    """Out-of-fold probabilities of which the first `n_right` of each class are right."""
    right = np.tile(np.arange(10) < n_right, 2)
    of_truth = np.where(right, 0.8, 0.3)
    first = np.where(TRUTH == "happy", of_truth, 1 - of_truth)
    return CandidateResult(np.stack([first, 1 - first], axis=1), [1.0, 3.0], 0.5)


@pytest.fixture
def rows():
    return comparison_rows({"embedding_knn": result(6), "ls_svm": result(9), "dummy": result(5)}, TRUTH, CLASSES)


def test_the_best_comes_first(rows):
    assert [row["name"] for row in rows] == ["ls_svm", "embedding_knn", "dummy"]
    assert [row["accuracy"] for row in rows] == pytest.approx([0.9, 0.6, 0.5])
    assert rows[0]["fit_s"] == 2.0 and rows[0]["ms_per_face"] == 0.5
    assert rows[0]["confusion"] == [[9, 1], [1, 9]]


def test_the_choice_is_the_first_and_the_reason_names_it_the_margin_and_the_second(rows):
    name, reason = choose(rows)
    assert name == "ls_svm"
    for part in ("svm has the highest out-of-fold", "90.0 %", "30.0 points over knn", "69.9 to 97.2"):
        assert part in reason


def test_a_single_candidate_is_chosen_without_a_rival(rows):
    assert choose(rows[1:2]) == ("embedding_knn", "knn was the only candidate.")


def test_the_table_has_a_line_a_model_with_its_figures(rows):
    heading, *lines = format_table(rows).splitlines()
    assert heading.split()[:2] == ["model", "macro-F1"] and len(lines) == 3
    assert lines[0].split()[:4] == ["ls_svm", "90.0", "90.0", "90.0"]
    assert "69.9 - 97.2" in lines[0]
    assert len({len(line) for line in [heading, *lines]}) == 1


def test_columns_are_aligned_the_first_to_the_left():
    assert align_columns([("a", "1"), ("long", "100")]) == "a       1\nlong  100"


def test_confusion_is_in_per_cent_of_the_label_also_for_a_class_without_faces():
    text = format_confusion([[3, 1], [0, 0]], CLASSES)
    assert [line.split() for line in text.splitlines()[1:]] == [["happy", "75", "25"], ["sad", "0", "0"]]
