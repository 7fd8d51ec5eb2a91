"""Properties of readers for any words, numbers and rows: each row gives an image or a message, in order."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import EXPRESSIONS, FER2013_CODES, FERPLUS_COLUMNS, expression_named, find_expression
from landmark_fer.datasets.readers.fer2013 import SIDE, Fer2013Csv, expression_of_label
from landmark_fer.datasets.readers.ferplus import majority, read_votes, soft_labels
from landmark_fer.live.sinks.base import wall_time
from landmark_fer.models.networks.description import NetworkDescription
from landmark_fer.models.onnx_runtime import OnnxModel
from landmark_fer.perception.extraction import ExtractorSettings
from landmark_fer.perception.images import read_image
from tests.accidents.depth import examples

# What a cell may hold without quotes.
cells = some.text(
    some.characters(exclude_characters='",\n\r\x1c\x1d\x1e\x85\u2028\u2029\x0b\x0c', codec="utf-8"), max_size=12
)
labels = some.one_of(some.integers(0, 6).map(str), some.sampled_from(EXPRESSIONS), cells)
whole = some.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).integers(0, 256, SIDE * SIDE).tolist())
pixels = some.one_of(whole, whole, some.lists(some.integers(-2, 300), max_size=5))
rows = some.tuples(labels, pixels, some.sampled_from(["Training", "PublicTest", "PrivateTest"]), cells)


@examples(60)
@given(some.lists(rows, max_size=4), some.sampled_from(["\n", "\r\n"]))
def test_each_row_of_a_csv_gives_an_image_or_a_problem(tmp_path, given_rows, end):
    lines = [f"{label},{' '.join(map(str, values))},{usage},{subject}" for label, values, usage, subject in given_rows]
    path = tmp_path / "some.csv"
    path.write_bytes(end.join(["emotion,pixels,Usage,subject", *lines, ""]).encode())
    reader = Fer2013Csv(path)
    items = list(reader.items())
    assert len(items) == len(reader) == len(given_rows)
    for item, (label, values, usage, subject) in zip(items, given_rows, strict=True):
        right = len(values) == SIDE * SIDE and find_or_code(label.strip()) is not None
        assert (item.problem is None) == right
        if right:
            np.testing.assert_array_equal(item.image.ravel(), values)
            assert (item.split, item.subject) == (usage, subject.strip())
            assert item.expression == find_or_code(label.strip())


def find_or_code(label):
    return FER2013_CODES[int(label)] if label in "0123456" and len(label) == 1 else expression_of_label(label)


@examples(200)
@given(some.one_of(some.text(max_size=20), some.sampled_from(EXPRESSIONS)))
def test_any_word_maps_to_one_expression_or_none(word):
    found = find_expression(word)
    assert found is None or found in EXPRESSIONS
    assert expression_of_label(word) is None or expression_of_label(word) in EXPRESSIONS
    if found is None:
        with pytest.raises(InputError, match="expression must be one of"):
            expression_named(word)
    else:
        assert expression_named(word) == found == find_expression(found) == find_expression(f" {word.upper()} ".strip())


@examples(60)
@given(some.lists(some.lists(some.integers(0, 10), min_size=10, max_size=10), min_size=1, max_size=6))
def test_votes_round_trip_and_their_shares_sum_to_one_or_zero(tmp_path, votes):
    path = tmp_path / "fer2013new.csv"
    lines = [f"Training,,{','.join(map(str, row))}" for row in votes]
    path.write_text("\n".join([",".join(["Usage", "Image name", *FERPLUS_COLUMNS]), *lines]))
    read, usages = read_votes(path)
    np.testing.assert_array_equal(read, votes)
    assert set(usages) == {"Training"} and set(majority(read)) <= {*EXPRESSIONS, ""}
    sums = soft_labels(read).sum(axis=1)
    assert (np.isclose(sums, 1) | (sums == 0)).all()


values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=8),
    lambda inside: some.lists(inside, max_size=3) | some.dictionaries(some.text(max_size=8), inside, max_size=3),
    max_leaves=8,
)
names = some.sampled_from(
    ["input", "classes", "output", "mirrored", "detector", "smallest_face", "chip_size", "crop_size"]
)


@examples(200)
@given(some.dictionaries(names, values, max_size=4) | values)
def test_any_description_or_settings_are_accepted_or_get_an_error_message(described):
    for make in (NetworkDescription.from_dict, lambda given_: ExtractorSettings.from_dict(dict(given_))):
        try:
            made = make(described)
        except InputError as error:
            assert len(str(error).splitlines()) == 1
        except (TypeError, ValueError):
            assert not isinstance(described, dict), described
        else:
            assert json.loads(json.dumps(made.to_dict())) is not None


@examples(200)
@given(some.binary(max_size=200))
def test_random_bytes_are_refused(content):
    with pytest.raises(InputError, match="must be a"):
        OnnxModel(content)
    with pytest.raises(DataError):
        read_image(content)


@examples(100)
@given(some.floats(-6e10, 2.5e11))
def test_any_wall_time_can_be_formatted(wall_s):
    assert wall_time(wall_s).endswith("Z")
