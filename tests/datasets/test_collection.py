"""A collection: takes are complete or absent, have the same settings, and are deleted on request."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from landmark_fer.core import files
from landmark_fer.core.errors import DataError, InputError, SinkError
from landmark_fer.datasets import collection_writer
from landmark_fer.datasets.collection import made_with, read_description, read_records, read_takes
from landmark_fer.datasets.collection_writer import Collection, delete_all, delete_subject, folder_of
from landmark_fer.perception.extraction import ExtractorSettings
from tests.conftest import made_up_faces

MADE = made_with(ExtractorSettings(), "0" * 64)


def frames_of(records):
    box = {"x": 1.5, "y": 2.0, "width": 80.0, "height": 80.0}
    return [{"time_s": 0.1 * i, **box, "detector_score": float("nan") if i else 1.25} for i in range(len(records))]


def add(collection, subject="ann", expression="happy", n=6, seed=0, **options):
    records, _ = made_up_faces(n, classes=(expression,), seed=seed)
    return collection.add(subject, expression, records, frames_of(records), source="test", **options)


def test_a_take_comes_back_bit_for_bit(tmp_path):
    records, _ = made_up_faces(4, classes=("sad",))
    with Collection(tmp_path / "mine", MADE) as collection:
        stored = collection.add("ann", "sad", records, frames_of(records), source="test", images=[b"png"] * 4)
    take = read_takes(tmp_path / "mine")[0]
    assert take == json.loads((stored["path"] / "take.json").read_text()) | {"path": stored["path"]}
    assert (take["subject"], take["expression"], take["round"], take["faces"]) == ("ann", "sad", 1, 4)
    again, frames = read_records(take)
    assert again.dtype == records.dtype
    assert again.tobytes() == records.tobytes()
    assert frames[:, 0].tolist() == pytest.approx([0, 0.1, 0.2, 0.3])
    assert np.isnan(frames[1:, -1]).all()
    assert frames[0, -1] == 1.25
    assert len(list((take["path"] / "images").iterdir())) == 4


def test_images_are_stored_only_where_given(tmp_path):
    with Collection(tmp_path, MADE) as collection:
        assert {file.name for file in add(collection)["path"].iterdir()} == {"take.json", "records.npy", "frames.csv"}


def test_rounds_continue_and_an_undone_take_frees_its_number(tmp_path):
    with Collection(tmp_path, MADE) as collection:
        assert [add(collection)["round"] for _ in range(3)] == [1, 2, 3]
        assert add(collection, "bob")["round"] == 1
        assert add(collection, expression="sad")["round"] == 1
        collection.remove(collection.takes("ann")[2])
        assert [take["round"] for take in collection.takes("ann") if take["expression"] == "happy"] == [1, 2]
        assert add(collection)["round"] == 3


def test_consent_is_stored_with_day_and_text_version(tmp_path):
    with Collection(tmp_path, MADE) as collection:
        assert not collection.consented("ann")
        collection.agree("ann", "on screen")
        assert collection.consented("ann")
        assert not collection.consented("bob")
    assert read_description(tmp_path)["consent"]["ann"]["how"] == "on screen"
    with Collection(tmp_path, MADE) as collection:
        assert collection.consented("ann")


def test_consent_to_an_older_text_does_not_count(tmp_path, monkeypatch):
    with Collection(tmp_path, MADE) as collection:
        collection.agree("ann", "on screen")
        monkeypatch.setattr(collection_writer, "CONSENT_VERSION", 2)
        assert not collection.consented("ann")


def test_faces_of_different_settings_are_not_mixed(tmp_path):
    with Collection(tmp_path / "mine", MADE) as collection:
        add(collection)
    with pytest.raises(DataError, match=r"shape predictor sha256 .* differs"):
        Collection(tmp_path / "mine", made_with(ExtractorSettings(), "1" * 64)).__enter__()
    with pytest.raises(DataError, match="cannot be mixed: extractor"):
        Collection(tmp_path / "mine", made_with(ExtractorSettings(chip_size=64), "0" * 64)).__enter__()


def test_a_take_copied_from_elsewhere_is_not_mixed(tmp_path):
    with Collection(tmp_path / "other", made_with(ExtractorSettings(chip_size=64), "0" * 64)) as other:
        copied = add(other, "bob")["path"]
    with Collection(tmp_path / "mine", MADE) as collection:
        add(collection)
    (tmp_path / "mine" / "bob").mkdir()
    os.rename(copied, tmp_path / "mine" / "bob" / copied.name)
    with pytest.raises(DataError, match="cannot be mixed: extractor"), Collection(tmp_path / "mine", MADE):
        pass


@pytest.mark.parametrize("name", ["records.npy", "frames.csv"])
def test_a_changed_take_is_refused(tmp_path, name):
    with Collection(tmp_path, MADE) as collection:
        take = add(collection)
    content = bytearray((take["path"] / name).read_bytes())
    content[-3] ^= 1
    (take["path"] / name).write_bytes(content)
    with pytest.raises(DataError, match="round-01-happy was changed after it was recorded"):
        read_records(read_takes(tmp_path)[0])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"subject": "ann", "round": 1, "expression": "bored"}'])
def test_a_take_without_metadata_is_refused(tmp_path, text):
    with Collection(tmp_path, MADE) as collection:
        take = add(collection)
    (take["path"] / "take.json").write_text(text)
    with pytest.raises(DataError, match=r"take\.json"):
        read_takes(tmp_path)


def test_a_failed_take_leaves_nothing_and_earlier_takes_stay(tmp_path, monkeypatch):
    with Collection(tmp_path, MADE) as collection:
        add(collection)

        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(files, "sync", full)
        with pytest.raises(SinkError, match=r"No space left on device.*earlier takes are not affected"):
            add(collection, seed=1)
        assert len(collection.takes()) == 1
    assert not list(tmp_path.rglob(".new-*"))


def test_a_killed_writer_leaves_complete_takes_only(tmp_path):
    script = f"""
        import sys
        sys.path.insert(0, {os.getcwd()!r})
        from tests.datasets.test_collection import MADE, Collection, add
        with Collection({str(tmp_path / "mine")!r}, MADE) as collection:
            for number in range(10_000):
                add(collection, n=40)
                print(number, flush=True)
    """
    for n_written in (0, 3):
        process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
        for _ in range(n_written + 1):
            assert process.stdout.readline(), "the writer ended"
        time.sleep(0.003 * n_written)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        takes = read_takes(tmp_path / "mine")
        assert len(takes) >= n_written + 1
        assert all(len(read_records(take)[0]) == 40 for take in takes)
    with Collection(tmp_path / "mine", MADE) as collection:
        assert [take["round"] for take in collection.takes()] == list(range(1, len(takes) + 1))
    assert not list((tmp_path / "mine").glob("*/.*"))


def test_deleting_a_subject_leaves_the_others(tmp_path):
    with Collection(tmp_path, MADE) as collection:
        for subject in ("ann", "Bob Ångström"):
            collection.agree(subject, "on screen")
            add(collection, subject)
            add(collection, subject)
    assert delete_subject(tmp_path, "Bob Ångström") == 2
    assert {take["subject"] for take in read_takes(tmp_path)} == {"ann"}
    assert list(read_description(tmp_path)["consent"]) == ["ann"]
    assert not list(tmp_path.glob("bob*"))
    with pytest.raises(InputError, match=r"\(ann\), got 'Bob Ångström'"):
        delete_subject(tmp_path, "Bob Ångström")


def test_damaged_takes_are_deleted_like_others(tmp_path):
    with Collection(tmp_path, MADE) as collection:
        collection.agree("ann", "on screen")
        (add(collection)["path"] / "take.json").write_text("nonsense")
    assert delete_subject(tmp_path, "ann") == 1
    assert read_takes(tmp_path) == []


def test_deleting_all_leaves_other_files(tmp_path):
    with Collection(tmp_path / "mine", MADE) as collection:
        collection.agree("ann", "on screen")
        add(collection)
        add(collection, "bob")  # came without consent: copied by hand
    assert delete_all(tmp_path / "mine") == 2
    assert not (tmp_path / "mine").exists()
    with Collection(tmp_path / "other", MADE) as collection:
        add(collection)
    (tmp_path / "other" / "notes.txt").write_text("mine")
    assert delete_all(tmp_path / "other") == 1
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["notes.txt"]


def test_other_folders_and_files_are_not_changed(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with (
        pytest.raises(DataError, match="something else than a collection"),
        Collection(tmp_path, MADE),
    ):
        pass
    with pytest.raises(DataError, match="got a file"), Collection(tmp_path / "notes.txt", MADE):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_subjects_have_different_folders_on_every_file_system():
    names = ["ann", "Ann", "ANN", "../ann", "ann/bob", "a" * 60, "a" * 59, "Ö", "ö", ".", "con:"]
    folders = [folder_of(name) for name in names]
    assert len({folder.lower() for folder in folders}) == len(names)
    assert all(folder[0] != "." and not set(folder) & set('/\\:*?"<>|') for folder in folders)
    assert folder_of("ann") == "ann"


def test_another_readme_stays(tmp_path):
    (tmp_path / "README.txt").write_text("dear diary")
    with Collection(tmp_path, MADE) as collection:
        add(collection)
    assert delete_all(tmp_path) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["README.txt"]
    assert (tmp_path / "README.txt").read_text() == "dear diary"
