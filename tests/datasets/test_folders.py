import csv
import zipfile
from collections import Counter

import numpy as np
import pytest
from skimage import data

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import EXPRESSIONS
from landmark_fer.datasets import open_source
from landmark_fer.datasets.readers.folders import FolderReader


def by_pixels(reader):
    """Return {pixels: (expression, split)} of a reader's items."""
    from landmark_fer.perception.images import read_image, to_grey

    def pixels(item):
        raw = item.image if isinstance(item.image, np.ndarray) else to_grey(read_image(item.image))
        return raw.tobytes()

    return {pixels(item): (item.expression, item.split) for item in reader.items()}


def zipped(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            archive.write(file, f"archive/{file.relative_to(folder)}")
        archive.writestr("__MACOSX/archive/train/happy/._1.png", b"not an image")
    return path


def left_out(dataset):
    """Return the names and reasons of the csv that lists everything that was left out."""
    with open(dataset.left_out_csv, newline="") as file:
        return [row[:2] for row in csv.reader(file)][1:]


def test_csv_and_folders_give_the_same_labels_and_splits(fer_csv, kaggle_folder):
    assert by_pixels(open_source(kaggle_folder)) == by_pixels(open_source(fer_csv))


def test_a_zip_reads_like_its_folder(tmp_path, kaggle_folder):
    zip_reader = open_source(zipped(kaggle_folder, tmp_path / "fer.zip"))
    assert by_pixels(zip_reader) == by_pixels(open_source(kaggle_folder))
    names = [item.name.removeprefix("archive/") for item in zip_reader.items()]
    assert names == [item.name for item in open_source(kaggle_folder).items()]
    assert zip_reader.cropped


def test_records_of_csv_folder_and_zip_are_equal(tmp_path, load, dataset, kaggle_folder):
    by_chip = {chip.tobytes(): place for place, chip in enumerate(dataset.records["chip"])}
    for path in (kaggle_folder, zipped(kaggle_folder, tmp_path / "fer.zip")):
        other = load(path)
        places = [by_chip[chip.tobytes()] for chip in other.records["chip"]]
        assert sorted(places) == list(range(len(dataset)))
        assert np.array_equal(other.records, dataset.records[places])
        assert np.array_equal(other.expressions, dataset.expressions[places])
        assert np.array_equal(other.splits, dataset.splits[places])


def test_images_are_sorted_by_class_then_naturally(tmp_path, write_images, faces):
    names = ["sad/10.png", "sad/9.png", "angry/b2.png", "angry/b10.png", "Happiness/1.png", "0_anger/1.png"]
    reader = FolderReader(write_images(tmp_path, dict.fromkeys(names, faces[0])))
    ordered = [item.name for item in reader.items()]
    assert ordered == ["0_anger/1.png", "angry/b2.png", "angry/b10.png", "Happiness/1.png", "sad/9.png", "sad/10.png"]


def test_a_copy_without_official_names_keeps_its_own_splits(tmp_path, write_images, faces):
    names = ["images/train/angry/0.png", "images/validation/angry/10.png", "images/test/sad/im3.png"]
    reader = FolderReader(write_images(tmp_path, dict.fromkeys(names, faces[0])))
    assert [item.split for item in reader.items()] == ["Training", "validation", "test"]
    assert reader.cropped


def test_official_names_win_over_folders(tmp_path, write_images, faces):
    names = ["train/happy/PublicTest_1.png", "test/happy/Training_3.png", "validation/happy/PrivateTest_2.png"]
    reader = FolderReader(write_images(tmp_path, dict.fromkeys(names, faces[0])))
    assert Counter(item.split for item in reader.items()) == Counter(["PublicTest", "Training", "PrivateTest"])


def test_a_five_class_copy_has_five_classes_in_the_order_of_expressions(tmp_path, write_images, faces, load):
    classes = ("surprise", "angry", "sad", "neutral", "happy")
    folder = write_images(tmp_path, {f"train/{word}/{place}.png": faces[place] for place, word in enumerate(classes)})
    dataset = load(folder)
    assert dataset.classes == ("angry", "happy", "sad", "surprise", "neutral")
    assert dataset.classes == tuple(word for word in EXPRESSIONS if word in classes)


def test_folders_of_no_class_are_left_out_and_reported(tmp_path, write_images, faces, load):
    names = ["happy/1.png", "unknown/1.png", "unknown/2.png", "3.png"]
    dataset = load(write_images(tmp_path, dict.fromkeys(names, faces[0])))
    assert len(dataset) == 1
    assert dataset.problems == [
        "1 images lie in folder '.', which names no expression, and are left out: 3.png",
        "2 images lie in folder 'unknown', which names no expression, and are left out: unknown/1.png, unknown/2.png",
    ]
    assert dataset.n_left_out == 3
    assert [row[0] for row in left_out(dataset)] == ["3.png", "unknown/1.png", "unknown/2.png"]


def test_unreadable_images_are_problems(tmp_path, write_images, faces, load):
    folder = write_images(tmp_path, {f"happy/{place}.png": faces[place] for place in range(3)})
    (folder / "happy" / "empty.png").write_bytes(b"")
    (folder / "happy" / "text.jpg").write_bytes(b"no image at all")
    (folder / "happy" / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200))
    whole = (folder / "happy" / "0.png").read_bytes()
    (folder / "happy" / "cut.png").write_bytes(whole[: len(whole) // 2])
    write_images(folder, {"happy/dot.png": faces[0][:1, :1]})
    (folder / "happy" / "gone.png").symlink_to(folder / "nowhere.png")
    dataset = load(folder, images="crops")
    assert len(dataset) + len(dataset.problems) == len(dataset) + dataset.n_left_out == 9
    for name, reason in {
        "empty": "0 bytes",
        "text": "got another kind of file",
        "phone": "of the kind HEIC, which is not read",
        "cut": "damaged",
        "gone": "not exist",
    }.items():
        assert any(f"{name}." in problem and reason in problem for problem in dataset.problems)


def test_a_damaged_member_of_a_zip_is_a_problem(tmp_path, kaggle_folder, load):
    path = zipped(kaggle_folder, tmp_path / "fer.zip")
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        member = max(archive.infolist(), key=lambda info: info.file_size)
    content[member.header_offset + 200] ^= 0xFF
    path.write_bytes(content)
    dataset = load(path)
    assert len(dataset) == 19
    assert len(dataset.problems) == 1
    assert member.filename in dataset.problems[0]


@pytest.mark.parametrize(("images", "cropped"), [("auto", False), ("crops", True), ("scenes", False)])
def test_scenes_and_crops(tmp_path, write_images, images, cropped):
    write_images(tmp_path, {"happy/astronaut.png": data.astronaut()[:300, 100:400]})
    assert FolderReader(tmp_path, images=images).cropped == cropped


def test_a_scene_without_a_face_is_left_out_and_counted(tmp_path, write_images, load):
    images = {"happy/astronaut.png": data.astronaut(), "happy/wall.png": np.full((200, 200), 90, np.uint8)}
    dataset = load(write_images(tmp_path, images))
    assert dataset.names.tolist() == ["happy/astronaut.png"]
    assert not dataset.cropped
    assert dataset.problems == ["no face was found in 1 of 2 images, which are left out: happy/wall.png"]
    assert dataset.n_left_out == 1


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], "holds no images"),
        (
            ["cat/1.png", "dog/2.png", "3.png"],
            r"must have folders named after expressions \(angry, .*\), got '.', 'cat', 'dog'",
        ),
        ([".hidden/happy/1.png", "happy/.2.png", "happy/notes.txt.d/x/.3.png"], "holds no images"),
    ],
)
def test_folders_without_classes_are_reported(tmp_path, write_images, faces, names, sentence):
    with pytest.raises(DataError, match=sentence):
        FolderReader(write_images(tmp_path, dict.fromkeys(names, faces[0])))


def test_invalid_arguments_are_reported(tmp_path):
    with pytest.raises(InputError, match="images must be one of auto, crops, scenes, got 'both'"):
        FolderReader(tmp_path, images="both")
    with pytest.raises(DataError, match="does not exist"):
        FolderReader(tmp_path / "none")


def test_circular_links_are_followed_once(tmp_path, write_images, faces):
    folder = write_images(tmp_path, {"happy/1.png": faces[0]})
    (folder / "happy" / "again").symlink_to(folder)
    assert [item.name for item in FolderReader(folder).items()] == ["happy/1.png"]


def test_fingerprint_changes_with_the_images(tmp_path, write_images, faces):
    folder = write_images(tmp_path, {"happy/1.png": faces[0]})
    before = FolderReader(folder).fingerprint()
    assert FolderReader(folder).fingerprint() == before
    write_images(folder, {"happy/2.png": faces[1]})
    assert FolderReader(folder).fingerprint() != before
