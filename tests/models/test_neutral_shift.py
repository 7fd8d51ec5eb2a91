"""Probabilities given a person's neutral face."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from landmark_fer.core.expressions import EXPRESSIONS
from landmark_fer.core.probabilities import softmax
from landmark_fer.models.neutral_shift import EARLIEST, MARGIN, given_neutral_face, log_probabilities

CLASSES = EXPRESSIONS[:7]
HAPPY, NEUTRAL = CLASSES.index("happy"), CLASSES.index("neutral")
SCORES = arrays(float, 7, elements=st.floats(-6, 6))
probabilities = SCORES.map(softmax)


def shifted(face, neutral, classes=CLASSES):
    return given_neutral_face(face, log_probabilities(neutral), classes)


@given(probabilities, probabilities)
def test_probabilities_sum_to_one_and_the_arguments_stay(face, neutral):
    before = face.copy(), neutral.copy()
    result = shifted(face, neutral)
    assert result.sum() == pytest.approx(1)
    assert (result >= 0).all()
    np.testing.assert_array_equal(face, before[0])
    np.testing.assert_array_equal(neutral, before[1])


@given(probabilities)
def test_the_neutral_face_itself_is_neutral(neutral):
    result = shifted(neutral, neutral)
    assert result.argmax() == NEUTRAL
    assert result[HAPPY] < np.exp(-MARGIN) * result[NEUTRAL]
    others = np.delete(result, [HAPPY, NEUTRAL])
    assert others.max() <= np.exp(-MARGIN) * (result[NEUTRAL] + result[HAPPY]) * (1 + 1e-6)


@given(probabilities, probabilities)
def test_odds_of_expressions_that_the_neutral_face_does_not_resemble_stay(face, neutral):
    result = shifted(face, neutral)
    odds_at_rest = np.log(neutral) - np.log(neutral[NEUTRAL])
    clear = [at for at in range(7) if at not in (HAPPY, NEUTRAL) and odds_at_rest[at] <= -MARGIN]
    for first in clear:
        for second in clear:
            assert result[first] / result[second] == pytest.approx(face[first] / face[second], rel=1e-4)


@given(probabilities, probabilities, st.floats(0.01, 3))
def test_more_of_a_smile_never_lowers_the_odds_of_happy(face, neutral, gain):
    smile = softmax(np.log(face) + gain * (np.arange(7) == HAPPY))
    before, after = shifted(face, neutral), shifted(smile, neutral)
    assert after[HAPPY] * before[NEUTRAL] >= before[HAPPY] * after[NEUTRAL] * (1 - 1e-9)


@given(probabilities, probabilities, st.floats(-3, 3))
def test_an_offset_of_a_person_in_both_faces_leaves_the_odds_of_happy(face, neutral, offset):
    def moved(values):
        return softmax(np.log(values) + offset * (np.arange(7) == HAPPY))

    def odds(result):
        return np.log(result[HAPPY] / result[NEUTRAL])

    at_rest = np.log(neutral[HAPPY] / neutral[NEUTRAL])
    assume(min(at_rest, at_rest + offset) + MARGIN > EARLIEST)
    assert odds(shifted(moved(face), moved(neutral))) == pytest.approx(odds(shifted(face, neutral)), abs=0.01)


def test_a_slight_smile_of_a_stern_person_is_happy_only_with_the_baseline():
    classes = ("happy", "sad", "neutral")
    stern, smile = np.array([0.005, 0.045, 0.95]), np.array([0.2, 0.05, 0.75])
    assert smile.argmax() == 2
    assert shifted(smile, stern, classes).argmax() == 0
    assert shifted(smile, stern, classes)[1] == pytest.approx(0.05)


def test_a_face_without_a_smile_is_not_happy_because_the_neutral_face_has_even_less_of_one():
    classes = ("happy", "sad", "neutral")
    calm, turned = np.array([0.002, 0.048, 0.95]), np.array([0.02, 0.1, 0.88])
    assert np.log(turned[0] / turned[2]) > np.log(calm[0] / calm[2]) + MARGIN
    assert shifted(turned, calm, classes).argmax() == 2


def test_a_person_whose_neutral_face_looks_sad_is_not_called_sad_at_rest():
    classes = ("happy", "sad", "neutral")
    at_rest, crying = np.array([0.01, 0.6, 0.39]), np.array([0.01, 0.95, 0.04])
    assert shifted(at_rest, at_rest, classes).argmax() == 2
    assert shifted(crying, at_rest, classes).argmax() == 1


def test_many_rows_equal_single_rows():
    rows = softmax(np.random.default_rng(0).normal(size=(5, 7)))
    together = shifted(rows, rows[0])
    np.testing.assert_allclose(together, [shifted(row, rows[0]) for row in rows])
    each_its_own = shifted(rows, rows[::-1])
    np.testing.assert_allclose(each_its_own, [shifted(*pair) for pair in zip(rows, rows[::-1], strict=True)])


@pytest.mark.parametrize("classes", [("happy", "sad", "surprise"), ("angry", "neutral", "sad")])
def test_classes_without_neutral_or_happy(classes):
    face, neutral = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.7, 0.1])
    result = shifted(face, neutral, classes)
    assert result.sum() == pytest.approx(1)
    if "neutral" not in classes:
        np.testing.assert_array_equal(result, face)
