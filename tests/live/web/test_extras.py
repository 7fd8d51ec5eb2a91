"""Details and explanations in responses: for those who ask, at the pace of the window, within the limit."""

import base64
import io
import itertools
import json
import time

import numpy as np
import pytest
from PIL import Image

from landmark_fer.live.observers import INTERVAL_S
from landmark_fer.live.pacing import RateLimit
from landmark_fer.live.sources.opening import open_source
from landmark_fer.live.web.limits import Limits
from landmark_fer.live.web.protocol import EXTRAS, FaceResponse
from landmark_fer.live.web.responder import Responder
from landmark_fer.recognition.explanation import CueContribution, Explanation
from landmark_fer.recognition.results import RecognizedFace
from tests.live.hand_made import make_recognition
from tests.live.web.client import as_file, live_server, receive

IMAGE = np.zeros((480, 640, 3), np.uint8)
CUES = tuple(CueContribution(f"cue {n}", f"cue {n}", 0.2, 0.1, 1.0, 2.0 - n / 4) for n in range(7))
WHY = Explanation("happy", (*CUES, CueContribution("weak", "weak", 0.2, 0.1, 1.0, 0.01)), np.ones((80, 80)))


class Faces:
    """Recognized faces with track ids that count how often they are explained; each time may take some seconds."""

    def __init__(self):
        self.n_explained, self.clock, self.seconds = 0, None, 0.0

    def __call__(self, *track_ids, **values):
        return [self._face(track_id, **values) for track_id in track_ids]

    def _face(self, track_id, **values):
        from dataclasses import replace

        def explain(recognition):
            self.n_explained += 1
            if self.clock:
                self.clock.now += self.seconds
            return WHY

        recognition = replace(make_recognition(), _explainer=explain, **values)
        return RecognizedFace(track_id, recognition, raw=recognition)


@pytest.fixture
def faces():
    return Faces()


def explained(response):
    return [face["track_id"] for face in response["faces"] if face["explanation"] is not None]


def test_nothing_is_explained_unless_asked_for(faces):
    responder = Responder(RateLimit(1e6, 1e6))
    response = responder.respond(IMAGE, faces(1, 2), 0.0)
    assert [face[field] for face in response["faces"] for field in EXTRAS.values()] == [None] * 4
    responder.extras = frozenset({"details"})
    assert [set(face["details"]) >= {"size"} for face in responder.respond(IMAGE, faces(1, 2), 0.1)["faces"]]
    assert faces.n_explained == 0


def test_an_explanation_names_the_cues_that_the_window_shows(faces):
    response = Responder(RateLimit(1, 1), extras=frozenset({"explain"})).respond(IMAGE, faces(1), 0.0)
    (face,) = response["faces"]
    FaceResponse.model_validate(face, extra="forbid")
    assert [cue["words"] for cue in face["explanation"]["cues"]] == [f"cue {n}" for n in range(5)]
    assert face["explanation"]["title"] == "why happy" and face["details"] is None
    heat = Image.open(io.BytesIO(base64.b64decode(face["explanation"]["heat"])))
    assert heat.size == (96, 96)


def test_faces_are_explained_in_turn_at_the_pace_of_the_window(faces):
    responder = Responder(RateLimit(1e6, 1e6), extras=frozenset({"explain"}))
    times = np.arange(0, 3, 1 / 30)
    for n, time_s in enumerate(times, 1):
        response = responder.respond(IMAGE, faces(1, 2, 3), float(time_s))
        assert explained(response) == [1, 2, 3][:n]  # one more in each frame
    assert faces.n_explained <= 3 * (1 + 3 / INTERVAL_S)


@pytest.mark.parametrize("per_frame", [1, None])
@pytest.mark.parametrize("seconds", [0.04, 0.4])
def test_new_faces_in_each_frame_do_not_exceed_the_limit(faces, monkeypatch, seconds, per_frame):
    clock = type("Clock", (), {"now": 0.0, "__call__": lambda self: self.now})()
    monkeypatch.setattr("landmark_fer.live.web.responder.time.monotonic", clock)
    monkeypatch.setattr("landmark_fer.live.observers.time.thread_time", clock)
    faces.clock, faces.seconds = clock, seconds
    limit, numbers = RateLimit(0.3, 0.3, clock=clock), itertools.count(1)
    responders = [Responder(limit, extras=frozenset({"explain"}), per_frame=per_frame) for _ in range(2)]
    while clock.now < 6:
        clock.now += 1 / 20
        for responder in responders:  # cameras of one address
            responder.respond(IMAGE, faces(next(numbers), next(numbers)), clock.now)
    spent = seconds * faces.n_explained
    assert 0.9 * 0.3 * clock.now <= spent <= 0.3 * (clock.now + 1) + seconds


def test_a_face_that_cannot_be_read_is_not_explained(faces):
    responder = Responder(RateLimit(1e6, 1e6), extras=frozenset({"explain"}))
    assert explained(responder.respond(IMAGE, faces(1), 0.0)) == [1]
    assert explained(responder.respond(IMAGE, faces(1, reason="too dark"), 0.1)) == []
    assert faces.n_explained == 1


def test_heat_maps_of_blurred_faces_show_no_face(faces):
    responses = [
        Responder(RateLimit(1, 1), extras=frozenset({"explain"}), blurred=blurred).respond(IMAGE, [face], 0.0)
        for blurred in (True, False)
        for face in [_with_noise(*faces(1))]
    ]
    files = [base64.b64decode(response["faces"][0]["explanation"]["heat"]) for response in responses]
    blurred, plain = (np.asarray(Image.open(io.BytesIO(each))).astype(float) for each in files)
    assert blurred.std(axis=(0, 1)).max() < 3 < plain.std(axis=(0, 1)).min()


def _with_noise(face):
    chip = np.random.default_rng(0).integers(0, 255, face.recognition.face.chip.shape, dtype=np.uint8)
    face.recognition.face.chip[:] = chip
    return face


def test_a_camera_gets_what_it_asks_for(server, jpeg):
    def read(socket):
        socket.send(jpeg)
        (face,) = receive(socket)["faces"]
        return face

    with server.connect() as socket, server.connect() as other:
        assert read(socket)["explanation"] is None
        socket.send("show explain details")
        face = read(socket)
        assert face["explanation"]["expression"] == face["likeliest"] and "size" in face["details"]
        assert face["explanation"]["cues"] and face["explanation"]["text"]
        assert read(other)["explanation"] is None and read(other)["details"] is None
        socket.send("show")
        assert read(socket)["explanation"] is None
        socket.send("show everything")
        assert "must be a binary message" in receive(socket)["error"]


def test_an_image_is_explained_on_request(server, jpeg):
    def faces_of(query):
        return server.request(f"/v1/recognize{query}", method="POST", body=jpeg, content_type="image/jpeg")

    (face,) = faces_of("?show=details,explain").json["faces"]
    FaceResponse.model_validate(face, extra="forbid")
    assert face["explanation"]["cues"] and face["details"]
    (face,) = faces_of("").json["faces"]
    assert face["explanation"] is None and face["details"] is None
    refused = faces_of("?show=heat")
    assert refused.status == 422
    assert refused.json["detail"] == "show must be details or explain or both with a comma, got 'heat'"


def test_explanations_of_one_address_are_limited(make_reader, jpeg):
    limits = Limits(explanation_load=1e-6)  # one explanation, which exceeds it
    with live_server(make_reader, limits=limits) as client, client.connect() as socket:
        socket.send("show explain")
        socket.send(jpeg)
        n_explained = len(explained(receive(socket)))
        for _ in range(3):
            response = client.request("/v1/recognize?show=explain", method="POST", body=jpeg, content_type="image/jpeg")
            assert response.status == 200 and len(response.json["faces"]) == 1
            n_explained += len(explained(response.json))
    assert n_explained == 1


def test_watchers_get_what_they_ask_for(tmp_path, astronaut, make_reader):
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(as_file(astronaut, "PNG"))
    with (
        open_source(tmp_path) as source,
        live_server(make_reader, source=source) as client,
        client.connect("/v1/watch") as plain,
        client.connect("/v1/watch") as curious,
    ):
        seen = {plain: [], curious: []}
        while not all(frames and "ended" in frames[-1] for frames in seen.values()):
            for socket, request in ((curious, "json explain"), (plain, "json")):
                if not (seen[socket] and "ended" in seen[socket][-1]):
                    socket.send(request)
                    seen[socket].append(json.loads(socket.recv(timeout=120)))
    assert any(explained(frame) for frame in seen[curious])
    assert not any(explained(frame) for frame in seen[plain])
    assert not any(face["details"] for frames in seen.values() for frame in frames for face in frame["faces"])


def test_what_no_watcher_asks_for_any_longer_is_not_made(make_reader, monkeypatch):
    made = []
    monkeypatch.setattr(Responder, "_explain", lambda self, faces, time_s: made.append(time_s) or {})
    with (
        open_source("demo") as source,
        live_server(make_reader, source=source) as client,
        client.connect("/v1/watch") as plain,
    ):
        with client.connect("/v1/watch") as curious:
            while not made:
                curious.send("json explain")
                curious.recv(timeout=120)
        while client.request("/v1/health").json["visitors"] > 1:
            time.sleep(0.05)
        for socket_frames in range(6):
            plain.send("json")
            plain.recv(timeout=120)
            if socket_frames == 0:  # it may have been in work
                made.clear()
        assert made == []
