import gzip
import io
import itertools
import tarfile
import zipfile

import numpy as np
import pytest

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import FER2013_CODES
from landmark_fer.datasets import open_source
from landmark_fer.datasets.readers.fer2013 import SIDE, Fer2013Csv, expression_of_label, image_of_pixels
from landmark_fer.datasets.readers.folder_names import split_named
from tests.datasets.conftest import usages


def read(path):
    return list(Fer2013Csv(path).items())


def test_rows_become_items(fer_csv, faces, labels):
    items = read(fer_csv)
    assert [item.expression for item in items] == labels
    assert [item.split for item in items][-6:] == ["PublicTest"] * 3 + ["PrivateTest"] * 3
    assert all(np.array_equal(item.image, face) for item, face in zip(items, faces, strict=True))
    assert len(Fer2013Csv(fer_csv)) == len(faces)


def test_columns_may_have_any_order_and_surrounding_space(tmp_path, write_csv, faces, labels):
    path = tmp_path / "icml_face_data.csv"
    path.write_text(write_csv(faces[:3], labels[:3], ["Training"] * 3, columns="emotion, Usage, pixels"))
    assert [item.expression for item in read(path)] == labels[:3]
    assert [item.problem for item in read(path)] == [None] * 3


@pytest.mark.parametrize("packing", ["csv.gz", "zip", "tar.gz", "tar.gz in zip"])
def test_compressed_files_read_like_plain_ones(tmp_path, fer_csv, labels, packing):
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


@pytest.mark.parametrize("name", ["a.tsv", "A.TSV", "a.tsv.gz"])
def test_a_tsv_is_read(tmp_path, fer_csv, labels, name):
    content = fer_csv.read_bytes().replace(b",", b"\t")
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert [item.expression for item in open_source(tmp_path / name).items()] == labels


def with_rows(path, fer_csv, changes):
    """Write the csv with some rows changed; keys are rows, values functions of the row's text."""
    lines = fer_csv.read_text().splitlines()
    for row, change in changes.items():
        lines[row + 1] = change(lines[row + 1])
    path.write_text("\n".join(lines) + "\n\n")
    return read(path)


def test_malformed_rows_are_reported_and_the_rest_is_read(tmp_path, fer_csv):
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
        7: "row 7 (line 9) has pixels that are not whole numbers",
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
        ("a.csv", b"emotion,image\n1,x\n", "lacks pixels, got 'emotion', 'image'"),
        ("a.csv", b"3,1 2 3 4,Training\n", "got '3', '1 2 3 4', 'Training'; name them in the first line"),
        ("a.csv", b"\xff\xd8\xff\xe0" + bytes(range(256)), "must be text in UTF-8, and line 1 has the byte 0xff"),
        ("a.csv.gz", b"no gzip", "must have the columns emotion, pixels, Usage"),
        ("a.csv.gz", b"\x1f\x8bno gzip", "a.csv.gz is cut short, damaged or unreadable"),
        ("a.zip", b"no zip", "a.zip is cut short, damaged or unreadable"),
        ("a.tar.gz", gzip.compress(b"no tar", mtime=0), "a.tar.gz is cut short, damaged or unreadable"),
    ],
)
def test_other_files_are_reported(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        Fer2013Csv(tmp_path / name)


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        Fer2013Csv(tmp_path / "none.csv")


def test_a_zip_without_the_csv_is_reported(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(DataError, match="must hold a csv with the columns emotion, pixels, Usage"):
        Fer2013Csv(tmp_path / "a.zip")


def test_a_truncated_file_is_reported_before_extraction(tmp_path, fer_csv, load, cache):
    packed = gzip.compress(fer_csv.read_bytes())
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataError, match=r"cut.csv.gz is cut short"):
        load(path)


def test_a_header_without_rows_is_reported(tmp_path, load):
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


# Ways to write the same rows: contents of cells and names of columns.
HEADERS = {
    "as they are": ("emotion", "pixels", "Usage"),
    "capitals": ("EMOTION", "PIXELS", "USAGE"),
    "spaces": (" Emotion ", "  Pixels", "usage "),
    "index of pandas": ("Unnamed: 0", "emotion", "pixels", "Usage"),
    "index without a name": ("", "emotion", "pixels", "Usage"),
    "another order": ("Usage", "note", "pixels", "emotion"),
    "empty columns at the end": ("emotion", "pixels", "Usage", "", ""),
}
LABELS = {
    "numbers": "{number}",
    "floats": "{number}.0",
    "zeros": "0{number}",
    "spaces": " {number} ",
    "words": "{word}",
}
PIXELS = {
    "spaces": " ".join,
    "commas": ",".join,
    "a list": lambda values: f"[{', '.join(values)}]",
    "floats": lambda values: ".0 ".join(values) + ".00",
    "floats of NumPy": lambda values: f"[{'., '.join(values)}.]",
    "lines": lambda values: "\n".join(" ".join(values[at : at + SIDE]) for at in range(0, SIDE * SIDE, SIDE)),
    "a list of lists": lambda values: str([list(map(int, values[at : at + SIDE])) for at in range(0, SIDE**2, SIDE)]),
}
USAGES = {
    "as they are": {},
    "small": {"Training": "training", "PublicTest": "publictest", "PrivateTest": "privatetest"},
    "capitals": {"Training": "TRAINING", "PublicTest": "PUBLICTEST", "PrivateTest": "PRIVATETEST"},
    "spaces": {"Training": " Train ", "PublicTest": "public test", "PrivateTest": "Private_Test"},
}


def written(path, faces, labels, usages, *, header, separator, end, encoding, always, label, pixels, usage):
    """Write rows in one of the forms above."""
    lines = [header]
    for row, (face, word, split) in enumerate(zip(faces, labels, usages, strict=True)):
        cells = {
            "emotion": label.format(number=FER2013_CODES.index(word), word=word),
            "pixels": pixels([str(value) for value in face.ravel()]),
            "usage": usage.get(split, split),
            "unnamed: 0": str(row),
            "note": f"{separator} a note\nof two lines",
        }
        lines.append([cells.get(name.strip().lower(), "") for name in header])
    text = ""
    for cells in lines:
        quoted = (always or any(mark in cell for mark in (separator, "\n", '"')) for cell in cells)
        text += separator.join(f'"{cell}"' if q else cell for cell, q in zip(cells, quoted, strict=True)) + end
    path.write_bytes(text.encode(encoding))
    return path


SPLITS = ["Training", "Training", "PublicTest", "PrivateTest"]


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_rows_are_read_in_any_dialect(tmp_path, faces, labels, header, separator, encoding):
    forms = itertools.product(("\n", "\r\n", "\r"), (True, False), LABELS, PIXELS, USAGES)
    # Fourteen of the 600 meet each header, separator and encoding: others each header and separator.
    first = 3 * [*HEADERS].index(header) + ",;\t".index(separator)
    for end, always, label, pixels, usage in itertools.islice(forms, first, None, 43):
        written(
            tmp_path / "it.csv", faces[:4], labels[:4], SPLITS, header=HEADERS[header], separator=separator, end=end,
            encoding=encoding, always=always, label=LABELS[label], pixels=PIXELS[pixels], usage=USAGES[usage],
        )  # fmt: skip
        items = list(open_source(tmp_path / "it.csv").items())
        form = f"{end!r} {always} {label} {pixels} {usage}"
        assert [(item.problem, item.expression, item.split) for item in items] == [
            (None, word, split) for word, split in zip(labels[:4], SPLITS, strict=True)
        ], form
        assert all(np.array_equal(item.image, face) for item, face in zip(items, faces, strict=False)), form


@pytest.mark.parametrize("label", ["3.5", "3,5", "7.0", "-1", "33", "3 0", "nan", "None", "0x3"])
def test_other_numbers_are_not_labels(label):
    assert expression_of_label(label) is None


@pytest.mark.parametrize(
    ("word", "split"),
    [
        ("Training", "Training"), ("training", "Training"), ("Train", "Training"), ("TRAINING SET", "Training"),
        ("Public Test", "PublicTest"), ("public_test", "PublicTest"), ("private-test", "PrivateTest"),
        ("test", "test"), ("TEST", "test"), ("Val", "validation"), ("dev", "dev"), ("Training2", "Training2"),
        ("fold 1", "fold 1"), ("Public", "Public"), ("", ""),
    ],
)  # fmt: skip
def test_split_names(word, split):
    assert split_named(word) == split


def test_without_usage_all_rows_are_training_and_a_remark_says_so(tmp_path, write_csv, faces, labels, load):
    path = tmp_path / "no_usage.csv"
    path.write_text(write_csv(faces, labels, usages(20), columns="emotion,pixels"))
    (tmp_path / "fer2013new.csv").write_text("whatever")
    dataset = load(path)
    assert set(dataset.splits) == {"Training"} and dataset.votes is None
    assert dataset.remarks == [
        "no_usage.csv has no column Usage, so all of its rows count as Training",
        "fer2013new.csv is not used: no_usage.csv has no column Usage to match rows by",
    ]
    assert load(path).remarks == dataset.remarks, "from the cache"
    with pytest.raises(InputError, match=r"needs the column Usage to match rows, and no_usage.csv lacks it"):
        load(path, labels="ferplus")


@pytest.mark.parametrize("name", ["split", "Set", "SUBSET", "partition"])
def test_usage_may_have_another_name(tmp_path, write_csv, faces, labels, name):
    path = tmp_path / "it.csv"
    path.write_text(write_csv(faces[:2], labels[:2], ["Training", "test"]).replace("Usage", name, 1))
    assert [item.split for item in read(path)] == ["Training", "test"]


def test_an_empty_usage_is_a_problem_of_its_row(tmp_path, write_csv, faces, labels):
    path = tmp_path / "it.csv"
    path.write_text(write_csv(faces[:3], labels[:3], ["Training", "", "PublicTest"]))
    assert [item.problem for item in read(path)] == [
        None,
        "row 1 (line 3) has no Usage, must have Training, PublicTest or PrivateTest",
        None,
    ]


@pytest.mark.parametrize("name", ["emotion", "PIXELS", " usage"])
def test_repeated_columns_are_refused(tmp_path, write_csv, faces, labels, name):
    text = write_csv(faces[:1], labels[:1], ["Training"])
    (tmp_path / "it.csv").write_text(text.replace("\n", f",{name}\n", 1))
    with pytest.raises(DataError, match=rf"it.csv must have each column once, has '{name.strip().lower()}' 2 times"):
        Fer2013Csv(tmp_path / "it.csv")


def test_images_of_another_square_size_are_read_and_others_reported(tmp_path, faces):
    large = [np.kron(face, np.ones((5, 5), np.uint8))[:224, :224] for face in faces[:3]]
    lines = [
        "emotion,pixels,Usage",
        *(f'3,"{" ".join(map(str, face.ravel()))}",Training' for face in [*large, faces[3]]),
    ]
    (tmp_path / "large.csv").write_text("\n".join(lines) + "\n")
    items = read(tmp_path / "large.csv")
    assert all(np.array_equal(item.image, face) for item, face in zip(items[:3], large, strict=True))
    assert [item.problem for item in items] == [None] * 3 + ["row 3 (line 5) has 2304 pixels, must have 50176"]


@pytest.mark.parametrize(
    ("pixels", "problem"),
    [
        ("0.5 0.25", "has pixels that are not whole numbers"),
        ("[1 2 ... 3]", "has pixels that are not whole numbers"),
        ("0x10", "has pixels that are not whole numbers"),
        ("[]", "has 0 pixels, must have 2304"),
        ("", "has 0 pixels, must have 2304"),
        ("0,5 " * 2304, "has 4608 pixels, must have 2304"),
    ],
)
def test_invalid_pixels_are_reported(pixels, problem):
    assert image_of_pixels(pixels.strip(), SIDE) == (None, problem)


@pytest.mark.parametrize("cell", ["70.5", "70.0.0", ".", ". 70", "7.0e1", "70.01", "70.0x"])
def test_pixels_that_are_no_whole_numbers_are_reported(cell):
    assert image_of_pixels(f"{cell} 1 2 3", 2) == (None, "has pixels that are not whole numbers")


def test_where_all_rows_are_malformed_the_first_reason_is_reported(tmp_path, load):
    (tmp_path / "it.csv").write_text("emotion,pixels,Usage\n" + "9,1 2 3,Training\n" * 12)
    with pytest.raises(DataError) as raised:
        load(tmp_path / "it.csv")
    assert str(raised.value) == (
        "it.csv must hold faces, and none is left: 12 were left out, the first because "
        "row 0 (line 2) has the label '9', must have 0 to 6 or an expression"
    )


def test_a_quoted_line_break_shifts_no_row(tmp_path, write_csv, faces, labels):
    lines = write_csv(faces[:3], labels[:3], SPLITS[1:]).splitlines()
    people = ["subject", '"ann\nof two lines, and more"', "", "bob"]
    (tmp_path / "it.csv").write_text("\n".join(map("{},{}".format, lines, people)) + "\n1,2\n")
    items = read(tmp_path / "it.csv")
    assert [(item.expression, item.split, item.subject) for item in items[:3]] == [
        (labels[0], "Training", "ann\nof two lines, and more"),
        (labels[1], "PublicTest", ""),
        (labels[2], "PrivateTest", "bob"),
    ]
    assert items[3].problem == "row 3 (line 6) has 2 cells, must have 4"


def test_of_several_csv_files_in_a_zip_the_one_with_splits_is_read(tmp_path, write_csv, faces, labels):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("another.csv", write_csv(faces[:2], labels[:2], SPLITS[:2], columns="emotion,pixels"))
        archive.writestr("whole.csv", write_csv(faces[:4], labels[:4], SPLITS))
        archive.writestr("odd.csv", b"\xff\xd8 no text")
        archive.writestr("odd.tar", bytes(10240))
    assert [item.split for item in open_source(tmp_path / "a.zip").items()] == SPLITS
