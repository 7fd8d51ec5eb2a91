"""The demo clip: reproducible, and its motions are measurable with the extractor."""

import itertools

import numpy as np
import pytest
import skimage.data

from landmark_fer.artifact.artifact import load_artifact
from landmark_fer.core.geometry import interocular_distance, mouth_aspect_ratio, upright
from landmark_fer.core.landmarks import points
from landmark_fer.live.sources.demo import (
    DURATION,
    FRAMES_PER_SECOND,
    MOTIONS,
    N_FRAMES,
    DemoClip,
    demo_action,
    demo_amounts,
    demo_images,
)
from landmark_fer.live.sources.demo_person import shape_of, shares_of
from landmark_fer.live.sources.demo_textures import ACTIONS, LANDMARKS, NEUTRAL_LANDMARKS, photograph
from landmark_fer.perception.extraction import FaceExtractor
from landmark_fer.recognition.recognizer import Recognizer

NAMED = {motion.name: motion for motion in reversed(MOTIONS)}


@pytest.fixture(scope="module")
def extractor():
    return FaceExtractor()


def middle(name):
    motion = NAMED[name]
    return round((motion.full_begin + motion.full_end) / 2 * FRAMES_PER_SECOND)


@pytest.fixture(scope="module")
def located(clip, extractor):
    """Landmarks of the face in the middle of each motion with exactly one face."""
    names = [name for name, motion in NAMED.items() if motion.faces == 1]
    return {name: extractor.extract(clip.image(middle(name)))[0].landmarks for name in names}


def test_motions_follow_one_another_without_a_gap():
    assert MOTIONS[0].begin == 0
    assert all(before.end == after.begin for before, after in itertools.pairwise(MOTIONS))
    assert all(motion.full_begin < motion.full_end for motion in MOTIONS[:-1])
    assert 12 <= DURATION == MOTIONS[-1].end < 16


def test_every_time_has_a_motion():
    for motion in MOTIONS:
        assert demo_action(motion.begin) is motion
        assert demo_action(motion.end - 1e-6) is motion
    assert demo_action(DURATION + 1) is MOTIONS[-1]


def test_amounts_change_smoothly():
    times = np.arange(0, DURATION, 1 / FRAMES_PER_SECOND)
    opening = np.array([demo_amounts(time).get("mouth_open", 0.0) for time in times])
    assert opening.max() == 1
    assert np.abs(np.diff(opening)).max() < 0.2
    assert demo_amounts(NAMED["mouth_open"].begin) == dict.fromkeys(NAMED["mouth_open"].amounts, 0)


def test_clip_is_the_same_on_every_run(clip):
    other = DemoClip()
    for name in ("mouth_open", "second_face", "neutral"):  # out of order, since frames are independent
        np.testing.assert_array_equal(clip.image(middle(name)), other.image(middle(name)))


def test_images_are_rgb_arrays(clip):
    images = demo_images()
    first = next(images)
    assert first.shape == (480, 640, 3)
    assert first.dtype == np.uint8
    assert first.flags.c_contiguous
    np.testing.assert_array_equal(first, clip.image(0))
    assert 1 + sum(1 for _ in images) == N_FRAMES


def test_smile_at_full_amount_is_the_photograph():
    np.testing.assert_allclose(shape_of({"corners_up": 1.0}), LANDMARKS, atol=1e-9)


def test_neutral_lips_are_closed():
    np.testing.assert_array_equal(shape_of({}), NEUTRAL_LANDMARKS)
    assert opening(NEUTRAL_LANDMARKS) < 0.03 < opening(LANDMARKS)


def test_photographs_cross_fade_smoothly():
    for action in ("corners_up", "mouth_open", "corners_down"):
        rows = [shares_of({action: amount}) for amount in np.linspace(0, 1, 101)]
        assert all(sum(shares.values()) == pytest.approx(1) for shares in rows)
        assert rows[0] == {"neutral": 1}
        assert len(rows[-1]) == 1
        assert len({name for shares in rows for name in shares}) == 2
        neutral_share = np.array([shares.get("neutral", 0.0) for shares in rows])
        assert (np.diff(neutral_share) <= 0).all()
        assert np.abs(np.diff(neutral_share)).max() < 0.05


def test_photographs_differ_only_in_the_head():
    original = photograph("smile").image
    for name in ("smile", "neutral", "sad", "open"):
        image = photograph(name).image
        assert image.shape == original.shape and np.array_equal(image, original) == (name == "smile")
        assert not image.flags.writeable
        np.testing.assert_array_equal(image[230:], original[230:])


@pytest.mark.parametrize("action", ACTIONS)
def test_actions_are_linear_in_their_amount(action):
    rest = shape_of({})
    half, full = (np.abs(shape_of({action: amount}) - rest) for amount in (0.5, 1.0))
    np.testing.assert_allclose(full, 2 * half, atol=1e-9)
    assert full.max() > 2


def test_extractor_finds_all_faces_and_no_others(clip, extractor):
    wrong, n_frames = [], 0
    for index in range(0, N_FRAMES, 6):
        motion = demo_action(index / FRAMES_PER_SECOND)
        if motion.full_begin <= index / FRAMES_PER_SECOND <= motion.full_end:
            faces = extractor.extract(clip.image(index))
            n_frames += 1
            if len(faces) != motion.faces or any(face.box.width < 90 for face in faces):
                wrong.append((index, motion.name, len(faces)))
    assert n_frames > 20
    assert not wrong


def opening(landmarks):
    return mouth_aspect_ratio(landmarks[points("inner_lips")].astype(np.float64))


def corner_drop(landmarks):
    """Height of the lip corners below the middle of the upper lip, in inter-ocular distances."""
    shape = upright(landmarks.astype(np.float64))
    return shape[[48, 54], 1].mean() - shape[51, 1]


def brow_height(landmarks):
    shape = upright(landmarks.astype(np.float64))
    return -shape[points("right_brow", "left_brow"), 1].mean()


def nose_offset(landmarks):
    """Offset of the tip of the nose from the middle of the jaw's ends towards the right of the image."""
    return (landmarks[30, 0] - landmarks[[1, 15], 0].mean()) / interocular_distance(landmarks)


def test_mouth_opens(located):
    others = [opening(landmarks) for name, landmarks in located.items() if name != "mouth_open"]
    assert opening(located["neutral"]) < 0.1
    assert opening(located["mouth_open"]) > 0.3 > max(others)


def test_brows_rise(located):
    assert brow_height(located["brows_up"]) > brow_height(located["neutral"]) + 0.06


def test_lip_corners_drop_and_rise(located):
    drop = {name: corner_drop(located[name]) for name in ("corners_down", "neutral", "corners_up")}
    assert drop["corners_down"] > drop["neutral"] + 0.05
    assert drop["corners_up"] < drop["neutral"] - 0.02


def test_head_turns(located):
    assert nose_offset(located["turn_left"]) < nose_offset(located["neutral"]) - 0.1
    assert nose_offset(located["turn_right"]) > nose_offset(located["neutral"]) + 0.1


def test_head_rolls_and_grows(located):
    def eyes(name):
        return np.subtract(located[name][42:48].mean(axis=0), located[name][36:42].mean(axis=0))

    before, after = (np.degrees(np.arctan2(*eyes(name)[::-1])) for name in ("neutral", "move"))
    assert after - before == pytest.approx(NAMED["move"].amounts["roll"], abs=2)
    grown = interocular_distance(located["move"]) / interocular_distance(located["neutral"])
    assert grown == pytest.approx(1 + NAMED["move"].amounts["nearer"], abs=0.03)


def test_bundled_model_recognizes_several_expressions(clip):
    recognizer = Recognizer(load_artifact())
    recognitions = {}
    for name in ("neutral", "mouth_open", "corners_down", "corners_up"):
        recognitions[name] = recognizer.recognize(clip.image(middle(name)))[0]
    assert recognitions["neutral"].likeliest == "neutral"
    assert recognitions["mouth_open"].likeliest == "surprise"
    assert recognitions["corners_up"].likeliest == "happy"
    sad = {name: recognition.probabilities["sad"] for name, recognition in recognitions.items()}
    assert sad["corners_down"] > sad["neutral"] + 0.2


def test_photograph_is_that_of_scikit_image():
    assert np.array_equal(photograph("smile").image, skimage.data.astronaut())
