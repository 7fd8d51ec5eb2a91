"""Expressions, boxes and face records."""

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.core.expressions import (
    EXPRESSIONS,
    FER2013_CODES,
    FERPLUS_COLUMNS,
    SYNONYMS,
    expression_named,
    find_expression,
    in_order,
)
from landmark_fer.core.records import Box, mirror_records, record_dtype, stack, take_field
from tests.conftest import made_up_faces


def test_order_of_fer2013_codes_is_the_official_one():
    assert FER2013_CODES == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def test_every_table_maps_to_known_expressions():
    named = {*FER2013_CODES, *SYNONYMS.values(), *filter(None, FERPLUS_COLUMNS.values())}
    assert named == set(EXPRESSIONS)


@pytest.mark.parametrize(
    ("word", "expression"), [("Happiness", "happy"), ("3_angry", "angry"), (" SAD ", "sad"), ("fearful", "fear")]
)
def test_synonyms_numbers_and_case_are_understood(word, expression):
    assert find_expression(word) == expression


def test_an_unknown_word_is_refused_with_the_list():
    assert find_expression("sleepy") is None
    with pytest.raises(InputError, match=r"angry, disgust.*'sleepy'"):
        expression_named("sleepy")


def test_in_order_follows_the_order_of_expressions():
    assert in_order(["neutral", "angry", "neutral"]) == ("angry", "neutral")


def test_overlap_of_a_box_is_1_with_itself_and_0_with_a_distant_one():
    box = Box(0, 0, 10, 10)
    assert box.overlap(box) == 1
    assert box.overlap(Box(5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert box.overlap(Box(20, 20, 5, 5)) == 0


def test_stack_of_no_faces_is_an_empty_array_of_records():
    assert stack([], chip_size=80).shape == (0,)


def test_stack_preserves_the_fields_of_faces(astronaut_face):
    (record,) = stack([astronaut_face], chip_size=80)
    np.testing.assert_array_equal(record["landmarks"], astronaut_face.landmarks)
    np.testing.assert_array_equal(record["chip"], astronaut_face.chip)


def test_mirroring_records_twice_is_the_identity_and_copies():
    records, _ = made_up_faces(3)
    before = records.copy()
    twice = mirror_records(mirror_records(records))
    np.testing.assert_array_equal(records, before)
    np.testing.assert_array_equal(twice["chip"], records["chip"])
    np.testing.assert_allclose(twice["landmarks"], records["landmarks"])


def test_a_missing_field_is_reported():
    with pytest.raises(InputError, match="'chip', got fields landmarks"):
        take_field(np.zeros(2, dtype=record_dtype()), "chip")
    with pytest.raises(InputError, match="got no face records"):
        take_field(np.zeros((2, 3)), "chip")
