"""Events: their file, the rule by which one is current, keys, logs, and statistics that compare them."""

import csv
import itertools
import json
import math
import random
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.live import __main__ as live
from landmark_fer.live.batch import recognize_video
from landmark_fer.live.event_statistics import MIN_BLOCKS, EventComparison
from landmark_fer.live.events import Event, Events, read_events
from landmark_fer.live.options import make_parser
from landmark_fer.live.session import Session
from landmark_fer.live.sinks.logs import open_log
from landmark_fer.live.sources.frames import Frame
from landmark_fer.recognition.results import Recognition, RecognizedFace
from tests.live.hand_made import CLASSES, make_face, make_faces, make_recognition
from tests.live.stand_ins import FixedReader, Rows, ScriptedWindow, images


def write(tmp_path, text):
    path = tmp_path / "events.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_events_are_read_in_any_order_and_form(tmp_path):
    text = "note;label;TIME_S;end\nx;talk, loud;2;3.5\n;start;0;\n\n;smile;1\n"
    assert read_events(write(tmp_path, text)) == [
        Event(2, "talk, loud", 3.5),
        Event(0, "start"),
        Event(1, "smile"),
    ]
    assert read_events(write(tmp_path, "time_s,label\n0.5,start\n")) == [Event(0.5, "start")]


@pytest.mark.parametrize(
    "text,message",
    [
        ("", "must have the columns time_s and label, and optionally end, and a row"),
        ("time_s,label\n", "has no such row; add one"),
        ("time,label\n0,a\n", "lacks time_s, got 'time', 'label'"),
        ("time_s,label\n0,a\n-1,b\n", "line 3 of .* must have seconds from 0 in time_s, got '-1'"),
        ("time_s,label\nnan,a\n", "line 2 of .* seconds from 0 in time_s, got 'nan'"),
        ("time_s,label\n,a\n", "seconds from 0 in time_s, got ''"),
        ("time_s,label\n1:30,a\n", "seconds from 0 in time_s, got '1:30'"),
        ("time_s,label\n1,\n", "line 2 of .* must have a label of 1 to 100 printable characters in one line, got ''"),
        ('time_s,label\n1,"a\nb"\n', "lines 2 to 3 of .* must have a label"),
        ("time_s,label\n1," + 101 * "a" + "\n", "must have a label of 1 to 100"),
        ("time_s,label\n1," + 10**6 * "a" + "\n", "must have a label of 1 to 100"),
        ("time_s,label\n1,a\u202eb\n", "must have a label of 1 to 100 printable characters"),
        ("time_s,label\n" + 10**6 * "1" + ",a\n", "seconds from 0 in time_s"),
        ("time_s,label,end\n1,a," + 10**6 * "x" + "\n", r"seconds after time_s \(1\) in end"),
        ("time_s,label,end\n1,a,1\n", r"line 2 of .* seconds after time_s \(1\) in end, or leave it empty, got '1'"),
        ("time_s,label,end\n1,a,inf\n", "got 'inf'"),
        ("time_s,label,end\n1,a,soon\n", "got 'soon'"),
        ("time_s,label\n1,a,b\n", "line 2 of .* has 3 cells, must have 2; a cell with a separator in it needs quotes"),
    ],
)
def test_a_bad_row_is_one_sentence_with_its_line_and_rule(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as raised:
        read_events(write(tmp_path, text))
    assert str(raised.value).isprintable() and len(str(raised.value)) < 600


def test_labels_may_have_the_spaces_of_any_script(tmp_path):
    path = write(tmp_path, "time_s,label\n1,課題\u3000一\n2,tâche\u00a01\n")
    assert [event.label for event in read_events(path)] == ["課題\u3000一", "tâche\u00a01"]


def test_the_file_of_events_must_exist(tmp_path):
    with pytest.raises(DataError, match="is not a file; give a csv with the columns time_s and label"):
        read_events(tmp_path / "none.csv")
    with pytest.raises(DataError, match="is not a file") as raised:
        read_events(tmp_path / "a\nb.csv")
    assert str(raised.value).isprintable()


def labels(events, times):
    made = Events(events)
    return [made.label_at(time_s) for time_s in times]


def test_an_event_without_an_end_lasts_until_the_next_or_for_ever():
    events = [Event(1, "a"), Event(3, "b"), Event(5, "c", 6)]
    times = (0, 0.99, 1, 2.99, 3, 4.99, 5, 5.99, 6, 100)
    assert labels(events, times) == [None, None, "a", "a", "b", "b", "c", "c", None, None]
    assert labels(events[:2], (2, 10**6)) == ["a", "b"]


def test_an_event_inside_another_interrupts_it_and_overlapping_ones_follow_the_last_begun():
    inside = [Event(0, "outer", 10), Event(2, "inner", 4)]
    assert labels(inside, (1, 2, 3.9, 4, 9.9, 10)) == ["outer", "inner", "inner", "outer", "outer", None]
    overlapping = [Event(0, "a", 5), Event(3, "b", 8)]
    assert labels(overlapping, (2, 3, 5, 7.9, 8)) == ["a", "b", "b", "b", None]
    assert labels([Event(1, "first"), Event(1, "second")], (1, 2)) == ["second", "second"]


def test_the_order_of_rows_does_not_matter_and_the_rule_is_the_documented_one():
    generator = random.Random(0)
    for _ in range(200):
        begins = generator.sample(range(20), 6)
        events = [Event(b, str(b), generator.choice([None, b + generator.randint(1, 12)])) for b in begins]
        found = labels(events, range(40))
        generator.shuffle(events)
        assert labels(events, range(40)) == found
        for time_s, label in enumerate(found):
            ends = {e: min((o.begin_s for o in events if o.begin_s > e.begin_s), default=math.inf) for e in events}
            ends |= {e: e.end_s for e in events if e.end_s is not None}
            current = [e for e in events if e.begin_s <= time_s < ends[e]]
            assert label == max(current, key=lambda e: e.begin_s, default=Event(0, None)).label


def test_many_events_delay_no_frame(monkeypatch):
    n_seen = 0

    class CountedEvent(Event):
        def __getattribute__(self, name):
            nonlocal n_seen
            n_seen += 1
            return super().__getattribute__(name)

    made = Events([CountedEvent(k / 10, f"e{k}", k / 10 + 0.05) for k in range(2000)])
    n_seen = 0
    assert [made.label_at(time_s) for time_s in (0.02, 99.99, 199.93, 500)] == ["e0", None, "e1999", None]
    assert n_seen == 0  # times are searched, not events


def test_times_that_are_sums_are_not_late():
    time_s = sum([0.1] * 10)  # just below 1
    assert time_s < 1 and labels([Event(1, "a")], [time_s]) == ["a"]


def test_marks_are_numbered_and_leave_out_labels_of_the_file():
    events = Events([Event(0, "event 2", 9)])
    assert [events.mark(1), events.mark(2)] == ["event 1", "event 3"]
    assert [events.label_at(time_s) for time_s in (0.5, 1.5, 2.5, 20)] == ["event 2", "event 1", "event 3", "event 3"]


def run(n, *, keys=None, reader=None, **options):
    rows = Rows()
    made = Session(images(n), reader or FixedReader(1), window=ScriptedWindow(keys), sinks=[rows], **options)
    return made, made.run(), [frame.event for frame in rows.frames]


def test_a_key_marks_an_event_from_the_next_frame_on():
    made, _, events = run(10, keys={3: ["v"], 6: ["v"]})
    assert events == [None] * 3 + ["event 1"] * 3 + ["event 2"] * 4
    assert made.state.message == "event 2"
    assert [label for _, label in made.history.marks] == ["event 1", "event 2"]


def test_a_key_in_a_pause_marks_one_event_after_it():
    _, _, events = run(6, keys={2: ["space"], 4: ["v"], 5: ["v"], 8: ["space"]})
    assert events == [None] * 2 + ["event 1"] * 4


def test_events_of_a_file_reach_frames_and_the_screen():
    made, summary, events = run(4, events=[Event(0.001, "a", 0.002), Event(7, "never"), Event(9, "nor this")])
    assert events == [None, "a", None, None]
    assert made.history.marks == [(0.001, "a")]
    assert "2 of 3 events begin after the last frame at 0.0 s, the first at 7 s (never)" in str(summary)


def test_single_images_have_no_events():
    made, _, events = run(1, keys={2: ["v"], 4: ["q"]}, reader=FixedReader(1, still=True))
    assert events == [None]
    assert "single images have none" in made.state.message


def columns_of(arguments, *, images=False):
    options = make_parser().parse_args([*arguments, "--log", "log.csv"])
    source = SimpleNamespace(frames_per_second=25)
    (log,) = live._make_sinks(options, source, SimpleNamespace(classes=CLASSES), None, {}, images=images)
    return log.columns


def test_logs_have_the_column_where_events_can_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "event" not in columns_of(["--headless"])
    assert columns_of(["--headless", "--events", "e.csv"])[-1] == "event"
    assert columns_of([])[-1] == "event"
    assert columns_of(["--log-empty", "--log-fields", "pose"])[-3:] == ("roll", "event", "status")
    assert "event" not in columns_of([], images=True)


def test_logs_carry_the_event(tmp_path):
    pytest.importorskip("pyarrow")
    frames = [Frame(None, k / 10, k, 1e9, event="a, b" if k else None) for k in range(2)]
    for name in ("log.csv", "log.jsonl", "log.parquet"):
        with open_log(tmp_path / name, CLASSES, events=True, empty=True) as log:
            for frame in frames:
                log.write(frame, make_faces(make_recognition()))
            log.write(frames[1], [])
    with (tmp_path / "log.csv").open(newline="") as file:
        assert [row["event"] for row in csv.DictReader(file)] == ["", "a, b", "a, b"]
    assert pd.read_parquet(tmp_path / "log.parquet")["event"].fillna("").tolist() == ["", "a, b", "a, b"]
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == [None, "a, b", "a, b"]


@pytest.mark.parametrize(
    ("option", "value", "use"),
    [
        ("--events", "e.csv", "marks times of"),
        ("--neutral", "2", "records the first seconds of"),
        ("--save-baseline", "me.json", "writes a baseline of"),
    ],
)
def test_options_of_times_and_single_images_exclude_each_other(tmp_path, option, value, use):
    options = make_parser().parse_args(["--source", str(tmp_path), option, value])
    with pytest.raises(InputError, match=rf"{option} {use} a video or camera, and .* is an image or a folder"):
        live._check_times(options)


def test_recognize_video_names_the_event_of_each_frame(tmp_path):
    recognizer = SimpleNamespace(classes=CLASSES, threshold=0.0)
    frames = recognize_video("demo", recognizer=recognizer, events=write(tmp_path, "time_s,label\n-1,a\n"))
    with pytest.raises(DataError, match="line 2"):
        next(frames)


def face(probabilities, track_id=1):
    expression = max(probabilities, key=probabilities.get)
    recognition = Recognition(make_face(), expression, probabilities[expression], probabilities)
    return RecognizedFace(track_id, recognition, recognition)


def random_frames(n, rate, *, repeat=1, seed=0):
    """Frames of a face whose probabilities change each second; each frame `repeat` times in the same time."""
    generator = np.random.default_rng(seed)
    rows = generator.dirichlet(np.ones(3), size=-(-n // rate))
    for k, copy in itertools.product(range(n), range(repeat)):
        time_s = (k + copy / repeat) / rate
        row = dict(zip(CLASSES, rows[k // rate].tolist(), strict=True))
        yield Frame(None, time_s, k, event=None if time_s < 10 else "a" if time_s < 30 else "b"), [face(row)]


def compare(frames, rate=10.0, **settings):
    comparison, before = EventComparison(CLASSES, **settings), None
    for frame, faces in frames:
        comparison.add(frame, faces, previous_s=1 / rate if before is None else frame.time_s - before)
        before = frame.time_s
    comparison.finish(1 / rate)
    return comparison.statistics()


def test_statistics_are_those_of_the_rows_of_a_log():
    frames = list(random_frames(500, 10))
    a, b, none = compare(frames)
    assert (a.label, b.label, none.label) == ("a", "b", None)
    assert (a.segments, none.segments) == ([(10.0, pytest.approx(30.0))], [(0.0, pytest.approx(10.0))])
    for each in (a, b, none):
        rows = [faces[0].recognition for frame, faces in frames if frame.event == each.label]
        assert each.seconds == each.face_seconds == pytest.approx(len(rows) / 10)
        for name in CLASSES:
            shown = np.mean([row.expression == name for row in rows])
            mean = np.mean([row.probabilities[name] for row in rows])
            assert each.shares[name].mean == pytest.approx(shown)
            assert each.probabilities[name].mean == pytest.approx(mean)
            assert each.shares[name].interval[0] <= shown <= each.shares[name].interval[1]
        low, high = each.shares[UNCERTAIN].interval
        assert str(low) == "0.0" and high > 0.1  # never seen in 20 seconds is no proof
        assert each.shares[UNCERTAIN].mean == 0
        assert sum(share.mean for share in each.shares.values()) == pytest.approx(1)


def test_more_frames_of_the_same_seconds_do_not_make_intervals_narrower():
    few, many = compare(random_frames(500, 10)), compare(random_frames(500, 10, repeat=6), rate=60.0)
    for one, other in zip(few, many, strict=True):
        assert one.n_blocks == other.n_blocks
        for name in CLASSES:
            assert one.probabilities[name].interval == pytest.approx(other.probabilities[name].interval, abs=1e-9)


def test_several_faces_of_one_second_are_drawn_together():
    """A second face that shows the same adds time and no certainty."""
    one = list(random_frames(500, 10))
    two = [(frame, [*faces, RecognizedFace(2, faces[0].recognition, faces[0].recognition)]) for frame, faces in one]
    for single, double in zip(compare(one), compare(two), strict=True):
        assert double.face_seconds == pytest.approx(2 * double.seconds)
        assert single.probabilities["happy"].interval == pytest.approx(double.probabilities["happy"].interval)


def test_intervals_hold_the_mean_of_independent_seconds():
    hits = 0
    for seed in range(100):
        a = compare(random_frames(300, 10, seed=seed))[0]
        low, high = a.probabilities["happy"].interval
        hits += low <= 1 / 3 <= high
    assert 85 <= hits <= 99  # of 20 blocks


def test_intervals_depend_on_the_seed_only():
    frames = list(random_frames(500, 10))
    same, again, other = compare(frames), compare(frames), compare(frames, random_state=1)
    assert same == again and same != other


def test_few_seconds_and_no_faces():
    (short,) = compare((Frame(None, k / 10, k, event="a"), [face({"happy": 1.0})]) for k in range(10 * MIN_BLOCKS - 10))
    assert short.shares["happy"].mean == 1 and short.shares["happy"].interval is None
    (empty,) = compare((Frame(None, k / 10, k, event="a"), []) for k in range(20))
    assert empty.seconds == pytest.approx(2) and empty.face_seconds == 0
    assert empty.shares == empty.probabilities == {}
    assert json.loads(json.dumps(empty.to_dict(), allow_nan=False))["share_of_time"] == {}
