"""Images in a tar are read in its order; other members are reported."""

import io
import os
import shutil
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.datasets import open_source
from landmark_fer.datasets.readers import image_trees
from landmark_fer.datasets.readers.fer2013 import Fer2013Csv
from landmark_fer.datasets.readers.folders import FolderReader, TarReader
from landmark_fer.datasets.readers.image_trees import image_tree, tar_images

PACKED = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz"}


def packed(folder, path, mode="w"):
    with tarfile.open(path, mode) as archive:
        archive.add(folder, arcname="./faces")
    return path


def add(archive, name, content=b"x", **fields):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for key, value in fields.items():
        setattr(member, key, value)
    archive.addfile(member, io.BytesIO(content) if member.isreg() else None)


@pytest.mark.parametrize("suffix", PACKED)
def test_a_tar_reads_like_its_folder(tmp_path, kaggle_folder, load, suffix):
    path = packed(kaggle_folder, tmp_path / f"fer{suffix}", PACKED[suffix])
    reader = open_source(path)
    assert isinstance(reader, TarReader) and reader.cropped and not hasattr(reader, "__len__")
    of_folder, of_tar = load(kaggle_folder), load(path)
    order = [of_tar.names.tolist().index(f"faces/{name}") for name in of_folder.names]
    for name in ("records", "expressions", "splits"):
        assert np.array_equal(getattr(of_tar, name)[order], getattr(of_folder, name))


@pytest.mark.parametrize(
    "suffix, kind", [(".tar", "zip"), (".tgz", "zip"), (".zip", "tar"), (".zip", "gztar"), ("", "tar")]
)
def test_the_content_decides_what_kind_of_archive_it_is(tmp_path, kaggle_folder, load, suffix, kind):
    path = tmp_path / f"faces{suffix}"
    os.rename(shutil.make_archive(tmp_path / "packed", kind, kaggle_folder), path)
    of_folder, of_archive = load(kaggle_folder), load(path)
    assert isinstance(open_source(path), FolderReader if kind == "zip" else TarReader)
    assert sorted(name.removeprefix("./") for name in of_archive.names) == sorted(of_folder.names)


def test_a_csv_in_a_zip_that_is_called_a_tar_is_read(tmp_path, fer_csv):
    with zipfile.ZipFile(tmp_path / "fer2013.tar", "w") as archive:
        archive.write(fer_csv, "fer2013.csv")
    assert len(list(open_source(tmp_path / "fer2013.tar").items())) == len(list(open_source(fer_csv).items()))


def test_a_tar_is_read_in_its_own_order_and_folders_of_no_class_are_reported(tmp_path, faces, write_images):
    names = ["sad/2.png", "what/1.png", "happy/1.png", "sad/1.png", "what/2.png"]
    folder = write_images(tmp_path / "images", dict.fromkeys(names, faces[0]))
    with tarfile.open(tmp_path / "own.tar", "w") as archive:
        for name in names:
            archive.add(folder / name, arcname=name)
    items = list(open_source(tmp_path / "own.tar").items())
    assert [item.name for item in items] == ["sad/2.png", "happy/1.png", "sad/1.png", "what/1.png", "what/2.png"]
    for item in items[-2:]:
        assert item.problem == "images lie in folder 'what', which names no expression, and are left out"


def test_other_members_of_a_tar_are_reported_and_the_rest_is_read(tmp_path, faces, write_images, load, monkeypatch):
    folder = write_images(tmp_path / "images", {f"happy/{place}.png": faces[place] for place in range(3)})
    with tarfile.open(tmp_path / "own.tar", "w") as archive:
        archive.add(folder / "happy" / "0.png", arcname="happy/0.png")
        add(archive, "happy/link.png", type=tarfile.SYMTYPE, linkname="/etc/passwd", size=0)
        add(archive, "happy/hard.png", type=tarfile.LNKTYPE, linkname="happy/0.png", size=0)
        add(archive, "happy/pipe.png", type=tarfile.FIFOTYPE, size=0)
        add(archive, "happy/notes.png", b"no image at all")
        add(archive, "happy/large.png", b"x" * 200_000)
        add(archive, "__MACOSX/happy/1.png")
        add(archive, "happy/._1.png")
        add(archive, "happy/readme.txt")
        archive.add(folder / "happy" / "2.png", arcname="../../happy/2.png")
    monkeypatch.setattr(image_trees, "MAX_FILE", 100_000)
    dataset = load(tmp_path / "own.tar", images="crops")
    assert dataset.names.tolist() == ["happy/0.png", "../../happy/2.png"]  # a name: nothing is unpacked to it
    reasons = {"link": "a link", "hard": "a link", "pipe": "a device", "notes": "got another kind of file"}
    for name, reason in (reasons | {"large": "at most 100,000 bytes"}).items():
        assert any(f"{name}.png" in problem and reason in problem for problem in dataset.problems)
    assert "1 files are not read (not an image): happy/readme.txt" in dataset.problems
    assert len(dataset.problems) == 6 and dataset.n_left_out == 5


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_a_truncated_tar_is_reported(tmp_path, kaggle_folder, load, suffix):
    path = packed(kaggle_folder, tmp_path / f"cut{suffix}", PACKED[suffix])
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(DataError, match=r"cut\.tar.* is cut short, damaged or unreadable"):
        load(path)


def test_other_tars_are_not_read_as_images(tmp_path, fer_csv, write_images, faces):
    with tarfile.open(tmp_path / "fer2013.tar.gz", "w:gz") as archive:
        archive.add(fer_csv, arcname="fer2013/fer2013.csv")
    assert isinstance(open_source(tmp_path / "fer2013.tar.gz"), Fer2013Csv)
    path = packed(write_images(tmp_path / "cats", {"cat/1.png": faces[0]}), tmp_path / "cats.tar")
    assert not TarReader.recognizes(path)
    with pytest.raises(DataError, match=r"must have folders named after expressions \(angry, .*\), got 'faces/cat'"):
        TarReader(path)
    with pytest.raises(InputError, match="images must be one of auto, crops, scenes, got 'both'"):
        TarReader(path, images="both")


def test_a_tree_yields_the_contents_of_the_requested_names(tmp_path, kaggle_folder):
    tree = image_tree(packed(kaggle_folder, tmp_path / "fer.tar.gz", "w:gz"))
    names = sorted(tree.images)[:3]
    contents = dict(tree.contents(names))
    assert {name: (kaggle_folder / name.removeprefix("faces/")).read_bytes() for name in names} == contents


def test_memory_does_not_grow_with_the_number_of_members(tmp_path):
    def memory_at_the_end(n):
        """Return the bytes that `tarfile` has allocated; other threads of this process may allocate, too."""
        path = tmp_path / f"{n}.tar"
        with tarfile.open(path, "w") as archive:
            for number in range(n):
                add(archive, f"happy/{number}.png")
                archive.members.clear()
        tracemalloc.start()
        for number, _ in enumerate(tar_images(path, {}), start=1):
            if number == n:
                snapshot = tracemalloc.take_snapshot()
        tracemalloc.stop()
        assert number == n
        own = snapshot.filter_traces([tracemalloc.Filter(True, tarfile.__file__)])
        return sum(trace.size for trace in own.traces)

    few, many = memory_at_the_end(200), memory_at_the_end(4000)
    assert many < few + 200_000  # 3,800 members kept would take more than 3 MB
