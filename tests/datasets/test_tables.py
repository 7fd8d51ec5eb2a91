"""Csv files with subjects: of image paths, alone or in a folder or zip with the images, and of pixels."""

import zipfile

import numpy as np
import pytest

from landmark_fer.core.errors import DataError
from landmark_fer.datasets import open_source
from landmark_fer.datasets.readers.csv_files import Columns
from landmark_fer.datasets.readers.tables import NAMES, ImageTable, PixelTable
from tests.datasets import copies
from tests.datasets.copies import problems_of

ROWS = (("a/1.png", "happy", "ann", "train"), ("a/2.png", "Sadness", "ann", "test"), ("b.png", "neutral", "bob", ""))


@pytest.fixture
def table(tmp_path):
    """A folder with three images and a csv of their labels."""
    for place, (name, *_) in enumerate(ROWS):
        copies.write(tmp_path / name, copies.crop(place))
    lines = ["path,expression,subject,split", *(",".join(row) for row in ROWS)]
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "labels.csv"


def labels_of(reader):
    items = [item for item in reader.items() if item.problem is None]
    return [(item.expression, item.subject, item.split) for item in sorted(items, key=lambda item: item.name)]


WANTED = [("happy", "ann", "Training"), ("sad", "ann", "test"), ("neutral", "bob", "")]


def test_a_csv_its_folder_and_a_zip_of_it_read_the_same(table, tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in (table, *(table.parent / row[0] for row in ROWS)):
            archive.write(file, f"top/{file.relative_to(table.parent)}")
    for path in (table, table.parent, tmp_path / "all.zip"):
        reader = open_source(path)
        assert type(reader) is ImageTable and reader.cropped
        assert labels_of(reader) == WANTED and problems_of(reader) == []


def test_faces_of_a_table_have_their_subjects(table, load):
    dataset = load(table)
    assert dict(zip(dataset.names.tolist(), dataset.subjects.tolist(), strict=True)) == {
        "a/1.png": "ann",
        "a/2.png": "ann",
        "b.png": "bob",
    }


def test_further_columns_follow_their_faces(table, load):
    lines = table.read_text().splitlines()
    cells = ["age, Gender ", "24,f", "24,f", "NA,m"]
    table.write_text("\n".join(f"{line},{cell}" for line, cell in zip(lines, cells, strict=True)))
    dataset = load(table)
    place = {name: row for row, name in enumerate(dataset.names.tolist())}
    order = [place["b.png"], place["a/1.png"]]
    assert dataset.take(np.array(order)).attributes["age"].tolist() == ["NA", "24"]
    assert dataset.take(np.arange(3) == place["b.png"]).attributes["Gender"].tolist() == ["m"]
    table.write_text("\n".join(lines))
    assert load(table).attributes == {}


@pytest.mark.parametrize("header", ["subject,expression,pixels,split", "subject,emotion,pixels,Usage"])
def test_further_columns_of_pixels_follow_their_faces(tmp_path, load, header):
    rows = [(str(row), "happy", copies.crop(row), "train") for row in range(3)]
    path = pixel_csv(tmp_path / "pixels.csv", rows, columns=header)
    assert load(path).attributes == {}
    lines = path.read_text().splitlines()
    lines[2] = lines[2].replace("happy", "no word")
    cells = ["age,g,G,g", "24,a,b,c", "30,d,e,f", "36,g,h,i"]
    path.write_text("\n".join(f"{line},{cell}" for line, cell in zip(lines, cells, strict=True)))
    dataset = load(path)
    assert dataset.subjects.tolist() == ["0", "2"]
    assert {name: cells.tolist() for name, cells in dataset.attributes.items()} == {
        "age": ["24", "36"],
        "g (6)": ["a", "g"],
        "G": ["b", "h"],
        "g (8)": ["c", "i"],
    }


def test_names_of_people_that_are_easily_mistaken_are_reported(table, load):
    names = ["ann", "Ann", "NA"]
    lines = ["path,expression,subject", *(f"{row[0]},{row[1]},{name}" for row, name in zip(ROWS, names, strict=True))]
    table.write_text("\n".join(lines))
    dataset = load(table)
    assert dataset.remarks[-2:] == [
        "the subject NA counts as one person; leave the cell empty if unknown",
        "subjects in other letter case count as other people: Ann and ann",
    ]
    assert len(set(dataset.subjects.tolist())) == 3


def test_a_csv_adds_subjects_to_folders_of_classes(tmp_path):
    for place, name in enumerate(("happy/1.png", "sad/1.png")):
        copies.write(tmp_path / name, copies.crop(place))
    (tmp_path / "subjects.csv").write_text("file,subject\nhappy/1.png,ann\nsad/1.png,bob\n")
    assert labels_of(open_source(tmp_path)) == [("happy", "ann", ""), ("sad", "bob", "")]


def test_rows_without_a_label_are_left_out_and_reported(table):
    more = "c.png,3,ann,\nd.png\nb.png,happy,bob,\nmissing.png,fear,carl,\n\n"
    table.write_text(table.read_text() + more)
    copies.write(table.parent / "unlisted.png", copies.crop(4))
    reader = open_source(table.parent)
    assert labels_of(reader)[:2] == WANTED[:2] and ("fear", "carl", "") in labels_of(reader)
    sentences = problems_of(reader)
    assert any(note.startswith("1 rows of the csv name no expression") and "line 5" in note for note in sentences)
    assert any(note.startswith("1 rows of the csv have too few cells or too many: line 6") for note in sentences)
    assert any("labels repeat an image that already has one" in note and "b.png" in note for note in sentences)
    assert any("images are in no valid row of the csv: unlisted.png" in note for note in sentences)


def test_a_missing_image_is_reported_and_the_rest_is_read(table, load):
    table.write_text(table.read_text() + "missing.png,fear,carl,\n")
    dataset = load(table)
    assert len(dataset) == 3
    assert any("missing.png" in problem and "does not exist" in problem for problem in dataset.problems)


def test_a_csv_of_numbers_does_not_hide_the_folders_of_classes(tmp_path):
    for place, name in enumerate(("happy/1.png", "sad/1.png")):
        copies.write(tmp_path / name, copies.crop(place))
    (tmp_path / "labels.csv").write_text("image,label\nhappy/1.png,3\nsad/1.png,5\n")
    assert type(open_source(tmp_path)).__name__ == "FolderReader"


def test_paths_of_devices_and_folders_are_reported(table, load):
    table.write_text(table.read_text() + "/dev/zero,happy,eve,\na,happy,eve,\nno\0thing.png,happy,eve,\n")
    dataset = load(table)
    assert len(dataset) == 3
    assert sum("must be an image file" in problem for problem in dataset.problems) == 2
    assert any("name no expression" in problem and "line 7" in problem for problem in dataset.problems)


def test_fingerprint_changes_with_an_image_or_a_label(table):
    before = open_source(table).fingerprint()
    table.write_text(table.read_text().replace("ann", "ada"))
    relabelled = open_source(table).fingerprint()
    copies.write(table.parent / "b.png", copies.crop(9))
    assert len({before, relabelled, open_source(table).fingerprint()}) == 3


def pixel_csv(path, rows, columns="subject,expression,pixels,split"):
    lines = [",".join((who, word, " ".join(map(str, crop.ravel())), split)) for who, word, crop, split in rows]
    path.write_text("\n".join([columns, *lines]) + "\n")
    return path


def test_pixels_of_any_square_with_subjects(tmp_path, load):
    rows = [("ann", "happy", copies.crop(0, side=60), "train"), ("bob", "anger", copies.crop(1, side=60), "test")]
    path = pixel_csv(tmp_path / "pixels.csv", rows)
    reader = open_source(path)
    assert type(reader) is PixelTable and len(reader) == 2
    np.testing.assert_array_equal(next(reader.items()).image, rows[0][2])
    dataset = load(path)
    assert dataset.subjects.tolist() == ["ann", "bob"] and dataset.splits.tolist() == ["Training", "test"]
    assert dataset.classes == ("angry", "happy")


def test_malformed_rows_of_pixels_are_reported(tmp_path):
    path = pixel_csv(tmp_path / "pixels.csv", [("ann", "happy", copies.crop(0), "")])
    path.write_text(path.read_text() + "bob,sad,1 2 3,\nbob,4,1,\nbob,sad,1 2 300 4,\nbob,sad,1 x 3 4,\nbob\n")
    sentences = problems_of(open_source(path))
    assert len(sentences) == 5 and all(
        note.startswith(f"row {row} (line {row + 2}) ") for row, note in enumerate(sentences, start=1)
    )
    for note, part in zip(
        sentences, ("a square", "label '4'", "pixel of 300", "not whole numbers", "must have 4"), strict=True
    ):
        assert part in note


def test_fer2013_with_subjects_is_still_fer2013(tmp_path, write_csv, faces, labels):
    text = write_csv(faces[:2], labels[:2], ["Training", "PublicTest"])
    lines = [f"{line},{word}" for line, word in zip(text.splitlines(), ("subject", "ann", "bob"), strict=True)]
    (tmp_path / "own.csv").write_text("\n".join(lines) + "\n")
    assert [(item.split, item.subject) for item in open_source(tmp_path / "own.csv").items()] == [
        ("Training", "ann"),
        ("PublicTest", "bob"),
    ]


def test_column_names_may_have_any_case_and_order():
    places = Columns(["Emotion", "IMAGE_PATH", "Person", "other"], NAMES).places
    assert places == {"path": 1, "expression": 0, "subject": 2}
    assert Columns(["a", "b"], NAMES).places == {}


@pytest.mark.parametrize("header", ["name,mood", "", "pixels,label", "path,split"])
def test_another_csv_is_reported(tmp_path, header):
    (tmp_path / "other.csv").write_text(f"{header}\n1,2\n")
    with pytest.raises(DataError, match=r"other\.csv"):
        open_source(tmp_path / "other.csv")
    with pytest.raises(DataError, match=r"other\.csv"):
        open_source(tmp_path / "other.csv", dataset="table")


FORMS = [
    (separator, encoding, always, columns)
    for separator in (",", ";", "\t")
    for encoding in ("utf-8", "utf-8-sig", "utf-16")
    for always in (True, False)
    for columns in (("path", "expression", "subject", "split"), (" Image", "EMOTION ", "Person", "Usage"))
]


@pytest.mark.parametrize(("separator", "encoding", "always", "columns"), FORMS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_table_may_have_any_dialect(table, separator, encoding, always, columns, end):
    rows = [("", *columns, "note"), *((str(row), *cells, f"two\nlines{separator}") for row, cells in enumerate(ROWS))]
    lines = (separator.join(f'"{cell}"' if always or "\n" in cell else cell for cell in cells) for cells in rows)
    table.write_bytes((end + end.join(lines) + end + end).encode(encoding))
    for path in (table, table.parent):
        reader = open_source(path)
        assert type(reader) is ImageTable
        assert labels_of(reader) == WANTED and problems_of(reader) == []


def test_split_names_are_those_of_folders(table):
    table.write_text(table.read_text().replace(",test", ",Public Test").replace("bob,", "bob,fold 1"))
    assert [split for _, _, split in labels_of(open_source(table))] == ["Training", "PublicTest", "fold 1"]


@pytest.mark.parametrize("column", ["subject", "Path", " EXPRESSION "])
def test_repeated_columns_are_refused(table, column):
    table.write_text(table.read_text().replace("\n", f",{column}\n", 1))
    with pytest.raises(DataError, match=rf"must have each column once, has '{column.strip().lower()}' 2 times"):
        open_source(table)


def test_an_additional_comma_shifts_nothing(table):
    table.write_text(table.read_text() + "doe, john.png,happy,ann,train\nb.png,happy,bob,,,\n")
    reader = open_source(table)
    assert len(labels_of(reader)) == 3
    assert any(
        "line 5 has 5 cells, must have 4; a cell with a separator in it needs quotes" in n for n in problems_of(reader)
    )


def test_two_tables_in_a_folder_are_refused(table):
    (table.parent / "more.csv").write_text("file,label\nb.png,happy\n")
    with pytest.raises(DataError, match=r"must hold one table of images, has 2 \(labels.csv, more.csv\); give one"):
        open_source(table.parent)
    assert labels_of(open_source(table)) == WANTED


def test_a_table_of_numbers_is_refused_with_its_labels(tmp_path):
    (tmp_path / "it.csv").write_text("image,label\na.png,3\nb.png,5\n")
    with pytest.raises(DataError, match=r"2 rows of the csv name no expression .*: line 2 \('3'\), line 3 \('5'\)"):
        open_source(tmp_path / "it.csv")


def test_a_table_with_invalid_utf8_is_refused(table):
    table.write_bytes(table.read_text().replace("ann", "André").encode("latin-1"))
    for path in (table, table.parent):
        with pytest.raises(DataError, match=r"labels.csv must be text in UTF-8, and line 2 has the byte 0xe9"):
            open_source(path)


def test_numeric_labels_of_pixels_are_refused_with_advice(tmp_path, load):
    rows = [("ann", "3", copies.crop(0), "train"), ("bob", "5", copies.crop(1), "test")]
    path = pixel_csv(tmp_path / "pixels.csv", rows, columns="subject,emotion,pixels,fold")
    with pytest.raises(DataError, match=r"none is left: 2 were left out, .*'3', must have one of .*--dataset fer2013"):
        load(path)
    dataset = load(path, dataset="fer2013")
    assert dataset.subjects.tolist() == ["ann", "bob"] and dataset.classes == ("happy", "surprise")


def test_large_pixels_in_a_cell_are_read(tmp_path):
    path = pixel_csv(tmp_path / "pixels.csv", [("ann", "happy", copies.crop(0, side=224), "")])
    items = list(open_source(path).items())
    assert items[0].image.shape == (224, 224) and items[0].problem is None
