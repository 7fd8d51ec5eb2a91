"""Smoothing is steady for still faces, quick for changes and independent of the frame rate."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landmark_fer.core.errors import InputError
from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.core.records import Box, Face
from landmark_fer.live.sources.demo_textures import LANDMARKS
from landmark_fer.recognition.results import CLOSE, Recognition, close_second
from landmark_fer.recognition.smoothing import SECOND_S, Smoother, decayed
from tests.recognition.laws import check_laws

CLASSES = ("angry", "happy", "surprise", "neutral")
IOD = 46.0  # about that of the landmarks


def prediction(probabilities, *, landmarks=LANDMARKS, box=(150, 60, 140, 140)):
    face = Face(Box(*map(float, box)), np.asarray(landmarks, np.float32), np.zeros((8, 8), np.uint8), 1.0)
    likeliest = int(np.argmax(probabilities))
    return Recognition(
        face, CLASSES[likeliest], float(probabilities[likeliest]), dict(zip(CLASSES, probabilities, strict=True))
    )


def between(share, a=(0.02, 0.9, 0.03, 0.05), b=(0.02, 0.03, 0.9, 0.05)):
    """Probabilities between those of happy and surprise."""
    return (1 - share) * np.array(a) + share * np.array(b)


def swaying(time_s):
    """A face that sways and opens its mouth within 0.3 s from 2 s on, with the probabilities to match."""
    share = (1 - np.cos(np.pi * np.clip((time_s - 2.0) / 0.3, 0, 1))) / 2
    landmarks = LANDMARKS + (20 * np.sin(2 * time_s), 6 * np.cos(3 * time_s))
    landmarks[55:60, 1] += 12 * share
    return prediction(between(share), landmarks=landmarks, box=(*landmarks.min(axis=0), 140 + 10 * share, 140))


def run(signal, times, **options):
    smoother = Smoother(CLASSES, **options)
    return [smoother.update(1, signal(time_s), time_s=float(time_s)) for time_s in times]


def noisy(probabilities, *, seconds, rate=30, spread=0.25, seed=0):
    """Predictions for a still face with camera noise in landmarks and log probabilities."""
    random = np.random.default_rng(seed)
    for index in range(round(seconds * rate)):
        exp = np.exp(np.log(probabilities) + random.normal(scale=spread, size=len(probabilities)))
        landmarks = LANDMARKS + random.normal(scale=0.5, size=LANDMARKS.shape)
        yield index / rate, prediction(exp / exp.sum(), landmarks=landmarks)


def changes(labels):
    return sum(before != after for before, after in itertools.pairwise(labels))


# Content of smoothed recognitions.


def test_strength_0_returns_the_recognition_unchanged():
    smoother = Smoother(CLASSES, strength=0, threshold=0.6)
    for time_s, recognition in noisy(between(0.5), seconds=1):
        assert smoother.update(1, recognition, time_s=time_s) is recognition


def test_the_first_recognition_is_unchanged():
    recognition = prediction(between(0.2))
    shown = Smoother(CLASSES).update(1, recognition, time_s=3.0)
    np.testing.assert_array_equal(shown.face.landmarks, recognition.face.landmarks)
    assert shown.face.box == recognition.face.box
    assert shown.probabilities == recognition.probabilities
    assert (shown.expression, shown.confidence) == (recognition.expression, recognition.confidence)


def test_chip_and_score_are_kept_and_inputs_are_not_modified():
    smoother, recognitions = (
        Smoother(CLASSES),
        [prediction(between(0.2)), prediction(between(0.6), landmarks=LANDMARKS + 5)],
    )
    copies = [recognition.face.landmarks.copy() for recognition in recognitions]
    for index, recognition in enumerate(recognitions):
        shown = smoother.update(1, recognition, time_s=index / 30)
        assert shown.face.chip is recognition.face.chip
        assert shown.face.detector_score == recognition.face.detector_score
        assert shown.face.landmarks.dtype == np.float32
    for recognition, landmarks in zip(recognitions, copies, strict=True):
        np.testing.assert_array_equal(recognition.face.landmarks, landmarks)


@settings(max_examples=60, deadline=None)
@given(
    strength=st.floats(0.01, 1),
    threshold=st.floats(0, 1),
    frames=st.lists(st.tuples(st.floats(1e-6, 3), st.lists(st.floats(1e-3, 1), min_size=4, max_size=4)), max_size=12),
)
def test_probabilities_sum_to_1_and_stay_within_the_range_of_the_inputs(strength, threshold, frames):
    smoother, time_s, inputs = Smoother(CLASSES, strength=strength, threshold=threshold), 0.0, []
    for elapsed_s, weights in frames:
        time_s += elapsed_s
        inputs.append(np.array(weights) / sum(weights))
        shown = smoother.update(1, prediction(inputs[-1]), time_s=time_s)
        values = np.array(list(shown.probabilities.values()))
        assert tuple(shown.probabilities) == CLASSES
        assert values.sum() == pytest.approx(1)
        assert (values >= np.min(inputs, axis=0) - 1e-9).all()
        assert (values <= np.max(inputs, axis=0) + 1e-9).all()
        named = shown.probabilities.get(shown.expression, max(shown.probabilities.values()))
        assert shown.confidence == named
        assert shown.expression in (*CLASSES, UNCERTAIN)


# The same at any frame rate.

IRREGULAR = np.cumsum(np.random.default_rng(3).uniform(0.004, 0.12, size=90))
RATES = {"10": np.arange(0, 5, 1 / 10), "30": np.arange(0, 5, 1 / 30), "60": np.arange(0, 5, 1 / 60), "any": IRREGULAR}


@pytest.mark.parametrize("rate", RATES)
def test_the_same_signal_gives_the_same_curve_at_any_frame_rate(rate):
    dense = np.arange(0, 6, 1 / 240)
    finest = run(swaying, dense)
    times = RATES[rate]
    shown = run(swaying, times)
    for values, tolerance in (
        (lambda one: list(one.probabilities.values()), 0.02),
        (lambda one: one.face.landmarks.ravel() / IOD, 0.02),
        (lambda one: np.array([one.face.box.x, one.face.box.y, one.face.box.width]) / IOD, 0.02),
    ):
        curve = np.array([values(one) for one in finest])
        expected = np.column_stack([np.interp(times, dense, column) for column in curve.T])
        settled = times > 0.5
        got = np.array([values(one) for one in shown])
        assert np.abs(got - expected)[settled].max() < tolerance


@pytest.mark.parametrize("rate", RATES)
def test_the_label_changes_at_the_same_time_at_any_frame_rate(rate):
    def changed_at(times):
        return next(t for t, one in zip(times, run(swaying, times), strict=True) if one.expression == "surprise")

    finest = changed_at(np.arange(0, 4, 1 / 240))
    step = np.diff(RATES[rate]).max()
    assert changed_at(RATES[rate]) == pytest.approx(finest, abs=step)


@settings(max_examples=60, deadline=None)
@given(
    smooth=st.floats(-5, 5), before=st.floats(-5, 5), now=st.floats(-5, 5),
    steps=st.floats(1e-3, 20), share=st.floats(0.05, 0.95),
)  # fmt: skip
def test_an_additional_frame_on_a_straight_line_changes_nothing(smooth, before, now, steps, share):
    at_once = decayed(smooth, before, now, steps)
    middle = before + share * (now - before)
    halfway = decayed(smooth, before, middle, share * steps)
    assert decayed(halfway, middle, now, (1 - share) * steps) == pytest.approx(at_once, abs=1e-9)


# The laws of the label: it says what the probabilities say.


def check_nearness(times, raw, shown):
    """Check that probabilities that did not change for 0.6 s are shown, but for the width of the filters."""
    values = np.array([list(one.probabilities.values()) for one in raw])
    for index, time_s in enumerate(times):
        recent = values[(times > time_s - 0.6) & (np.arange(len(times)) <= index)]
        if np.ptp(recent, axis=0).max() == 0 and time_s - times[0] > 0.6:
            top = recent[-1].max()
            error = np.abs(recent[-1] - list(shown[index].probabilities.values())).max()
            assert error <= 0.55 * top * (1 - top) + 0.06


def jumps(random, seconds, *, calm):
    """Probabilities that stay and jump, with noise in their logarithms."""
    changes = np.cumsum(random.uniform(0.05, 2.5, size=200))
    levels = random.dirichlet([0.6] * len(CLASSES), size=200) * 0.98 + 0.005

    def signal(time_s):
        logs = np.log(levels[np.searchsorted(changes, time_s)]) + random.normal(scale=calm, size=len(CLASSES))
        return prediction(np.exp(logs) / np.exp(logs).sum())

    return signal


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rate=st.floats(5, 60),
    uneven=st.floats(0, 0.9),
    strength=st.floats(0.05, 1),
    threshold=st.sampled_from([0.0, 0.3, 0.431, 0.6, 0.9, 1.0]),
    noise=st.sampled_from([0.0, 0.25, 1.0]),
)
def test_the_label_is_the_likeliest_and_no_other(seed, rate, uneven, strength, threshold, noise):
    random = np.random.default_rng(seed)
    times = np.cumsum(random.uniform(1 - uneven, 1 + uneven, size=80)) / rate
    shown = run(jumps(random, times[-1], calm=noise), times, strength=strength, threshold=threshold)
    check_laws(times, shown, threshold)


@pytest.mark.parametrize("rate", [5, 12, 25, 60])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_shown_is_near_what_the_model_sees(rate, seed):
    times = np.arange(0, 20, 1 / rate)
    signal = jumps(np.random.default_rng(seed), 20, calm=0.0)
    raw = [signal(time_s) for time_s in times]
    smoother = Smoother(CLASSES, threshold=0.431)
    shown = [smoother.update(1, one, time_s=time_s) for one, time_s in zip(raw, times, strict=True)]
    check_nearness(times, raw, shown)


@pytest.mark.parametrize("rate", [5, 12, 25, 60])
@pytest.mark.parametrize("threshold", [0.0, 0.431, 0.46, 0.6])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_still_face_keeps_its_label_at_any_frame_rate(rate, threshold, share):
    smoother = Smoother(CLASSES, threshold=threshold)
    frames = list(noisy(between(share), seconds=60, rate=rate, spread=0.2))
    shown = [smoother.update(1, one, time_s=time_s) for time_s, one in frames]
    check_laws([time_s for time_s, _ in frames], shown, threshold)
    assert changes([one.expression for one in shown]) <= 2


@pytest.mark.parametrize("rate", [5, 12, 25, 60])
@pytest.mark.parametrize("threshold", [0.0, 0.431, 0.6])
def test_a_true_change_is_shown_within_400_ms_at_any_frame_rate(rate, threshold):
    for phase in np.linspace(0, 1 / rate, 4, endpoint=False):
        times = np.arange(0, 4, 1 / rate) + phase
        shown = run(lambda time_s: prediction(between(float(time_s >= 2))), times, threshold=threshold)
        first = next(t for t, one in zip(times, shown, strict=True) if one.expression == "surprise")
        seen = times[times >= 2][0]
        assert first - seen < 0.4
        assert changes([one.expression for one in shown]) == 1


# Size and tracks.


@pytest.mark.parametrize("size", [0.5, 3.0])
def test_smoothing_does_not_depend_on_the_size_of_the_face(size):
    def enlarged(time_s):
        one = swaying(time_s)
        box = one.face.box
        sides = np.array([box.x, box.y, box.width, box.height]) * size
        return prediction(list(one.probabilities.values()), landmarks=one.face.landmarks * size, box=sides)

    times = np.arange(0, 4, 1 / 30)
    for shown, large in zip(run(swaying, times), run(enlarged, times), strict=True):
        np.testing.assert_allclose(large.face.landmarks, shown.face.landmarks * size, rtol=1e-4)
        assert large.face.box.width == pytest.approx(shown.face.box.width * size, rel=1e-4)
        assert large.expression == shown.expression


def test_tracks_are_independent():
    both, alone = Smoother(CLASSES), Smoother(CLASSES)
    for (time_s, one), (_, other) in zip(noisy(between(0), seconds=1), noisy(between(1), seconds=1), strict=True):
        together = both.update(1, one, time_s=time_s)
        both.update(2, other, time_s=time_s)
        expected = alone.update(1, one, time_s=time_s)
        assert together.probabilities == expected.probabilities
        np.testing.assert_array_equal(together.face.landmarks, expected.face.landmarks)


def test_removed_tracks_begin_again():
    smoother = Smoother(CLASSES)
    for track_id in (1, 2):
        smoother.update(track_id, prediction(between(0)), time_s=0.0)
    smoother.keep_only([2, 7])
    recognition = prediction(between(1))
    assert smoother.update(1, recognition, time_s=0.04).probabilities == recognition.probabilities
    assert smoother.update(2, recognition, time_s=0.04).probabilities != recognition.probabilities


# Still faces.


@pytest.mark.parametrize("share", [0.0, 0.4, 0.5, 0.55, 1.0])
def test_a_still_face_changes_its_label_at_most_twice_a_minute(share):
    raw_labels, shown = [], []
    smoother = Smoother(CLASSES)
    for time_s, recognition in noisy(between(share), seconds=60):
        raw_labels.append(recognition.expression)
        shown.append(smoother.update(1, recognition, time_s=time_s).expression)
    assert changes(shown) <= 2
    assert changes(raw_labels) > 100 or share in (0.0, 1.0)


@pytest.mark.parametrize("threshold", [0.87, 0.9, 0.92])
def test_uncertain_does_not_flicker(threshold):
    smoother = Smoother(CLASSES, threshold=threshold)
    raw_labels, shown = [], []
    for time_s, recognition in noisy(between(0), seconds=60):
        raw_labels.append(recognition.confidence < threshold)
        shown.append(smoother.update(1, recognition, time_s=time_s).expression)
    assert changes(shown) <= 2
    assert changes(raw_labels) > 100


@pytest.mark.parametrize("rate", [10, 30, 60])
def test_a_change_names_no_two_expressions_on_its_way_and_a_mixture_does(rate):
    times = np.arange(0, 6, 1 / rate)
    changed = run(lambda time_s: prediction(between(np.clip((time_s - 2) / 0.1, 0, 1))), times)
    assert [label for label, _ in itertools.groupby(each.label for each in changed)] == ["happy", "surprise"]
    mixed = run(lambda time_s: prediction(between(0.48 * np.clip((time_s - 2) / 0.1, 0, 1))), times)
    labels = [each.label for each in mixed]
    assert [label for label, _ in itertools.groupby(labels)] == ["happy", "happy or surprise"]
    close = [close_second(each.probabilities, each.expression) for each in mixed]
    assert 0.29 < times[labels.index("happy or surprise")] - times[close.index("surprise")] < 0.41


@pytest.mark.parametrize("rate", [10, 30, 60])
@pytest.mark.parametrize("seconds", [3.0, 5.0, 8.0])
def test_a_slow_change_names_both_until_only_the_new_one_is_left(rate, seconds):
    times = np.arange(0, seconds + 3, 1 / rate)
    changed = run(lambda time_s: prediction(between(np.clip((time_s - 1) / seconds, 0, 1))), times)
    labels = [label for label, _ in itertools.groupby(each.label for each in changed)]
    assert labels == ["happy", "happy or surprise", "surprise or happy", "surprise"]


@pytest.mark.parametrize("rate", [30, 60])
def test_a_change_within_a_second_names_no_other_expression_after_the_new_one(rate):
    times = np.arange(0, 4, 1 / rate)
    changed = run(lambda time_s: prediction(between(np.clip((time_s - 1) / 1.2, 0, 1))), times)
    assert [label for label, _ in itertools.groupby(each.label for each in changed)] == ["happy", "surprise"]


@pytest.mark.parametrize("rate", [25, 60])
@pytest.mark.parametrize("seed", [101, 132, 206, 243])
def test_a_second_name_that_is_no_longer_close_is_dropped_while_others_alternate(rate, seed):
    generator = np.random.default_rng(seed)
    mixtures, period_s = generator.dirichlet([1, 6, 6, 6], size=3), generator.uniform(0.05, 0.6)
    times, strength, far_since_s = np.arange(0, 8, 1 / rate), 0.25, None
    shown = run(lambda time_s: prediction(mixtures[int(time_s / period_s + 1e-6) % 3]), times, strength=strength)
    for time_s, one in zip(times, shown, strict=True):
        first, *second = one.label.split(" or ")
        is_far = any(one.probabilities[first] - one.probabilities[name] > CLOSE for name in second)
        far_since_s = None if not is_far else time_s if far_since_s is None else far_since_s
        assert not is_far or time_s - far_since_s <= strength * SECOND_S + 1.5 / rate


@pytest.mark.parametrize("share", np.linspace(0.3, 0.7, 9))
def test_the_names_of_a_still_face_change_at_most_twice_a_minute(share):
    smoother = Smoother(CLASSES, threshold=0.4)
    labels = [smoother.update(1, each, time_s=time_s).label for time_s, each in noisy(between(share), seconds=60)]
    assert changes(labels[30:]) <= 2


def test_jitter_of_a_still_face_is_reduced():
    smoother = Smoother(CLASSES)
    raw, shown = [], []
    for time_s, one in noisy(between(0), seconds=10):
        raw.append(one.face.landmarks)
        shown.append(smoother.update(1, one, time_s=time_s).face.landmarks)
    jitter = [np.std(np.diff(rows[30:], axis=0)) for rows in (shown, raw)]
    assert jitter[0] < 0.25 * jitter[1]


def test_jitter_falls_with_strength():
    def jitter(strength):
        smoother = Smoother(CLASSES, strength=strength)
        shown = [smoother.update(1, one, time_s=t).face.landmarks for t, one in noisy(between(0), seconds=5)]
        return np.std(np.diff(shown[30:], axis=0))

    values = [jitter(strength) for strength in (0.05, 0.2, 0.5, 1.0)]
    assert values == sorted(values, reverse=True)


# Changes.


@pytest.mark.parametrize("threshold", [0.0, 0.6])
@pytest.mark.parametrize("seed", range(3))
def test_a_change_is_shown_once_within_400_ms(threshold, seed):
    smoother, shown = Smoother(CLASSES, threshold=threshold), []
    for time_s, recognition in noisy(between(0), seconds=2, seed=seed):
        shown.append((time_s, smoother.update(1, recognition, time_s=time_s).expression))
    for time_s, recognition in noisy(between(1), seconds=2, seed=seed + 50):
        shown.append((2 + time_s, smoother.update(1, recognition, time_s=2 + time_s).expression))
    assert next(time_s for time_s, label in shown if label == "surprise") < 2.4
    assert changes([label for _, label in shown]) == 1


@pytest.mark.parametrize(("before", "after"), [(0.9, 0.35), (0.35, 0.9)])
def test_the_label_changes_to_uncertain_and_back(before, after):
    def signal(time_s):
        top = before if time_s < 2 else after
        return prediction([top, *[(1 - top) / 3] * 3])

    labels = [one.expression for one in run(signal, np.arange(0, 4, 1 / 30), threshold=0.6)]
    assert (labels[0], labels[-1]) == tuple(UNCERTAIN if top < 0.6 else "angry" for top in (before, after))
    assert changes(labels) == 1


def test_fast_landmarks_are_followed_closely():
    speed = 3 * IOD  # pixels a second
    times = np.arange(0, 2, 1 / 30)
    shown = run(lambda time_s: prediction(between(0), landmarks=LANDMARKS + (speed * time_s, 0)), times)
    behind = LANDMARKS[:, 0] + speed * times[-1] - shown[-1].face.landmarks[:, 0]
    assert 0 <= behind.max() < 0.1 * IOD


# Clocks.


def test_after_a_long_gap_the_new_recognition_is_shown():
    smoother = Smoother(CLASSES)
    for index in range(30):
        smoother.update(1, prediction(between(0)), time_s=index / 30)
    recognition = prediction(between(1), landmarks=LANDMARKS + 60)
    shown = smoother.update(1, recognition, time_s=60.0)
    assert shown.expression == "surprise"
    np.testing.assert_allclose(shown.face.landmarks, recognition.face.landmarks, atol=0.5)
    assert shown.probabilities["surprise"] == pytest.approx(0.9, abs=0.05)


def test_a_clock_that_stands_still_shows_the_last_recognition():
    smoother = Smoother(CLASSES)
    for share in (0.0, 1.0, 0.3):
        recognition = prediction(between(share), landmarks=LANDMARKS + 10 * share)
        shown = smoother.update(1, recognition, time_s=5.0)
        assert shown.probabilities == recognition.probabilities
        assert shown.expression == recognition.expression


def test_a_frame_with_the_same_time_replaces_the_last():
    twice, once = Smoother(CLASSES), Smoother(CLASSES)
    for time_s, recognition in noisy(between(0.3), seconds=1):
        twice.update(1, prediction(between(1.0), landmarks=LANDMARKS * 2), time_s=time_s)
        again, expected = (smoother.update(1, recognition, time_s=time_s) for smoother in (twice, once))
        assert again.probabilities == expected.probabilities
        np.testing.assert_array_equal(again.face.landmarks, expected.face.landmarks)


@pytest.mark.parametrize("back_s", [0.01, 1.0, 1e6])
def test_a_clock_that_steps_back_causes_no_jump(back_s):
    smoother, shown = Smoother(CLASSES), []
    for time_s, recognition in noisy(between(0), seconds=4):
        shown.append(smoother.update(1, recognition, time_s=time_s - (back_s if time_s >= 2 else 0)))
    assert {one.expression for one in shown} == {"happy"}
    jumps = np.diff([one.face.landmarks for one in shown], axis=0)
    assert np.isfinite(jumps).all()
    assert np.abs(jumps[30:]).max() < 0.02 * IOD


def test_eyes_at_the_same_point_give_finite_landmarks():
    smoother = Smoother(CLASSES)
    for index in range(3):
        shown = smoother.update(1, prediction(between(0), landmarks=np.zeros((68, 2))), time_s=index / 30)
    assert np.isfinite(shown.face.landmarks).all()


@pytest.mark.parametrize(
    "options", [{"strength": -0.1}, {"strength": 1.5}, {"threshold": 2}, {"strength": float("nan")}]
)
def test_values_out_of_range_are_refused(options):
    with pytest.raises(InputError, match="of smoothing must be from 0 to 1, got"):
        Smoother(CLASSES, **options)
