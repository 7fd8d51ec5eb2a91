"""Every file in a folder, zip or tar is read or reported; images of any format are read correctly."""

import csv
import io
import logging
import os
import tarfile
import zipfile

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from landmark_fer.core.errors import DataError
from landmark_fer.core.expressions import EXPRESSIONS, FER2013_CODES
from landmark_fer.datasets import load_dataset, open_source
from landmark_fer.datasets.readers.fer2013 import CODES
from landmark_fer.perception.image_formats import HIDDEN, NOT_AN_IMAGE, READ_BY
from tests.datasets import copies

NUMBERED = ("fer2013", "raf-db", "affectnet")
CONTAINERS = ["folder", "zip", "tar", "tar.gz"]
LITTER = [".DS_Store", "happy/.DS_Store", "happy/Thumbs.db", "happy/desktop.ini", "happy/._1.png"]
LITTER += ["__MACOSX/happy/._1.png", "__MACOSX/happy/1.png", "happy/.ipynb_checkpoints/1-checkpoint.png"]
LITTER += ["@eaDir/1.png/SYNOFILE.jpg"]


def encoded(pixels, kind="PNG", **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def tiff(values):
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, photometric="rgb" if values.ndim == 3 else "minisblack", metadata=None)
    return stream.getvalue()


def contained(folder, container, files):
    """Write files by name to a folder, or to an archive of that kind; return its path."""
    path = folder / ("faces" if container == "folder" else f"faces.{container}")
    if container == "folder":
        for name, content in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
    elif container == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(path, "w:gz" if container == "tar.gz" else "w") as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


def listed(dataset):
    """Return the rows of the csv that lists everything that was left out, as {name: reason}."""
    with open(dataset.left_out_csv, newline="") as file:
        return {name: reason for name, reason, _ in list(csv.reader(file))[1:]}


@pytest.fixture
def loaded(cache):
    return lambda path, **options: load_dataset(path, cache=cache, jobs=1, progress=False, images="crops", **options)


KINDS = {"JPEG": [".jpg", ".jpe", ".jfif", ".jif", ".JPG", ".JFIF", ".png", ".txt", "", ".dat"]}
KINDS |= {"PNG": [".png", ".apng", ".PNG", ".jpg", ".txt", ""], "BMP": [".bmp", ".dib"], "DIB": [".dib"]}
KINDS |= {
    "TIFF": [".tif", ".tiff", ".TIF"],
    "WEBP": [".webp", ".jpeg"],
    "GIF": [".gif", ".png"],
    "PPM": [".pgm", ".pnm"],
}
KINDS |= {"AVIF": [".avif", ".jpg"]} if "AVIF" in READ_BY else {}


@pytest.mark.parametrize("container", CONTAINERS)
def test_an_image_is_read_with_any_suffix(tmp_path, faces, loaded, container):
    files = {
        f"happy/{kind} {number}{suffix}": encoded(faces[0], kind)
        for kind, suffixes in KINDS.items()
        for number, suffix in enumerate(suffixes)
    }
    dataset = loaded(contained(tmp_path, container, files))
    assert sorted(dataset.names) == sorted(files) and dataset.problems == [] == dataset.remarks


@pytest.mark.parametrize("container", CONTAINERS)
def test_unread_files_are_counted_and_listed_except_litter(tmp_path, faces, loaded, container):
    image = encoded(faces[0])
    others = {
        "README.txt": b"words",
        "happy/notes": b"words",
        "happy/labels.csv": b"a,b\n",
        "sad/clip.mp4": b"\0\0\0\x18ftypmp42",
    }
    others |= {f"more/{number}.pdf": b"%PDF-1.4" for number in range(3)}
    hidden = {".mine/happy/1.png": image, "happy/.2.png": image}
    unread = {"happy/phone.HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "happy/text.jpg": b"words"}
    loose = {"3.png": image, "cats/4.jpe": encoded(faces[0], "JPEG")}
    files = {f"happy/{name}.png": image for name in "12"} | others | hidden | unread | loose
    dataset = loaded(contained(tmp_path, container, files | dict.fromkeys(LITTER, image)))
    assert sorted(dataset.names) == ["happy/1.png", "happy/2.png"]
    reasons = listed(dataset)
    assert set(reasons) == {*others, *hidden, *unread, *loose}
    assert all(reasons[name] == NOT_AN_IMAGE for name in others) and all(reasons[name] == HIDDEN for name in hidden)
    assert "7 files are not read (not an image): " in "\n".join(dataset.problems)
    assert f"2 files are not read ({HIDDEN}): " in "\n".join(dataset.problems) and "happy/.2.png" in "\n".join(
        dataset.problems
    )
    assert "of the kind HEIC, which is not read" in reasons["happy/phone.HEIC"]
    assert dataset.n_left_out == len(unread) + len(loose)  # images


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_named_pipes_are_reported_without_blocking(tmp_path, faces, loaded):
    path = contained(tmp_path, "folder", {"happy/1.png": encoded(faces[0])})
    os.mkfifo(path / "happy" / "2.png")
    os.mkfifo(path / "happy" / "notes")
    dataset = loaded(path)
    assert dataset.names.tolist() == ["happy/1.png"]
    assert set(listed(dataset)) == {"happy/2.png", "happy/notes"}
    assert "is a pipe or a device" in listed(dataset)["happy/2.png"]


@pytest.mark.parametrize("container", ["folder", "zip"])
def test_a_text_file_among_images_does_not_invalidate_the_cache(tmp_path, faces, loaded, container, monkeypatch):
    files = {"happy/1.png": encoded(faces[0]), "sad/1.png": encoded(faces[1])}
    first = loaded(contained(tmp_path, "folder", files))
    assert first.problems == [] and listed(first) == {}
    (tmp_path / "faces" / "README.txt").write_text("words")
    monkeypatch.setattr("landmark_fer.datasets.extraction_cache.extract_in_chunks", None)
    again = loaded(tmp_path / "faces")
    assert again.key == first.key and again.problems == ["1 files are not read (not an image): README.txt"]
    assert listed(again) == {"README.txt": NOT_AN_IMAGE}


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_folder_without_images_is_reported(tmp_path, container):
    path = contained(tmp_path, container, {"happy/notes.txt": b"words", "happy/clip.mp4": b"\0\0\0\x18ftypmp42"})
    with pytest.raises(DataError, match="holds no images"):
        open_source(path, dataset="folders")


@pytest.mark.parametrize("container", CONTAINERS[:2])
def test_numbers_in_names_sort_by_value(tmp_path, faces, container):
    names = [f"happy/{number}.png" for number in (1, 2, 3, 9, 10, 11, 100)]
    path = contained(tmp_path, container, {name: encoded(faces[0]) for name in names[::-1]})
    assert [item.name for item in open_source(path).items()] == names
    (tmp_path / "jaffe").mkdir()
    jaffe = contained(
        tmp_path / "jaffe", container, {f"KA.HA{n}.{n}.tiff": encoded(faces[0], "TIFF") for n in (10, 9, 1)}
    )
    assert [item.name for item in open_source(jaffe).items()] == ["KA.HA1.1.tiff", "KA.HA9.9.tiff", "KA.HA10.10.tiff"]


@pytest.mark.parametrize("container", CONTAINERS)
def test_the_first_of_several_frames_is_read_and_reported(tmp_path, faces, loaded, container):
    frames = [Image.fromarray(face) for face in faces[:3]]
    files = {"sad/1.png": encoded(faces[3])}
    for kind, suffix in (("GIF", "gif"), ("PNG", "apng"), ("WEBP", "webp"), ("TIFF", "tif")):
        stream = io.BytesIO()
        frames[0].save(stream, kind, save_all=True, append_images=frames[1:])
        files[f"happy/{suffix}.{suffix}"] = stream.getvalue()
    dataset = loaded(contained(tmp_path, container, files))
    assert len(dataset) == 5 and dataset.problems == []
    (remark,) = dataset.remarks
    assert remark.startswith("4 images hold several frames or pages; the first is read: ")
    assert "happy/gif.gif (the first of 3 frames)" in remark and "tif.tif (the first of 3 pages" in remark
    assert loaded(tmp_path / ("faces" if container == "folder" else f"faces.{container}")).remarks == [remark]


def in_twelve(face):
    return np.round(face * (4095 / 255)).astype(np.uint16)


def twelve(face):
    """A PNG of 16 bits with 12 bits in it."""
    return cv2.imencode(".png", in_twelve(face))[1].tobytes()


@pytest.mark.parametrize("container", ["folder", "tar"])
def test_a_dark_wide_image_is_scaled_like_a_bright_one_of_the_data_set(tmp_path, faces, loaded, container, caplog):
    bright = faces[1].copy()
    bright[0, 0] = 255
    files = {"happy/1.png": twelve(faces[0] // 16), "happy/2.png": twelve(bright), "sad/3.png": encoded(faces[2])}
    with caplog.at_level(logging.WARNING, logger="landmark_fer"):
        dataset = loaded(contained(tmp_path, container, files))
    plain = {"happy/1.png": encoded(faces[0] // 16), "happy/2.png": encoded(bright), "sad/3.png": encoded(faces[2])}
    (tmp_path / "plain").mkdir()
    expected = loaded(contained(tmp_path / "plain", "folder", plain))
    order = [dataset.names.tolist().index(name) for name in expected.names]
    np.testing.assert_array_equal(dataset.records[order], expected.records)
    (remark,) = dataset.remarks
    assert remark.startswith("2 images do not state a range of values") and "read as 0 to 4095" in remark
    assert caplog.text.count("do not state a range of values") == 1


def test_a_run_stopped_while_extracting_again_resumes_with_the_common_range(tmp_path, faces, loaded, monkeypatch):
    from landmark_fer.datasets import extraction_cache

    monkeypatch.setattr("landmark_fer.datasets.extraction.CHUNK", 1)
    bright = faces[1].copy()
    bright[0, 0] = 255
    path = contained(tmp_path, "folder", {"happy/1.png": twelve(faces[0] // 16), "happy/2.png": twelve(bright)})
    chunks, passes = extraction_cache.extract_in_chunks, []

    def stopped(*arguments, **options):
        passes.append(options["ranges"])
        for number, chunk in enumerate(chunks(*arguments, **options)):
            if len(passes) == 2 and number == 1:
                raise KeyboardInterrupt
            yield chunk

    monkeypatch.setattr(extraction_cache, "extract_in_chunks", stopped)
    with pytest.raises(KeyboardInterrupt):
        loaded(path)
    resumed = loaded(path)
    assert [set(each) for each in passes] == [set(), {"PNG uint16"}, {"PNG uint16"}]
    (tmp_path / "other").mkdir()
    whole = loaded(
        contained(
            tmp_path / "other", "folder", {f"happy/{n}.png": (path / f"happy/{n}.png").read_bytes() for n in "12"}
        )
    )
    np.testing.assert_array_equal(resumed.records["chip"], whole.records["chip"])


@pytest.mark.parametrize("container", CONTAINERS)
def test_wide_images_have_the_records_of_8_bit_images(tmp_path, faces, loaded, container):
    grown = [face.copy() for face in faces[:5]]
    for face in grown:
        face[0, 0], face[0, 1] = 0, 255
    wide = {
        "happy/0.tif": tiff(grown[0].astype(np.float32) / np.float32(255)),
        "happy/1.png": twelve(grown[1]),
        "happy/2.tif": tiff(np.dstack([grown[2]] * 3).astype(np.uint16) * 257),
        "happy/3.pgm": b"P5 48 48 4095\n" + in_twelve(grown[3]).astype(">u2").tobytes(),
        "happy/4.tif": tiff(grown[4].astype(np.float64)),
    }
    dataset = loaded(contained(tmp_path, container, wide))
    (tmp_path / "plain").mkdir()
    plain = {f"happy/{number}.png": encoded(face) for number, face in enumerate(grown)}
    expected = loaded(contained(tmp_path / "plain", "folder", plain))
    assert len(dataset) == len(expected) == 5
    np.testing.assert_array_equal(dataset.records[np.argsort(dataset.names)], expected.records)


# Numbered folders.


def numbered(folder, container, faces, codes, *, place="", name="{row}.png"):
    """A source with folders by the numbers of some codes; the n-th face has the n-th expression of FER2013."""
    files = {}
    for row, face in enumerate(faces[:14]):
        code = next((code for code, word in codes.items() if word == FER2013_CODES[row % 7]), None)
        if code is not None:
            files[f"{place}{code}/{name.format(row=row)}"] = encoded(face)
    return contained(folder, container, files)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("place", ["", "train/", "fer2013/test/"])
def test_fer2013_in_numbered_folders_equals_named_folders(tmp_path, faces, load, container, place):
    for kind in ("numbers", "words"):
        (tmp_path / kind).mkdir()
    words = {word: word for word in FER2013_CODES}
    named = load(numbered(tmp_path / "words", "folder", faces, words, place=place))
    path = numbered(tmp_path / "numbers", container, faces, CODES, place=place)
    dataset = load(path, dataset="fer2013")
    assert len(dataset) == 14 and dataset.classes == named.classes
    order = np.arange(14)
    if "tar" in container:  # which is read as it lies
        order = [dataset.names.tolist().index(f"{place}{FER2013_CODES.index(word)}/{name.rpartition('/')[2]}")
                 for word, name in zip(named.expressions, named.names, strict=True)]  # fmt: skip
    for column in ("expressions", "splits", "records"):
        assert np.array_equal(getattr(dataset, column)[order], getattr(named, column))
    assert any("0 angry, 1 disgust, 2 fear, 3 happy, 4 sad, 5 surprise, 6 neutral" in each for each in dataset.remarks)


def test_official_file_names_decide_splits_in_numbered_folders(tmp_path, faces):
    path = numbered(tmp_path, "folder", faces, CODES, place="test/", name="PrivateTest_{row}.png")
    assert {item.split for item in open_source(path, dataset="fer2013").items()} == {"PrivateTest"}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    ("codes", "advised"), [(range(7), {"fer2013", "affectnet"}), (range(1, 8), {"raf-db", "affectnet"}),
                           (range(1, 7), set(NUMBERED)), (range(8), {"affectnet"}), (range(20), set())]
)  # fmt: skip
def test_numbers_are_never_guessed_and_the_advice_works(tmp_path, faces, container, codes, advised):
    path = contained(tmp_path, container, {f"train/{code}/{code}.png": encoded(faces[code % 7]) for code in codes})
    with pytest.raises(DataError, match="numbers mean other classes in each data set") as caught:
        open_source(path)
    for dataset in NUMBERED:
        assert (f"--dataset {dataset} (" in str(caught.value)) == (dataset in advised)
        if dataset in advised:
            reader = open_source(path, dataset=dataset)
            assert len(list(reader.items())) == len(codes)
            (remark,) = reader.remarks
            assert remark.startswith("folders are read by the numbers of ")
        else:
            with pytest.raises(DataError, match=r"got a folder .* of another data set"):
                open_source(path, dataset=dataset)
    if not advised:
        assert "no known data set has them; name the folders after expressions" in str(caught.value)


def test_file_names_identify_another_data_set(tmp_path, faces):
    path = numbered(tmp_path, "folder", faces, CODES, name="Training_{row}.png")
    with pytest.raises(
        DataError, match=r"must hold AffectNet, but its files have names like .*; use --dataset fer2013"
    ):
        open_source(path, dataset="affectnet")
    assert len(open_source(path, dataset="fer2013")) == 14
    (tmp_path / "raf").mkdir()
    path = copies.make_raf_db_kaggle(tmp_path / "raf")
    for wrong in ("affectnet", "fer2013"):
        with pytest.raises(DataError, match="use --dataset raf-db"):
            open_source(path, dataset=wrong)


def test_file_names_identify_raf_db(tmp_path):
    reader = open_source(copies.make_raf_db_kaggle(tmp_path))
    assert reader.remarks == []


def expressions_by_stem(reader):
    return {item.name.rpartition(".")[0]: item.expression for item in reader.items() if not item.problem}


@pytest.mark.parametrize("name", ["ck+", "jaffe", "kdef", "raf-db", "affectnet"])
def test_data_sets_with_named_files_are_read_with_any_suffix(tmp_path, name):
    make = {"ck+": copies.make_ck_plus, "jaffe": copies.make_jaffe, "kdef": copies.make_kdef}
    make |= {"raf-db": copies.make_raf_db, "affectnet": copies.make_affectnet}
    folder = make[name](tmp_path)
    expected = expressions_by_stem(open_source(folder))
    for path in [path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".png", ".tiff")]:
        path.rename(path.with_suffix(".jfif"))
    assert expressions_by_stem(open_source(folder)) == expected


@pytest.mark.parametrize("name", ["ck+", "ck48", "jaffe", "kdef", "raf-db", "affectnet", "ferplus"])
def test_every_file_of_a_data_set_is_read_or_reported(tmp_path, name, faces):
    make = {"ck+": copies.make_ck_plus, "ck48": copies.make_ck48, "jaffe": copies.make_jaffe, "kdef": copies.make_kdef}
    make |= {"raf-db": copies.make_raf_db, "affectnet": copies.make_affectnet, "ferplus": copies.make_ferplus}
    folder = make[name](tmp_path)
    others = {
        "odd.png": encoded(faces[0]),
        "more/odd.txt": b"words",
        "more/.odd.png": encoded(faces[0]),
        "Thumbs.db": b"",
    }
    for file, content in others.items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_bytes(content)
    reader = open_source(folder)
    items = list(reader.items())
    reported = {item.name for item in items} | set(reader.skipped)
    images = {path.relative_to(folder).as_posix() for path in folder.rglob("*.[jptJP]*[gfGF]*") if path.is_file()}
    assert images <= reported and {"more/odd.txt", "more/.odd.png"} <= reported and "Thumbs.db" not in reported
    assert len(items) == len(reader)
    labels = [
        path
        for path in folder.rglob("*")
        if path.name.endswith(("_emotion.txt", "label.csv", "_label.txt", "_exp.npy"))
    ]
    assert not {path.relative_to(folder).as_posix() for path in labels} & reported
    assert all(expression in EXPRESSIONS for expression in {item.expression for item in items if not item.problem})


def test_macos_litter_is_not_read_as_csv(tmp_path, fer_csv):
    content = fer_csv.read_bytes()
    for container in ("tar", "tar.gz", "zip"):
        path = contained(tmp_path, container, {"._fer2013.csv": b"\0\5\x16\7", "fer2013.csv": content})
        assert len(open_source(path)) == len(open_source(fer_csv))
