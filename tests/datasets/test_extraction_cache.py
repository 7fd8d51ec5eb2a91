import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from landmark_fer.datasets import cache_files, chunks
from landmark_fer.datasets.base import Item
from landmark_fer.datasets.cache_files import cache_folder
from landmark_fer.datasets.extraction_cache import build_dataset
from landmark_fer.errors import DataError, SinkError
from landmark_fer.face.records import stack
from landmark_fer.perception.extraction import ExtractorSettings, FaceExtractor

QUIET = {"jobs": 1, "progress": False}

# Runs in a process of its own, which the test kills: a picture an item, chunks of two, a line a measured item.
SLOW_BUILD = """
import sys, time
import numpy as np
from landmark_fer.datasets import chunks
from landmark_fer.datasets.base import Item
from landmark_fer.datasets.extraction_cache import build_dataset

chunks.CHUNK = 2
faces = np.load(sys.argv[1])

class Reader:
    name, cropped = "slow", True
    def fingerprint(self): return "slow"
    def __len__(self): return len(faces)
    def items(self):
        for place, face in enumerate(faces):
            yield Item(f"face {place}", expression="happy", picture=face)

measure = chunks.measure_chunk
def noted(first_row, **options):
    print("measured", first_row, flush=True)
    time.sleep(float(sys.argv[3]))
    return measure(first_row=first_row, **options)
chunks.measure_chunk = noted
build_dataset(Reader(), jobs=1, cache=sys.argv[2], progress=False)
"""


class Reader:
    """A source made of pictures at hand."""

    cropped = True

    def __init__(self, faces, *, fingerprint="pictures", name="made"):
        self.faces, self.name, self._fingerprint = faces, name, fingerprint
        self.read = 0

    def fingerprint(self):
        return self._fingerprint

    def __len__(self):
        return len(self.faces)

    def items(self):
        for place, face in enumerate(self.faces):
            self.read += 1
            yield Item(f"face {place}", expression="happy", picture=face)


def columns(dataset):
    names = ("records", "expressions", "splits", "subjects", "names", "rows", "detector_scores")
    return [np.asarray(getattr(dataset, name)).tobytes() for name in names]


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 3)


def test_records_equal_the_extractor_bit_for_bit(dataset, faces):
    extractor = FaceExtractor()
    measured = [extractor.extract_crop(face) for face in faces]
    assert np.array_equal(dataset.records, stack(measured, chip_size=ExtractorSettings().chip_size))
    scores = np.array([face.detector_score for face in measured], dtype=np.float32)
    assert np.array_equal(dataset.detector_scores, scores, equal_nan=True)


def test_records_are_mapped_and_cannot_be_changed(dataset):
    assert isinstance(dataset.records, np.memmap)
    assert not dataset.records.flags.writeable
    assert isinstance(dataset.of_split("PublicTest").records, np.memmap)


def test_a_second_call_measures_nothing(tmp_path, faces):
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


def test_the_key_follows_content_settings_and_kind(tmp_path, faces):
    keys = {
        build_dataset(Reader(faces[:1], fingerprint=fingerprint), settings=settings, cache=tmp_path, **QUIET).key
        for fingerprint in "ab"
        for settings in (None, ExtractorSettings(chip_size=64))
    }
    assert len(keys) == 4
    scenes = Reader(faces[:1], fingerprint="a")
    scenes.cropped = False
    with pytest.raises(DataError, match="no face was found in 1 of 1 pictures"):
        build_dataset(scenes, cache=tmp_path, **QUIET)


def test_a_killed_run_is_taken_up_where_it_stopped(tmp_path, faces):
    np.save(tmp_path / "faces.npy", faces[:10])
    script = [sys.executable, "-c", SLOW_BUILD, str(tmp_path / "faces.npy"), str(tmp_path / "cache")]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    slow = subprocess.Popen([*script, "0.5"], stdout=subprocess.PIPE, text=True, env=environment)
    seen = [slow.stdout.readline() for _ in range(3)]
    os.kill(slow.pid, signal.SIGKILL)
    slow.communicate()
    assert seen == ["measured 0\n", "measured 2\n", "measured 4\n"]
    rest = subprocess.run([*script, "0"], stdout=subprocess.PIPE, text=True, env=environment, check=True).stdout
    assert rest.split("\n")[:-1] == ["measured 4", "measured 6", "measured 8"]
    resumed = build_dataset(Reader(faces[:10], fingerprint="slow"), cache=tmp_path / "cache", **QUIET)
    undisturbed = build_dataset(Reader(faces[:10], fingerprint="slow"), cache=tmp_path / "other", **QUIET)
    assert columns(resumed) == columns(undisturbed)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [resumed.key]


def test_an_error_in_the_source_is_raised_and_what_was_measured_is_kept(tmp_path, faces, small_chunks):
    class Failing(Reader):
        def items(self):
            yield from list(super().items())[:5]
            raise DataError("the source ends here")

    with pytest.raises(DataError, match="the source ends here"):
        build_dataset(Failing(faces[:8]), cache=tmp_path, jobs=2, progress=False)
    assert len(list(tmp_path.glob("*.parts/*.npz"))) == 1


@pytest.mark.parametrize("damaged", ["records.npy", "columns.npz"])
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


def test_a_damaged_part_is_measured_again(tmp_path, faces, small_chunks):
    whole = build_dataset(Reader(faces[:5]), cache=tmp_path / "whole", **QUIET)
    parts = tmp_path / "cache" / f"{whole.key}.parts"
    parts.mkdir(parents=True)
    (parts / "000000.npz").write_bytes(b"PK cut short")
    assert columns(build_dataset(Reader(faces[:5]), cache=tmp_path / "cache", **QUIET)) == columns(whole)


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


def test_a_cache_that_cannot_be_written_gets_a_sentence(tmp_path, faces):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SinkError, match=r"cannot be written .*LANDMARK_FER_CACHE"):
        build_dataset(Reader(faces[:1]), cache=tmp_path / "file" / "cache", **QUIET)


def test_a_source_of_nothing_gets_a_sentence(tmp_path):
    with pytest.raises(DataError, match="made must hold faces, and none is left of it: empty"):
        build_dataset(Reader([]), cache=tmp_path, **QUIET)


def test_the_progress_bar_goes_to_stderr(tmp_path, faces, capsys):
    build_dataset(Reader(faces[:2]), cache=tmp_path, jobs=1)
    captured = capsys.readouterr()
    assert "faces of made: 100%" in captured.err
    assert captured.out == ""


def test_where_the_cache_lies(tmp_path, monkeypatch):
    monkeypatch.delenv("LANDMARK_FER_CACHE", raising=False)
    assert cache_folder() == Path(__file__).parents[2] / "data" / "cache"
    monkeypatch.setattr(cache_files, "checkout", lambda: None)
    assert cache_folder() == Path.home() / ".cache" / "landmark_fer"
    monkeypatch.setenv("LANDMARK_FER_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    assert cache_folder(tmp_path / "named") == tmp_path / "named"
