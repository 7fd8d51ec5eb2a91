"""The command: takes from the demo clip with and without a window, listing, deleting, and errors."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from landmark_fer.collect import __main__ as collect
from landmark_fer.datasets import load_dataset
from landmark_fer.datasets.collection import read_description, read_takes
from landmark_fer.live.sources.demo import MOTIONS

TIMEOUT_S = 120
EXPRESSION_OF_MOTION = {"neutral": "neutral", "mouth_open": "surprise", "corners_down": "sad", "corners_up": "happy"}

needs_display = pytest.mark.skipif(
    not (shutil.which("Xvfb") and shutil.which("xdotool")),
    reason="Xvfb and xdotool, a display and its keys, are not on PATH",
)


def spans_text():
    """Return a csv of the clip's expressions at three quarters of their amount or more."""
    rows = [m for m in MOTIONS if m.name in EXPRESSION_OF_MOTION and m.end < 12]
    lines = [
        f"{motion.begin + 0.24:.2f},{motion.end - 0.24:.2f},{EXPRESSION_OF_MOTION[motion.name]}" for motion in rows
    ]
    return "\n".join(["start_s,end_s,expression", *lines]) + "\n"


@pytest.fixture(scope="module")
def spans(tmp_path_factory):
    path = tmp_path_factory.mktemp("spans") / "demo.csv"
    path.write_text(spans_text())
    return path


@pytest.fixture(scope="module")
def collected(tmp_path_factory, spans):
    """A collection that the command made from the demo clip, with images."""
    out = tmp_path_factory.mktemp("collected") / "my faces ä"
    assert (
        run("--source", "demo", "--spans", spans, "--out", out, "--subject", "ann", "--consent", "--keep-images") == 0
    )
    return out


def run(*arguments):
    return collect.main(list(map(str, arguments)))


def test_spans_of_the_demo_become_a_data_set(collected):
    faces = load_dataset(collected)
    assert faces.classes == ("happy", "sad", "surprise", "neutral")
    assert set(faces.subjects) == {"ann"}
    assert len(read_takes(collected)) == len({*faces.takes}) == 4
    smiles = faces.records["landmarks"][faces.expressions == "happy"]
    rests = faces.records["landmarks"][faces.expressions == "neutral"]
    width = [(each[:, 54, 0] - each[:, 48, 0]).mean() for each in (smiles, rests)]
    assert width[0] > 1.15 * width[1]  # the mouth is wider in a smile


def test_the_records_equal_those_of_live(collected):
    """The follower of live gives the same landmarks and chips for the same frames."""
    from landmark_fer.live.sources.opening import open_source
    from landmark_fer.perception.extraction import FaceExtractor
    from landmark_fer.perception.tracking.following import FaceFollower

    take = next(take for take in read_takes(collected) if take["expression"] == "neutral")
    faces = load_dataset(collected)
    own = faces.records[faces.expressions == "neutral"]
    times = [float(line.split(",")[0]) for line in (take["path"] / "frames.csv").read_text().splitlines()[1:]]
    with open_source("demo") as source, FaceFollower(FaceExtractor()) as follower:
        for frame in source:
            followed = follower.follow(frame.image, time_s=frame.time_s)
            if round(frame.time_s, 4) in times:
                record = own[times.index(round(frame.time_s, 4))]
                assert record["chip"].tobytes() == followed[0][1].chip.tobytes()
                assert record["landmarks"].tobytes() == followed[0][1].landmarks.tobytes()
            if frame.time_s > times[-1]:
                break


def test_whole_images_are_stored_with_keep_images(collected):
    for take in read_takes(collected):
        assert len(list((take["path"] / "images").glob("*.png"))) == take["faces"]


def test_the_same_command_continues_without_duplicates(collected, spans, capsys):
    before = [take["path"] for take in read_takes(collected)]
    shutil.rmtree(before[-1])
    assert run("--source", "demo", "--spans", spans, "--out", collected, "--subject", "ann") == 0
    printed = capsys.readouterr().out
    assert printed.count("stored already") == 3
    assert [take["path"] for take in read_takes(collected)] == before


def test_the_privacy_notice_is_printed_first(tmp_path, spans, capsys):
    assert run("--source", "demo", "--spans", spans, "--out", tmp_path / "mine") == 2
    printed = capsys.readouterr()
    assert "nothing is sent anywhere" in printed.out
    assert f"--out {tmp_path / 'mine'} --delete me" in printed.out
    assert "me must agree before being recorded, and has not; ask, then add --consent" in printed.err
    assert read_takes(tmp_path / "mine") == []


def test_list_and_delete(collected, tmp_path, capsys):
    copy = tmp_path / "copy"
    shutil.copytree(collected, copy)
    assert run("--out", copy, "--list") == 0
    assert "ann (agreed 20" in capsys.readouterr().out
    assert run("--out", copy, "--delete", "bob") == 2
    assert "subject must be one of those" in capsys.readouterr().err
    assert run("--out", copy, "--delete", "ann") == 0
    assert "deleted 4 takes of ann" in capsys.readouterr().out
    assert read_takes(copy) == []
    assert read_description(copy)["consent"] == {}
    assert run("--out", copy, "--delete-all") == 0
    assert not copy.exists()


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["--list"], "is not a collection; make one"),
        (["--delete", "ann"], "is not a collection; make one"),
        (["--spans", "none.csv"], "add --source FILE"),
        (["--spans", "none.csv", "--source", "demo"], "none.csv is not a file; give a csv"),
        (["--subject", " "], "subject must be a name"),
        (["--expressions", "bored"], "expression must be one of"),
        (["--model", "nowhere"], "artifact nowhere does not exist"),
        (["--web", "--source", "demo"], "--web records the browser's own camera and takes no --source; leave it out"),
        (["--web", "--source", "0", "--spans", "none.csv"], "takes no --source or --spans; leave it out"),
        (["--web", "a b"], "--web must be HOST:PORT"),
        (["--web", "0.0.0.0:0"], "can be reached from other machines and needs --web-token"),
        (["--web", "0.0.0.0:0", "--web-token", "short"], "--web-token must have 8 to 200"),
        (["--web", "--web-token", ""], "--web-token must have 8 to 200"),
        (["--web", "--model", "nowhere"], "artifact nowhere does not exist"),
        (["--web", "--subject", "\n"], "subject must be a name"),
    ],
)
def test_wrong_arguments_are_reported(tmp_path, arguments, message, capsys):
    assert run("--out", tmp_path / "mine", *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("error: ")
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "mine").exists()


def test_the_web_options_are_those_of_live():
    from landmark_fer.collect import options as own
    from landmark_fer.live import options as of_live

    assert (own.WEB_ADDRESS, own.TOKEN_VARIABLE) == (of_live.WEB_ADDRESS, of_live.TOKEN_VARIABLE)
    assert own.make_parser().parse_args(["--web"]).web == own.WEB_ADDRESS
    assert own.make_parser().parse_args([]).web is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a display")
def test_a_missing_display_is_reported_with_alternatives(tmp_path, monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert run("--out", tmp_path / "mine") == 2
    assert "collect needs a window, --web, or --source FILE --spans FILE.csv" in capsys.readouterr().err
    assert not (tmp_path / "mine").exists()


def test_too_few_takes_to_fit_are_reported(collected, tmp_path, monkeypatch, capsys):
    from landmark_fer.fit.__main__ import main

    monkeypatch.setenv("LANDMARK_FER_CACHE", str(tmp_path))
    assert main(["--data", str(collected), "--out", str(tmp_path / "model"), "--jobs", "1"]) == 2
    assert "own data need 3 takes of each expression" in capsys.readouterr().err


def test_fit_on_top_of_other_data(collected, lfw_csv, session_cache, tmp_path, monkeypatch, capsys):
    from landmark_fer.fit.__main__ import main

    monkeypatch.setenv("LANDMARK_FER_CACHE", str(session_cache))
    arguments = ["--data", lfw_csv, "--data", collected, "--data-weights", "1,3", "--models", "ls_svm", "--folds", "3"]
    arguments = [*map(str, arguments), "--jobs", "1", "--out", str(tmp_path / "model")]
    assert main(arguments) == 2  # the other data hold no surprise, and one person is too few for grouped folds
    assert "has 1 for surprise" in capsys.readouterr().err
    assert main([*arguments, "--expressions", "happy,sad,neutral"]) == 0
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
    assert manifest["classes"] == ["happy", "sad", "neutral"]
    assert manifest["data"]["source"] == f"lfw.csv + {collected.name}"
    assert [part["weight"] for part in manifest["data"]["parts"]] == [1, 3]
    assert list(manifest["scores"]) == ["PublicTest"]
    assert manifest["scores"]["PublicTest"]["n"] == 15
    assert "nothing is held out" in manifest["folds"]


@pytest.mark.parametrize(
    "weights,data,message",
    [
        ("1,5", 1, "--data-weights needs two or more --data, got 1"),
        ("1", 2, r"(2), got 1;"),
        ("1,half", 2, "got 1,half"),
    ],
)
def test_invalid_weights_are_reported(collected, lfw_csv, tmp_path, weights, data, message, capsys):
    from landmark_fer.fit.__main__ import main

    paths = ["--data", str(lfw_csv), "--data", str(collected)][: 2 * data]
    assert main([*paths, "--data-weights", weights, "--out", str(tmp_path / "model")]) == 2
    assert message in capsys.readouterr().err


@pytest.fixture
def display():
    """The environment of a display without a screen."""
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1100x800x24", "-noreset"]
    with subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL) as server:
        os.close(writer)
        with os.fdopen(reader) as numbers:
            yield os.environ | {"DISPLAY": f":{numbers.readline().strip()}"}
        server.terminate()


def press(key, environment):
    find = ["xdotool", "search", "--name", f"^{collect.TITLE}$"]
    number = subprocess.run(find, env=environment, capture_output=True, text=True).stdout.split()
    if number:
        subprocess.run(["xdotool", "key", "--window", number[-1], key], env=environment, capture_output=True)


def press_until(key, environment, process, condition, *, pause_s=3.0):
    """Press a key every few seconds until a condition is true."""
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < end, f"{key} did nothing"
        assert process.poll() is None, process.communicate()
        press(key, environment)
        again = time.monotonic() + pause_s
        while time.monotonic() < again and not condition():
            time.sleep(0.05)


@needs_display
def test_keys_control_takes_in_a_real_window(display, tmp_path):
    """Enter gives consent, space starts a take, u deletes it, q leaves."""
    out = tmp_path / "mine"
    arguments = [
        "--out",
        out,
        "--source",
        "demo",
        "--expressions",
        "neutral,happy",
        "--rounds",
        "1",
        "--subject",
        "ann",
    ]
    command = [
        sys.executable,
        "-m",
        "landmark_fer.collect",
        *map(str, arguments),
        "--countdown",
        "0.5",
        "--seconds",
        "1",
    ]
    process = subprocess.Popen(command, env=display, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    takes = lambda: read_takes(out) if (out / "collection.json").is_file() else []  # noqa: E731
    agreed = lambda: (out / "collection.json").is_file() and "ann" in read_description(out)["consent"]  # noqa: E731
    press_until("Return", display, process, agreed)
    assert takes() == []
    press_until("space", display, process, lambda: len(takes()) >= 1, pause_s=10)
    assert takes()[0]["expression"] in ("neutral", "happy")
    press_until("u", display, process, lambda: takes() == [])
    press_until("q", display, process, lambda: process.poll() is not None)
    printed, error = process.communicate()
    assert process.returncode == 0, error
    assert "nothing is sent anywhere" in printed
    assert read_description(out)["consent"]["ann"]["how"] == "on screen"
