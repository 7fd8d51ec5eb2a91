"""A second look at labels: planted errors are found, votes are asked, nothing is changed."""

from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.core.expressions import FERPLUS_COLUMNS
from landmark_fer.fit import label_review as second_look
from landmark_fer.fit.label_review import review_labels
from landmark_fer.fit.training import compare, fit_chosen
from landmark_fer.models.candidates import make_candidates
from tests.conftest import made_up_dataset


@pytest.fixture(scope="module")
def planted():
    """A data set with three wrong labels, votes that know the right ones, and its comparison."""
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
    found = review_labels(dataset, comparison, cache=tmp_path)
    assert len(set(dataset.rows[wrong]) & set(found.label_errors["row"])) >= 2
    np.testing.assert_array_equal(dataset.rows[comparison.split.training[found.positions]], found.label_errors["row"])
    assert found.agreement["with_suggestion"] >= 2
    assert (
        f"{len(found.label_errors):,} training faces have a label" in found.text
        and "FER+, where it has a clear majority" in found.text
    )


def test_without_votes_none_are_asked(planted, tmp_path):
    dataset, _, comparison = planted
    found = review_labels(replace(dataset, votes=None), comparison, cache=tmp_path)
    assert found.agreement is None and "FER+" not in found.text


def test_votes_that_nothing_was_learnt_from_judge_as_well(planted, tmp_path):
    dataset, _, comparison = planted
    found = review_labels(replace(dataset, votes=None), comparison, votes=dataset.votes, cache=tmp_path)
    assert found.agreement["with_suggestion"] >= 2 and found.of_clearest == found.agreement
    assert "had learnt" not in found.text and "had learnt" in review_labels(dataset, comparison, cache=tmp_path).text


def test_the_clearest_are_judged_by_themselves(planted, tmp_path, monkeypatch):
    dataset, _, comparison = planted
    monkeypatch.setattr(second_look, "_CLEAREST", 1)
    found = review_labels(dataset, comparison, cache=tmp_path)
    assert found.of_clearest["label_errors"] == 1 < found.agreement["label_errors"]
    assert "of the 1 that are contradicted most it sides with the model" in found.text


def test_suspects_are_left_out_of_the_fit_only_when_asked_for(planted, tmp_path):
    dataset, _, comparison = planted
    positions = review_labels(dataset, comparison, cache=tmp_path).positions
    whole = fit_chosen(dataset, comparison, features="geometry")
    part = fit_chosen(dataset, comparison, features="geometry", without=positions)
    assert whole.facts["data"]["n_label_errors_dropped"] == 0
    assert part.facts["data"]["n_label_errors_dropped"] == len(positions) > 0
    sizes = [len(model.predictor[-1].members_[0][1].vectors_) for model in (whole, part)]
    assert sizes == [108, 108 - len(positions)]
