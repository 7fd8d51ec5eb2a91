"""Speech is told from single movements of the mouth and from noise, at any frame rate."""

from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.artifact.artifact import load_artifact
from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.live.reader import LiveReader
from landmark_fer.live.sources.demo import DemoClip
from landmark_fer.live.sources.demo_person import shape_of
from landmark_fer.recognition.cues import CUES, TYPICAL, cue_values
from landmark_fer.recognition.recognizer import Recognizer
from landmark_fer.recognition.speech import (
    SPEECH_ODDS,
    VIDEO_ODDS,
    SpeechDetector,
    in_video,
    mouth_opening,
    with_closed_mouth,
    with_video_odds,
)

RATES = [10, 15, 25, 60]


def detected(opening, *, rate, seconds=5, noise=0.0, size=1.0, smile=0.0):
    """How surely the face speaks in each frame, for the opening of the demo's mouth over time."""
    detector, random = SpeechDetector(), np.random.default_rng(0)
    result = []
    for time_s in np.arange(0, seconds, 1 / rate):
        landmarks = shape_of({"mouth_open": opening(time_s), "corners_up": smile}) * size
        landmarks = landmarks + random.normal(scale=noise * size, size=landmarks.shape)
        result.append(detector.update(1, landmarks, time_s=time_s))
    return np.array(result)


def syllables(time_s):
    return 0.3 * (1 - np.cos(2 * np.pi * 3.1 * time_s)) / 2


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("smile", [0.0, 0.8])
def test_a_speaking_mouth_is_detected_within_a_second_and_a_half(rate, smile):
    speaks = detected(syllables, rate=rate, smile=smile, noise=0.3)
    assert (speaks[round(1.5 * rate) :] == 1).all() and speaks[0] == 0
    assert (np.diff(speaks) >= 0).all(), "each movement makes it surer"


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("opening", [lambda t: 0.0, lambda t: 0.8, lambda t: float(t > 2), lambda t: float(2 < t < 3)])
def test_a_mouth_that_is_still_or_opens_once_does_not_speak(rate, opening):
    assert detected(opening, rate=rate, noise=0.3).max() <= 1 / 3, "there and back are two movements"


def test_speech_ends_after_a_pause():
    speaks = detected(lambda t: syllables(t) * (t < 2.5), rate=25)
    assert speaks[50] == 1 and not speaks[90:].any()


def test_the_size_of_the_face_does_not_matter():
    small, large = (detected(syllables, rate=25, size=size) for size in (0.3, 4.0))
    np.testing.assert_array_equal(small, large)


def test_tracks_are_independent_and_forgotten():
    detector = SpeechDetector()
    for time_s in np.arange(0, 3, 0.04):
        speaks = detector.update(1, shape_of({"mouth_open": syllables(time_s)}), time_s=time_s)
        assert not detector.update(2, shape_of({}), time_s=time_s)
    assert speaks == 1
    detector.keep_only([2])
    assert not detector.update(1, shape_of({}), time_s=3.0)


def test_a_clock_that_steps_back_begins_again():
    detector = SpeechDetector()
    for time_s in np.arange(0, 3, 0.04):
        detector.update(1, shape_of({"mouth_open": syllables(time_s)}), time_s=time_s)
    assert not detector.update(1, shape_of({}), time_s=0.0)


def test_a_closed_mouth_is_typical_and_eyes_and_brows_stay(astronaut, saved):
    recognizer = Recognizer(saved)
    (face,) = recognizer.extractor.extract(astronaut)
    closed = with_closed_mouth(face, fields=("landmarks", "chip"))
    assert mouth_opening(closed.landmarks) < 0.4 * mouth_opening(face.landmarks)
    values = cue_values(closed.landmarks)
    index = [cue.name for cue in CUES].index("mouth_opening")
    assert values[index] == pytest.approx(TYPICAL[0, index], abs=0.02)
    np.testing.assert_allclose(closed.landmarks[17:48], face.landmarks[17:48], atol=1e-3)
    again = with_closed_mouth(closed, fields=("landmarks", "chip"))
    np.testing.assert_allclose(again.landmarks, closed.landmarks, atol=0.5)


def test_a_face_with_its_eyes_at_one_point_stays_as_it_is(astronaut_face):
    landmarks = astronaut_face.landmarks.copy()
    landmarks[36:48] = landmarks[36]
    face = replace(astronaut_face, landmarks=landmarks)
    assert with_closed_mouth(face, fields=("landmarks", "chip")) is face


@pytest.mark.parametrize("speech", [0.0, 0.5, 1.0])
def test_odds_in_videos(speech):
    classes = ("angry", "fear", "happy", "sad", "neutral")
    before = np.array([0.3, 0.1, 0.2, 0.1, 0.3])
    values = with_video_odds(before, classes, speech)
    assert values.sum() == pytest.approx(1)
    factors = [VIDEO_ODDS.get(name, 1) ** (1 - speech) * SPEECH_ODDS.get(name, 1) ** speech for name in classes]
    np.testing.assert_allclose(values / values[3] / (before / before[3]), factors)


def test_in_a_video_fear_is_no_match_for_surprise(astronaut, saved):
    (face,) = Recognizer(saved).recognize(astronaut)
    afraid = replace(face, expression="fear", probabilities={"fear": 0.45, "surprise": 0.35, "neutral": 0.2})
    shown = in_video(afraid, 0.0, threshold=0.4)
    assert (shown.expression, shown.confidence) == ("surprise", max(shown.probabilities.values()))
    assert in_video(afraid, 0.0, threshold=0.6).expression == UNCERTAIN
    assert in_video(replace(afraid, reason="turned away"), 0.0, threshold=0.4).expression == UNCERTAIN
    assert in_video(afraid, 1.0, threshold=0.4).expression == "neutral"


def test_a_face_that_speaks_in_part_is_seen_in_part_with_its_mouth_closed(astronaut):
    recognizer = Recognizer(load_artifact())
    faces = recognizer.extractor.extract(astronaut) * 3
    rows = [list(one.probabilities.values()) for one in recognizer.recognize_faces(faces, speaking=[0.0, 0.25, 1.0])]
    np.testing.assert_allclose(rows[1], 0.75 * np.array(rows[0]) + 0.25 * np.array(rows[2]), atol=1e-9)
    assert np.abs(np.subtract(rows[0], rows[2])).max() > 0.005


@pytest.mark.parametrize(
    ("amounts", "expression"), [({"corners_up": 1.0}, "happy"), ({"corners_down": 0.6}, "neutral")]
)
def test_a_speaking_face_is_not_named_by_the_shape_of_its_mouth(amounts, expression):
    """The laws of the label hold, too. Without speech, the label with corners down is uncertain."""
    recognizer, clip = Recognizer(load_artifact()), DemoClip()
    reader, spoke = LiveReader(recognizer, every=8), []
    for index in range(50):
        time_s = index / 12.5
        image = clip.render(amounts | {"mouth_open": syllables(time_s)})
        for face in reader.read(image, time_s=time_s):
            one = face.recognition
            likeliest = max(one.probabilities.values())
            if one.expression == UNCERTAIN:
                assert likeliest < recognizer.threshold
            else:
                assert one.probabilities[one.expression] >= max(recognizer.threshold, likeliest - 0.1)
            spoke.append(one.expression)
    reader.close()
    assert len(spoke) == 50 and set(spoke[25:]) == {expression}
