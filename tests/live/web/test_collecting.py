"""The server of collect over real sockets: one visitor at a time, whatever they send, however they go."""

import json
import socket as sockets
import time
from functools import partial

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from landmark_fer.collect.browser_session import CollectionServer
from landmark_fer.collect.plan import Confusion, plan_missing
from landmark_fer.collect.web.server import DeskServer, serve_desk
from landmark_fer.core import optional_packages
from landmark_fer.core.errors import DependencyError, InputError
from landmark_fer.datasets.collection import made_with, read_about, read_takes
from landmark_fer.datasets.collection_writer import Collection
from landmark_fer.live.web.limits import Limits
from tests.live.web.asking import TOKEN, predicting
from tests.live.web.test_camera import WRONG, told

EXPRESSIONS = ("neutral", "happy")
PATIENCE_S = 120


def collecting(desk, **options):
    """Run a server for a desk; a context manager that yields how to ask it."""
    return predicting(DeskServer(desk, address="127.0.0.1:0", **options))


@pytest.fixture
def desk(tmp_path, extractor):
    with Collection(tmp_path / "mine", made_with(extractor.settings, "0" * 64)) as collection:
        plan = partial(plan_missing, rounds=1, expressions=EXPRESSIONS)
        yield CollectionServer(
            collection, extractor, subject="ann", plan=plan, expressions=EXPRESSIONS, countdown_s=0.5, seconds=0.5
        )


@pytest.fixture
def visitor(desk):
    with collecting(desk) as visitor:
        yield visitor


def sit(visitor):
    return visitor.visit("/v1/sitting")


def send_until(socket, frame, happened):
    """Send a frame after each answer until an answer is what is waited for, and return it."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        time.sleep(0.02)  # as a camera, and as the page do
        socket.send(frame)
        response = told(socket)
        if happened(response):
            return response
    raise AssertionError(f"not seen: {response}")


def in_stage(name):
    return lambda response: response.get("stage") == name


def nobody_sits(visitor, jpeg):
    """Wait until a new visitor is let in, and return their first answer."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            with sit(visitor) as socket:
                socket.send(jpeg)
                return told(socket)
        except ConnectionClosed:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_takes_come_from_frames_and_keys(visitor, desk, jpeg):
    with sit(visitor) as socket:
        socket.send("agree")
        first = send_until(socket, jpeg, in_stage("ready"))
        assert (first["width"], first["height"]) == (512, 300)
        assert [face["chosen"] for face in first["faces"]] == [True]
        assert len(first["faces"][0]["landmarks"]) == 68
        assert first["ask"] == {"expression": "neutral", "round": 1, "reason": ""}
        assert first["waits"] and first["n_left"] == 2 and first["kept"] == []
        socket.send("space")
        assert 0 < send_until(socket, jpeg, in_stage("countdown"))["left_s"] <= 0.5
        assert 0 <= send_until(socket, jpeg, in_stage("recording"))["share"] <= 1
        last = send_until(socket, jpeg, in_stage("done"))
        assert [(row["expression"], row["takes"]) for row in last["kept"]] == [("happy", 1), ("neutral", 1)]
        assert last["ask"] is None
        socket.send("q")
        assert send_until(socket, jpeg, lambda response: "ended" in response)["ended"].startswith("you left")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=60)
        assert closed.value.rcvd.code == 1000
    takes = read_takes(desk.collection.path)
    assert [take["expression"] for take in takes] == ["happy", "neutral"]
    assert all(take["faces"] >= 5 and take["source"] == "browser's camera" for take in takes)
    kept = visitor.ask("/v1/kept").json
    assert [row["faces"] for row in kept["kept"]] == [take["faces"] for take in takes]
    assert kept["agreed"] == read_about(desk.collection.path)["consent"]["ann"]["agreed"]


def test_what_a_model_confuses_is_asked_for_first_and_why_is_said(desk, jpeg):
    confused = {
        "happy": Confusion(0.4, 50, "neutral", 0.6, "PublicTest"),
        "neutral": Confusion(0.9, 50, "sad", 0.1, ""),
    }
    desk.plan = partial(desk.plan, confusions=confused)
    with collecting(desk) as visitor, sit(visitor) as socket:
        socket.send("agree")
        ask = send_until(socket, jpeg, in_stage("ready"))["ask"]
    assert ask["expression"] == "happy"
    assert ask["reason"].startswith("the model reads 40% of happy rightly and takes 60% for neutral")


def test_without_agreeing_no_frame_is_taken(visitor, desk, jpeg):
    with sit(visitor) as socket:
        socket.send("space")
        socket.send(jpeg)
        response = told(socket)
    assert response["ended"] == "ann must agree before being recorded, and has not; agree first"
    assert read_about(desk.collection.path)["consent"] == {} and desk.kept() == (None, [])


@pytest.mark.parametrize("wrong", [value for value in WRONG.values() if isinstance(value, bytes)])
def test_a_wrong_frame_is_a_sentence_and_the_sitting_goes_on(visitor, wrong, jpeg):
    with sit(visitor) as socket:
        socket.send("agree")
        socket.send(wrong)
        response = told(socket)
        assert response["frame"] == 1 and response["error"] and "stage" not in response
        socket.send(jpeg[: len(jpeg) // 2])
        assert "damaged" in told(socket)["error"]
        for nonsense in ("", "delete everything", "\x00" * 2000, "SPACE", '{"press": "space"}'):
            socket.send(nonsense)
        assert send_until(socket, jpeg, in_stage("ready"))["waits"]


def test_a_frame_with_too_many_bytes_ends_the_visit_and_frees_the_place(visitor, jpeg):
    with sit(visitor) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.send("agree")
        send_until(socket, jpeg, in_stage("ready"))
        socket.send(bytes(Limits().frame_bytes + 5000))
        while True:
            socket.recv(timeout=60)
    assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
    assert nobody_sits(visitor, jpeg)["stage"] == "ready"


def test_a_second_visitor_is_told_to_come_later(visitor, jpeg):
    with sit(visitor) as first:
        first.send("agree")
        send_until(first, jpeg, in_stage("ready"))
        with sit(visitor) as second, pytest.raises(ConnectionClosed) as closed:
            second.recv(timeout=60)
        assert closed.value.rcvd.code == 1013
        assert closed.value.rcvd.reason == "somebody is being recorded here already; come back when they have left"
        assert send_until(first, jpeg, in_stage("ready"))
    assert nobody_sits(visitor, jpeg)["stage"] == "ready"


def test_who_vanishes_in_the_middle_of_a_take_leaves_whole_takes_only(visitor, desk, jpeg):
    socket = sit(visitor).__enter__()
    socket.send("agree")
    socket.send("space")
    send_until(socket, jpeg, lambda response: response["kept"])
    send_until(socket, jpeg, in_stage("recording"))
    raw = socket.socket
    raw.sendall(b"\x82\xfe\x10\x00\x00\x00\x00\x00only the beginning")
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # a reset
    raw.shutdown(sockets.SHUT_RDWR)
    raw.close()
    response = nobody_sits(visitor, jpeg)
    assert [(row["expression"], row["takes"]) for row in response["kept"]] == [("neutral", 1)]
    assert response["ask"]["expression"] == "happy" and response["waits"]
    (take,) = read_takes(desk.collection.path)
    assert {path.name for path in take["path"].iterdir()} == {"take.json", "records.npy", "frames.csv"}
    assert not list(desk.collection.path.rglob("*.new"))


def test_deleting_needs_the_name_and_ends_the_sitting(visitor, desk, jpeg):
    def delete(body):
        return visitor.ask("/v1/delete", method="POST", body=body, kind="application/json")

    with sit(visitor) as socket:
        socket.send("agree")
        socket.send("space")
        send_until(socket, jpeg, lambda response: response["kept"])
        for body in (b"", b'"bob"', b"ann", b"{}", b"\xff\xfe", b'["ann"]'):
            response = delete(body)
            assert response.status == 422 and '"ann"' in response.json["detail"]
        assert delete(b"x" * 5000).status == 413
        assert len(read_takes(desk.collection.path)) == 1
        response = delete(b'"ann"')
        assert response.status == 200 and response.json == {"deleted": 1}
        response = send_until(socket, jpeg, lambda response: "ended" in response)
        assert response["ended"] == "everything of ann was deleted"
    assert read_takes(desk.collection.path) == []
    assert visitor.ask("/v1/kept").json == {"agreed": None, "kept": []}
    response = delete(b'"ann"')
    assert response.status == 500 and "subject must be one of those" in response.json["detail"]


def test_other_sites_and_strangers_are_kept_out(desk, jpeg):
    with collecting(desk, token=TOKEN) as visitor:
        for path in ("/", "/v1/kept", "/examples/happy.jpg", "/page/facts.json"):
            assert visitor.ask(path).status == 401
        with pytest.raises(InvalidStatus), sit(visitor):
            pass
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert visitor.ask("/v1/kept", headers=bearer).status == 200
        elsewhere = {**bearer, "Origin": "https://example.org"}
        assert visitor.ask("/v1/delete", method="POST", body=b'"ann"', headers=elsewhere).status == 403
        asked = visitor.ask("/", headers={"Accept": "text/html"})
        assert asked.status == 401 and b"Token - landmark_fer collect" in asked.content


def test_what_live_serves_is_not_here(visitor, jpeg):
    assert visitor.recognize(jpeg).status == 404
    for path in ("/docs", "/openapi.json", "/v1/health"):
        assert visitor.ask(path).status == 404
    with pytest.raises(InvalidStatus), visitor.visit("/v1/camera"):
        pass


def test_examples_are_images_of_what_is_asked_for(visitor):
    one, other = (visitor.ask(f"/examples/{name}.jpg") for name in EXPRESSIONS)
    assert one.status == other.status == 200 and one.content != other.content
    assert one.headers["content-type"] == "image/jpeg" and one.content[:2] == b"\xff\xd8"
    for name in ("bored", "contempt", "..%2fcollect"):
        assert visitor.ask(f"/examples/{name}.jpg").status == 404


def test_damaged_takes_are_a_sentence(visitor, desk, jpeg):
    folder = desk.collection.path / "ann" / "round-01-happy"
    folder.mkdir(parents=True)
    (folder / "take.json").write_text("{")
    response = visitor.ask("/v1/kept")
    assert response.status == 500 and "take.json cannot be read" in response.json["detail"]
    with sit(visitor) as socket:
        assert "take.json cannot be read" in told(socket)["ended"]


def test_the_page_is_told_who_where_and_what(visitor, desk):
    facts = visitor.ask("/page/facts.json").json
    assert facts["subject"] == "ann" and facts["where"] == str(desk.collection.path.resolve())
    assert facts["classes"] == list(EXPRESSIONS) and set(facts["hints"]) == set(EXPRESSIONS)
    assert facts["groups"] and facts["colours"]["happy"] == "#f0e442"


def test_without_fastapi_there_is_a_sentence(desk, monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(optional_packages.importlib, "import_module", missing)
    with pytest.raises(DependencyError, match=r"collect --web needs .*fastapi.*install -r requirements-web\.txt"):
        serve_desk(desk)


def test_other_machines_need_a_token(desk):
    with pytest.raises(InputError, match="needs --web-token"):
        serve_desk(desk, address="0.0.0.0:0")


def test_images_of_the_camera_are_kept_only_where_asked_for(desk, jpeg):
    desk.options["keep_images"] = True
    with collecting(desk) as visitor, sit(visitor) as socket:
        socket.send("agree")
        socket.send("space")
        send_until(socket, jpeg, lambda response: response["kept"])
    take = read_takes(desk.collection.path)[0]
    images = sorted((take["path"] / "images").iterdir())
    assert len(images) == take["faces"]
    from landmark_fer.perception.images import read_image

    np.testing.assert_array_equal(read_image(images[0].read_bytes()), read_image(jpeg))
    assert json.loads((take["path"] / "take.json").read_text())["faces"] == len(images)
