"""Tests of McNemar's test, the paired bootstrap and Holm's correction."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binomtest

from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.significance import compare_pairs, holm, mcnemar, paired_bootstrap
from landmark_fer.evaluation.tables import format_pairs

CLASSES = ("happy", "sad")


def predictions(both, only_a, only_b, neither):
    """Return labels and predictions of two models, by how many faces both, one or neither predict correctly."""
    n = both + only_a + only_b + neither
    right_a = np.repeat([True, True, False, False], [both, only_a, only_b, neither])
    right_b = np.repeat([True, False, True, False], [both, only_a, only_b, neither])
    return np.full(n, "happy"), np.where(right_a, "happy", "sad"), np.where(right_b, "happy", "sad")


class TestMcNemar:
    def test_chi_squared_with_correction_has_the_textbook_value(self):
        """For 121 and 59 discordant pairs, chi-squared is (62 - 1)^2 / 180 = 20.67."""
        result = mcnemar(*predictions(101, 121, 59, 33))
        assert (result.only_a, result.only_b) == (121, 59)
        assert result.p_value == pytest.approx(5.450094825427117e-06)

    def test_few_discordant_pairs_are_tested_exactly(self):
        assert mcnemar(*predictions(50, 6, 1, 3)).p_value == pytest.approx(2 * (1 + 7) / 2**7)
        assert mcnemar(*predictions(0, 17, 7, 0)).p_value == pytest.approx(binomtest(17, 24).pvalue)

    def test_exact_and_approximate_p_values_agree_at_the_boundary(self):
        approximate = mcnemar(*predictions(0, 18, 7, 0)).p_value
        assert approximate == pytest.approx(binomtest(18, 25).pvalue, abs=0.005)

    @pytest.mark.parametrize(("only_a", "only_b"), [(9, 4), (40, 22)])
    def test_the_order_of_models_and_faces_does_not_matter(self, generator, only_a, only_b):
        labels, a, b = predictions(10, only_a, only_b, 5)
        order = generator.permutation(len(labels))
        assert mcnemar(labels, a, b).p_value == mcnemar(labels[order], b[order], a[order]).p_value

    @pytest.mark.parametrize("only", [0, 5, 40])
    def test_equal_discordant_pairs_are_no_difference(self, only):
        assert mcnemar(*predictions(10, only, only, 5)).p_value == pytest.approx(1)

    def test_different_numbers_of_faces_are_refused(self):
        labels, a, b = predictions(5, 1, 1, 1)
        with pytest.raises(InputError, match="must be of the same faces, at least one, got 8, 8, 7"):
            mcnemar(labels, a, b[:-1])
        with pytest.raises(InputError, match="got 0, 0, 0"):
            mcnemar(labels[:0], a[:0], b[:0])


class TestBootstrap:
    def test_the_interval_is_near_the_normal_approximation_for_many_faces(self):
        labels, a, b = predictions(500, 300, 200, 0)
        difference, (low, high) = paired_bootstrap(labels, a, b)
        reach = 1.96 * np.sqrt((0.5 - 0.1**2) / 1000)
        assert difference == pytest.approx(0.1)
        assert (low, high) == pytest.approx((0.1 - reach, 0.1 + reach), abs=0.006)

    def test_exchanging_the_models_negates_the_interval(self):
        labels, a, b = predictions(30, 20, 10, 10)
        forth, back = paired_bootstrap(labels, a, b), paired_bootstrap(labels, b, a)
        assert back.difference == -forth.difference
        assert back.interval == pytest.approx((-forth.interval[1], -forth.interval[0]))

    def test_grouped_copies_do_not_narrow_the_interval(self):
        labels, a, b = predictions(20, 15, 5, 10)
        once = paired_bootstrap(labels, a, b)
        copied = [np.repeat(each, 9) for each in (labels, a, b)]
        groups = np.repeat(np.arange(50), 9)
        assert paired_bootstrap(*copied, groups=groups).interval == pytest.approx(once.interval)
        low, high = paired_bootstrap(*copied).interval
        assert high - low == pytest.approx((once.interval[1] - once.interval[0]) / 3, rel=0.15)

    def test_the_same_random_state_gives_the_same_draws(self):
        case = predictions(20, 15, 5, 10)
        first, again, other = (paired_bootstrap(*case, n_draws=50, random_state=state).interval for state in (1, 1, 2))
        assert first == again != other

    def test_equal_predictions_have_no_difference(self):
        labels, a, _ = predictions(20, 15, 5, 10)
        assert paired_bootstrap(labels, a, a) == (0, (0, 0))

    def test_one_group_or_too_few_entries_are_refused(self):
        case = predictions(2, 1, 1, 0)
        with pytest.raises(InputError, match="at least 2 groups, got 1"):
            paired_bootstrap(*case, groups=np.zeros(4))
        with pytest.raises(InputError, match="one entry per face, got 3 for 4"):
            paired_bootstrap(*case, groups=np.arange(3))


def test_holm_has_the_published_values_in_the_order_given():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.9, 0.6]), [1, 1])
    assert len(holm([])) == 0


class TestPairs:
    TRUTH = np.repeat(CLASSES, 100)

    def result(self, wrong):
        """Return out-of-fold probabilities that are wrong for these faces."""
        first = np.where(np.isin(np.arange(200), wrong) ^ (self.TRUTH == "happy"), 0.8, 0.2)
        return SimpleNamespace(probabilities=np.stack([first, 1 - first], axis=1))

    @pytest.fixture
    def results(self):
        wrongs = {"embedding_knn": range(40), "ls_svm": range(20), "dropout_mlp": range(19, 41), "dummy": range(100)}
        return {name: self.result(list(wrong)) for name, wrong in wrongs.items()}

    def test_the_best_is_compared_with_each_other_candidate(self, results):
        rows = compare_pairs(results, self.TRUTH, CLASSES, np.arange(200))
        assert [(row["best"], row["name"]) for row in rows] == [
            ("ls_svm", "dropout_mlp"),
            ("ls_svm", "embedding_knn"),
            ("ls_svm", "dummy"),
        ]
        assert [row["difference"] for row in rows] == pytest.approx([0.01, 0.1, 0.4])
        assert [row["real"] for row in rows] == [False, True, True]
        for row in rows:
            assert row["interval"][0] <= row["difference"] <= row["interval"][1]

    def test_p_values_are_corrected_for_the_number_of_candidates(self, results):
        rows = compare_pairs(results, self.TRUTH, CLASSES, np.arange(200))
        alone = [
            compare_pairs({k: results[k] for k in ("ls_svm", row["name"])}, self.TRUTH, CLASSES)[0] for row in rows
        ]
        assert [row["p_value"] for row in rows] == pytest.approx(holm([row["p_value"] for row in alone]))
        assert rows[1]["p_value"] > alone[1]["p_value"]

    def test_a_difference_within_one_group_is_not_real(self, results):
        groups = np.where(np.arange(200) < 40, -1, np.arange(200))
        pair = {name: results[name] for name in ("ls_svm", "embedding_knn")}
        (row,) = compare_pairs(pair, self.TRUTH, CLASSES, groups)
        assert row["p_value"] < 0.05 and not row["real"]

    def test_the_order_of_results_does_not_matter(self, results):
        turned = dict(reversed(results.items()))
        assert compare_pairs(turned, self.TRUTH, CLASSES) == compare_pairs(results, self.TRUTH, CLASSES)

    def test_one_candidate_has_no_pairs_and_none_is_refused(self, results):
        assert compare_pairs({"ls_svm": results["ls_svm"]}, self.TRUTH, CLASSES) == []
        assert format_pairs([]) == ""
        with pytest.raises(InputError, match="at least one result, got none"):
            compare_pairs({}, self.TRUTH, CLASSES)

    def test_the_table_has_one_row_per_pair(self, results):
        heading, *lines = format_pairs(compare_pairs(results, self.TRUTH, CLASSES)).splitlines()
        assert heading.startswith("ls_svm minus") and len(lines) == 3
        assert lines[0].split()[:2] == ["dropout_mlp", "+1.0"] and lines[0].endswith("may be chance")
        assert lines[2].split()[:2] == ["dummy", "+40.0"] and "< 0.001" in lines[2] and lines[2].endswith("real")
