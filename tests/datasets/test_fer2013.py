import gzip
import io
import tarfile
import zipfile

import numpy as np
import pytest

from landmark_fer.datasets.fer2013 import Fer2013Csv, expression_of_label
from landmark_fer.errors import DataError


def read(path):
    return list(Fer2013Csv(path).items())


def test_rows_become_items(fer_csv, faces, labels):
    items = read(fer_csv)
    assert [item.expression for item in items] == labels
    assert [item.split for item in items][-6:] == ["PublicTest"] * 3 + ["PrivateTest"] * 3
    assert all(np.array_equal(item.picture, face) for item, face in zip(items, faces, strict=True))
    assert len(Fer2013Csv(fer_csv)) == len(faces)


def test_columns_may_stand_in_any_order_with_space(tmp_path, write_csv, faces, labels):
    path = tmp_path / "icml_face_data.csv"
    path.write_text(write_csv(faces[:3], labels[:3], ["Training"] * 3, columns="emotion, Usage, pixels"))
    assert [item.expression for item in read(path)] == labels[:3]
    assert [item.problem for item in read(path)] == [None] * 3


@pytest.mark.parametrize("packing", ["csv.gz", "zip", "tar.gz", "tar.gz in zip"])
def test_packed_files_read_like_plain_ones(tmp_path, fer_csv, labels, packing):
    content = fer_csv.read_bytes()
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as archive:
        archive.add(fer_csv, "fer2013/fer2013.csv")
    path = tmp_path / f"fer2013.{packing.split()[-1]}"
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("example_submission.csv", "id,emotion\n1,2\n")
            inner = ("fer2013.tar.gz", tar.getvalue()) if "tar" in packing else ("fer2013.csv", content)
            archive.writestr(*inner)
    else:
        path.write_bytes(tar.getvalue() if "tar" in packing else gzip.compress(content))
    assert [item.expression for item in read(path)] == labels


def with_rows(path, fer_csv, changes):
    """Write the csv with some rows changed; keys are rows, values functions of the row's text."""
    lines = fer_csv.read_text().splitlines()
    for row, change in changes.items():
        lines[row + 1] = change(lines[row + 1])
    path.write_text("\n".join(lines) + "\n\n")
    return read(path)


def test_a_broken_row_is_named_and_the_rest_goes_on(tmp_path, fer_csv):
    changes = {
        2: lambda line: line.replace(" ", "  ", 1),
        3: lambda line: line.rsplit(" ", 1)[0] + ",Training",
        5: lambda line: "9" + line[1:],
        7: lambda line: line.replace(" ", " x", 1),
        8: lambda line: line.replace(",", ",300 ", 1).rsplit(" ", 1)[0] + ",Training",
        9: lambda line: "3",
        11: lambda line: line.replace(",", ",-1 ", 1).rsplit(" ", 1)[0] + ",Training",
        12: lambda line: "3,,Training",
        13: lambda line: line.replace("Training", 'Tr"ai'),
    }
    items = with_rows(tmp_path / "broken.csv", fer_csv, changes)
    assert {row: item.problem for row, item in enumerate(items) if item.problem} == {
        3: "row 3 (line 5) has 2303 pixels, must have 2304",
        5: "row 5 (line 7) has the label '9', must have 0 to 6 or an expression",
        7: "row 7 (line 9) has pixels that are no whole numbers",
        8: "row 8 (line 10) has a pixel of 300, must have 0 to 255",
        9: "row 9 (line 11) has 1 cells, must have 3",
        11: "row 11 (line 13) has a pixel of -1, must have 0 to 255",
        12: "row 12 (line 14) has 0 pixels, must have 2304",
    }
    assert len(items) == 20


def test_problems_reach_the_data_set(tmp_path, fer_csv, load):
    path = tmp_path / "broken.csv"
    with_rows(path, fer_csv, {4: lambda line: "x" + line})
    dataset = load(path)
    assert dataset.problems == ["row 4 (line 6) has the label 'x4', must have 0 to 6 or an expression"]
    assert dataset.rows.tolist() == [row for row in range(20) if row != 4]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"", "a.csv is empty"),
        ("a.csv", b"\n\n", "a.csv is empty"),
        ("a.csv", b"emotion,image\n1,x\n", "lacks pixels, Usage, has 'emotion', 'image'"),
        ("a.csv", b"\xff\xd8\xff\xe0" + bytes(range(256)), "must have the columns emotion, pixels, Usage"),
        ("a.csv.gz", b"no gzip", "a.csv.gz is cut short, damaged or unreadable"),
        ("a.zip", b"no zip", "a.zip is cut short, damaged or unreadable"),
        ("a.tar.gz", gzip.compress(b"no tar", mtime=0), "a.tar.gz is cut short, damaged or unreadable"),
    ],
)
def test_what_is_no_such_csv_gets_a_sentence(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        Fer2013Csv(tmp_path / name)


def test_a_file_that_is_not_there_gets_a_sentence(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        Fer2013Csv(tmp_path / "none.csv")


def test_a_zip_without_the_csv_gets_a_sentence(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(DataError, match="must hold a csv with the columns emotion, pixels, Usage"):
        Fer2013Csv(tmp_path / "a.zip")


def test_a_truncated_file_is_found_out_before_anything_is_measured(tmp_path, fer_csv, load, cache):
    packed = gzip.compress(fer_csv.read_bytes())
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataError, match=r"cut.csv.gz is cut short"):
        load(path)


def test_a_header_alone_leaves_no_face(tmp_path, load):
    path = tmp_path / "header.csv"
    path.write_text("emotion,pixels,Usage\n")
    with pytest.raises(DataError, match=r"header.csv must hold faces"):
        load(path)


@pytest.mark.parametrize(
    ("label", "expression"),
    [("0", "angry"), ("6", "neutral"), ("7", None), ("happiness", "happy"), ("", None), ("-1", None), ("٣٣٣", None)],
)
def test_labels(label, expression):
    assert expression_of_label(label) == expression
