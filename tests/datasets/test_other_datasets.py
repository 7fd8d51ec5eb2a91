"""Readers of other data sets, on small synthetic copies of their exact layouts."""

import re
import tarfile
import zipfile
from collections import Counter

import numpy as np
import pytest

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import EXPRESSIONS, find_expression
from landmark_fer.datasets import open_source
from landmark_fer.datasets.readers import affectnet, ck_plus, jaffe, kdef, raf_db
from landmark_fer.datasets.readers.registry import DATASETS, READERS, reader_class
from tests.datasets import copies
from tests.datasets.copies import problems_of

MAKERS = {
    "ck+": copies.make_ck_plus,
    "ck48": copies.make_ck48,
    "jaffe": copies.make_jaffe,
    "kdef": copies.make_kdef,
    "raf-db": copies.make_raf_db,
    "affectnet": copies.make_affectnet,
    "ferplus": copies.make_ferplus,
}
TABLES = {
    "ck+": ck_plus.CODES,
    "raf-db": raf_db.CODES,
    "affectnet": affectnet.CODES,
    "kdef": kdef.CODES,
    "jaffe": jaffe.CODES,
}


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A function that returns the folder of a made-up copy, written once."""
    folders = {}

    def copy_of(name):
        if name not in folders:
            folders[name] = MAKERS[name](tmp_path_factory.mktemp(re.sub(r"\W", "", name)))
        return folders[name]

    return copy_of


def readable(reader):
    return [item for item in reader.items() if item.problem is None]


def labels_of(reader):
    return {item.name: (item.expression, item.split, item.subject) for item in readable(reader)}


@pytest.mark.parametrize("name", TABLES)
def test_codes_mean_what_the_data_sets_own_documents_say(name):
    official = [part.split("=") for part in copies.OFFICIAL_CODES[name].split(", ")]
    assert {str(code): word for code, word in TABLES[name].items()} == {c: find_expression(w) for c, w in official}
    assert set(TABLES[name].values()) <= set(EXPRESSIONS)


@pytest.mark.parametrize("name", MAKERS)
def test_a_recognized_layout_is_read_like_a_named_one(made, name):
    recognized, named = open_source(made(name)), open_source(made(name), dataset=name)
    assert type(recognized) is type(named) is reader_class(name)
    assert labels_of(recognized) == labels_of(named) and len(labels_of(recognized)) > 0
    assert len(recognized) == len(list(recognized.items()))
    assert recognized.fingerprint() == named.fingerprint()


@pytest.mark.parametrize("name", MAKERS)
def test_a_zip_and_a_tar_are_read_like_their_folder(made, name, tmp_path):
    folder = made(name)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive, tarfile.open(tmp_path / "a.tar", "w") as tar:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
            tar.add(file, file.relative_to(folder), recursive=False)
    for path in (tmp_path / "a.zip", tmp_path / "a.tar"):
        reader = open_source(path)
        assert type(reader) is reader_class(name)
        assert labels_of(reader) == labels_of(open_source(folder)) and problems_of(reader) == problems_of(
            open_source(folder)
        )
        assert all(isinstance(item.image, bytes) for item in readable(reader))


@pytest.mark.parametrize("name", [*MAKERS, "table", "fer2013", "folders"])
def test_another_data_set_is_reported_in_one_sentence(name, tmp_path, astronaut):
    copies.write(tmp_path / "cats" / "1.png", astronaut[:64, :64])
    with pytest.raises(DataError) as caught:
        open_source(tmp_path, dataset=name)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_invalid_options_are_reported(made):
    with pytest.raises(InputError, match=r"dataset must be one of auto, fer2013, .*, got 'ck'"):
        open_source(made("ck48"), dataset="ck")
    with pytest.raises(InputError, match="poses must be one of frontal, half, all, got 'left'"):
        open_source(made("kdef"), poses="left")
    assert set(DATASETS) == {"auto", "folders", *READERS}


def test_ck_plus_reads_first_frames_as_neutral_and_the_last_three_as_the_label(made):
    faces = labels_of(open_source(made("ck+")))
    frames = {name: face for name, face in faces.items() if "/S005/003/" in name}
    assert frames == {
        f"cohn-kanade-images/S005/003/S005_003_{frame:08}.png": (expression, "", "S005")
        for frame, expression in ((1, "neutral"), (3, "surprise"), (4, "surprise"), (5, "surprise"))
    }
    assert Counter(face[0] for face in faces.values()) == {"neutral": 6, "angry": 6, "contempt": 6, "surprise": 6}


@pytest.mark.parametrize(("frames", "shown"), [(1, ["surprise"]), (2, ["neutral", "surprise"])])
def test_a_short_sequence_never_shows_one_frame_as_two_expressions(tmp_path, frames, shown):
    reader = open_source(copies.make_ck_plus(tmp_path, subjects=1, codes=(7,), frames=frames))
    assert [item.expression for item in readable(reader)] == shown


def test_sequences_without_a_label_are_left_out_and_counted(made):
    unlabelled, between = problems_of(open_source(made("ck+")))
    assert unlabelled.startswith(
        "10 frames are of sequences without a label (2), and are left out: cohn-kanade-images/"
    )
    assert between.startswith("6 frames lie between the first and the last 3 of a sequence, and are left out: ")


def test_contempt_of_ck_plus_is_left_out_by_default_and_reported(made, load):
    selected = load(made("ck48"), expressions=["happy", "contempt"])
    assert selected.classes == ("happy", "contempt")
    plain = load(made("ck48"))
    assert "contempt" not in plain.classes and len(plain) == 72
    assert plain.n_left_out == 12
    assert plain.problems[-1].startswith("12 of contempt are left out; --expressions angry,disgust,")
    assert load(made("ck48"), keep_rare=True).classes[-1] == "contempt"


def test_ck_plus_without_labels_is_refused_with_advice(tmp_path):
    folder = copies.make_ck_plus(tmp_path, subjects=1, codes=(3,), frames=2)
    for label in folder.rglob("*_emotion.txt"):
        label.unlink()
    with pytest.raises(DataError, match=r"must hold CK\+'s folder Emotion next to cohn-kanade-images.*unpack"):
        open_source(folder)


def test_invalid_labels_are_reported_and_their_sequences_left_out(tmp_path):
    folder = copies.make_ck_plus(tmp_path, subjects=1, codes=(1, 3, 6), frames=2)
    first, second, _ = sorted(folder.rglob("*_emotion.txt"))
    first.write_text("   9.0000000e+00\n")
    second.write_bytes(b"\xff\xfe")
    reader = open_source(folder)
    assert {item.expression for item in readable(reader)} == {"neutral", "sad"}
    assert any(
        note.startswith("2 label files hold no code from 0 to 7") and first.name in note for note in problems_of(reader)
    )


def test_ck48_reads_subjects_and_ignores_splits_that_mix_them(tmp_path):
    copies.make_ck48(tmp_path / "train", subjects=2, folders=("happy",))
    copies.make_ck48(tmp_path / "test", subjects=2, folders=("sadness",))
    faces = labels_of(open_source(tmp_path))
    assert set(faces.values()) == {(word, "", who) for word in ("happy", "sad") for who in ("S010", "S011")}


def test_jaffe_reads_subject_and_expression_from_names(made, tmp_path):
    assert labels_of(open_source(made("jaffe")))["jaffe/KL.SU1.14.tiff"] == ("surprise", "", "KL")
    copies.make_jaffe(tmp_path, subjects=("NA",))
    for malformed in ("KA.XX1.9.tiff", "thumbnail.png"):
        copies.write(tmp_path / "jaffe" / malformed, copies.crop(0))
    reader = open_source(tmp_path)
    assert {item.subject for item in readable(reader)} == {"NA"}
    assert len(problems_of(reader)) == 2 and {note[0] for note in problems_of(reader)} == {"1"}
    assert any("KA.XX1.9" in note for note in problems_of(reader)) and any(
        "thumbnail" in note for note in problems_of(reader)
    )


def test_kdef_reads_frontal_poses_and_both_sessions_of_a_subject(made):
    faces = labels_of(open_source(made("kdef")))
    assert faces["KDEF/AF01/AF01AFS.JPG"] == ("fear", "", "F01") == faces["KDEF/BF01/BF01AFS.JPG"]
    assert {face[2] for face in faces.values()} == {"F01", "M01"}
    assert all(name.endswith("S.JPG") for name in faces)
    (note,) = problems_of(open_source(made("kdef")))
    assert note.startswith("56 images are half or full profiles") and "--poses" in note


def test_kdef_reads_other_poses_by_option(made):
    sizes = {poses: len(labels_of(open_source(made("kdef"), poses=poses))) for poses in ("frontal", "half", "all")}
    assert sizes == {"frontal": 28, "half": 56, "all": 84}
    prints = {open_source(made("kdef"), poses=poses).fingerprint() for poses in sizes}
    assert len(prints) == 3, "the cache must tell the poses apart"


def test_raf_db_reads_its_list_and_keeps_its_split(made):
    reader = open_source(made("raf-db"))
    faces = labels_of(reader)
    assert faces["basic/Image/aligned/train_00001_aligned.jpg"] == ("surprise", "Training", "")
    assert faces["basic/Image/aligned/test_00006_aligned.jpg"] == ("angry", "test", "")
    assert Counter(face[1] for face in faces.values()) == {"Training": 14, "test": 7} and reader.cropped


def test_raf_db_reads_its_photographs_as_scenes(made):
    reader = open_source(made("raf-db"), images="scenes")
    assert (
        not reader.cropped and all("/original/" in name for name in labels_of(reader)) and len(labels_of(reader)) == 21
    )


def test_raf_db_from_kaggle_has_the_labels_of_the_official_folder(made, tmp_path):
    def plain(faces):
        return {name.rpartition("/")[2]: face for name, face in faces.items()}

    kaggle = open_source(copies.make_raf_db_kaggle(tmp_path))
    assert plain(labels_of(kaggle)) == plain(labels_of(open_source(made("raf-db"))))
    labels = tmp_path / "train_labels.csv"
    labels.write_text(labels.read_text().replace("train_00001_aligned.jpg,1", "train_00001_aligned.jpg,4"))
    again = open_source(tmp_path)
    assert len(labels_of(again)) == 20 and any(
        "another folder than the csv's label" in note for note in problems_of(again)
    )


def test_raf_db_csv_of_kaggle_may_have_another_dialect(tmp_path):
    copies.make_raf_db_kaggle(tmp_path)
    labels = tmp_path / "train_labels.csv"
    rows = labels.read_text().replace("train_00001_aligned.jpg,1", "train_00001_aligned.jpg,4.0").splitlines()
    labels.write_bytes(
        "\r\n".join(f'{row};"{cells}"'.replace(",", '";"') for row, cells in enumerate(rows)).encode("utf-16")
    )
    assert any(
        "1 images lie in another folder than the csv's label" in note for note in problems_of(open_source(tmp_path))
    )


def test_raf_db_without_its_list_is_refused_and_malformed_lines_are_reported(tmp_path):
    copies.make_raf_db(tmp_path, each=1)
    labels = tmp_path / "basic/EmoLabel" / raf_db.LABEL_LIST
    malformed = "train_00001.jpg 8\nnonsense\ntrain_09999.jpg 3\n"
    labels.write_text(labels.read_text().replace("train_00001.jpg 1\n", malformed))
    sentences = problems_of(open_source(tmp_path))
    assert any(note.startswith("2 lines") and "train_00001.jpg 8" in note for note in sentences)
    assert any(note.startswith("1 images") and "train_09999" in note for note in sentences)
    labels.unlink()
    with pytest.raises(DataError, match=r"must hold RAF-DB's labels, EmoLabel/list_patition_label.txt; put"):
        open_source(tmp_path)


@pytest.mark.parametrize("make", [copies.make_affectnet, copies.make_affectnet_lists])
def test_affectnet_reads_eight_expressions_and_counts_uncertain_images(tmp_path, make):
    reader = open_source(make(tmp_path))
    faces = labels_of(reader)
    assert Counter(face[0] for face in faces.values()) == dict.fromkeys(EXPRESSIONS, 3)
    assert Counter(face[1] for face in faces.values()) == {"Training": 16, "validation": 8}
    for word in ("none", "uncertain", "no face"):
        sentence = f"3 images have the label {word!r}, which is no expression, and are left out: "
        assert any(note.startswith(sentence) for note in problems_of(reader))


def test_affectnet_csv_without_a_header_reads_the_same(tmp_path):
    with_header = open_source(copies.make_affectnet_lists(tmp_path / "a"))
    without = open_source(copies.make_affectnet_lists(tmp_path / "b", header=False))
    assert labels_of(with_header) == labels_of(without)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t"])
def test_affectnet_csv_may_have_any_dialect(tmp_path, encoding, separator):
    plain = labels_of(open_source(copies.make_affectnet_lists(tmp_path / "a")))
    for path in copies.make_affectnet_lists(tmp_path / "b").rglob("*.csv"):
        rows = [line.split(",") for line in path.read_text().splitlines()]
        rows = [[cells[0].replace("/", "\\"), f'"{cells[6]}.0"', '"two\nlines"'] for cells in rows[1:]]
        rows.insert(0, ["SUBDIRECTORY_FILEPATH", " Expression", "note"])
        path.write_bytes("\r".join(separator.join(cells) for cells in rows).encode(encoding))
    assert labels_of(open_source(tmp_path / "b")) == plain


def test_malformed_rows_of_affectnet_csv_are_reported_by_line(tmp_path):
    folder = copies.make_affectnet_lists(tmp_path, each=1)
    path = next(folder.rglob("training.csv"))
    path.write_text(path.read_text() + "1/x.jpg,1\n2/y.jpg,40,50,160,160,,1.5,0,0\n")
    sentences = problems_of(open_source(folder))
    assert any(
        note.startswith("2 images have no readable label") and "line 13 of Manually_Annotated_file_lists" in note
        for note in sentences
    ), sentences


def test_unreadable_labels_and_missing_images_of_affectnet_are_reported(tmp_path):
    folder = copies.make_affectnet(tmp_path)
    annotations = folder / "train_set" / "annotations"
    (annotations / "0_exp.npy").write_bytes(b"\x93NUMPY\x01")
    np.save(annotations / "1_exp.npy", np.array(["1", {}], dtype=object), allow_pickle=True)
    (folder / "train_set/images/2.jpg").unlink()
    sentences = problems_of(open_source(folder))
    assert any(
        note.startswith("2 images have no readable label") and "0.jpg, train_set/images/1.jpg" in note
        for note in sentences
    )
    assert any(note.startswith("1 images with a label do not exist") for note in sentences)


def test_affectnet_images_without_csv_are_refused(tmp_path):
    folder = copies.make_affectnet_lists(tmp_path, each=1)
    for file in folder.rglob("*.csv"):
        file.unlink()
    with pytest.raises(DataError, match=r"must hold AffectNet's training.csv and validation.csv; put them"):
        open_source(folder)


def test_numbered_folders_need_the_option_dataset(tmp_path):
    for number in range(1, 8):
        copies.write(tmp_path / "train" / str(number) / "a.jpg", copies.crop(number))
    with pytest.raises(
        DataError, match="numbers mean other classes in each data set: name the data set with --dataset"
    ):
        open_source(tmp_path)
    first = {name: labels_of(open_source(tmp_path, dataset=name))["train/1/a.jpg"] for name in ("raf-db", "affectnet")}
    assert first == {"raf-db": ("surprise", "Training", ""), "affectnet": ("happy", "Training", "")}


def test_malformed_rows_of_ferplus_folders_are_reported(tmp_path):
    folder = copies.make_ferplus(tmp_path, each=1)
    path = folder / "data/FER2013Train/label.csv"
    path.write_text(
        path.read_text().replace(",7,", ",7.0,", 1) + 'a.png,"(0,\n0)",1,2\nb.png,x,1,1,1,1,1,1,1,1,1,1.5\n'
    )
    reader = open_source(folder)
    assert len(labels_of(reader)) == 24
    assert any("2 rows of label.csv do not end in 10 votes: lines 10 to 11 of" in note for note in problems_of(reader))


def test_ferplus_folders_have_clear_majorities_and_official_splits(made):
    reader = open_source(made("ferplus"))
    assert Counter(face[0] for face in labels_of(reader).values()) == dict.fromkeys(EXPRESSIONS, 6)
    assert {face[1] for face in labels_of(reader).values()} == {"Training", "PublicTest", "PrivateTest"}
    (note,) = problems_of(reader)
    assert note.startswith("3 images have no clear majority of votes, and are left out: data/FER2013Test/fer")


def test_a_few_names_like_those_of_a_data_set_are_not_recognized_as_it(tmp_path):
    names = ["happy/KA.HA1.4.tiff", *(f"happy/mine{place}.png" for place in range(3)), "sad/mine.png"]
    for place, name in enumerate(names):
        copies.write(tmp_path / name, copies.crop(place))
    assert type(open_source(tmp_path)).__name__ == "FolderReader" and len(labels_of(open_source(tmp_path))) == 5


@pytest.mark.parametrize("name", ["ck+", "jaffe", "kdef", "affectnet"])
def test_faces_are_found_in_images_of_each_size_with_their_subjects(made, load, name):
    dataset, reader = load(made(name)), open_source(made(name))
    expected = [item for item in readable(reader) if item.expression in dataset.classes]
    assert len(dataset) >= 0.8 * len(expected), dataset.problems
    by_name = {item.name: item.subject for item in expected}
    assert dataset.subjects.tolist() == [by_name[each] for each in dataset.names.tolist()]
    assert dataset.cropped == reader.cropped


def test_unreadable_images_are_reported_and_the_rest_is_read(tmp_path, load):
    folder = copies.make_jaffe(tmp_path, subjects=("KA",))
    (folder / "jaffe" / "KA.AN1.1.tiff").write_bytes(b"II*\x00 no image")
    (folder / "jaffe" / "KA.DI1.2.tiff").write_bytes(b"")
    dataset = load(folder)
    assert {"disgust", "angry"}.isdisjoint(dataset.classes) and len(dataset) >= 3
    assert sum("KA.AN1.1" in problem or "KA.DI1.2" in problem for problem in dataset.problems) == 2
