"""The desk: what visitors' images become, by the times that the test gives; consent and deletion hold at once."""

from functools import partial

import numpy as np
import pytest

from landmark_fer.collect.browser_session import HOW, CollectionServer
from landmark_fer.collect.director import DONE, READY, RECORDING
from landmark_fer.collect.plan import plan_missing
from landmark_fer.core.errors import InputError
from landmark_fer.datasets.collection import made_with, read_about, read_records, read_takes
from landmark_fer.datasets.collection_writer import Collection, delete_all, delete_subject
from landmark_fer.perception.tracking.following import FaceFollower


@pytest.fixture
def collection(tmp_path, extractor):
    with Collection(tmp_path / "mine", made_with(extractor.settings, "0" * 64)) as collection:
        yield collection


@pytest.fixture
def desk(collection, extractor):
    plan = partial(plan_missing, rounds=1, expressions=("neutral", "happy"))
    asked = {"plan": plan, "expressions": ("neutral", "happy")}
    return CollectionServer(collection, extractor, subject="ann", countdown_s=0.5, seconds=1.0, **asked)


@pytest.fixture
def image(astronaut):
    return np.ascontiguousarray(astronaut[:300, 60:360])


def play(sitting, image, seconds, *, begin=100.0):
    """Show a image ten times a second; return what was seen each time."""
    return [sitting.read(image, time_s=begin + n / 10) for n in range(round(10 * seconds))]


def stages(seen):
    return list(dict.fromkeys(one.shown.stage for one in seen))


def test_nothing_goes_on_before_the_person_agreed(desk, image):
    sitting = desk.sit()
    seen = play(sitting, image, 0.3)
    assert {one.ended for one in seen} == {"ann must agree before being recorded, and has not; agree first"}
    assert READY not in stages(seen)
    assert desk.kept() == (None, [])
    sitting.close()


def test_takes_are_kept_as_the_follower_sees_them(desk, collection, extractor, image):
    desk.agree()
    assert read_about(collection.path)["consent"]["ann"]["how"] == HOW
    sitting = desk.sit()
    assert stages(play(sitting, image, 2)) == [READY]
    sitting.press("space")
    seen = play(sitting, image, 8, begin=102.0)
    sitting.close()
    assert stages(seen)[-1] == DONE
    agreed, takes = desk.kept()
    assert agreed.startswith("20")
    assert [take["expression"] for take in takes] == ["happy", "neutral"]
    assert [one["expression"] for one in seen[-1].takes] == ["neutral", "happy"]
    assert all(one["faces"] in (10, 11) for one in takes)
    records, frames = read_records(takes[1])
    with FaceFollower(extractor) as follower:
        faces = [follower.follow(image, time_s=n / 10)[0][1] for n in range(60)]
    for record, row in zip(records, frames, strict=True):
        face = faces[round(10 * row[0])]
        assert record["chip"].tobytes() == face.chip.tobytes()
        assert record["landmarks"].tobytes() == face.landmarks.tobytes()


def test_who_leaves_and_comes_back_is_asked_for_what_is_missing(desk, image):
    desk.agree()
    first = desk.sit()
    first.press("space")
    seen = play(first, image, 2.5)
    assert len(seen[-1].takes) == 1
    first.close()  # in the middle of whatever comes next
    second = desk.sit()
    (shown,) = (one.shown for one in play(second, image, 0.1, begin=7.0))
    assert (shown.ask.expression, shown.n_left, shown.waits) == ("happy", 1, True)
    second.close()


def test_a_clock_that_steps_back_stands_still(desk, image):
    desk.agree()
    sitting = desk.sit()
    play(sitting, image, 1, begin=100.0)
    seen = play(sitting, image, 1, begin=50.0)
    sitting.press("space")
    assert seen[-1].ended is None
    assert stages(play(sitting, image, 1.2, begin=101.0))[-1] == RECORDING
    sitting.close()


def test_q_is_the_end_and_undo_is_on_the_disk(desk, collection, image):
    desk.agree()
    sitting = desk.sit()
    sitting.press("space")
    play(sitting, image, 2.5)
    assert len(read_takes(collection.path)) == 1
    sitting.press("u")
    seen = play(sitting, image, 0.1, begin=103.0)
    assert seen[0].takes == read_takes(collection.path) == []
    sitting.press("q")
    assert play(sitting, image, 0.1, begin=104.0)[0].ended == "you left; every whole take is kept"
    sitting.close()


def test_deleting_ends_the_sitting_and_the_consent(desk, collection, image):
    desk.agree()
    sitting = desk.sit()
    sitting.press("space")
    play(sitting, image, 2.5)
    assert desk.delete() == 1
    seen = play(sitting, image, 3, begin=103.0)
    assert {one.ended for one in seen} == {"everything of ann was deleted"}
    sitting.close()
    assert desk.kept() == (None, [])
    with pytest.raises(InputError, match="subject must be one of those"):
        desk.delete()


@pytest.mark.parametrize("delete", [lambda path: delete_subject(path, "ann"), delete_all], ids=["one", "all"])
def test_deleting_from_a_terminal_meanwhile_holds_too(desk, collection, image, delete):
    desk.agree()
    sitting = desk.sit()
    sitting.press("space")
    play(sitting, image, 1)
    delete(collection.path)
    seen = play(sitting, image, 4, begin=101.0)
    assert all(one.ended for one in seen)
    assert not list(collection.path.glob("*/*/records.npy"))
    sitting.close()


def test_a_full_disk_is_a_sentence_and_ends_the_sitting(desk, collection, image, monkeypatch):
    from landmark_fer.datasets import collection_writer

    def full(*_):
        raise OSError(28, "No space left on device")

    desk.agree()
    sitting = desk.sit()
    sitting.press("space")
    monkeypatch.setattr(collection_writer, "write_take", full)
    seen = play(sitting, image, 3)
    assert "cannot be written (No space left on device); the takes before are kept" in seen[-1].ended
    assert read_takes(collection.path) == []
    sitting.close()


def test_the_page_is_told_what_is_stored_and_where(desk, collection):
    facts = desk.facts()
    text = " ".join(facts["paragraphs"])
    assert str(collection.path.resolve()) in text
    assert "go from this browser to the computer that runs collect" in text
    assert "nothing is sent anywhere" not in text
    assert "--delete ann" in text
    assert set(facts["hints"]) == {"neutral", "happy"}
    assert desk.example("happy").shape == (230, 230, 3)
