"""Probabilities given a person's neutral face."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from landmark_fer.core.expressions import EXPRESSIONS
from landmark_fer.core.probabilities import softmax
from landmark_fer.models.neutral_shift import EARLIEST, FLOOR, MARGIN, STILL, given_neutral_face, log_probabilities

CLASSES = EXPRESSIONS[:7]
HAPPY, NEUTRAL = CLASSES.index("happy"), CLASSES.index("neutral")
SCORES = arrays(float, 7, elements=st.floats(-6, 6))
probabilities = SCORES.map(softmax)


def shifted(face, neutral, classes=CLASSES, opened=0.0):
    return given_neutral_face(face, log_probabilities(neutral), classes, opened=opened)


def odds_of_happy(result):
    return np.log(result[HAPPY] / result[NEUTRAL])


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

    at_rest = np.log(neutral[HAPPY] / neutral[NEUTRAL])
    assume(min(at_rest, at_rest + offset) + MARGIN > EARLIEST)
    assume(min(each[HAPPY] for each in (face, neutral, moved(face), moved(neutral))) > FLOOR)
    before, after = shifted(face, neutral), shifted(moved(face), moved(neutral))
    assert odds_of_happy(after) == pytest.approx(odds_of_happy(before), abs=0.01)


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


@given(probabilities, probabilities, st.floats(-0.5, 1), st.floats(0, 0.5))
def test_a_mouth_that_opens_farther_never_raises_happy_and_changes_no_other_expression(face, neutral, opened, more):
    before, after = shifted(face, neutral, opened=opened), shifted(face, neutral, opened=opened + more)
    assert odds_of_happy(after) <= odds_of_happy(before) + 1e-9
    np.testing.assert_allclose(np.delete(after, [HAPPY, NEUTRAL]), np.delete(before, [HAPPY, NEUTRAL]))


@given(probabilities, probabilities, st.floats(-1, STILL))
def test_a_mouth_that_is_nearly_as_closed_as_the_neutral_face_changes_nothing(face, neutral, opened):
    np.testing.assert_array_equal(shifted(face, neutral, opened=opened), shifted(face, neutral))


@given(SCORES, SCORES, st.tuples(st.floats(0.01, 6), st.floats(0.01, 6), st.floats(0, 2)))
def test_a_face_that_the_model_reads_as_happier_than_neutral_stays_so_with_an_open_mouth(face, neutral, amounts):
    lead, below, opened = amounts
    face[HAPPY], neutral[HAPPY] = face[NEUTRAL] + lead, neutral[NEUTRAL] - MARGIN - below
    result = shifted(softmax(face), softmax(neutral), opened=opened)
    assert result[HAPPY] > result[NEUTRAL]


def test_teeth_of_a_mouth_held_open_are_no_smile():
    """The means of a man who says a long vowel, and of his calm face, as the bundled model reads them."""
    classes = ("angry", "fear", "happy", "sad", "surprise", "neutral")
    calm = np.array([0.05, 0.04, 0.001, 0.06, 0.001, 0.848])
    vowel = np.array([0.12, 0.1, 0.29, 0.11, 0.02, 0.36])
    assert classes[shifted(vowel, calm, classes).argmax()] == "happy"
    assert classes[shifted(vowel, calm, classes, opened=0.22).argmax()] == "neutral"


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
    opened = np.linspace(0, 0.4, 5)
    with_mouths = [shifted(row, rows[0], opened=each) for row, each in zip(rows, opened, strict=True)]
    np.testing.assert_allclose(shifted(rows, rows[0], opened=opened), with_mouths)


@pytest.mark.parametrize("classes", [("happy", "sad", "surprise"), ("angry", "neutral", "sad")])
def test_classes_without_neutral_or_happy(classes):
    face, neutral = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.7, 0.1])
    result = shifted(face, neutral, classes)
    assert result.sum() == pytest.approx(1)
    if "neutral" not in classes:
        np.testing.assert_array_equal(result, face)
