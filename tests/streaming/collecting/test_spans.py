"""Spans: a csv file read as it is meant, and a sentence that names the line where it is not."""

import pytest

from landmark_fer.errors import DataError
from landmark_fer.streaming.collecting.spans import Span, read_spans


def written(tmp_path, text):
    path = tmp_path / "spans.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_spans_are_read_in_the_order_of_time(tmp_path):
    path = written(tmp_path, "\ufeffstart_s, end_s, expression, subject\n2, 3.5, Joy, bob\n0, 1, neutral,\n")
    assert read_spans(path, subject="ann") == [Span(0, 1, "neutral", "ann"), Span(2, 3.5, "happy", "bob")]


def test_the_column_subject_may_be_missing_and_others_may_be_there(tmp_path):
    path = written(tmp_path, "note,expression,start_s,end_s\nx,sad,0,1\n")
    assert read_spans(path, subject="ann") == [Span(0, 1, "sad", "ann")]


def test_spans_may_touch(tmp_path):
    assert len(read_spans(written(tmp_path, "start_s,end_s,expression\n0,1,sad\n1,2,happy\n"), subject="ann")) == 2


@pytest.mark.parametrize(
    "text,message",
    [
        ("", "must have the columns start_s, end_s, expression and a row"),
        ("start_s,end_s,expression\n", "and a row for each span"),
        ("start_s,expression\n0,sad\n", "must have the columns"),
        ("start_s,end_s,expression\n0,1,sad\n2,1,sad\n", "line 3 .* 0 <= start_s < end_s, got '2' to '1'"),
        ("start_s,end_s,expression\n-1,1,sad\n", "line 2"),
        ("start_s,end_s,expression\nnan,1,sad\n", "line 2"),
        ("start_s,end_s,expression\n0,inf,sad\n", "line 2"),
        ("start_s,end_s,expression\n0,soon,sad\n", "got '0' to 'soon'"),
        ("start_s,end_s,expression\n0\n", "got '0' to None"),
        ("start_s,end_s,expression\n0,1,bored\n", "line 2 .* must name an expression .*, got 'bored'"),
        ("start_s,end_s,expression,subject\n0,1,sad," + 61 * "a" + "\n", "line 2 .*: subject must be a name"),
        ("start_s,end_s,expression\n0,1,sad\n0.9,2,happy\n", "must not overlap, .* sad .* and happy"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_spans(written(tmp_path, text), subject="ann")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "spans.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(DataError, match="cannot be read as csv"):
        read_spans(tmp_path / "spans.csv", subject="ann")
    with pytest.raises(DataError, match="cannot be read as csv"):
        read_spans(tmp_path / "none.csv", subject="ann")
