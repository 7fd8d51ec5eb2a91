"""The Recognizer, and equality of live and data-set records."""

import copy
import logging
import math
import multiprocessing
import pickle
from dataclasses import replace

import joblib
import numpy as np
import pytest
from PIL import Image

from landmark_fer import Artifact, Baseline, Recognizer, load_artifact, load_dataset
from landmark_fer.core.errors import ArtifactError, DependencyError, InputError
from landmark_fer.core.expressions import EXPRESSIONS, UNCERTAIN
from landmark_fer.core.records import stack
from landmark_fer.features.measurements import MEASUREMENT_NAMES, measure
from landmark_fer.perception.images import read_image
from landmark_fer.perception.predictor_file import find_predictor


@pytest.fixture(scope="module")
def recognizer(saved):
    return Recognizer(saved)


def test_a_face_has_an_expression_and_probabilities(recognizer, astronaut):
    (recognition,) = recognizer.recognize(astronaut)
    assert tuple(recognition.probabilities) == recognizer.classes == ("happy", "sad", "surprise")
    assert sum(recognition.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert recognition.confidence == max(recognition.probabilities.values())
    assert recognition.probabilities[recognition.likeliest] == recognition.confidence
    assert recognition.face.detected


def test_an_image_without_a_face_gives_an_empty_list(recognizer):
    assert recognizer.recognize(np.full((200, 200, 3), 128, np.uint8)) == []
    assert recognizer.recognize_faces([]) == []


def test_the_same_image_gives_the_same_prediction(recognizer, astronaut):
    first, second = (recognizer.recognize(astronaut)[0].probabilities for _ in range(2))
    assert first == second


def test_several_faces_equal_single_faces_in_order(recognizer, astronaut_face):
    moved = replace(astronaut_face, chip=astronaut_face.chip[::-1], landmarks=astronaut_face.landmarks * (1, 1.2))
    together = recognizer.recognize_faces([moved, astronaut_face])
    for face, recognition in zip([moved, astronaut_face], together, strict=True):
        assert recognition.face is face
        (single,) = recognizer.recognize_faces([face])
        assert recognition.probabilities == pytest.approx(single.probabilities, abs=1e-5)


def test_live_and_data_set_records_are_bit_identical(recognizer, astronaut, tmp_path):
    scene = tmp_path / "faces" / "happy" / "astronaut.png"
    scene.parent.mkdir(parents=True)
    Image.fromarray(astronaut).save(scene)
    options = {"images": "scenes", "cache": tmp_path / "cache", "jobs": 1, "progress": False}
    dataset = load_dataset(tmp_path / "faces", settings=recognizer.extractor.settings, **options)
    (recognition,) = recognizer.recognize(read_image(scene))
    live = stack([recognition.face], chip_size=recognizer.extractor.settings.chip_size)
    assert live.dtype == dataset.records.dtype
    assert live.tobytes() == dataset.records.tobytes()
    expected = recognizer.artifact.predictor.predict_proba(dataset.records)[0]
    np.testing.assert_array_equal(list(recognition.probabilities.values()), expected)


def test_records_of_cropped_images_are_bit_identical(recognizer, astronaut, tmp_path):
    crop = astronaut[60:190, 150:280]
    path = tmp_path / "faces" / "happy" / "crop.png"
    path.parent.mkdir(parents=True)
    Image.fromarray(crop).save(path)
    options = {"images": "crops", "cache": tmp_path / "cache", "jobs": 1, "progress": False}
    dataset = load_dataset(tmp_path / "faces", settings=recognizer.extractor.settings, **options)
    live = stack([recognizer.extractor.extract_crop(crop)], chip_size=80)
    assert live.tobytes() == dataset.records.tobytes()


def test_the_extractor_has_the_settings_of_the_manifest_or_another_detector(saved, astronaut):
    settings = {"detector": "whole", "smallest_face": 90, "chip_size": 80}
    whole = Recognizer(Artifact(saved.predictor, saved.manifest | {"extractor": settings}))
    assert whole.extractor.settings.to_dict() == settings
    (recognition,) = whole.recognize(astronaut[60:190, 150:280])
    assert not recognition.face.detected
    assert Recognizer(saved, detector="haar").extractor.settings.detector == "haar"
    assert saved.manifest["extractor"]["detector"] == "hog"


def test_small_faces_are_found_and_larger_ones_stay_as_fitted(saved, recognizer, astronaut):
    reduced = np.asarray(Image.fromarray(astronaut).resize((256, 256), Image.Resampling.LANCZOS))
    fitted = Recognizer(saved, smallest_face=80)
    assert fitted.recognize(reduced) == [] and len(recognizer.recognize(reduced)) == 1
    assert recognizer.extractor.settings == fitted.extractor.settings
    assert predictions(recognizer, astronaut) == predictions(fitted, astronaut)
    with pytest.raises(InputError, match="smallest_face"):
        Recognizer(saved, smallest_face=0)


def test_unknown_settings_and_detectors_are_refused(saved):
    with pytest.raises(InputError, match="extractor settings must be"):
        Recognizer(Artifact(saved.predictor, saved.manifest | {"extractor": {"blur": 3}}))
    with pytest.raises(InputError, match="detector must be one of hog, haar, whole"):
        Recognizer(saved, detector="yolo")
    with pytest.raises(DependencyError, match="is no file"):
        Recognizer(saved, predictor="none.dat")


def test_another_shape_predictor_than_in_training_is_a_warning(saved, caplog):
    with caplog.at_level(logging.WARNING):
        Recognizer(saved)
        assert not caplog.records
        Recognizer(Artifact(saved.predictor, saved.manifest | {"shape_predictor_sha256": "0" * 64}))
    assert "fitted with another shape predictor" in caplog.text


class UncertainModel:
    """Predicts sad with probability 0.5 for every face."""

    classes_ = np.array(["happy", "sad", "surprise"])

    def predict_proba(self, X):
        return np.tile([0.3, 0.5, 0.2], (len(X), 1))


class TestRejection:
    @pytest.fixture
    def with_threshold(self, saved):
        """Return a function that makes an artifact with a rejection threshold."""
        plain = {key: value for key, value in saved.manifest.items() if key != "rejection"}

        def make(threshold=None):
            facts = {} if threshold is None else {"rejection": {"target": 0.85, "threshold": threshold}}
            return Artifact(UncertainModel(), plain | facts)

        return make

    @pytest.fixture
    def prediction(self, astronaut_face):
        return lambda *args, **options: Recognizer(*args, **options).recognize_faces([astronaut_face])[0]

    def test_a_model_without_a_threshold_always_predicts_an_expression(self, with_threshold, prediction):
        recognition = prediction(with_threshold())
        assert Recognizer(with_threshold()).threshold == 0
        assert recognition.expression == recognition.likeliest

    def test_reject_overrides_the_threshold_of_the_manifest(self, with_threshold, prediction):
        assert prediction(with_threshold(0.51)).expression == UNCERTAIN
        assert prediction(with_threshold(0.49)).expression == "sad"
        assert prediction(with_threshold(0.49), reject=0.51).expression == UNCERTAIN
        assert prediction(with_threshold(0.51), reject=0.49).expression == "sad"
        assert prediction(with_threshold(0.51), reject=None).expression == "sad"

    def test_a_confidence_equal_to_the_threshold_is_enough(self, with_threshold, prediction):
        assert prediction(with_threshold(0.5)).expression == "sad"

    def test_an_uncertain_prediction_keeps_its_probabilities(self, with_threshold, prediction):
        uncertain = prediction(with_threshold(), reject=1.0)
        assert uncertain.expression == UNCERTAIN and UNCERTAIN not in EXPRESSIONS
        assert (uncertain.likeliest, uncertain.confidence) == ("sad", 0.5)
        assert uncertain.probabilities == {"happy": 0.3, "sad": 0.5, "surprise": 0.2}

    @pytest.mark.parametrize("reject", [-0.1, 1.5, float("nan"), "never", True])
    def test_a_threshold_that_is_not_a_probability_is_refused(self, with_threshold, reject):
        with pytest.raises(InputError, match=r"reject must be .* a probability from 0 to 1, got"):
            Recognizer(with_threshold(), reject=reject)

    def test_a_manifest_with_a_damaged_threshold_is_refused(self, with_threshold):
        with pytest.raises(ArtifactError, match="threshold from 0 to 1, got high; fit the model again"):
            Recognizer(with_threshold("high"))


def predictions(recognizer, image):
    """Predictions as plain values; a module-level function, so that other processes can unpickle it."""
    return [(each.expression, each.probabilities) for each in recognizer.recognize(image)]


def unsaved(saved):
    return Artifact(saved.predictor, saved.manifest)


class TestCopies:
    """Copies, pickles and other processes predict the same."""

    @pytest.fixture(params=["saved", "unsaved", "whole", "haar", "always"])
    def original(self, request, saved):
        options = {"whole": {"detector": "whole"}, "haar": {"detector": "haar"}, "always": {"reject": None}}
        return Recognizer(unsaved(saved) if request.param == "unsaved" else saved, **options.get(request.param, {}))

    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
    def test_copies_predict_the_same(self, original, copied, astronaut):
        again = copied(original)
        assert predictions(again, astronaut) == predictions(original, astronaut)
        assert (again.threshold, again.classes) == (original.threshold, original.classes)
        assert again.extractor.settings == original.extractor.settings
        (recognition,) = again.recognize(astronaut)
        assert recognition.explain().expression == recognition.likeliest

    def test_the_parts_can_be_copied(self, original, astronaut):
        again = pickle.loads(pickle.dumps(original.artifact))
        assert (again.manifest, again.path) == (original.artifact.manifest, original.artifact.path)
        (face,) = pickle.loads(pickle.dumps(original.extractor)).extract(astronaut)
        assert face.box == original.extractor.extract(astronaut)[0].box
        (recognition,) = original.recognize(astronaut)
        assert pickle.loads(pickle.dumps(recognition)).probabilities == recognition.probabilities

    def test_a_relative_predictor_path_is_valid_in_another_folder(self, saved, tmp_path, monkeypatch, astronaut):
        (tmp_path / "points.dat").symlink_to(find_predictor())
        monkeypatch.chdir(tmp_path)
        original = Recognizer(saved, predictor="points.dat")
        content = pickle.dumps(original)
        monkeypatch.chdir("/")
        assert predictions(pickle.loads(content), astronaut) == predictions(original, astronaut)

    @pytest.mark.slow
    def test_other_processes_predict_the_same(self, recognizer, astronaut):
        expected = predictions(recognizer, astronaut)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.starmap(predictions, [(recognizer, astronaut)] * 2) == [expected] * 2
        with joblib.parallel_config(backend="loky"):
            results = joblib.Parallel(n_jobs=2)(joblib.delayed(predictions)(recognizer, astronaut) for _ in range(2))
        assert results == [expected] * 2


@pytest.fixture(scope="module")
def bundled():
    """A recognizer that predicts neutral, which baselines need."""
    return Recognizer(load_artifact())


def test_a_baseline_changes_the_probabilities_of_its_model_only(bundled, astronaut_face):
    (plain,) = bundled.recognize_faces([astronaut_face])
    assert plain.without_baseline is None
    assert plain.plain_probabilities is plain.probabilities
    baseline = Baseline.from_recognitions([plain], bundled)
    used, unused = bundled.recognize_faces([astronaut_face, astronaut_face], baselines=[baseline, None])
    assert used.without_baseline == used.plain_probabilities == pytest.approx(plain.probabilities, abs=1e-5)
    assert unused.without_baseline is None
    expected = baseline.apply(np.array(list(used.without_baseline.values())), bundled)
    assert list(used.probabilities.values()) == pytest.approx(expected.tolist())


def test_a_mouth_that_is_open_farther_than_the_baseline_counts_against_a_smile(bundled, astronaut_face):
    (plain,) = bundled.recognize_faces([astronaut_face])
    stern = dict.fromkeys(bundled.classes, math.log(0.01)) | {"neutral": math.log(0.94)}
    baseline = Baseline(dict.fromkeys(MEASUREMENT_NAMES, 0.05), {bundled.model_id: stern})
    opening = float(measure(astronaut_face.landmarks, names=("mouth_opening",))[0])
    assert baseline.opened(astronaut_face.landmarks) == pytest.approx(opening - 0.05)
    slight = replace(plain, probabilities=dict.fromkeys(bundled.classes, 0.05) | {"happy": 0.2, "neutral": 0.55})
    happy = [bundled.given_baseline(slight, baseline, opened=each).probabilities["happy"] for each in (0.0, 0.1, 0.3)]
    assert happy[0] > happy[1] > happy[2]


def test_a_path_is_no_baseline(bundled, astronaut_face, astronaut):
    for recognize in (
        lambda: bundled.recognize(astronaut, baseline="me.json"),
        lambda: bundled.recognize_faces([astronaut_face], baselines=["me.json"]),
    ):
        with pytest.raises(InputError, match=r"must be a Baseline, got str; read a saved one with Baseline\.load"):
            recognize()


def test_a_baseline_is_of_one_person(bundled, astronaut):
    baseline = Baseline.from_images([astronaut], bundled)
    (recognition,) = bundled.recognize(astronaut, baseline=baseline)
    assert recognition.without_baseline is not None
    with pytest.raises(InputError, match=r"has \d faces"):
        bundled.recognize(np.hstack([astronaut, astronaut]), baseline=baseline)
    with pytest.raises(InputError, match="another model"):
        bundled.recognize(astronaut, baseline=replace(baseline, models={}))


def test_a_network_reads_a_face_or_its_mirror_image(bundled, astronaut_face):
    network, ensemble = Recognizer(load_artifact("cnn")), Recognizer(load_artifact("ensemble"))

    def read(recognizer, mirrored=None):
        faces = [astronaut_face] * 3
        rows = recognizer.recognize_faces(faces, speaking=[0.0, 0.5, 1.0], mirrored=mirrored)
        return np.array([list(row.probabilities.values()) for row in rows])

    sides = read(network, [False] * 3), read(network, [True] * 3)
    np.testing.assert_allclose(np.mean(sides, axis=0), read(network), atol=1e-5)
    np.testing.assert_allclose(read(network, [True, False, True]), [sides[1][0], sides[0][1], sides[1][2]], atol=1e-6)
    assert abs(sides[0] - sides[1]).max() > 1e-3
    assert abs(read(ensemble, [False] * 3) - read(ensemble, [True] * 3)).max() > 1e-3
    np.testing.assert_allclose(read(bundled, [True] * 3), read(bundled), atol=1e-5)
    assert bundled.recognize_faces([], mirrored=[]) == []


@pytest.mark.parametrize("name", ["baselines", "speaking", "mirrored"])
@pytest.mark.parametrize("n", [0, 1, 3])
def test_each_face_has_its_values(bundled, astronaut_face, name, n):
    with pytest.raises(InputError, match=f"{name} must have one value for each face, got {n} for 2 faces"):
        bundled.recognize_faces([astronaut_face] * 2, **{name: [0] * n})
