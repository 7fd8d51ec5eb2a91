"""Browser sessions: takes from images and keys, with the test's own time; consent and deletion."""

import numpy as np
import pytest

from landmark_fer.collect.browser_session import CONSENT_METHOD, CollectionService
from landmark_fer.collect.examples import example_image
from landmark_fer.collect.plan import Planner
from landmark_fer.collect.take_controller import DONE, READY, RECORDING
from landmark_fer.core.errors import InputError
from landmark_fer.datasets.collection import made_with, read_description, read_records, read_takes
from landmark_fer.datasets.collection_writer import Collection, delete_all, delete_subject
from landmark_fer.perception.tracking.following import FaceFollower


@pytest.fixture
def collection(tmp_path, extractor):
    with Collection(tmp_path / "mine", made_with(extractor.settings, "0" * 64)) as collection:
        yield collection


@pytest.fixture
def service(collection, extractor):
    planner = Planner(rounds=1, expressions=("neutral", "happy"))
    return CollectionService(collection, extractor, subject="ann", planner=planner, countdown_s=0.5, seconds=1.0)


@pytest.fixture
def image(astronaut):
    return np.ascontiguousarray(astronaut[:300, 60:360])


def play(session, image, seconds, *, start=100.0):
    """Read an image ten times a second; return the results."""
    return [session.read(image, time_s=start + n / 10) for n in range(round(10 * seconds))]


def stages(results):
    return list(dict.fromkeys(result.state.stage for result in results))


def test_nothing_is_recorded_before_consent(service, image):
    session = service.start_session()
    results = play(session, image, 0.3)
    assert {result.ended for result in results} == {"ann must agree before being recorded, and has not; agree first"}
    assert READY not in stages(results)
    assert service.overview() == (None, [])
    session.close()


def test_takes_hold_the_followers_faces(service, collection, extractor, image):
    service.agree()
    assert read_description(collection.path)["consent"]["ann"]["how"] == CONSENT_METHOD
    session = service.start_session()
    assert stages(play(session, image, 2)) == [READY]
    session.press("space")
    results = play(session, image, 8, start=102.0)
    session.close()
    assert stages(results)[-1] == DONE
    agreed, takes = service.overview()
    assert agreed.startswith("20")
    assert [take["expression"] for take in takes] == ["happy", "neutral"]
    assert [take["expression"] for take in results[-1].takes] == ["neutral", "happy"]
    assert all(take["faces"] in (10, 11) for take in takes)
    records, frames = read_records(takes[1])
    with FaceFollower(extractor) as follower:
        faces = [follower.follow(image, time_s=n / 10)[0][1] for n in range(60)]
    for record, row in zip(records, frames, strict=True):
        face = faces[round(10 * row[0])]
        assert record["chip"].tobytes() == face.chip.tobytes()
        assert record["landmarks"].tobytes() == face.landmarks.tobytes()


def test_a_new_session_plans_the_missing_takes(service, image):
    service.agree()
    first = service.start_session()
    first.press("space")
    results = play(first, image, 2.5)
    assert len(results[-1].takes) == 1
    first.close()  # during the next take
    second = service.start_session()
    (state,) = (result.state for result in play(second, image, 0.1, start=7.0))
    assert (state.take.expression, state.n_left, state.waiting) == ("happy", 1, True)
    second.close()


def test_time_stands_still_if_the_clock_goes_back(service, image):
    service.agree()
    session = service.start_session()
    play(session, image, 1, start=100.0)
    results = play(session, image, 1, start=50.0)
    session.press("space")
    assert results[-1].ended is None
    assert stages(play(session, image, 1.2, start=101.0))[-1] == RECORDING
    session.close()


def test_q_ends_the_session_and_undo_deletes_files(service, collection, image):
    service.agree()
    session = service.start_session()
    session.press("space")
    play(session, image, 2.5)
    assert len(read_takes(collection.path)) == 1
    session.press("u")
    results = play(session, image, 0.1, start=103.0)
    assert results[0].takes == read_takes(collection.path) == []
    session.press("q")
    assert play(session, image, 0.1, start=104.0)[0].ended == "you left; all complete takes are stored"
    session.close()


def test_deleting_ends_the_session_and_removes_the_consent(service, collection, image):
    service.agree()
    session = service.start_session()
    session.press("space")
    play(session, image, 2.5)
    assert service.delete() == 1
    results = play(session, image, 3, start=103.0)
    assert {result.ended for result in results} == {"all data of ann were deleted"}
    session.close()
    assert service.overview() == (None, [])
    with pytest.raises(InputError, match="subject must be one of those"):
        service.delete()


@pytest.mark.parametrize("delete", [lambda path: delete_subject(path, "ann"), delete_all], ids=["one", "all"])
def test_deleting_in_a_terminal_ends_the_session(service, collection, image, delete):
    service.agree()
    session = service.start_session()
    session.press("space")
    play(session, image, 1)
    delete(collection.path)
    results = play(session, image, 4, start=101.0)
    assert all(result.ended for result in results)
    assert not list(collection.path.glob("*/*/records.npy"))
    session.close()


def test_a_full_disk_is_reported_and_ends_the_session(service, collection, image, monkeypatch):
    from landmark_fer.datasets import collection_writer

    def full(*_):
        raise OSError(28, "No space left on device")

    service.agree()
    session = service.start_session()
    session.press("space")
    monkeypatch.setattr(collection_writer, "_write_take", full)
    results = play(session, image, 3)
    assert "cannot be written (No space left on device); earlier takes are not affected" in results[-1].ended
    assert read_takes(collection.path) == []
    session.close()


def test_the_page_gets_the_privacy_notice(service, collection):
    facts = service.facts()
    text = " ".join(facts["paragraphs"])
    assert str(collection.path.resolve()) in text
    assert "go from this browser to the computer that runs collect" in text
    assert "nothing is sent anywhere" not in text
    assert "--delete ann" in text
    assert set(facts["hints"]) == {"neutral", "happy"}
    assert example_image("happy").shape == (230, 230, 3)
