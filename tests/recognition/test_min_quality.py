"""Minimum quality: which faces are left out, and which limits are possible."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import Box
from landmark_fer.perception.quality import Quality, face_quality
from landmark_fer.recognition.face_fields import FIELD_GROUPS
from landmark_fer.recognition.min_quality import QUALITY_COLUMNS, check_min_quality, has_quality, parse_min_quality
from tests.live.hand_made import make_face

SHAPE = (300, 400)
NOISE = np.random.default_rng(0).integers(0, 256, (80, 80), dtype=np.uint8)
FACES = [
    replace(make_face(x=x, side=side), chip=chip, detector_score=score)
    for x, side, chip, score in (
        (100.0, 120.0, NOISE, 1.5), (100.0, 30.0, NOISE // 4, 0.2), (380.0, 60.0, NOISE // 2, float("nan")),
    )
]  # fmt: skip


def good(limits):
    return [face for face in FACES if has_quality(face, SHAPE, limits)]


def test_the_limits_are_those_of_the_logs_columns():
    assert tuple(QUALITY_COLUMNS.values()) == Quality._fields == FIELD_GROUPS["quality"][0]


@pytest.mark.parametrize("name", QUALITY_COLUMNS)
def test_a_face_at_the_limit_stays_and_one_below_is_left_out(name):
    for face in FACES[:2]:
        value = getattr(face_quality(face, SHAPE), QUALITY_COLUMNS[name])
        assert has_quality(face, SHAPE, {name: value})
        assert not has_quality(face, SHAPE, {name: np.nextafter(value, np.inf)})


@given(
    st.dictionaries(st.sampled_from(tuple(QUALITY_COLUMNS)), st.floats(0, 1)), st.sampled_from(tuple(QUALITY_COLUMNS))
)
def test_a_further_limit_never_keeps_more_and_all_must_hold(limits, name):
    assert good({}) == FACES
    both = good(limits | {name: 0.5})
    assert set(map(id, both)) <= set(map(id, good({name: 0.5})))
    alone = [set(map(id, good({each: value}))) for each, value in (limits | {name: 0.5}).items()]
    assert set(map(id, both)) == set.intersection(*alone)


def test_an_unknown_detector_score_is_not_below_a_limit():
    assert FACES[2] in good({"score": 100.0})


def test_a_face_outside_the_image_has_a_share_of_zero():
    face = replace(FACES[0], box=Box(500, 500, 10, 10))
    assert not has_quality(face, SHAPE, {"inside": 0.01})


def test_text_and_columns_name_the_same_limits():
    limits = {"size": 40.0, "score": 0.5, "inside": 0.9}
    assert parse_min_quality("size=40, score=.5,inside=9e-1") == limits
    assert check_min_quality({"size_px": 40, "detector_score": 0.5, "inside": 0.9}) == limits
    assert check_min_quality(None) == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("size", "must be NAME=NUMBER"),
        ("", "must be NAME=NUMBER"),
        ("size=", "must be NAME=NUMBER"),
        ("size=big", "must be NAME=NUMBER"),
        ("size=40,", "must be NAME=NUMBER"),
        ("size=40,size=50", "must be NAME=NUMBER"),
        ("size=40,size_px=50", "must have each limit once, got size, size_px"),
        ("sise=40", "must be of score, size, sharpness, brightness, inside, got 'sise'"),
        ("size=-1", "minimum size must be a number of at least 0, got -1"),
        ("size=nan", "minimum size must be a number of at least 0, got nan"),
        ("sharpness=inf", "minimum sharpness must be a number of at least 0"),
        ("inside=90", "minimum inside must be a number from 0 to 1, got 90"),
        ("brightness=128", "minimum brightness must be a number from 0 to 1, got 128"),
    ],
)
def test_impossible_limits_are_refused(text, sentence):
    with pytest.raises(InputError, match=sentence):
        parse_min_quality(text)
