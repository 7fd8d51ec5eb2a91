import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from platformdirs import user_cache_path

from landmark_fer.core import files
from landmark_fer.core.errors import DataError, SinkError
from landmark_fer.core.files import cache_folder
from landmark_fer.core.records import stack
from landmark_fer.datasets import cache_entry, extraction
from landmark_fer.datasets.base import Item
from landmark_fer.datasets.extraction_cache import build_dataset
from landmark_fer.perception.extraction import ExtractorSettings, FaceExtractor

QUIET = {"jobs": 1, "progress": False}

# Runs in a process of its own, which the test kills: chunks of two images, a printed line for each.
SLOW_BUILD = """
import sys, time
import numpy as np
from landmark_fer.datasets import cache_entry, extraction
from landmark_fer.datasets.base import Item
from landmark_fer.datasets.extraction_cache import build_dataset

extraction.CHUNK = 2
faces = np.load(sys.argv[1])

class Reader:
    name, cropped = "slow", True
    def fingerprint(self): return "slow"
    def __len__(self): return len(faces)
    def items(self):
        for place, face in enumerate(faces):
            yield Item(f"face {place}", expression="happy", image=face)

measure = extraction.extract_chunk
def noted(first_row, **options):
    print("measured", first_row, flush=True)
    time.sleep(float(sys.argv[3]))
    return measure(first_row=first_row, **options)
extraction.extract_chunk = noted
build_dataset(Reader(), jobs=int(sys.argv[4]) if sys.argv[4:] else 1, cache=sys.argv[2], progress=False)
"""


class Reader:
    """A reader of arrays."""

    cropped = True

    def __init__(self, faces, *, fingerprint="images", name="made"):
        self.faces, self.name, self._fingerprint = faces, name, fingerprint
        self.read = 0

    def fingerprint(self):
        return self._fingerprint

    def __len__(self):
        return len(self.faces)

    def items(self):
        for place, face in enumerate(self.faces):
            self.read += 1
            yield Item(f"face {place}", expression="happy", image=face)


class Deadly(Reader):
    """Its fifth image kills the process that reads it."""

    def items(self):
        for place, item in enumerate(super().items()):
            yield Item(item.name, expression="happy", image=Mine()) if place == 4 else item


class Mine:
    """Like a path; opening it kills the process."""

    def __fspath__(self):
        os.kill(os.getpid(), signal.SIGKILL)


class Slow(Reader):
    """Sets an event when it begins, and is slow."""

    def __init__(self, faces):
        super().__init__(faces)
        self.begun = threading.Event()

    def items(self):
        self.begun.set()
        time.sleep(0.6)
        yield from super().items()


def journal_of(cache):
    return [line for path in cache.glob("*.parts/journal.jsonl") for line in path.read_bytes().splitlines()]


def columns(dataset):
    names = ("records", "expressions", "splits", "subjects", "names", "rows", "detector_scores")
    return [np.asarray(getattr(dataset, name)).tobytes() for name in names]


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(extraction, "CHUNK", 3)


def test_records_equal_the_extractor_bit_for_bit(dataset, faces):
    extractor = FaceExtractor()
    expected_faces = [extractor.extract_crop(face) for face in faces]
    assert np.array_equal(dataset.records, stack(expected_faces, chip_size=ExtractorSettings().chip_size))
    scores = np.array([face.detector_score for face in expected_faces], dtype=np.float32)
    assert np.array_equal(dataset.detector_scores, scores, equal_nan=True)


def test_records_are_memory_mapped_and_read_only(dataset):
    assert isinstance(dataset.records, np.memmap)
    assert not dataset.records.flags.writeable
    assert isinstance(dataset.of_split("PublicTest").records, np.memmap)


def test_a_second_call_extracts_nothing(tmp_path, faces):
    first = build_dataset(Reader(faces[:4]), cache=tmp_path, **QUIET)
    reader = Reader(faces[:4])
    again = build_dataset(reader, cache=tmp_path, **QUIET)
    assert reader.read == 0
    assert columns(again) == columns(first)
    assert [path.name for path in tmp_path.iterdir()] == [first.key]


def test_processes_and_chunks_do_not_change_the_result(tmp_path, faces, small_chunks):
    one = build_dataset(Reader(faces[:8]), cache=tmp_path / "one", **QUIET)
    two = build_dataset(Reader(faces[:8]), cache=tmp_path / "two", jobs=2, progress=False)
    assert columns(one) == columns(two)


def test_the_key_depends_on_content_settings_and_cropping(tmp_path, faces):
    keys = {
        build_dataset(Reader(faces[:1], fingerprint=fingerprint), settings=settings, cache=tmp_path, **QUIET).key
        for fingerprint in "ab"
        for settings in (None, ExtractorSettings(chip_size=64))
    }
    assert len(keys) == 4
    scenes = Reader(faces[:1], fingerprint="a")
    scenes.cropped = False
    with pytest.raises(DataError, match="no face was found in 1 of 1 images"):
        build_dataset(scenes, cache=tmp_path, **QUIET)


def test_a_killed_run_is_resumed(tmp_path, faces):
    np.save(tmp_path / "faces.npy", faces[:10])
    script = [sys.executable, "-c", SLOW_BUILD, str(tmp_path / "faces.npy"), str(tmp_path / "cache")]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    slow = subprocess.Popen([*script, "0.5"], stdout=subprocess.PIPE, text=True, env=environment)
    first_lines = [slow.stdout.readline() for _ in range(3)]
    os.kill(slow.pid, signal.SIGKILL)
    slow.communicate()
    assert first_lines == ["measured 0\n", "measured 2\n", "measured 4\n"]
    rest = subprocess.run([*script, "0"], stdout=subprocess.PIPE, text=True, env=environment, check=True).stdout
    assert rest.split("\n")[:-1] == ["measured 4", "measured 6", "measured 8"]
    resumed = build_dataset(Reader(faces[:10], fingerprint="slow"), cache=tmp_path / "cache", **QUIET)
    undisturbed = build_dataset(Reader(faces[:10], fingerprint="slow"), cache=tmp_path / "other", **QUIET)
    assert columns(resumed) == columns(undisturbed)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [resumed.key]


@pytest.mark.slow
@pytest.mark.parametrize("lines", [1, 3])
def test_a_run_killed_with_busy_workers_is_resumed_exactly(tmp_path, faces, lines):
    many = np.concatenate([faces] * 6)
    np.save(tmp_path / "faces.npy", many)
    script = [sys.executable, "-c", SLOW_BUILD, str(tmp_path / "faces.npy"), str(tmp_path / "cache"), "0", "2"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    building = subprocess.Popen(script, stdout=subprocess.DEVNULL, env=environment)
    while building.poll() is None and len(journal_of(tmp_path / "cache")) < lines:
        time.sleep(0.005)
    os.kill(building.pid, signal.SIGKILL)
    assert building.wait() == -signal.SIGKILL
    journal = journal_of(tmp_path / "cache")
    assert lines <= len(journal) < len(many) // 2
    resumed = build_dataset(Reader(many, fingerprint="slow"), cache=tmp_path / "cache", jobs=2, progress=False)
    undisturbed = build_dataset(Reader(many, fingerprint="slow"), cache=tmp_path / "other", **QUIET)
    assert columns(resumed) == columns(undisturbed)
    assert resumed.rows.tolist() == list(range(len(many)))
    assert not list((tmp_path / "cache").glob("*.parts"))


def test_an_error_in_the_source_is_raised_and_extracted_faces_stay(tmp_path, faces, small_chunks):
    class Failing(Reader):
        def items(self):
            yield from list(super().items())[:5]
            raise DataError("the source ends here")

    with pytest.raises(DataError, match="the source ends here"):
        build_dataset(Failing(faces[:8]), cache=tmp_path, jobs=2, progress=False)
    (journal,) = tmp_path.glob("*.parts/journal.jsonl")
    assert [json.loads(line)["rows"] for line in journal.read_text().splitlines()] == [[0, 1, 2]]


@pytest.mark.parametrize("damaged", ["records.npy", "names.npy", "rows.npy", "about.json"])
@pytest.mark.parametrize("left", [0, 0.5, None])
def test_a_damaged_entry_is_built_again(tmp_path, faces, damaged, left):
    before = columns(build_dataset(Reader(faces[:4]), cache=tmp_path, **QUIET))
    file = next(tmp_path.glob(f"*/{damaged}"))
    if left is None:
        file.unlink()
    else:
        os.truncate(file, int(file.stat().st_size * left))
    assert columns(build_dataset(Reader(faces[:4]), cache=tmp_path, **QUIET)) == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("damage", ["journal cut", "journal changed", "records cut", "records longer"])
def test_faces_without_a_valid_journal_line_are_extracted_again(tmp_path, faces, small_chunks, damage, monkeypatch):
    class Stopped(Reader):
        def items(self):
            yield from list(super().items())[:9]
            raise DataError("the power fails")

    whole = columns(build_dataset(Reader(faces[:10]), cache=tmp_path / "whole", **QUIET))
    with pytest.raises(DataError, match="the power fails"):
        build_dataset(Stopped(faces[:10]), cache=tmp_path / "cut", **QUIET)
    journal, records = (next((tmp_path / "cut").glob(f"*.parts/{name}")) for name in ("journal.jsonl", "records.npy"))
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) == 2  # the third chunk was not whole when the source failed
    sizes, extract = [], extraction.extract_chunk
    monkeypatch.setattr(extraction, "extract_chunk", lambda items, **o: sizes.append(len(items)) or extract(items, **o))
    if damage == "journal cut":
        os.truncate(journal, len(lines[0]) + 20)
    elif damage == "journal changed":
        journal.write_bytes(lines[0] + lines[1].replace(b'"rows": [', b'"rows": [7, '))
    elif damage == "records cut":
        os.truncate(records, records.stat().st_size - 100)
    else:
        with records.open("ab") as file:
            file.write(b"half a record that no line tells of")
    assert columns(build_dataset(Reader(faces[:10]), cache=tmp_path / "cut", **QUIET)) == whole
    assert sum(sizes) == {"records longer": 4}.get(damage, 7)


def test_columns_are_memory_mapped_and_read_only(dataset):
    for name in ("expressions", "splits", "subjects", "names", "rows", "detector_scores"):
        column = getattr(dataset, name)
        assert not column.flags.writeable and isinstance(column.base, np.memmap)


def test_everything_left_out_is_listed_and_counted(tmp_path, faces, monkeypatch, capsys):
    class Holes(Reader):
        def items(self):
            for place, item in enumerate(super().items()):
                yield Item(item.name, problem=f'{item.name}, it is "broken"') if place % 2 else item

    monkeypatch.setattr(cache_entry, "MAX_SENTENCES", 2)
    dataset = build_dataset(Holes(faces[:10]), cache=tmp_path, jobs=1)
    assert len(dataset) == 5 and dataset.rows.tolist() == [0, 2, 4, 6, 8]
    with open(dataset.left_out_csv, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    broken = ([f"face {n}", f'face {n}, it is "broken"', "unreadable"] for n in (1, 3, 5, 7, 9))
    assert rows == [["name", "reason", "status"], *broken]
    assert dataset.problems[:2] == ['face 1, it is "broken"', 'face 3, it is "broken"']
    assert "3 more were left out" in dataset.problems[2] and len(dataset.problems) == 3
    assert dataset.n_left_out == 5
    assert "5 left out" in capsys.readouterr().err


@pytest.mark.parametrize("is_shared", [False, True])
def test_the_status_of_an_image_does_not_depend_on_the_wording(tmp_path, faces, caplog, is_shared):
    class Holes(Reader):
        def items(self):
            first, *others = super().items()
            yield Item(first.name, problem="images left out, no face found", problem_is_shared=is_shared)
            yield from others

    dataset = build_dataset(Holes(faces[:3]), cache=tmp_path, jobs=1)
    table = Path(dataset.left_out_csv)
    assert table.read_text().splitlines()[1].endswith(",left out" if is_shared else ",unreadable")
    table.write_text("name,reason\nface 0,of an earlier version\n")
    assert len(build_dataset(Holes(faces[:3]), cache=tmp_path, jobs=1)) == 2
    assert "is built again" in caplog.text and table.read_text().startswith("name,reason,status")


def test_chunks_of_large_images_are_smaller(monkeypatch, faces):
    monkeypatch.setattr(extraction, "CHUNK_BYTES", 3 * faces[0].nbytes)
    items = list(Reader(faces[:8]).items())
    result = list(extraction._chunks(iter(items), 5))
    assert [(row, len(chunk)) for row, chunk in result] == [(5, 3), (8, 3), (11, 2)]
    assert [item for _, chunk in result for item in chunk] == items


@pytest.mark.slow
def test_workers_with_too_much_memory_are_replaced(tmp_path, faces, small_chunks, monkeypatch):
    monkeypatch.setattr(extraction, "WAVE", 1)
    started = []
    real = extraction.get_reusable_executor
    monkeypatch.setattr(extraction, "get_reusable_executor", lambda **options: started.append(1) or real(**options))
    build_dataset(Reader(faces[:9]), cache=tmp_path / "small", jobs=2, progress=False)
    assert not started
    monkeypatch.setattr(extraction, "MAX_WORKER_BYTES", 1)
    dataset = build_dataset(Reader(faces[:9]), cache=tmp_path / "large", jobs=2, progress=False)
    assert len(started) == 2 and len(dataset) == 9


@pytest.mark.slow
def test_an_image_that_crashes_its_worker_is_left_out(tmp_path, faces, small_chunks):
    dataset = build_dataset(Deadly(faces[:9]), cache=tmp_path, jobs=2, progress=False)
    assert dataset.rows.tolist() == [0, 1, 2, 3, 5, 6, 7, 8]
    assert len(dataset.problems) == 1 and "face 4 crashed the process that read it" in dataset.problems[0]


def test_a_second_process_waits_and_extracts_nothing(tmp_path, faces, caplog):
    first = Slow(faces[:3])
    builder = threading.Thread(target=build_dataset, args=(first,), kwargs={"cache": tmp_path, **QUIET})
    builder.start()
    first.begun.wait()
    second = Reader(faces[:3])
    assert len(build_dataset(second, cache=tmp_path, **QUIET)) == 3
    builder.join()
    assert second.read == 0 and "another process is extracting faces of made; waiting for it" in caplog.text


def test_two_builders_of_one_entry_do_no_harm(tmp_path, faces, small_chunks):
    results = []

    def build():
        results.append(columns(build_dataset(Reader(faces[:9]), cache=tmp_path, **QUIET)))

    builders = [threading.Thread(target=build) for _ in range(3)]
    for builder in builders:
        builder.start()
        time.sleep(0.02)
    for builder in builders:
        builder.join()
    assert len(results) == 3
    assert results[0] == results[1] == results[2]
    assert len(list(tmp_path.iterdir())) == 1


def test_an_unwritable_cache_is_reported(tmp_path, faces):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SinkError, match=r"cannot be written .*LANDMARK_FER_CACHE"):
        build_dataset(Reader(faces[:1]), cache=tmp_path / "file" / "cache", **QUIET)


def test_an_empty_source_is_reported(tmp_path):
    with pytest.raises(DataError, match="made must hold faces, and none is left: empty"):
        build_dataset(Reader([]), cache=tmp_path, **QUIET)


def test_the_progress_bar_goes_to_stderr(tmp_path, faces, capsys):
    build_dataset(Reader(faces[:2]), cache=tmp_path, jobs=1)
    captured = capsys.readouterr()
    assert "faces of made: 100%" in captured.err
    assert captured.out == ""


def test_the_path_of_the_cache(tmp_path, monkeypatch):
    monkeypatch.delenv("LANDMARK_FER_CACHE", raising=False)
    assert cache_folder() == Path(__file__).parents[2] / "data" / "cache"
    monkeypatch.setattr(files, "checkout_folder", lambda: None)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if sys.platform == "linux":
        assert cache_folder() == Path.home() / ".cache" / "landmark_fer"
    assert cache_folder() == user_cache_path("landmark_fer", appauthor=False)
    monkeypatch.setenv("LANDMARK_FER_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    assert cache_folder(tmp_path / "named") == tmp_path / "named"
