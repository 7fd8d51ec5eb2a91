"""Logs: rows and columns, metadata, whole rows after failures, no file before the first frame."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pytest

from landmark_fer import __version__
from landmark_fer.artifact.artifact import Artifact
from landmark_fer.core.errors import DependencyError, InputError, SinkError
from landmark_fer.core.expressions import EXPRESSIONS
from landmark_fer.core.files import atomic_write_text
from landmark_fer.features.measurements import MEASUREMENT_NAMES
from landmark_fer.live.sinks import logs
from landmark_fer.live.sinks.logs import COLUMNS, CsvLog, JsonlLog, log_facts, open_log
from landmark_fer.live.sources.frames import Frame
from landmark_fer.recognition.baseline import Baseline
from landmark_fer.recognition.face_fields import FIELD_GROUPS, SHIFT_COLUMNS, field_columns
from landmark_fer.recognition.results import RecognizedFace
from tests.documents import ROOT
from tests.live.hand_made import CLASSES, make_faces, make_recognition

WALL_S = 1795240392.25  # 2026-11-21T05:53:12.250Z
IMAGE = np.zeros((48, 64, 3), np.uint8)


def frame(index=0, image=IMAGE, rate=25):
    return Frame(image, index / rate, index, WALL_S + index / rate)


def write_some(log):
    with log:
        log.write(frame(0), [])
        log.write(frame(1), make_faces(make_recognition(), make_recognition("angry", x=300.0)))
        log.write(frame(2), make_faces(make_recognition("neutral", 0.5)))


def test_csv_and_jsonl_hold_the_same_rows(tmp_path):
    write_some(open_log(tmp_path / "log.csv", CLASSES))
    write_some(open_log(tmp_path / "log.JSONL", CLASSES))
    rows = list(csv.DictReader((tmp_path / "log.csv").open(newline="")))
    objects = [json.loads(line) for line in (tmp_path / "log.JSONL").read_text().splitlines()]
    assert [{key: "" if value is None else str(value) for key, value in entry.items()} for entry in objects] == rows
    assert tuple(rows[0]) == (*COLUMNS, *CLASSES, "wall_time", "label", "reason")
    assert [(row["frame"], row["track_id"], row["expression"]) for row in rows] == [
        ("1", "1", "happy"), ("1", "2", "angry"), ("2", "1", "neutral"),
    ]  # fmt: skip
    assert objects[2] == {
        "frame": 2, "time_s": 0.08, "track_id": 1, "x": 100.0, "y": 80.0, "width": 120.0, "height": 120.0,
        "expression": "neutral", "confidence": 0.5, "angry": 0.25, "happy": 0.25, "neutral": 0.5,
        "wall_time": "2026-11-21T05:53:12.330Z", "label": "neutral", "reason": None,
    }  # fmt: skip


def test_the_origin_of_the_baseline_and_shifts_have_columns(tmp_path):
    calm, moved = make_recognition("neutral"), make_recognition(side=240.0)
    first, second = make_faces(calm, moved)
    first = replace(first, baseline=Baseline.from_recognitions([moved]), baseline_origin="auto")
    for name in ("log.csv", "log.jsonl"):
        with open_log(tmp_path / name, CLASSES, fields=("measurements", "pose"), baselines=True) as log:
            log.write(frame(), [first, second])
    with open_log(tmp_path / "without.csv", CLASSES, fields=("measurements", "pose")) as log:
        log.write(frame(), [first])
    columns = list(csv.DictReader((tmp_path / "log.csv").open(newline="")).fieldnames)
    plain = list(csv.DictReader((tmp_path / "without.csv").open(newline="")).fieldnames)
    at = columns.index("baseline")
    assert columns[at - 1] == "reason" and columns[at + 1] == f"m_{MEASUREMENT_NAMES[0]}"
    shifts = [f"m_{name}_shift" for name in MEASUREMENT_NAMES]
    assert columns[-len(shifts) :] == shifts and columns[-len(shifts) - 1] == "roll"
    assert [name for name in columns if name in plain] == plain
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["baseline"] for row in rows] == ["auto", None]
    for name in MEASUREMENT_NAMES:
        expected = rows[0][f"m_{name}"] - first.baseline.measurements[name]
        assert rows[0][f"m_{name}_shift"] == pytest.approx(expected, abs=1e-9)
        assert rows[1][f"m_{name}_shift"] is None


FACTS = {"source": "demo", "model": {"sha256": "abc"}}


def test_facts_are_first_in_jsonl_and_next_to_csv(tmp_path):
    for name in ("log.csv", "log.jsonl"):
        write_some(open_log(tmp_path / name, CLASSES, facts=FACTS, versus_classes=("happy", "sad")))
    first, *rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert list(first) == ["header"]
    assert first["header"] == json.loads((tmp_path / "log.csv.meta.json").read_text())
    assert first["header"] == {
        "begin": "2026-11-21T05:53:12.250Z", **FACTS, "columns": list(rows[0]), "classes": list(CLASSES),
        "versus_classes": ["happy", "sad"],
    }  # fmt: skip
    table = pandas.read_csv(tmp_path / "log.csv")
    assert list(table.columns) == list(rows[0])
    assert table.shape == (3, len(COLUMNS) + len(CLASSES) + 5)
    assert pandas.to_datetime(table["wall_time"]).astype("int64").notna().all()


def test_second_models_prediction_is_in_the_last_columns(tmp_path):
    faces = make_faces(make_recognition("angry"), versus=make_recognition("happy", 0.5))
    for name in ("log.csv", "log.jsonl"):
        with open_log(tmp_path / name, CLASSES, versus_classes=CLASSES) as log:
            log.write(frame(), faces)
            log.write(frame(1), make_faces(make_recognition("angry")))
    rows = list(csv.DictReader((tmp_path / "log.csv").open(newline="")))
    assert list(rows[0])[-3:] == ["reason", "versus_expression", "versus_confidence"]
    assert [(row["expression"], row["versus_expression"], row["versus_confidence"]) for row in rows] == [
        ("angry", "happy", "0.5"), ("angry", "", ""),
    ]  # fmt: skip
    predictions = [json.loads(line)["versus_expression"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert predictions == ["happy", None]


def test_rows_without_a_face(tmp_path):
    for name in ("log.csv", "log.jsonl"):
        with open_log(tmp_path / name, CLASSES, versus_classes=CLASSES, fields=("pose",), images=True) as log:
            log.write_unreadable("a,1.jpg")
            log.write(replace(frame(0), name="b.jpg"), make_faces(make_recognition(), make_recognition("angry")))
            log.write(replace(frame(1), name="c.jpg"), [])
    rows = list(csv.DictReader((tmp_path / "log.csv").open(newline="")))
    assert list(rows[0])[-5:] == ["yaw", "pitch", "roll", "image", "status"]
    assert [(row["image"], row["status"], row["frame"], row["track_id"]) for row in rows] == [
        ("a,1.jpg", "unreadable", "", ""), ("b.jpg", "ok", "0", "1"), ("b.jpg", "ok", "0", "2"),
        ("c.jpg", "no face", "1", ""),
    ]  # fmt: skip
    filled = {"frame", "time_s", "wall_time", "image", "status"}
    assert {name for name, value in rows[3].items() if value} == filled
    assert {name for name, value in rows[0].items() if value} == {"wall_time", "image", "status"}
    objects = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert all(list(row) == list(rows[0]) for row in objects)
    assert objects[3] | {"wall_time": None} == dict.fromkeys(rows[0]) | {
        "frame": 1, "time_s": 0.04, "image": "c.jpg", "status": "no face",
    }  # fmt: skip


def test_frames_without_a_face_have_a_row_on_request(tmp_path):
    write_some(open_log(tmp_path / "log.csv", CLASSES, empty=True))
    rows = list(csv.DictReader((tmp_path / "log.csv").open(newline="")))
    assert tuple(rows[0]) == (*COLUMNS, *CLASSES, "wall_time", "label", "reason", "status")
    assert [(row["frame"], row["status"]) for row in rows] == [
        ("0", "no face"), ("1", "ok"), ("1", "ok"), ("2", "ok"),
    ]  # fmt: skip
    with open_log(tmp_path / "low.csv", CLASSES, empty=True) as log:
        log.write(replace(frame(0), n_left_out=2), [])
        log.write(replace(frame(1), n_left_out=1), make_faces(make_recognition()))
    rows = list(csv.DictReader((tmp_path / "low.csv").open(newline="")))
    assert [(row["frame"], row["track_id"], row["status"]) for row in rows] == [
        ("0", "", "low quality"),
        ("1", "1", "ok"),
    ]
    with open_log(tmp_path / "video.csv", CLASSES) as log:
        log.write_unreadable("a.jpg")
    assert not (tmp_path / "video.csv").exists()


def test_names_that_are_no_text_are_escaped(tmp_path):
    with open_log(tmp_path / "log.csv", CLASSES, images=True) as log:
        log.write_unreadable(os.fsdecode(b"\xff.jpg"))
    assert ",\\udcff.jpg,unreadable" in (tmp_path / "log.csv").read_text()


def test_smoothed_prediction_is_logged(tmp_path):
    faces = [RecognizedFace(1, make_recognition("happy"), make_recognition("angry"))]
    with open_log(tmp_path / "log.csv", CLASSES) as log:
        log.write(frame(), faces)
    assert ",happy,0.7," in (tmp_path / "log.csv").read_text()


def test_a_face_that_was_not_located_has_no_row(tmp_path):
    faces = [RecognizedFace(number, make_recognition("happy"), make_recognition("happy")) for number in (1, 2)]
    with open_log(tmp_path / "log.csv", CLASSES, empty=True) as log:
        log.write(frame(0), faces)
        log.write(frame(1), [faces[0], faces[1].moved(3, 0)])
        log.write(frame(2), [each.moved(3, 0) for each in faces])
        log.write(frame(3), [])
    with open(tmp_path / "log.csv", newline="") as file:
        rows = [(row["frame"], row["track_id"], row["status"]) for row in csv.DictReader(file)]
    assert rows == [
        ("0", "1", "ok"), ("0", "2", "ok"), ("1", "1", "ok"), ("2", "", "not read"), ("3", "", "no face"),
    ]  # fmt: skip


def test_jsonl_holds_explanations(tmp_path):
    class Why:
        def to_dict(self):
            return {"mouth open": 0.5}

    with open_log(tmp_path / "log.jsonl", CLASSES) as log:
        assert log.takes_explanations
        log.write(frame(), make_faces(make_recognition(), make_recognition()), explanations={2: Why()})
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert "explanation" not in rows[0]
    assert rows[1]["explanation"] == {"mouth open": 0.5}


def test_facts_hold_versions_and_the_models_hash():
    manifest = {"model": {"sha256": "abc", "format": "joblib", "bytes": 5}, "created": "today", "versions": {"a": "1"}}
    facts = log_facts(Artifact(None, manifest, Path("models") / "mine"), versus=Artifact(None, manifest), source="demo")
    assert facts["versions"]["landmark_fer"] == __version__
    assert facts["source"] == "demo"
    assert facts["model"] == {
        "artifact": "mine", "sha256": "abc", "format": "joblib", "created": "today", "versions": {"a": "1"},
    }  # fmt: skip
    assert facts["versus"] == {**facts["model"], "artifact": None}
    assert json.loads(json.dumps(facts)) == facts


def test_failed_replacement_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    atomic_write_text(path, "old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("no")))
    with pytest.raises(OSError, match="no"):
        atomic_write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind,lines", [(CsvLog, 1), (JsonlLog, 0)])
def test_frames_without_faces_give_no_rows(tmp_path, kind, lines):
    with kind(tmp_path / "log", CLASSES) as log:
        log.write(frame(0), [])
    assert (tmp_path / "log").read_text().count("\n") == lines


def test_old_log_is_kept_until_the_first_frame(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("old")
    with open_log(path, CLASSES) as log:
        assert path.read_text() == "old"
        log.write(frame(), [])
    assert path.read_text().startswith("frame,")


def test_rows_are_whole_after_a_kill(tmp_path):
    script = """
        import sys
        sys.path.insert(0, sys.argv[2])
        from tests.live.hand_made import CLASSES, make_recognition, make_faces
        from landmark_fer.live.sinks.logs import open_log
        from landmark_fer.live.sources.frames import Frame
        with open_log(sys.argv[1], CLASSES) as log:
            for index in range(10**9):
                log.write(Frame(None, index / 25, index), make_faces(make_recognition(), make_recognition("angry")))
                if index == 20:
                    print("written", flush=True)
    """
    path = tmp_path / "log.csv"
    command = [sys.executable, "-c", textwrap.dedent(script), str(path), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().strip() == b"written"
        process.send_signal(signal.SIGKILL)
    content = path.read_text()
    assert content.endswith("\n")
    rows = list(csv.reader(content.splitlines()))
    assert len(rows) > 40
    assert {len(row) for row in rows} == {len(COLUMNS) + len(CLASSES) + 3}


@pytest.fixture
def parquet():
    """pyarrow's module for Parquet files."""
    return pytest.importorskip("pyarrow.parquet", reason="needs requirements-parquet.txt")


@pytest.mark.parametrize("rows_in_group", [1, 10_000])
def test_parquet_holds_the_rows_of_csv(parquet, tmp_path, monkeypatch, rows_in_group):
    monkeypatch.setattr(logs, "ROWS_IN_GROUP", rows_in_group)
    options = {"versus_classes": CLASSES, "fields": tuple(FIELD_GROUPS), "images": True}
    for name in ("log.csv", "log.parquet"):
        with open_log(tmp_path / name, CLASSES, **options) as log:
            log.write_unreadable("a,1.jpg")
            faces = make_faces(make_recognition(), make_recognition("angry"), versus=make_recognition("happy", 0.5))
            log.write(replace(frame(0), name="b.jpg"), faces)
            log.write(replace(frame(1), name="c.jpg"), [])
    rows, expected = (pandas.read_parquet(tmp_path / "log.parquet"), pandas.read_csv(tmp_path / "log.csv"))
    rows["wall_time"] = expected["wall_time"]  # an unreadable image has the time of its row
    expected["reason"] = expected["reason"].astype(rows["reason"].dtype)  # no face has one
    pandas.testing.assert_frame_equal(rows, expected)
    assert parquet.ParquetFile(tmp_path / "log.parquet").num_row_groups == (4 if rows_in_group == 1 else 1)


def test_parquet_without_rows_has_the_columns(parquet, tmp_path):
    with open_log(tmp_path / "log.parquet", CLASSES) as log:
        log.write(frame(0), [])
    table = parquet.read_table(tmp_path / "log.parquet")
    assert (table.num_rows, tuple(table.column_names)) == (0, (*COLUMNS, *CLASSES, "wall_time", "label", "reason"))


def test_parquet_has_the_facts_and_escapes_names(parquet, tmp_path):
    with open_log(tmp_path / "log.parquet", CLASSES, facts=FACTS, images=True) as log:
        log.write_unreadable(os.fsdecode(b"\xff.jpg"))
    header = json.loads(parquet.read_schema(tmp_path / "log.parquet").metadata[b"landmark_fer"])
    assert header["source"] == "demo" and header["classes"] == list(CLASSES)
    assert parquet.read_table(tmp_path / "log.parquet")["image"].to_pylist() == ["\\udcff.jpg"]


def test_earlier_parquet_is_kept_until_the_new_one_is_closed(parquet, tmp_path):
    path = tmp_path / "log.parquet"
    write_some(open_log(path, CLASSES))
    earlier = path.read_bytes()
    with open_log(path, CLASSES) as log:
        log.write(frame(), make_faces(make_recognition()))
        assert path.read_bytes() == earlier
    assert parquet.read_table(path).num_rows == 1
    assert list(tmp_path.iterdir()) == [path]


def test_parquet_needs_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DependencyError, match=r"a Parquet file, needs .*pip install -r requirements-parquet\.txt"):
        open_log(tmp_path / "log.parquet", CLASSES)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full, a disk that is always full")
def test_full_disk_is_reported(tmp_path):
    (tmp_path / "log.csv").symlink_to("/dev/full")
    with pytest.raises(SinkError, match=r"log\.csv cannot be written \(No space left on device\)"):
        write_some(open_log(tmp_path / "log.csv", CLASSES))


@pytest.fixture
def full_disk():
    """Every file that grows beyond 1,000 bytes fails like one on a full disk."""
    resource = pytest.importorskip("resource", reason="Windows has no limit on the size of a file")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, ignored)


def test_rows_before_the_disk_was_full_stay_whole(full_disk, tmp_path):
    path = tmp_path / "log.csv"
    with pytest.raises(SinkError), open_log(path, CLASSES) as log:
        for index in range(100):
            log.write(frame(index), make_faces(make_recognition()))
    assert path.read_text().endswith("\n")
    assert len(path.read_text().splitlines()) > 5


@pytest.mark.parametrize("rows_in_group", [1, 10_000])
def test_earlier_parquet_is_kept_when_the_disk_is_full(full_disk, parquet, tmp_path, monkeypatch, rows_in_group):
    monkeypatch.setattr(logs, "ROWS_IN_GROUP", rows_in_group)
    path = tmp_path / "log.parquet"
    path.write_bytes(b"earlier")
    with pytest.raises(SinkError, match=r"log\.parquet cannot be written"), open_log(path, CLASSES) as log:
        for index in range(100):
            log.write(frame(index), make_faces(make_recognition()))
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["log.txt", "log", "log.csv.gz"])
def test_unknown_suffix_of_a_log(name, tmp_path):
    with pytest.raises(InputError, match=r"--log must end in \.csv or \.jsonl or \.parquet"):
        open_log(tmp_path / name, CLASSES)


def test_paths_that_cannot_be_written(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(SinkError, match="is a folder"):
        open_log(tmp_path / "folder.csv", CLASSES)
    with pytest.raises(SinkError, match="there is no folder"):
        open_log(tmp_path / "missing" / "log.csv", CLASSES)


def test_the_documented_columns_are_those_of_a_log(tmp_path):
    text = (ROOT / "docs" / "live.md").read_text(encoding="utf-8").split("### Columns of logs")[1].split("\n#")[0]
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    documented = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    log = open_log(
        tmp_path / "log.csv",
        EXPRESSIONS[:7],
        versus_classes=EXPRESSIONS[:7],
        fields=FIELD_GROUPS,
        events=True,
        baselines=True,
        images=True,
    )
    named = [name for name in log.columns if name in documented]
    assert [name for name in documented if name in log.columns] == named
    assert set(documented) - set(named) == {"video", "explanation"}
    ranges = {*EXPRESSIONS, *field_columns(["measurements", "landmarks"]), *SHIFT_COLUMNS}
    assert set(log.columns) - set(named) <= ranges
