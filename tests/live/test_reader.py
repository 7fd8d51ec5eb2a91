"""Readers: tracked and smoothed faces of videos, single images, and two models on the same faces."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.features.measurements import MEASUREMENT_NAMES, measure
from landmark_fer.live.reader import AVERAGES, MEMORY_S, LiveReader, StillReader, shared_extractor
from landmark_fer.live.sources.demo import FRAMES_PER_SECOND, MOTIONS, demo_images
from landmark_fer.perception.extraction import ExtractorSettings, FaceExtractor
from landmark_fer.recognition.baseline import Baseline
from landmark_fer.recognition.results import Recognition
from landmark_fer.recognition.speech import SpeechDetector

CLASSES = ("happy", "surprise", "neutral")


class Model:
    """A recognizer whose probabilities are a function of the face."""

    threshold = 0.0

    def __init__(self, extractor, prediction=lambda face: (0.1, 0.2, 0.7), classes=CLASSES):
        self.extractor, self.prediction, self.classes, self.calls = extractor, prediction, classes, []
        self.mirrored = []

    def recognize_faces(self, faces, *, image_shape=None, speaking=None, mirrored=None):
        self.calls.append(list(faces))
        self.mirrored.append(mirrored)
        return [self._recognition(face) for face in faces]

    def _recognition(self, face):
        probabilities = dict(zip(self.classes, self.prediction(face), strict=True))
        best = max(probabilities, key=probabilities.get)
        return Recognition(face, best, probabilities[best], probabilities)


@pytest.fixture
def with_settings(extractor):
    """An extractor with other settings that shares detector and shape predictor."""

    def make(**settings):
        made = FaceExtractor.__new__(FaceExtractor)
        made.__dict__.update(extractor.__dict__, settings=replace(ExtractorSettings(), **settings))
        return made

    return make


@pytest.fixture(scope="module")
def video():
    """The demo clip from 0.2 seconds before the second face to 1 second after its start, as (time, image)."""
    second = next(motion for motion in MOTIONS if motion.faces == 2)
    begin, end = (round(time * FRAMES_PER_SECOND) for time in (second.begin - 0.2, second.begin + 1.0))
    return [(i / FRAMES_PER_SECOND, p) for i, p in enumerate(itertools.islice(demo_images(), end)) if i >= begin]


def read(reader, video):
    try:
        return [reader.read(image, time_s=time_s) for time_s, image in video]
    finally:
        reader.close()


def test_faces_of_a_video_keep_their_track_ids(extractor, video):
    frames = read(LiveReader(Model(extractor)), video)
    assert {face.track_id for face in frames[0]} == {1}
    assert {face.track_id for face in frames[-1]} == {1, 2}
    assert {face.track_id for faces in frames for face in faces} == {1, 2}


def test_without_smoothing_predictions_are_raw(extractor, video):
    model = Model(extractor)
    frames = read(LiveReader(model, smoothing=0), video[:5])
    for faces, call in zip(frames, model.calls, strict=True):
        assert [face.raw.face for face in faces] == call
        assert all(face.recognition is face.raw for face in faces)
        assert all(face.versus is None for face in faces)


def test_smoothing_changes_the_shown_prediction_and_keeps_the_raw_one(extractor, video):
    turns = itertools.cycle([(0.9, 0.05, 0.05), (0.05, 0.05, 0.9)])
    frames = read(LiveReader(Model(extractor, prediction=lambda face: next(turns)), smoothing=1.0), video[:4])
    assert [faces[0].raw.expression for faces in frames] == ["happy", "neutral"] * 2
    assert {faces[0].recognition.expression for faces in frames} == {"happy"}


def test_uncertain_predictions_stay_uncertain(extractor, video):
    model = Model(extractor, prediction=lambda face: (0.3, 0.3, 0.4))
    model.threshold = 0.5
    frames = read(LiveReader(model), video[:2])
    assert {faces[0].recognition.expression for faces in frames} == {UNCERTAIN}


class PersonalModel(Model):
    """A recognizer for which a face with a baseline is happy."""

    model_id = "0" * 64

    def given_baseline(self, recognition, baseline, *, opened):
        happy = {name: float(name == "happy") for name in self.classes}
        before = recognition.probabilities
        return replace(recognition, expression="happy", probabilities=happy, without_baseline=before)


def test_baselines_change_predictions_before_smoothing_and_raw_ones_never(extractor, video):
    model = PersonalModel(extractor, prediction=lambda face: (0.05, 0.05, 0.9))
    reader = LiveReader(model, baseline="key", smoothing=0.5)
    reader.request_baseline(0.2)
    frames = read(reader, video[:14])
    assert all(faces[0].raw.expression == "neutral" for faces in frames)
    n = sum(faces[0].baseline is None for faces in frames)
    assert 4 <= n <= 6
    assert all(faces[0].baseline_origin == "key" for faces in frames[n:])
    change = frames[n][0].recognition
    assert 0.05 < change.probabilities["happy"] < 1.0  # smoothed
    assert change.without_baseline == frames[n][0].raw.probabilities
    assert frames[-1][0].recognition.expression == "happy"


@pytest.mark.parametrize(("speech", "opened"), [(0.0, 0.3), (0.5, 0.15), (1.0, 0.0), (None, 0.0)])
def test_a_mouth_counts_as_open_in_videos_as_far_as_it_does_not_speak(extractor, video, monkeypatch, speech, opened):
    """Without speech, at None, for photographs."""
    monkeypatch.setattr(SpeechDetector, "update", lambda *args, **options: speech)
    model, calls = PersonalModel(extractor), []
    monkeypatch.setattr(model, "given_baseline", lambda face, _, opened: calls.append(opened) or face)
    (face,) = extractor.extract(video[0][1])
    measurements = dict(zip(MEASUREMENT_NAMES, measure(face.landmarks).tolist(), strict=True))
    measurements["mouth_opening"] -= 0.3
    baseline = Baseline(measurements, {model.model_id: dict.fromkeys(model.classes, -1.0)})
    reader = (StillReader if speech is None else LiveReader)(model, baseline=baseline)
    read(reader, video[:1])
    assert calls == [pytest.approx(opened, abs=0.05)]


def test_a_track_that_was_lost_begins_without_a_baseline(extractor, video):
    (_, image), nothing = video[0], np.zeros_like(video[0][1])
    reader = LiveReader(PersonalModel(extractor), baseline="key")
    reader.request_baseline(0.2)
    times = (0.0, 0.1, 0.2, 0.3, 0.5 + MEMORY_S, 1.0 + 2 * MEMORY_S, 1.2 + 2 * MEMORY_S)
    shown = (image, image, image, image, nothing, nothing, image)
    frames = read(reader, list(zip(times, shown, strict=True)))
    assert [faces[0].baseline_origin for faces in frames[:4]] == [None, None, "key", "key"]
    assert frames[-1][0].track_id == 2
    assert frames[-1][0].baseline is None


def test_each_of_two_models_has_a_baseline_of_its_own(extractor, video):
    one, other = PersonalModel(extractor), PersonalModel(extractor)
    other.model_id = "1" * 64
    reader = LiveReader(one, versus=other, baseline="key")
    reader.request_baseline(0.1)
    faces = read(reader, video[:10])[-1]
    assert faces[0].recognition.without_baseline and faces[0].versus.without_baseline
    loaded = Baseline.from_recognitions([one.recognize_faces([faces[0].raw.face])[0]], one)
    frames = read(LiveReader(one, versus=other, baseline=loaded), video[:2])
    assert frames[0][0].recognition.without_baseline and frames[0][0].versus.without_baseline is None


def test_state_of_an_ended_track_is_dropped(extractor, video, monkeypatch):
    track_ids_kept = []
    monkeypatch.setattr(
        "landmark_fer.recognition.smoothing.Smoother.keep_only",
        lambda self, track_ids: track_ids_kept.append(set(track_ids)),
    )
    (_, image), nothing = video[0], np.zeros_like(video[0][1])
    reader = LiveReader(Model(extractor))
    for time_s, shown in ((0.0, image), (0.5 * MEMORY_S, nothing), (1.5 * MEMORY_S, nothing)):
        reader.read(shown, time_s=time_s)
    reader.close()
    assert track_ids_kept == [{1}, {1}, set()]


def test_no_face_is_an_empty_list(extractor):
    black = np.zeros((120, 160, 3), np.uint8)
    assert read(LiveReader(Model(extractor)), [(0.0, black), (0.1, black)]) == [[], []]
    assert StillReader(Model(extractor)).read(black) == []


@pytest.mark.parametrize("kind", [LiveReader, StillReader])
def test_two_models_recognize_the_same_faces(extractor, video, kind):
    one, other = Model(extractor), Model(extractor, prediction=lambda face: (0.6, 0.4), classes=("happy", "angry"))
    frames = read(kind(one, versus=other), video[:4])
    assert [[id(face) for face in faces] for faces in one.calls] == [[id(f) for f in faces] for faces in other.calls]
    assert all(face.recognition.expression == "neutral" for faces in frames for face in faces)
    assert all(face.versus.expression == "happy" for faces in frames for face in faces)
    assert all(set(face.versus.probabilities) == {"happy", "angry"} for faces in frames for face in faces)


@pytest.mark.parametrize("order", [1, -1])
def test_shared_extractor_makes_the_crop_that_one_model_needs(extractor, with_settings, order):
    cropping = with_settings(crop_size=64, crop_margin=0.2, detector="haar")
    first, second = [Model(extractor), Model(cropping)][::order]
    shared = shared_extractor([first, second])
    assert (shared.settings.crop_size, shared.settings.crop_margin) == (64, 0.2)
    assert shared.settings.detector == first.extractor.settings.detector
    assert extractor.settings.crop_size == 0


def test_shared_extractor_makes_the_same_crops_as_the_models_own(extractor, with_settings, astronaut):
    cropping = with_settings(crop_size=64, crop_margin=0.2)
    (face,), (own,) = (
        shared_extractor([Model(extractor), Model(cropping)]).extract(astronaut),
        cropping.extract(astronaut),
    )
    np.testing.assert_array_equal(face.crop, own.crop)
    np.testing.assert_array_equal(face.chip, extractor.extract(astronaut)[0].chip)


def test_first_models_extractor_is_used_if_it_suits_both(extractor, with_settings):
    assert shared_extractor([Model(extractor)]) is extractor
    assert shared_extractor([Model(extractor), Model(with_settings(detector="haar", smallest_face=40))]) is extractor
    cropping = with_settings(crop_size=64)
    assert shared_extractor([Model(cropping), Model(extractor)]) is cropping


@pytest.mark.parametrize(
    "one,other,sentence",
    [
        ({}, {"chip_size": 96}, "chips of one kind, got chip_size 80 and chip_size 96"),
        ({"crop_size": 64}, {"crop_size": 48}, "crops of one kind, got crop_size 64, crop_margin 0 and crop_size 48"),
        ({"crop_size": 64}, {"crop_size": 64, "crop_margin": 0.1}, "crops of one kind"),
    ],
)
def test_models_with_different_faces_are_refused(with_settings, one, other, sentence):
    models = [Model(with_settings(**settings)) for settings in (one, other)]
    for make in (LiveReader, StillReader):
        with pytest.raises(InputError, match=sentence):
            make(models[0], versus=models[1])


def test_single_images_are_neither_tracked_nor_smoothed(extractor, astronaut):
    reader = StillReader(Model(extractor))
    first, second = (reader.read(astronaut, time_s=time_s) for time_s in (0.0, 0.5))
    assert [face.track_id for face in (*first, *second)] == [1, 2]
    assert all(face.recognition is face.raw for face in (*first, *second))
    np.testing.assert_array_equal(first[0].raw.face.landmarks, second[0].raw.face.landmarks)


@pytest.mark.parametrize("kind", [LiveReader, StillReader])
def test_faces_that_are_left_out_are_located_all_the_same(kind, extractor, astronaut):
    reader = kind(Model(extractor), min_quality={"size_px": 10**6})
    assert reader.read(astronaut, time_s=0.0) == []
    assert reader.n_left_out == len(reader.located) == 1
    assert reader.located[0][1].landmarks.shape == (68, 2)
    reader.close()


class Turns:
    """A follower of three faces: one after the other is located, and all move."""

    in_turns = True

    def __init__(self, face):
        self.face, self.n_frames = face, -1

    def follow(self, image, *, time_s):
        self.n_frames += 1
        return [(number, self.face.moved(self.n_frames, 0)) for number in (1, 2, 3)]

    @property
    def located_numbers(self):
        return {1, 2, 3} if self.n_frames == 0 else {1 + (self.n_frames - 1) % 3}

    def start_detection(self):
        pass


def test_a_face_that_is_not_located_keeps_its_prediction_and_moves(extractor, astronaut_face):
    model = Model(extractor)
    reader = LiveReader(model, follower=Turns(astronaut_face))
    frames = [reader.read(np.zeros((512, 512), np.uint8), time_s=i / 25) for i in range(5)]
    assert [len(faces) for faces in model.calls] == [3, 1, 1, 1, 1]
    assert [[face.track_id for face in faces if face.located] for faces in frames] == [[1, 2, 3], [1], [2], [3], [1]]
    first, latest = frames[0][2], frames[2][2]
    assert latest.raw is first.raw
    assert latest.recognition.probabilities == first.recognition.probabilities
    assert latest.recognition.face.box.x == first.recognition.face.box.x + 2
    np.testing.assert_allclose(
        latest.recognition.face.landmarks, first.recognition.face.landmarks + np.float32((2, 0)), atol=1e-3
    )


def test_a_face_that_was_left_out_is_so_until_it_is_located_again(extractor, astronaut_face):
    reader = LiveReader(Model(extractor), follower=Turns(astronaut_face), min_quality={"size": 10_000})
    for i in range(5):
        assert reader.read(np.zeros((512, 512), np.uint8), time_s=i / 25) == []
        assert reader.n_left_out == 3


def test_faces_that_wait_are_counted_for_baselines(extractor, astronaut_face, monkeypatch):
    reader, seen = LiveReader(Model(extractor), follower=Turns(astronaut_face)), []
    monkeypatch.setattr(reader.baselines, "update", lambda faces, *_, n_waiting: seen.append((len(faces), n_waiting)))
    for i in range(3):
        reader.read(np.zeros((512, 512), np.uint8), time_s=i / 25)
    assert seen == [(3, 0), (1, 2), (1, 2)]


@pytest.mark.parametrize("in_turns", [False, True])
def test_whether_faces_take_turns_is_set_on_the_reader(extractor, in_turns):
    reader = LiveReader(Model(extractor))
    assert reader.in_turns is False
    reader.in_turns = in_turns
    assert reader._follower.in_turns is in_turns
    reader.close()


def test_a_face_and_its_mirror_image_are_read_in_turns(extractor, astronaut_face):
    model, other = Model(extractor), Model(extractor)
    reader = LiveReader(model, versus=other, follower=Turns(astronaut_face))
    for i in range(7):
        reader.read(np.zeros((512, 512), np.uint8), time_s=i / 25)
    assert model.mirrored == [[False] * 3, [True], [True], [True], [False], [False], [False]] == other.mirrored


@pytest.mark.parametrize(("in_turns", "smoothing"), [(False, 0.5), (True, 0.0), (True, AVERAGES * 0.9)])
def test_both_are_read_of_files_and_where_no_smoothing_averages_over_them(extractor, astronaut, in_turns, smoothing):
    model = Model(extractor)
    reader = LiveReader(model, smoothing=smoothing)
    reader.in_turns = in_turns
    reader.read(astronaut, time_s=0.0)
    assert model.mirrored == [None]
    reader.close()
