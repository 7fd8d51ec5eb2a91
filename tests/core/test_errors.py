"""Values and reasons in messages are words."""

import json

import pytest

from landmark_fer.core.errors import LONGEST_VALUE, plain_reason, plain_value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "none"),
        ([], "none"),
        (False, "no"),
        (0, "0"),
        (0.25, "0.25"),
        ("size", "size"),
        ([0.4, None], "0.4, none"),
        ({"size": 40, "inside": [True, "a"]}, "size 40, inside yes, a"),
        ("a\nb", "'a\\nb'"),
    ],
)
def test_a_value_is_words(value, words):
    assert plain_value(value) == words


def test_a_long_value_is_shortened():
    assert plain_value(list(range(1000))) == plain_value(list(range(1000)))[:LONGEST_VALUE] + "..."


def test_reasons_are_words(tmp_path):
    def reason(function, *arguments):
        with pytest.raises(Exception) as raised:
            function(*arguments)
        return plain_reason(raised.value)

    assert reason(open, tmp_path / "missing") == "No such file or directory"
    assert reason({}.__getitem__, "model") == "model is missing"
    assert reason(b"\xff".decode) == "it is not UTF-8 text"
    assert reason(json.loads, "") == "Expecting value: line 1 column 1 (char 0)"
    assert reason(next, iter([])) == "StopIteration"
