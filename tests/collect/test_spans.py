"""Spans: csv files in every common form, and errors that name the line."""

import pytest

from landmark_fer.collect.spans import Span, read_spans
from landmark_fer.core.errors import DataError


def write(tmp_path, text):
    path = tmp_path / "spans.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_spans_are_sorted_by_time(tmp_path):
    path = write(tmp_path, "\ufeffstart_s, end_s, expression, subject\n2, 3.5, Joy, bob\n0, 1, neutral,\n")
    assert read_spans(path, subject="ann") == [Span(0, 1, "neutral", "ann"), Span(2, 3.5, "happy", "bob")]


def test_subject_is_optional_and_other_columns_are_ignored(tmp_path):
    path = write(tmp_path, "note,expression,start_s,end_s\nx,sad,0,1\n")
    assert read_spans(path, subject="ann") == [Span(0, 1, "sad", "ann")]


def test_spans_may_touch(tmp_path):
    assert len(read_spans(write(tmp_path, "start_s,end_s,expression\n0,1,sad\n1,2,happy\n"), subject="ann")) == 2


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
        ("start_s,end_s,expression\n0\n", "line 2 .* has 1 cells, must have 3"),
        ("start_s,end_s,expression\n0,1,bored\n", "line 2 .* must name an expression .*, got 'bored'"),
        ("start_s,end_s,expression,subject\n0,1,sad," + 61 * "a" + "\n", "line 2 .*: subject must be a name"),
        ("start_s,end_s,expression\n0,1,sad\n0.9,2,happy\n", "must not overlap, .* sad .* and happy"),
    ],
)
def test_invalid_spans_are_reported(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_spans(write(tmp_path, text), subject="ann")


def test_files_that_are_not_text_are_refused(tmp_path):
    (tmp_path / "spans.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    with pytest.raises(DataError, match=r"spans.csv must be text in UTF-8"):
        read_spans(tmp_path / "spans.csv", subject="ann")
    for name in ("none.csv", 300 * "x"):
        with pytest.raises(DataError, match="is not a file; give a csv with the columns start_s, end_s, expression"):
            read_spans(tmp_path / name, subject="ann")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_encodings_and_line_ends_are_recognized(tmp_path, separator, encoding, end):
    lines = ["Note, START_S ,End_s,Expression,subject", '"x\ny",0,1,sad,"ann"', "", ",,,,", ' ,2,"3.5",Joy']
    path = tmp_path / "spans.csv"
    path.write_bytes((end.join(lines) + end).replace(",", separator).encode(encoding))
    assert read_spans(path, subject="bob") == [Span(0, 1, "sad", "ann"), Span(2, 3.5, "happy", "bob")]


@pytest.mark.parametrize(
    "text,message",
    [
        ('start_s,end_s,expression,note\n0,1,sad,"a\nb"\n5,4,sad,\n', "line 4 .* got '5' to '4'"),
        ('start_s,end_s,expression,note\n5,4,sad,"a\nb"\n', "lines 2 to 3 .* got '5' to '4'"),
        ("start_s;end_s;expression\n0,5;1,5;sad\n", "line 2 .* got '0,5' to '1,5'"),
        ("start_s,end_s,expression\n0,5,1,5,sad\n", "line 2 .* has 5 cells, must have 3; a cell with a separator"),
        ("start_s,end_s,End_S,expression\n0,1,2,sad\n", "must have each column once, has 'end_s' 2 times"),
        ('start_s,end_s,expression\n0,1,"sad\n', "a quote that opens in line 2 of .* is never closed"),
    ],
)
def test_malformed_csv_is_reported(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_spans(write(tmp_path, text), subject="ann")
