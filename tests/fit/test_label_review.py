"""Label review: planted label errors are found and compared with votes; no label is changed."""

from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.core.expressions import FERPLUS_COLUMNS
from landmark_fer.fit import label_review
from landmark_fer.fit.label_review import review_labels
from landmark_fer.fit.training import compare, fit_chosen
from landmark_fer.models.candidates import make_candidates
from tests.conftest import made_up_dataset


@pytest.fixture(scope="module")
def planted():
    """A data set with three wrong labels, votes for the right ones, and its comparison."""
    dataset = made_up_dataset(40, splits=(["Training"] * 36 + ["PublicTest"] * 4) * 3)
    words = list(FERPLUS_COLUMNS.values())
    votes = np.array([[10 * (word == name) for word in words] for name in dataset.expressions])
    wrong = np.flatnonzero((dataset.expressions == "happy") & (dataset.splits == "Training"))[:3]
    expressions = dataset.expressions.copy()
    expressions[wrong] = "surprise"
    dataset = replace(dataset, expressions=expressions, votes=votes)
    candidates = make_candidates(["ls_svm"], features="geometry")
    return dataset, wrong, compare(dataset, candidates, n_folds=3, bar=False)


def test_planted_errors_are_found_and_votes_side_with_the_model(planted, tmp_path):
    dataset, wrong, comparison = planted
    review = review_labels(dataset, comparison, cache=tmp_path)
    assert len(set(dataset.rows[wrong]) & set(review.label_errors["row"])) >= 2
    np.testing.assert_array_equal(dataset.rows[comparison.split.training[review.positions]], review.label_errors["row"])
    assert review.agreement["with_suggestion"] >= 2
    assert (
        f"{len(review.label_errors):,} training faces have a label" in review.text
        and "FER+ votes with a clear majority" in review.text
    )


def test_without_votes_there_is_no_agreement(planted, tmp_path):
    dataset, _, comparison = planted
    review = review_labels(replace(dataset, votes=None), comparison, cache=tmp_path)
    assert review.agreement is None and "FER+" not in review.text


def test_votes_that_no_model_was_fitted_on_are_compared_too(planted, tmp_path):
    dataset, _, comparison = planted
    review = review_labels(replace(dataset, votes=None), comparison, votes=dataset.votes, cache=tmp_path)
    assert review.agreement["with_suggestion"] >= 2 and review.agreement_at_top == review.agreement
    assert (
        "fitted on such votes" not in review.text
        and "fitted on such votes" in review_labels(dataset, comparison, cache=tmp_path).text
    )


def test_the_most_contradicted_labels_have_their_own_agreement(planted, tmp_path, monkeypatch):
    dataset, _, comparison = planted
    monkeypatch.setattr(label_review, "_MOST_CONTRADICTED", 1)
    review = review_labels(dataset, comparison, cache=tmp_path)
    assert review.agreement_at_top["label_errors"] == 1 < review.agreement["label_errors"]
    assert "of the 1 most contradicted labels, votes agree with the model" in review.text


def test_suspected_label_errors_are_left_out_of_the_fit_on_request(planted, tmp_path):
    dataset, _, comparison = planted
    positions = review_labels(dataset, comparison, cache=tmp_path).positions
    whole = fit_chosen(dataset, comparison, features="geometry")
    part = fit_chosen(dataset, comparison, features="geometry", without=positions)
    assert whole.facts["data"]["n_label_errors_dropped"] == 0
    assert part.facts["data"]["n_label_errors_dropped"] == len(positions) > 0
    sizes = [len(model.predictor[-1].members_[0][1].vectors_) for model in (whole, part)]
    assert sizes == [108, 108 - len(positions)]
