"""The server of collect over real sockets: one visitor at a time, whatever they send, however they leave."""

import json
import socket as sockets
import time
from dataclasses import replace

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from landmark_fer.collect.browser_session import CollectionService
from landmark_fer.collect.plan import Confusion, Planner
from landmark_fer.collect.web.server import CollectionServer, serve_collection
from landmark_fer.core import optional_packages
from landmark_fer.core.errors import DependencyError, InputError
from landmark_fer.datasets.collection import made_with, read_description, read_takes
from landmark_fer.datasets.collection_writer import Collection
from landmark_fer.live.web.limits import Limits
from tests.live.web.client import TOKEN, receive, running
from tests.live.web.test_camera import WRONG

EXPRESSIONS = ("neutral", "happy")
PATIENCE_S = 120


def collecting(service, **options):
    """Run a server in a thread; a context manager that yields a client."""
    return running(CollectionServer(service, address="127.0.0.1:0", **options))


@pytest.fixture
def service(tmp_path, extractor):
    with Collection(tmp_path / "mine", made_with(extractor.settings, "0" * 64)) as collection:
        planner = Planner(rounds=1, expressions=EXPRESSIONS)
        yield CollectionService(collection, extractor, subject="ann", planner=planner, countdown_s=0.5, seconds=0.5)


@pytest.fixture
def client(service):
    with collecting(service) as client:
        yield client


def connect(client):
    return client.connect("/v1/session")


def send_until(socket, frame, condition):
    """Send frames, one after each response, until a response meets a condition; return it."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        time.sleep(0.02)  # as the page does
        socket.send(frame)
        response = receive(socket)
        if condition(response):
            return response
    raise AssertionError(f"not seen: {response}")


def in_stage(name):
    return lambda response: response.get("stage") == name


def next_session(client, jpeg):
    """Wait until a new visitor is admitted, and return their first response."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            with connect(client) as socket:
                socket.send(jpeg)
                return receive(socket)
        except ConnectionClosed:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_frames_and_keys_make_takes(client, service, jpeg):
    with connect(client) as socket:
        socket.send("agree")
        first = send_until(socket, jpeg, in_stage("ready"))
        assert (first["width"], first["height"]) == (512, 300)
        assert [face["chosen"] for face in first["faces"]] == [True]
        assert len(first["faces"][0]["landmarks"]) == 68
        assert first["take"] == {"expression": "neutral", "round": 1, "reason": ""}
        assert first["waiting"] and first["n_left"] == 2 and first["recorded"] == []
        socket.send("space")
        assert 0 < send_until(socket, jpeg, in_stage("countdown"))["left_s"] <= 0.5
        assert 0 <= send_until(socket, jpeg, in_stage("recording"))["share"] <= 1
        last = send_until(socket, jpeg, in_stage("done"))
        assert [(row["expression"], row["takes"]) for row in last["recorded"]] == [("happy", 1), ("neutral", 1)]
        assert last["take"] is None
        socket.send("q")
        assert send_until(socket, jpeg, lambda response: "ended" in response)["ended"].startswith("you left")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=60)
        assert closed.value.rcvd.code == 1000
    takes = read_takes(service.collection.path)
    assert [take["expression"] for take in takes] == ["happy", "neutral"]
    assert all(take["faces"] >= 5 and take["source"] == "browser's camera" for take in takes)
    overview = client.request("/v1/takes").json
    assert [row["faces"] for row in overview["recorded"]] == [take["faces"] for take in takes]
    assert overview["consented"] == read_description(service.collection.path)["consent"]["ann"]["agreed"]


def test_expressions_that_a_model_confuses_come_first_with_the_reason(service, jpeg):
    confusions = {
        "happy": Confusion(0.4, 50, "neutral", 0.6, "PublicTest"),
        "neutral": Confusion(0.9, 50, "sad", 0.1, ""),
    }
    service.planner = replace(service.planner, confusions=confusions)
    with collecting(service) as client, connect(client) as socket:
        socket.send("agree")
        take = send_until(socket, jpeg, in_stage("ready"))["take"]
    assert take["expression"] == "happy"
    assert take["reason"].startswith("the model predicts 40% of happy correctly and mistakes 60% for neutral")


def test_nothing_is_recorded_without_consent(client, service, jpeg):
    with connect(client) as socket:
        socket.send("space")
        socket.send(jpeg)
        response = receive(socket)
    assert response["ended"] == "ann must agree before being recorded, and has not; agree first"
    assert read_description(service.collection.path)["consent"] == {} and service.overview() == (None, [])


@pytest.mark.parametrize("wrong", [value for value in WRONG.values() if isinstance(value, bytes)])
def test_a_wrong_frame_is_reported_and_the_session_continues(client, wrong, jpeg):
    with connect(client) as socket:
        socket.send("agree")
        socket.send(wrong)
        response = receive(socket)
        assert response["frame"] == 1 and response["error"] and "stage" not in response
        socket.send(jpeg[: len(jpeg) // 2])
        assert "damaged" in receive(socket)["error"]
        for nonsense in ("", "delete everything", "\x00" * 2000, "SPACE", '{"press": "space"}'):
            socket.send(nonsense)
        assert send_until(socket, jpeg, in_stage("ready"))["waiting"]


def test_a_frame_with_too_many_bytes_ends_the_session_and_frees_the_place(client, jpeg):
    with connect(client) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.send("agree")
        send_until(socket, jpeg, in_stage("ready"))
        socket.send(bytes(Limits().frame_bytes + 5000))
        while True:
            socket.recv(timeout=60)
    assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
    assert next_session(client, jpeg)["stage"] == "ready"


def test_a_second_visitor_is_refused(client, jpeg):
    with connect(client) as first:
        first.send("agree")
        send_until(first, jpeg, in_stage("ready"))
        with connect(client) as second, pytest.raises(ConnectionClosed) as closed:
            second.recv(timeout=60)
        assert closed.value.rcvd.code == 1013
        assert closed.value.rcvd.reason == "somebody is being recorded here already; come back when they have left"
        assert send_until(first, jpeg, in_stage("ready"))
    assert next_session(client, jpeg)["stage"] == "ready"


@pytest.mark.slow
def test_an_aborted_connection_leaves_only_complete_takes(client, service, jpeg):
    socket = connect(client).__enter__()
    socket.send("agree")
    socket.send("space")
    send_until(socket, jpeg, lambda response: response["recorded"])
    send_until(socket, jpeg, in_stage("recording"))
    raw = socket.socket
    raw.sendall(b"\x82\xfe\x10\x00\x00\x00\x00\x00only the beginning")
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # a reset
    raw.shutdown(sockets.SHUT_RDWR)
    raw.close()
    response = next_session(client, jpeg)
    assert [(row["expression"], row["takes"]) for row in response["recorded"]] == [("neutral", 1)]
    assert response["take"]["expression"] == "happy" and response["waiting"]
    (take,) = read_takes(service.collection.path)
    assert {path.name for path in take["path"].iterdir()} == {"take.json", "records.npy", "frames.csv"}
    assert not list(service.collection.path.rglob(".new-*"))


def test_deleting_needs_the_name_and_ends_the_session(client, service, jpeg):
    def delete(body):
        return client.request("/v1/delete", method="POST", body=body, content_type="application/json")

    with connect(client) as socket:
        socket.send("agree")
        socket.send("space")
        send_until(socket, jpeg, lambda response: response["recorded"])
        for body in (b"", b'"bob"', b"ann", b"{}", b"\xff\xfe", b'["ann"]'):
            response = delete(body)
            assert response.status == 422 and '"ann"' in response.json["detail"]
        assert delete(b"x" * 5000).status == 413
        assert len(read_takes(service.collection.path)) == 1
        response = delete(b'"ann"')
        assert response.status == 200 and response.json == {"deleted": 1}
        response = send_until(socket, jpeg, lambda response: "ended" in response)
        assert response["ended"] == "all data of ann were deleted"
    assert read_takes(service.collection.path) == []
    assert client.request("/v1/takes").json == {"consented": None, "recorded": []}
    response = delete(b'"ann"')
    assert response.status == 500 and "subject must be one of those" in response.json["detail"]


def test_other_sites_and_missing_tokens_are_refused(service, jpeg):
    with collecting(service, token=TOKEN) as client:
        for path in ("/", "/v1/takes", "/examples/happy.jpg", "/page/facts.json"):
            assert client.request(path).status == 401
        with pytest.raises(InvalidStatus), connect(client):
            pass
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert client.request("/v1/takes", headers=bearer).status == 200
        elsewhere = {**bearer, "Origin": "https://example.org"}
        assert client.request("/v1/delete", method="POST", body=b'"ann"', headers=elsewhere).status == 403
        form = client.request("/", headers={"Accept": "text/html"})
        assert form.status == 401 and b"Token - landmark_fer collect" in form.content


def test_the_addresses_of_live_are_not_served(client, jpeg):
    assert client.recognize(jpeg).status == 404
    for path in ("/docs", "/openapi.json", "/v1/health"):
        assert client.request(path).status == 404
    with pytest.raises(InvalidStatus), client.connect("/v1/camera"):
        pass


def test_examples_are_images_of_the_expressions(client):
    neutral, happy = (client.request(f"/examples/{name}.jpg") for name in EXPRESSIONS)
    assert neutral.status == happy.status == 200 and neutral.content != happy.content
    assert neutral.headers["content-type"] == "image/jpeg" and neutral.content[:2] == b"\xff\xd8"
    for name in ("bored", "contempt", "..%2fcollect"):
        assert client.request(f"/examples/{name}.jpg").status == 404


def test_damaged_takes_are_reported(client, service, jpeg):
    folder = service.collection.path / "ann" / "round-01-happy"
    folder.mkdir(parents=True)
    (folder / "take.json").write_text("{")
    response = client.request("/v1/takes")
    assert response.status == 500 and "take.json cannot be read" in response.json["detail"]
    with connect(client) as socket:
        assert "take.json cannot be read" in receive(socket)["ended"]


def test_the_page_gets_subject_folder_and_expressions(client, service):
    facts = client.request("/page/facts.json").json
    assert facts["subject"] == "ann" and facts["folder"] == str(service.collection.path.resolve())
    assert facts["classes"] == list(EXPRESSIONS) and set(facts["hints"]) == set(EXPRESSIONS)
    assert facts["groups"] and facts["colours"]["happy"] == "#f0e442"


def test_missing_fastapi_is_reported(service, monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(optional_packages.importlib, "import_module", missing)
    with pytest.raises(DependencyError, match=r"collect --web needs .*fastapi.*install -r requirements-web\.txt"):
        serve_collection(service)


def test_other_machines_need_a_token(service):
    with pytest.raises(InputError, match="needs --web-token"):
        serve_collection(service, address="0.0.0.0:0")


def test_whole_images_are_stored_only_with_keep_images(service, jpeg):
    service.keep_images = True
    with collecting(service) as client, connect(client) as socket:
        socket.send("agree")
        socket.send("space")
        send_until(socket, jpeg, lambda response: response["recorded"])
    take = read_takes(service.collection.path)[0]
    images = sorted((take["path"] / "images").iterdir())
    assert len(images) == take["faces"]
    from landmark_fer.perception.images import read_image

    np.testing.assert_array_equal(read_image(images[0].read_bytes()), read_image(jpeg))
    assert json.loads((take["path"] / "take.json").read_text())["faces"] == len(images)
