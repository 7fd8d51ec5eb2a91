"""Means, ensembles and the choice of a mean: laws on ideal probabilities."""

import pickle

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.models.calibration import FLOOR
from landmark_fer.models.ensemble import MEANS, Ensemble, WeightedMean
from landmark_fer.models.mean_fitting import FORMS, WEIGHTS, fit_mean, losses
from landmark_fer.models.onnx_runtime import OnnxModel
from tests.models.networks.small_networks import hand_made_onnx

CLASSES = ["happy", "sad", "surprise"]


class Constant:
    """A predictor that returns its own probabilities, its classes in any order."""

    def __init__(self, probabilities, classes=CLASSES):
        self.probabilities, self.classes_ = np.asarray(probabilities), np.array(classes)

    def predict_proba(self, X):
        return self.probabilities[: len(X)]


@pytest.fixture
def members(generator):
    """Probabilities of two members for 500 faces, shape (2, 500, 3), and the true columns."""
    truth = generator.integers(0, 3, 500)
    scores = generator.normal(0, 1, (2, 500, 3)) + 1.5 * np.eye(3)[truth]
    return np.exp(scores) / np.exp(scores).sum(axis=2, keepdims=True), truth


@pytest.fixture(params=MEANS)
def mean(request):
    return WeightedMean(request.param, (0.3, 0.7), 0.8)


class TestMean:
    def test_rows_sum_to_one_and_are_finite_for_members_that_are_certain(self, mean):
        certain = np.stack([np.eye(3), np.eye(3)[::-1]])
        result = mean(certain)
        assert np.isfinite(result).all() and (result > 0).all()
        np.testing.assert_allclose(result.sum(axis=1), 1)

    def test_the_arithmetic_mean(self, members):
        expected = 0.3 * members[0][0] + 0.7 * members[0][1]
        np.testing.assert_allclose(WeightedMean("arithmetic", (0.3, 0.7))(members[0]), expected, atol=1e-9)

    def test_the_geometric_mean_is_the_normalised_product_of_powers(self, members):
        product = members[0][0] ** 0.3 * members[0][1] ** 0.7
        expected = product / product.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(WeightedMean("geometric", (0.3, 0.7))(members[0]), expected, atol=1e-9)

    @pytest.mark.parametrize("kind", MEANS)
    def test_equal_members_or_all_weight_on_one_change_nothing(self, members, kind):
        first, second = members[0]
        np.testing.assert_allclose(WeightedMean(kind, (0.4, 0.6))(np.stack([first, first])), first, atol=1e-9)
        np.testing.assert_allclose(WeightedMean(kind, (0.0, 1.0))(members[0]), second, atol=1e-9)

    def test_members_and_weights_may_be_exchanged_together(self, members, mean):
        exchanged = WeightedMean(mean.kind, mean.weights[::-1], mean.temperature)
        np.testing.assert_allclose(exchanged(members[0][::-1]), mean(members[0]), atol=1e-12)

    def test_the_temperature_keeps_the_order_and_lowers_the_confidence(self, members, mean):
        warm = WeightedMean(mean.kind, mean.weights, 3.0)(members[0])
        cold = WeightedMean(mean.kind, mean.weights, 0.5)(members[0])
        np.testing.assert_array_equal(warm.argsort(axis=1), cold.argsort(axis=1))
        assert (warm.max(axis=1) < cold.max(axis=1)).all()

    def test_it_survives_json(self, mean):
        assert WeightedMean.from_dict(mean.to_dict()) == mean

    @pytest.mark.parametrize(
        "change",
        [
            {"kind": "median"}, {"weights": [0.5, 0.6]}, {"weights": [-1, 2]}, {"weights": "ab"}, {"weights": []},
            {"temperature": 0}, {"temperature": None}, {"temperature": True}, {"more": 1}, {"weights": [float("nan")]},
        ],
    )  # fmt: skip
    def test_other_values_are_refused(self, change):
        with pytest.raises(InputError, match=r"of a mean|weighted mean must have"):
            WeightedMean.from_dict(WeightedMean("arithmetic", (0.5, 0.5)).to_dict() | change)
        with pytest.raises(InputError, match="weighted mean must have"):
            WeightedMean.from_dict([])


class TestEnsemble:
    def test_columns_of_members_are_put_in_one_order(self, members, mean):
        order = [2, 0, 1]
        shuffled = Constant(members[0][1][:, order], [CLASSES[column] for column in order])
        ensemble = Ensemble([("a", Constant(members[0][0])), ("b", shuffled)], mean, CLASSES)
        X = np.zeros(500)
        np.testing.assert_allclose(ensemble.predict_proba(X), mean(members[0]), atol=1e-12)
        np.testing.assert_array_equal(ensemble.member_probabilities(X), members[0])
        assert ensemble.predict(X[:5]).tolist() == [CLASSES[c] for c in mean(members[0])[:5].argmax(axis=1)]
        assert ensemble.predict_proba(X[:0]).shape == (0, 3)

    def test_pickled_equals_before(self, members, mean):
        ensemble = Ensemble([("a", Constant(members[0][0])), ("b", Constant(members[0][1]))], mean, CLASSES)
        loaded = pickle.loads(pickle.dumps(ensemble))
        np.testing.assert_array_equal(loaded.predict_proba(np.zeros(9)), ensemble.predict_proba(np.zeros(9)))

    def test_names_weights_and_classes_are_checked(self, members):
        first, other = Constant(members[0][0]), Constant(members[0][1], ["happy", "sad", "angry"])
        with pytest.raises(InputError, match="different names and one weight each, got a, a and 2 weights"):
            Ensemble([("a", first), ("a", first)], WeightedMean("arithmetic", (0.5, 0.5)), CLASSES)
        with pytest.raises(InputError, match="different names and one weight each, got a, b and 1 weights"):
            Ensemble([("a", first), ("b", first)], WeightedMean("arithmetic", (1.0,)), CLASSES)
        with pytest.raises(InputError, match="must predict happy, sad, surprise, got b of happy, sad, angry"):
            Ensemble([("a", first), ("b", other)], WeightedMean("arithmetic", (0.5, 0.5)), CLASSES)

    def test_the_content_of_an_open_model_is_its_file(self):
        content = hand_made_onnx()
        assert OnnxModel(content).content == content


class Sided(Constant):
    """A predictor whose probabilities of a face and of its mirror image are the columns in two orders."""

    def predict_sides(self, X, mirrored):
        return np.where(mirrored[:, None], self.probabilities[:, ::-1], self.probabilities)[: len(X)]


def test_only_members_with_sides_read_them_apart(members, mean):
    (plain, sided), mirrored = members[0][:, :4], np.array([True, False, False, True])
    ensemble = Ensemble([("plain", Constant(plain)), ("sided", Sided(sided))], mean, CLASSES)
    expected = mean([plain, np.where(mirrored[:, None], sided[:, ::-1], sided)])
    np.testing.assert_allclose(ensemble.predict_sides(np.zeros(4), mirrored), expected)
    np.testing.assert_allclose(ensemble.predict_proba(np.zeros(4)), mean([plain, sided]))


class TestFitMean:
    @staticmethod
    def folds(n, n_folds=5):
        parts = np.array_split(np.random.default_rng(1).permutation(n), n_folds)
        return [(np.setdiff1d(np.arange(n), part), part) for part in parts]

    def test_of_equally_good_calibrated_members_the_plainest_wins_where_no_other_is_better(self, members):
        predictions, truth = members
        fitted = fit_mean(np.stack([predictions[0], predictions[0]]), truth, self.folds(500))
        assert fitted.form.n_parameters <= 1
        assert fitted.mean.weights == (0.5, 0.5)

    def test_a_useless_member_gets_no_weight(self, members, generator):
        predictions, truth = members
        noise = generator.dirichlet(np.ones(3) * 0.1, 500)
        fitted = fit_mean(np.stack([predictions[0], noise]), truth, self.folds(500))
        assert fitted.mean.weights[0] >= 0.8
        assert fitted.form.weight

    def test_overconfident_members_get_a_temperature(self, members):
        predictions, truth = members
        sharp = predictions**4 / (predictions**4).sum(axis=2, keepdims=True)
        fitted = fit_mean(sharp, truth, self.folds(500))
        assert fitted.mean.temperature > 1.2

    def test_rows_and_held_out_probabilities(self, members):
        predictions, truth = members
        fitted = fit_mean(predictions, truth, self.folds(500))
        assert len(fitted.rows) == len(FORMS) == 8
        assert [row["log_loss"] for row in fitted.rows] == sorted(row["log_loss"] for row in fitted.rows)
        own = next(row for row in fitted.rows if row["name"] == fitted.form.name)
        assert own["log_loss"] == pytest.approx(losses(fitted.probabilities, truth).mean())
        assert own["above_best"] <= own["standard_error"] or own["above_best"] == 0
        np.testing.assert_allclose(fitted.probabilities.sum(axis=1), 1)
        for row in fitted.rows:
            form = next(form for form in FORMS if form.name == row["name"])
            assert row["above_best"] > row["standard_error"] or form.n_parameters >= fitted.form.n_parameters

    def test_each_face_is_predicted_by_a_mean_of_the_other_folds(self, members):
        predictions, truth = members
        folds = self.folds(500, 2)
        fitted = fit_mean(predictions, truth, folds)
        training, test = folds[0]
        expected = fitted.form.fit(predictions[:, training], truth[training])(predictions[:, test])
        np.testing.assert_allclose(fitted.probabilities[test], expected)

    def test_without_folds_it_is_the_plain_mean(self, members):
        fitted = fit_mean(members[0], members[1], [])
        assert fitted.mean == WeightedMean("arithmetic", (0.5, 0.5)) and fitted.rows == []
        np.testing.assert_allclose(fitted.probabilities, members[0].mean(axis=0), atol=2 * FLOOR)

    def test_names_of_forms_are_different(self):
        assert len({form.name for form in FORMS}) == len(FORMS) and 0.5 in WEIGHTS
