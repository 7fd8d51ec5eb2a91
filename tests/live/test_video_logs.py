"""Logs of a folder of videos: tables, resumption after kills and interrupts, settings, other files."""

import csv
import json
import os
from collections import Counter

import pandas
import pytest

from landmark_fer.core.errors import DataError, InputError, SinkError, SourceError
from landmark_fer.live.pacing import Interrupts
from landmark_fer.live.sinks.logs import open_log
from landmark_fer.live.sources.frames import Frame
from landmark_fer.live.sources.video_folder import videos_in
from landmark_fer.live.timeline import RunSummary, Timelines
from landmark_fer.live.video_logs import log_videos
from tests.live.hand_made import CLASSES, make_faces, make_recognition

N_FRAMES = {"a 2.mp4": 3, "a 10.mp4": 2, "empty.mp4": 1, "sub/a 2.mp4": 4}
SETTINGS = {"smoothing": 0.5, "fields": ("pose",)}


class Killed(BaseException):
    """A run that is killed at this point, without any cleaning up of its own."""


class Runs:
    """Writes logs as a session does; stops in the middle of a video where that is requested."""

    def __init__(self, source):
        self.source, self.videos, self.stop, self.damage = source, [], {}, {}

    def __call__(self, path, log, bar):
        video = path.relative_to(self.source).as_posix()
        self.videos.append(video)
        if path.stat().st_size == 0:
            raise SourceError(f"{path} is empty (0 bytes); give a video")
        summary = RunSummary(timelines=Timelines())
        sink = open_log(log, CLASSES, facts={"source": str(path)})
        for index in range(N_FRAMES[video]):
            faces = [] if video == "empty.mp4" else make_faces(make_recognition(x=100.0 + index), make_recognition())
            sink.write(Frame(None, index / 25, index, 1.8e9), faces)
            summary.add(index / 25, faces)
            if self.stop.get(video) is Killed:
                raise Killed
            if self.stop.get(video) is KeyboardInterrupt:
                summary.interrupted = True
                break
        sink.close()
        summary.finish(1.0)
        summary.damage = self.damage.get(video, [])
        return summary


@pytest.fixture
def runs(tmp_path):
    source = tmp_path / "clips"
    for name in N_FRAMES:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(b"video")
    return Runs(source)


def run(runs, folder, *, settings=SETTINGS, suffix=".csv"):
    videos, _ = videos_in(runs.source)
    with Interrupts() as interrupts:
        return log_videos(
            runs.source, videos, folder, runs, settings=settings, interrupts=interrupts, suffix=suffix, facts={"a": 1}
        )


def contents(folder):
    """The content of every file in a folder that a user reads."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_tables_have_a_row_for_each_face_and_for_each_video(runs, tmp_path):
    summary = run(runs, tmp_path / "logs")
    assert runs.videos == list(N_FRAMES)
    rows = rows_of(tmp_path / "logs" / "all.csv")
    assert Counter(row["video"] for row in rows) == {"a 2.mp4": 6, "a 10.mp4": 4, "sub/a 2.mp4": 8}
    assert list(rows[0])[:2] == ["video", "frame"]
    videos = rows_of(tmp_path / "logs" / "videos.csv")
    found = [tuple(row[name] for name in ("video", "status", "frames", "faces", "tracks", "seconds")) for row in videos]
    assert found == [
        ("a 2.mp4", "ok", "3", "6", "2", "0.12"), ("a 10.mp4", "ok", "2", "4", "2", "0.08"),
        ("empty.mp4", "no face", "1", "0", "0", "0.04"), ("sub/a 2.mp4", "ok", "4", "8", "2", "0.16"),
    ]  # fmt: skip
    one = rows_of(tmp_path / "logs" / "videos" / "sub" / "a 2.mp4.csv")
    assert [{"video": "sub/a 2.mp4", **row} for row in one] == [row for row in rows if row["video"] == "sub/a 2.mp4"]
    assert "4 videos: 4 have a log, 10 frames, 18 faces" in str(summary)
    settings = json.loads((tmp_path / "logs" / "settings.json").read_text())
    assert settings == {"settings": {"smoothing": 0.5, "fields": ["pose"]}, "a": 1}


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_every_format_holds_the_same_rows(runs, tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="needs requirements-parquet.txt")
    run(runs, tmp_path / "logs", suffix=suffix)
    run(runs, tmp_path / "csv")
    expected, path = pandas.read_csv(tmp_path / "csv" / "all.csv"), tmp_path / "logs" / f"all{suffix}"
    if suffix == ".jsonl":
        header, *rows = map(json.loads, path.read_text().splitlines())
        assert header["header"]["columns"] == list(expected)
        table = pandas.DataFrame(rows)
    else:
        table = pandas.read_parquet(path) if suffix == ".parquet" else pandas.read_csv(path)
    assert list(table) == list(expected)
    table, expected = (each.dropna(axis=1, how="all") for each in (table, expected))  # empty columns have no type
    pandas.testing.assert_frame_equal(table, expected)


@pytest.mark.parametrize("video", N_FRAMES)
@pytest.mark.parametrize("reason", [Killed, KeyboardInterrupt])
def test_a_stopped_run_continues_to_the_same_result(runs, tmp_path, video, reason):
    whole, folder = tmp_path / "whole", tmp_path / "stopped"
    run(runs, whole)
    runs.stop, runs.videos = {video: reason}, []
    if reason is Killed:
        with pytest.raises(Killed):
            run(runs, folder)
    else:
        summary = run(runs, folder)
        assert summary.interrupted and "the same command continues" in str(summary)
    n_complete = len(runs.videos) - 1
    logs = sorted(path.name for path in folder.rglob("*.mp4.csv") if ".unfinished" not in path.parts)
    assert len(logs) == n_complete == len(rows_of(folder / "videos.csv")) if n_complete else not logs
    runs.stop, runs.videos = {}, []
    summary = run(runs, folder)
    assert runs.videos == list(N_FRAMES)[n_complete:] and summary.n_skipped == n_complete
    assert contents(folder) == contents(whole)
    assert not (folder / ".unfinished").exists()


def test_a_complete_run_reads_nothing_again(runs, tmp_path):
    run(runs, tmp_path / "logs")
    before, runs.videos = contents(tmp_path / "logs"), []
    assert "(4 from an earlier run)" in str(run(runs, tmp_path / "logs"))
    assert runs.videos == [] and contents(tmp_path / "logs") == before


def test_new_and_changed_videos_are_read(runs, tmp_path):
    run(runs, tmp_path / "logs")
    runs.videos = []
    (runs.source / "a 10.mp4").write_bytes(b"another video")
    os.utime(runs.source / "empty.mp4", (1, 1))
    (tmp_path / "logs" / "videos" / "sub" / "a 2.mp4.csv").unlink()
    (runs.source / "a 2.mp4").unlink()
    run(runs, tmp_path / "logs")
    assert runs.videos == ["a 10.mp4", "empty.mp4", "sub/a 2.mp4"]
    assert [row["video"] for row in rows_of(tmp_path / "logs" / "videos.csv")] == runs.videos


def test_unreadable_videos_have_a_row_and_are_tried_again(runs, tmp_path):
    (runs.source / "a 10.mp4").write_bytes(b"")
    runs.damage = {"sub/a 2.mp4": ["ends after 4 of 9 frames: bytes are missing"]}
    summary = run(runs, tmp_path / "logs")
    assert "1 cannot be read: a 10.mp4" in str(summary)
    assert "1 damaged, logged as far as decoded: sub/a 2.mp4" in str(summary)
    rows = rows_of(tmp_path / "logs" / "videos.csv")
    assert [row["status"] for row in rows] == ["ok", "unreadable", "no face", "ok"]
    assert "is empty (0 bytes)" in rows[1]["remark"] and rows[3]["remark"] == runs.damage["sub/a 2.mp4"][0]
    runs.videos = []
    (runs.source / "a 10.mp4").write_bytes(b"video")
    run(runs, tmp_path / "logs")
    assert runs.videos == ["a 10.mp4"]
    assert [row["video"] for row in rows_of(tmp_path / "logs" / "all.csv")][6:10] == ["a 10.mp4"] * 4


def test_other_settings_are_refused(runs, tmp_path):
    run(runs, tmp_path / "logs")
    before = contents(tmp_path / "logs")
    with pytest.raises(InputError, match=r"made with new none \(now 1\), smoothing 0\.5 \(now 0\.8\); give the same"):
        run(runs, tmp_path / "logs", settings=SETTINGS | {"smoothing": 0.8, "new": 1})
    assert contents(tmp_path / "logs") == before


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("video", ["a 2.mp4", "a 10.mp4"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"\0" * 200,
        lambda content: b"PAR1" + bytes(200) + b"PAR1",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-30] + b"\xff" * 30,
        lambda content: b"[" * 100_000,
        lambda content: b'{"header": 1}\n',
        lambda content: b"x,y\n1,2\n",
    ],
)
def test_damaged_logs_are_named_and_written_again(runs, tmp_path, suffix, video, damage):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="needs requirements-parquet.txt")
    folder = tmp_path / "logs"
    run(runs, folder, suffix=suffix)
    before, log = contents(folder), folder / "videos" / f"{video}{suffix}"
    log.write_bytes(damage(log.read_bytes()))
    with pytest.raises(DataError, match=r"must be a log as live wrote it, .*; delete it") as raised:
        run(runs, folder, suffix=suffix)
    assert str(log) in str(raised.value) and "\n" not in str(raised.value)
    assert (folder / f"all{suffix}").read_bytes() == before[f"all{suffix}"]
    log.unlink()
    runs.videos = []
    assert run(runs, folder, suffix=suffix).n_skipped == 3 and runs.videos == [video]


@pytest.mark.parametrize("content", [b"", b"\0" * 99, b"[" * 100_000, b"{}", b"\xff", b'video,"' + b"x" * 200_000])
def test_damaged_tables_and_settings_are_written_again_or_named(runs, tmp_path, content):
    run(runs, tmp_path / "logs")
    before, runs.videos = contents(tmp_path / "logs"), []
    (tmp_path / "logs" / "videos.csv").write_bytes(content)
    run(runs, tmp_path / "logs")
    assert runs.videos == list(N_FRAMES) and contents(tmp_path / "logs").keys() == before.keys()
    (tmp_path / "logs" / "settings.json").write_bytes(content)
    with pytest.raises(InputError, match=r"settings\.json must be written by live, and cannot be read"):
        run(runs, tmp_path / "logs")


def test_a_folder_of_other_files_is_refused(runs, tmp_path):
    with pytest.raises(SinkError, match="holds other files than the logs of an earlier run"):
        run(runs, runs.source)
    assert not (runs.source / "settings.json").exists()
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / ".DS_Store").touch()
    (tmp_path / "logs" / ".new-01234567-settings.json").touch()  # of a run that was killed at its start
    run(runs, tmp_path / "logs")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_names_that_are_no_text_are_escaped(runs, tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="needs requirements-parquet.txt")
    name = os.fsdecode(b"\xff.mp4")
    try:
        (runs.source / name).write_bytes(b"video")
    except OSError:
        pytest.skip("this file system takes only names in UTF-8")
    N_FRAMES[name] = 1
    run(runs, tmp_path / "logs", suffix=suffix)
    del N_FRAMES[name]
    assert rows_of(tmp_path / "logs" / "videos.csv")[-1]["video"] == "\\udcff.mp4"
    runs.videos = []
    run(runs, tmp_path / "logs", suffix=suffix)
    assert runs.videos == []


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_name_that_is_too_long_for_a_log_is_counted_and_the_others_are_read(runs, tmp_path, suffix, monkeypatch):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="needs requirements-parquet.txt")
    for length in range(216, 252, 5):
        monkeypatch.setitem(N_FRAMES, name := f"{'0' * length}.mp4", 1)
        (runs.source / name).write_bytes(b"video")
    summary = run(runs, tmp_path / "logs", suffix=suffix)
    rows = rows_of(tmp_path / "logs" / "videos.csv")
    too_long = [row["video"] for row in rows if row["status"] == "unreadable"]
    assert len(rows) == len(N_FRAMES) and 5 <= len(too_long) < 8 and {len(name) for name in too_long} >= {240, 255}
    assert all("too long" in row["remark"] for row in rows if row["video"] in too_long)
    assert f"{len(too_long)} cannot be read" in str(summary)


def test_videos_are_found_by_suffix_or_content_in_natural_order(tmp_path, demo_avi):
    for name in ("b/10.mp4", "b/2.MOV", "1.avi", ".hidden.mp4", "photo.jpg", "notes.txt", ".DS_Store", "logs/c.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b" / "clip").write_bytes(demo_avi.read_bytes())
    (tmp_path / "link").symlink_to("b")
    videos, others = videos_in(tmp_path, exclude=tmp_path / "logs")
    assert videos == ["1.avi", "b/2.MOV", "b/10.mp4", "b/clip"]
    assert others == {
        "link/": "a link to a folder",
        ".hidden.mp4": "hidden: its name, or a folder's, begins with a dot",
        "notes.txt": "not a video",
        "photo.jpg": "an image",
    }
    with pytest.raises(SourceError, match="cannot be read"):
        videos_in(tmp_path / "missing")
