"""Hand-written rules: a face with the cues of an expression gets it, a usual face is neutral."""

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.core.expressions import EXPRESSIONS
from landmark_fer.core.geometry import mirror_landmarks
from landmark_fer.core.landmarks import TEMPLATE
from landmark_fer.features.measurements import MEASUREMENT_NAMES, MEASUREMENTS, measure
from landmark_fer.models.rules import DEFAULT, LESS, MORE, RULES, ExpressionRules, Rule

WITH_RULES = [name for name in EXPRESSIONS if name != DEFAULT]


@pytest.fixture
def usual(generator):
    """Measurements of 160 made-up faces around the template, and as many expressions, each as often."""
    faces = TEMPLATE + generator.normal(0, 0.03, (160, 68, 2))
    return measure(faces), np.tile(EXPRESSIONS, 20)


@pytest.fixture
def rules(usual):
    return ExpressionRules().fit(*usual)


def columns_of(rule):
    """Return the columns of a rule's measurement: one, or one for each side."""
    names = (rule.measurement, f"right_{rule.measurement}", f"left_{rule.measurement}")
    return [MEASUREMENT_NAMES.index(name) for name in names if name in MEASUREMENT_NAMES]


def test_every_expression_but_the_default_has_rules():
    assert {rule.expression for rule in RULES} == set(WITH_RULES)
    assert all(columns_of(rule) and rule.sign in (MORE, LESS) and rule.weight > 0 for rule in RULES)


def test_a_median_face_is_neutral(usual, rules):
    assert rules.predict(np.median(usual[0], axis=0)[None]).tolist() == [DEFAULT]


@pytest.mark.parametrize("expression", WITH_RULES)
def test_a_face_with_the_cues_of_an_expression_gets_it(usual, rules, expression):
    face, spread = np.median(usual[0], axis=0), usual[0].std(axis=0)
    for rule in RULES:
        if rule.expression == expression:
            columns = columns_of(rule)
            face[columns] += rule.sign * 3 * spread[columns]
    assert rules.predict(face[None]).tolist() == [expression]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.expression}-{rule.measurement}")
def test_more_evidence_makes_an_expression_more_probable(usual, rules, rule):
    face, columns = np.median(usual[0], axis=0), columns_of(rule)
    if MEASUREMENTS[columns[0]].signed:
        face[columns] = 0
    moved = face.copy()
    moved[columns] += rule.sign * 2 * usual[0].std(axis=0)[columns]
    before, after = rules.predict_proba(np.stack([face, moved]))[:, rules.classes_ == rule.expression]
    assert after > before


@pytest.mark.parametrize(
    ("points", "shift", "expression"),
    [
        ([48, 60, 54, 64], (0, -0.2), "happy"),
        ([48, 60, 54, 64], (0, 0.2), "sad"),
        ([55, 56, 57, 58, 59, 65, 66, 67, 6, 7, 8, 9, 10], (0, 0.5), "surprise"),
        ([20, 21, 22, 23], (0, 0.15), "angry"),
    ],
)
def test_moved_landmarks_change_the_prediction(rules, points, shift, expression):
    face = TEMPLATE.copy()
    face[points] += shift
    if expression == "surprise":
        face[17:27, 1] -= 0.15
    assert rules.predict(measure(face)[None]).tolist() == [expression]


def test_the_mirrored_face_gets_the_same_probabilities(rules, landmarks):
    mirrored = rules.predict_proba(measure(mirror_landmarks(landmarks)))
    np.testing.assert_allclose(mirrored, rules.predict_proba(measure(landmarks)), atol=1e-6)


def test_labels_determine_only_the_class_frequencies(usual, generator):
    values, expressions = usual
    shuffled = ExpressionRules().fit(values, generator.permutation(expressions))
    np.testing.assert_array_equal(
        shuffled.predict_proba(values), ExpressionRules().fit(values, expressions).predict_proba(values)
    )
    often = ExpressionRules().fit(np.vstack([values, values]), np.r_[expressions, np.full(160, "happy")])
    happy = often.classes_ == "happy"
    assert (often.predict_proba(values)[:, happy] > shuffled.predict_proba(values)[:, happy]).all()


def test_equal_faces_get_the_class_frequencies(usual):
    values = np.tile(measure(TEMPLATE), (10, 1))
    fitted = ExpressionRules(doubt=0).fit(values, np.repeat(["happy", "sad"], [7, 3]))
    np.testing.assert_allclose(fitted.predict_proba(values + 1), np.tile([0.7, 0.3], (10, 1)))


def test_custom_rules(usual):
    wide = Rule("happy", "mouth_width", MORE, 2.0)
    fitted = ExpressionRules(rules=(wide,), doubt=0.5).fit(*usual)
    face = np.median(usual[0], axis=0)
    face[MEASUREMENT_NAMES.index("mouth_width")] += 1
    assert fitted.predict(face[None]).tolist() == ["happy"]


def test_wrong_columns_and_unknown_measurements_are_refused(usual):
    with pytest.raises(InputError, match=rf"measurements must have shape \(n, {len(MEASUREMENT_NAMES)}\), got"):
        ExpressionRules().fit(usual[0][:, :5], usual[1])
    with pytest.raises(InputError, match="rules must name measurements, got 'ear_width'"):
        ExpressionRules(rules=(Rule("happy", "ear_width", MORE, 1.0),)).fit(*usual)
