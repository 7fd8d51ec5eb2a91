"""The landmark predictor: positions of landmarks for inexact boxes and for several faces."""

import pickle
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import dlib
import numpy as np
import pytest

from landmark_fer.core.errors import DependencyError
from landmark_fer.core.records import Box
from landmark_fer.perception import landmarks
from landmark_fer.perception.images import to_grey
from landmark_fer.perception.landmarks import LandmarkPredictor, load_shape_predictor, template_in_box
from landmark_fer.perception.predictor_file import find_predictor
from tests.perception.predictors import shape_predictor_bytes

LIMITED = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
FACE = Box(176, 70, 95, 95)  # of the astronaut, by eye


@pytest.fixture(scope="module")
def grey(astronaut):
    return to_grey(astronaut)


@pytest.fixture(scope="module")
def predictor():
    return LandmarkPredictor()


def test_landmarks_lie_in_the_face_with_eyes_above_nose_above_mouth(predictor, grey):
    located = predictor.locate(grey, FACE)
    assert located.shape == (68, 2) and located.dtype == np.float32
    eyes, nose, mouth = located[36:48], located[27:36], located[48:]
    assert eyes[:, 1].mean() < nose[:, 1].mean() < mouth[:, 1].mean()
    assert located[36:42, 0].max() < located[42:48, 0].min()


def test_inexact_boxes_give_nearly_the_same_landmarks(predictor, grey):
    expected = predictor.locate(grey, FACE)
    for moved in (Box(182, 76, 95, 95), Box(170, 64, 110, 110), Box(181, 73, 86, 90)):
        assert np.abs(predictor.locate(grey, moved) - expected).mean() < 2


def test_refining_landmarks_of_a_still_face_does_not_move_them(predictor, grey):
    located = predictor.locate(grey, FACE)
    assert np.abs(predictor.refine(grey, [located])[0] - located).mean() < 1


def test_several_faces_have_the_same_landmarks_as_alone(predictor, grey):
    located = predictor.locate(grey, FACE)
    guesses = [located, located + 4, located * 0.97, (located - located.mean(axis=0)) * 1.1 + located.mean(axis=0)]
    together = predictor.refine(grey, guesses)
    assert together.shape == (4, 68, 2) and together.dtype == np.float32
    for guess, found in zip(guesses, together, strict=True):
        np.testing.assert_array_equal(predictor.refine(grey, [guess])[0], found)
    assert predictor.refine(grey, []).shape == (0, 68, 2)


def test_any_box_gives_landmarks(predictor, grey):
    for box in (Box(-80, -80, 95, 95), Box(600, 600, 50, 50), Box(10, 10, 0.2, 0.2), Box(0, 0, 512, 2)):
        assert np.isfinite(predictor.locate(grey, box)).all()


def test_memory_layout_does_not_change_landmarks(predictor, grey):
    expected = predictor.locate(grey, FACE)
    for same in (np.asfortranarray(grey), grey[:, ::-1].copy()[:, ::-1], np.repeat(grey, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(predictor.locate(same, FACE), expected)


def test_threads_give_the_landmarks_of_a_single_thread(predictor, grey):
    expected = predictor.locate(grey, FACE)
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(lambda _: predictor.locate(grey, FACE), range(40)):
            np.testing.assert_array_equal(found, expected)


class TestFile:
    """Custom files are tested in a subprocess, because some damaged files crash dlib."""

    @pytest.fixture(autouse=True)
    def loaded_again(self):
        """Load the shared predictor again after these tests."""
        yield
        landmarks._loaded.cache_clear()

    def test_a_custom_predictor_of_68_points_is_used(self, tmp_path, grey):
        own = tmp_path / "own.dat"
        own.write_bytes(shape_predictor_bytes())
        located = LandmarkPredictor(own).locate(grey, FACE)
        expected = template_in_box(FACE.width, 0) + (FACE.x, FACE.y)
        assert np.abs(located - expected).max() < 2, "its trees add nothing to the template"

    @pytest.mark.parametrize("change", [{"anchor": 2**40}, {"pixel": 2**40}], ids=str)
    def test_a_file_that_crashes_dlib_is_an_error(self, tmp_path, change):
        (tmp_path / "crash.dat").write_bytes(shape_predictor_bytes(**change))
        with pytest.raises(DependencyError, match=r"crash\.dat must be a dlib shape predictor.*\(dlib crashes"):
            LandmarkPredictor(tmp_path / "crash.dat")

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "Error deserializing"),
            (b"no trees here" * 100, "Error deserializing"),
            (shape_predictor_bytes()[:-1], "Error deserializing"),
            (shape_predictor_bytes()[:700], "Error deserializing"),
            (shape_predictor_bytes(5), "it has 5 points"),
            pytest.param(shape_predictor_bytes(n_cascades=2**31), "", marks=LIMITED),
            (shape_predictor_bytes(n_cascades=2**62), ""),
            (shape_predictor_bytes(leaf=1e6), "its points lie far from any face"),
            (shape_predictor_bytes(leaf=float("nan")), "its points lie far from any face"),
        ],
        ids=["empty", "text", "last byte missing", "cut", "5 points", "51 GB", "endless", "far", "NaN"],
    )
    def test_other_files_are_an_error(self, tmp_path, content, reason):
        (tmp_path / "wrong.dat").write_bytes(content)
        with pytest.raises(DependencyError, match=rf"wrong\.dat must be a dlib shape predictor.*\({reason}") as raised:
            LandmarkPredictor(tmp_path / "wrong.dat")
        assert "\n" not in str(raised.value)

    def test_a_changed_file_is_read_again(self, tmp_path, grey):
        own, located = tmp_path / "own.dat", []
        for leaf in (0.0, 0.1):
            own.write_bytes(shape_predictor_bytes(leaf=leaf))
            located.append(LandmarkPredictor(own).locate(grey, FACE))
        assert (located[0] != located[1]).all()

    def test_the_packaged_file_is_not_tested_in_a_subprocess(self, monkeypatch):
        landmarks._loaded.cache_clear()
        monkeypatch.setattr(landmarks.subprocess, "run", None)
        LandmarkPredictor(find_predictor())

    def test_other_systems_give_the_same_landmarks(self, monkeypatch, grey, predictor):
        expected = predictor.locate(grey, FACE)
        landmarks._loaded.cache_clear()
        monkeypatch.setattr(landmarks.sys, "platform", "win32")
        np.testing.assert_array_equal(LandmarkPredictor().locate(grey, FACE), expected)


class TestPickling:
    def test_a_predictor_is_pickled_as_its_path(self, predictor, grey):
        pickled = pickle.dumps(predictor)
        assert len(pickled) < 1000
        np.testing.assert_array_equal(pickle.loads(pickled).locate(grey, FACE), predictor.locate(grey, FACE))

    def test_the_file_is_loaded_once_per_process(self, predictor, monkeypatch):
        load_shape_predictor(find_predictor())
        monkeypatch.setattr(landmarks.dlib, "shape_predictor", None)
        assert pickle.loads(pickle.dumps(predictor))._trees is LandmarkPredictor()._trees

    def test_a_new_process_gives_the_same_landmarks(self, predictor, grey):
        expected = predictor.locate(grey, FACE)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
            np.testing.assert_array_equal(processes.submit(predictor.locate, grey, FACE).result(), expected)


@pytest.mark.parametrize("span", [(0, 255), (0, 256), (-1, 255), (-70_000, 70_000), (7, 7)])
def test_points_of_any_coordinates_are_those_of_dlib(span):
    coordinates = np.random.default_rng(0).integers(*span, size=(68, 2), endpoint=True)
    coordinates[[0, -1]] = np.transpose([span, span])
    points = dlib.points([dlib.point(*each) for each in coordinates.tolist()])
    assert landmarks._coordinates(points).tolist() == [[point.x, point.y] for point in points] == coordinates.tolist()


def test_landmarks_in_one_point_are_refined_without_an_error(extractor):
    predictor = next(value for value in vars(extractor).values() if hasattr(value, "refine"))
    located = predictor.refine(np.full((100, 100), 90, np.uint8), [np.full((68, 2), 50, np.float32)])
    assert located.shape == (1, 68, 2) and np.isfinite(located).all()
