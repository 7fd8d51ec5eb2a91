"""The csv reader returns the same rows for every dialect and encoding; limits and errors are reported."""

import gzip
import io
import itertools
import tarfile
import tracemalloc
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as some

from landmark_fer.core.errors import DataError
from landmark_fer.datasets.readers import csv_files
from landmark_fer.datasets.readers.csv_files import (
    MAX_ROW,
    Columns,
    TextError,
    csv_rows,
    csv_rows_of,
    header_of,
    whole_number,
)
from tests.accidents.depth import examples

ENDS = ("\n", "\r\n", "\r")
cells = some.text(some.characters(codec="utf-8"), max_size=6) | some.sampled_from(
    ['"', "a\nb", "a,b;c\td", "\r\n", " "]
)


def rows_of(text, encoding="utf-8"):
    return list(csv_rows_of(text.encode(encoding), "some.csv"))


def cells_of(text, encoding="utf-8"):
    return [row.cells for row in rows_of(text, encoding)]


def written(cell, separator, always):
    """A cell as it stands in a csv, in quotes where it needs them."""
    plain = not always and not {separator, '"', "\r", "\n"} & set(cell)
    return cell if plain else '"' + cell.replace('"', '""') + '"'


@examples(100)
@given(
    some.lists(some.lists(cells, min_size=2, max_size=4), max_size=5),
    some.sampled_from(csv_files.SEPARATORS),
    some.sampled_from(ENDS),
    some.booleans(),
    some.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_csv_round_trips(rows, separator, end, always, encoding):
    rows = [["first", "second"], *rows]
    text = end.join(separator.join(written(cell, separator, always) for cell in row) for row in rows) + end
    expected = [[cell.strip() for cell in row] for row in rows]
    # White space between separators that are white space is a blank line, so rows without a word are not compared.
    assert [row for row in cells_of(text, encoding) if any(row)] == [row for row in expected if any(row)]


@pytest.mark.parametrize("end", ENDS)
def test_rows_have_their_line_numbers_with_quoted_line_breaks(end):
    lines = ["", "name,note", 'a,"one', "two", 'three"', "", "b,plain", "  ", 'c,"x', '"', ""]
    rows = rows_of(end.join(lines))
    assert [row.cells[0] for row in rows] == ["name", "a", "b", "c"]
    assert [row.where for row in rows] == ["line 2", "lines 3 to 5", "line 7", "lines 9 to 10"]
    assert rows[1].cells[1].splitlines() == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("a,b;c\n1,2", ["a", "b;c"]),
        ("a;b\n1;2", ["a", "b"]),
        ("a\tb\n1\t2", ["a", "b"]),
        ("a\n1,2", ["a"]),
        ('"a;b",c\n', ["a;b", "c"]),
        ('"a,b";c\n', ["a,b", "c"]),
        (' "a" , "b" \n', ["a", "b"]),
        ("sep=;\na,b;c\n", ["a,b", "c"]),
        ("SEP=\t\r\na\tb\r\n", ["a", "b"]),
        ("", None),
        ("\n \n\r\n", None),
    ],
)
def test_the_header_decides_the_separator(text, first):
    assert next(iter(cells_of(text)), None) == first


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings_are_recognized(encoding):
    assert cells_of("name,who\nx,Zoë ☃\n", encoding) == [["name", "who"], ["x", "Zoë ☃"]]


def test_invalid_utf8_is_reported_by_line():
    content = "name,who\nx,ann\ny,René\n".encode("latin-1")
    rows = csv_rows_of(content, "some.csv")
    assert [next(rows).cells, next(rows).cells] == [["name", "who"], ["x", "ann"]]
    with pytest.raises(
        DataError, match=r"some.csv must be text in UTF-8, and line 3 has the byte 0xe9; save it as UTF-8"
    ):
        next(rows)
    with pytest.raises(DataError, match=r"some.csv must be text, and is damaged after line 1"):
        list(csv_rows_of("a,b\n".encode("utf-16") + b"\0", "some.csv"))


@pytest.mark.parametrize("text", ['a,b\n1,"2\n3,4\n', 'a,b\n1,"', '"a,b\n1,2'])
def test_an_unclosed_quote_is_reported_by_line(text):
    line = 1 + text[: text.index('"')].count("\n")
    with pytest.raises(DataError, match=rf"a quote that opens in line {line} of some.csv is never closed"):
        rows_of(text)


def test_a_cell_may_exceed_the_limit_of_the_csv_module(tmp_path):
    long = " ".join(["255"] * 224 * 224)
    assert len(long) > 131_072
    for cell in (long, f'"{long}"', f'"{long}\n{long}"'):
        assert [len(row.cells) for row in rows_of(f"a,b\n1,{cell}\n2,x\n")] == [2, 2, 2]


def test_a_line_of_gigabytes_is_reported_with_little_memory(tmp_path):
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.write(b"emotion,pixels,Usage\n3,")
        file.truncate(4 * 2**30)  # sparse: takes no room on the disk
    tracemalloc.start()
    try:
        with pytest.raises(TextError, match=rf"begins in line 2 of .* at most {MAX_ROW:,} characters"):
            list(csv_rows(path))
        assert tracemalloc.get_traced_memory()[1] < 8 * MAX_ROW
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("endless", ["x" * 999, '"' + "x\n" * 500, '"\n",' * 250])
def test_the_length_of_rows_is_limited(endless, monkeypatch):
    monkeypatch.setattr(csv_files, "MAX_ROW", 100)
    with pytest.raises(TextError, match=r"the row that begins in line 2 of some.csv must have at most 100 characters"):
        rows_of(f"a,b\n{endless}")


def packed(path, content):
    """Write content to a path as its name says; return the member that holds it, if it is a zip."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("in/it.csv", content)
        return "in/it.csv"
    if ".tar" in path.name:
        with tarfile.open(path, "w:gz") as archive:
            member = tarfile.TarInfo("in/it.csv")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    else:
        path.write_bytes(gzip.compress(content) if "gzip" in path.name else content)
    return None


@pytest.mark.parametrize(
    "name", ["it.csv", "plain.csv.gz", "gzip.csv.gz", "gzip.csv", "GZIP.gzip.CSV", "it.tar.gz", "it.zip"]
)
def test_the_content_decides_the_compression(tmp_path, name):
    member = packed(tmp_path / name, '\ufeffa;b\r\n1;"x\r\ny"\r\n'.encode("utf-16"))
    assert [row.where for row in csv_rows(tmp_path / name, member)] == ["line 1", "lines 2 to 3"]


def test_header_of_other_files_is_empty():
    assert header_of(csv_rows_of(b"a,b\n", "x.csv")) == ["a", "b"]
    for content in (b"", b"\xff\xd8\xff", b'"', b"\n"):
        assert header_of(csv_rows_of(content, "x.csv")) == []


NAMES = {"label": ("Emotion", "class"), "who": ("subject",)}


def check(header):
    Columns(header, NAMES).check(("label",), source="x.csv", rule="the column Emotion")


def test_repeated_and_missing_columns_are_reported():
    check(["EMOTION", "", "", "note", "note", "class"])
    with pytest.raises(DataError, match=r"x.csv must have each column once, has 'emotion' 2 times; rename one"):
        check(["emotion", "Emotion"])
    with pytest.raises(DataError, match="has 'subject' 3 times"):
        check(["emotion", "subject", "Subject", "SUBJECT"])
    with pytest.raises(
        DataError, match=r"must have the column Emotion, lacks Emotion, got 'a\|b'; .* semicolons or tabs"
    ):
        check(["a|b"])


def test_the_number_of_cells_in_a_row_is_checked():
    columns = Columns(["", "emotion", "note", "subject", "", ""], NAMES)
    assert columns.width == 4
    assert columns.problem_of(["0", "3", "x", "ann"]) is None is columns.problem_of(["0", "3", "x", "ann", "", ""])
    assert columns.problem_of(["0", "3", "x"]) == "has 3 cells, must have 4"
    assert columns.problem_of(["0", "3", "x"], optional=("who",)) is None
    assert columns.problem_of(["0", "3"], optional=("who",)) == "has 2 cells, must have 4"
    assert columns.cells_of(["0", "3", "x"]) == {"label": "3", "who": ""}
    problem = columns.problem_of(["0", "3", "x", "doe", "ann"])
    assert problem == "has 5 cells, must have 4; a cell with a separator in it needs quotes"


@pytest.mark.parametrize(
    ("text", "number"),
    [("3", 3), ("3.0", 3), ("3.", 3), ("03", 3), ("0", 0), ("0.000", 0), ("120", 120)]
    + [
        (text, None)
        for text in ("", " 3", "3.5", "3,0", "-1", "+3", "3e0", "0x3", "٣", "²", "1000", "nan", "3.0.0", "3 3")
    ],
)
def test_whole_numbers(text, number):
    assert whole_number(text) == number


def test_every_csv_in_the_package_uses_the_reader():
    root = csv_files.Path(csv_files.__file__).parents[2]
    sources = {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in root.rglob("*.py")}
    by_hand = ("csv.reader(", "csv.DictReader(", "read_csv(", "loadtxt(", "genfromtxt(")
    readers = {name for (name, text), mark in itertools.product(sources.items(), by_hand) if mark in text}
    of_the_package = {  # files that the package wrote: lists of left-out images, logs of videos, histories of trainings
        "datasets/cache_entry.py",
        "evaluation/image_rows.py",
        "live/sinks/merging.py",
        "live/video_logs.py",
        "models/networks/training.py",
    }
    assert readers <= {"datasets/readers/csv_files.py", *of_the_package}
