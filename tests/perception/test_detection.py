"""Detectors: results independent of memory layout, and the interface of all detectors."""

import itertools
import math
import pickle
from concurrent.futures import ThreadPoolExecutor

import cv2
import dlib
import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import Box
from landmark_fer.perception import DETECTORS
from landmark_fer.perception.detection import (
    DETECTOR_FILE,
    DLIB_BOX,
    FINEST_FILE,
    BoxGeometry,
    CombinedDetector,
    Detector,
    WholeImageDetector,
    make_detector,
)
from landmark_fer.perception.extraction import ExtractorSettings, FaceExtractor
from landmark_fer.perception.images import to_grey

FACE = Box(176, 70, 95, 95)  # of the astronaut, by eye


@pytest.fixture(scope="module")
def grey(astronaut):
    return to_grey(astronaut)


@pytest.mark.parametrize("name", ["hog", "haar"])
def test_the_astronauts_face_has_the_highest_score(grey, name):
    found = make_detector(name).find(grey)
    scores = [score for _, score in found]
    assert found[0][0].overlap(FACE) > 0.4
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("name", DETECTORS)
def test_detection_accepts_read_only_images_and_does_not_modify_them(grey, name):
    image = grey.copy()
    image.setflags(write=False)
    make_detector(name).find(image)
    np.testing.assert_array_equal(image, grey)


@pytest.mark.parametrize("name", ["hog", "haar"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (90, 90)])
def test_uniform_images_have_no_face(name, shape):
    assert make_detector(name).find(np.full(shape, 128, np.uint8)) == []


@pytest.mark.parametrize("name", ["hog", "haar"])
def test_strided_and_contiguous_arrays_give_equal_faces(grey, name):
    detector, part = make_detector(name), grey[:256, 96:352]
    expected = detector.find(np.ascontiguousarray(part))
    assert expected
    assert detector.find(part) == expected
    assert detector.find(np.asfortranarray(part)) == expected
    assert detector.find(part[:, ::-1].copy()[:, ::-1]) == expected


def test_upsampling_finds_smaller_faces(grey):
    small = np.ascontiguousarray(grey[::2, ::2])
    assert make_detector("hog").find(small) == []
    box, _ = make_detector("hog", smallest_face=40).find(small)[0]
    assert box.overlap(Box(FACE.x / 2, FACE.y / 2, FACE.width / 2, FACE.height / 2)) > 0.4


def test_boxes_of_a_reduced_search_are_in_pixels_of_the_image(grey):
    tall = np.vstack([grey] * 3)
    boxes = [box for box, _ in make_detector("hog", longest_side=1280).find(tall)]
    for repeat in range(3):
        assert max(box.overlap(Box(FACE.x, FACE.y + 512 * repeat, 95, 95)) for box in boxes) > 0.4


def test_the_whole_image_is_one_box_with_score_nan():
    ((box, score),) = WholeImageDetector().find(np.zeros((30, 40), np.uint8))
    assert box == Box(0, 0, 40, 30) and math.isnan(score)


def test_an_unknown_name_is_refused_with_the_list():
    with pytest.raises(InputError, match="detector must be one of hog, haar, whole, got 'yolo'"):
        make_detector("yolo")


def test_threads_may_share_a_detector(grey):
    detector = make_detector("hog")
    images = [grey, np.ascontiguousarray(grey[:, ::-1]), np.ascontiguousarray(grey[40:])]
    expected = [detector.find(image) for image in images]
    with ThreadPoolExecutor(3) as threads:
        for _ in range(5):
            assert list(threads.map(detector.find, images)) == expected


def test_the_bundled_detector_equals_dlibs(tmp_path):
    dlib.get_frontal_face_detector().save(str(tmp_path / "own.svm"))
    assert (tmp_path / "own.svm").read_bytes() == DETECTOR_FILE.read_bytes()


def test_the_detector_of_the_finest_levels_differs_only_in_their_number():
    every, finest = DETECTOR_FILE.read_bytes(), FINEST_FILE.read_bytes()
    assert every[16:19] == b"\x02\xe8\x03"  # 1,000 levels, as dlib packs numbers
    assert finest == every[:16] + b"\x01\x02" + every[19:]


@pytest.mark.parametrize("smallest_face", [80, 56])
def test_the_parts_together_find_the_faces_of_the_whole_detector(grey, smallest_face):
    """Faces of all sizes: each is found by one part, or by both at the border of their ranges."""
    whole = make_detector("hog", smallest_face=smallest_face)
    others, finest = whole.parts
    assert finest.parts == (finest,)
    found_by = []
    for times_smallest in np.arange(1.0, 3.0, 0.06):
        factor = times_smallest * smallest_face / FACE.width
        scaled = cv2.resize(grey[:256, 96:352], None, fx=factor, fy=factor)
        expected = [box for box, _ in whole.find(scaled)]
        parts = [[box for box, _ in part.find(scaled)] for part in (finest, others)]
        assert len(expected) == 1
        for box in itertools.chain(*parts):
            assert box.overlap(expected[0]) > 0.6  # boxes of neighbouring levels overlap by 0.69
        found_by.append(tuple(len(part) for part in parts))
    assert set(found_by) <= {(1, 0), (0, 1), (1, 1)}
    assert found_by[0] == (1, 0) and found_by[-1] == (0, 1)


class TestSmallerFaces:
    """`Detector.smaller`: faces below the smallest of a detector, and those alone in addition."""

    @pytest.mark.parametrize("name", ["hog", "haar"])
    @pytest.mark.parametrize("side", [42, 52, 62, 74])
    def test_a_face_below_the_smallest_is_found(self, grey, name, side):
        scale = side / FACE.width
        reduced = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        expected = Box(*(scale * value for value in (FACE.x, FACE.y, FACE.width, FACE.height)))
        assert any(box.overlap(expected) > 0.4 for box, _ in make_detector(name).smaller(40).find(reduced))

    @pytest.mark.parametrize("name", DETECTORS)
    def test_there_is_none_unless_smaller_faces_are_wanted(self, name):
        assert make_detector(name).smaller(80) is None and make_detector(name).smaller(200) is None

    def test_its_parts_search_two_levels_of_the_pyramid_each(self):
        small = make_detector("hog").smaller(40)
        assert [part.smallest_face for part in small.parts] == [58, 40]
        assert all(part.finest for part in small.parts)
        assert small.smallest_face == 40

    def test_a_large_photograph_has_more_parts_until_it_would_be_too_large(self):
        hog = make_detector("hog")
        assert hog.smaller(40, (480, 640)).smallest_face == 40
        reduced = 1280 / 4000
        assert hog.smaller(40, (3000, 4000)).smallest_face == round(40 * reduced)
        assert hog.smaller(100, (3000, 4000)).smallest_face == round(100 * reduced)
        assert hog.smaller(300, (3000, 4000)) is None
        for smallest, shape in ((16, (3000, 4000)), (40, (6000, 8000)), (16, (30000, 40000))):
            enlarged = 80 / (hog.smaller(smallest, shape).smallest_face * max(shape) / 1280)
            assert 40e6 < enlarged**2 * np.prod(shape) < 55e6

    @pytest.mark.parametrize("name", ["hog", "haar"])
    def test_it_is_made_once_for_images_of_one_size(self, name):
        detector = make_detector(name)
        small = detector.smaller(40, (3000, 4000))
        assert detector.smaller(40, (3000, 4000)) is small
        assert detector.smaller(50, (480, 640)).smallest_face == 50
        assert detector.smaller(40, (3000, 4000)).smallest_face == small.smallest_face

    def test_larger_faces_stay_those_of_the_detector_bit_for_bit(self, grey):
        whole = make_detector("hog")
        both = CombinedDetector((whole, whole.smaller(40)))
        assert [face for face in both.find(grey) if face[0].width >= 80] == whole.find(grey)
        assert str(pickle.loads(pickle.dumps(both)).find(grey)) == str(both.find(grey))

    def test_of_overlapping_faces_the_first_detectors_stays(self, grey):
        class Shifted(WholeImageDetector):
            def detect(self, grey):
                return [(0, 2, grey.shape[1], grey.shape[0]), (-900, 0, 9, 9)], [3.0, 1.0]

        found = CombinedDetector((WholeImageDetector(), Shifted())).find(grey)
        assert sorted((box.x, box.y) for box, _ in found) == [(-900, 0), (0, 0)]


class CornerDetector(Detector):
    """A custom detector: it finds faces at two corners, in boxes from brows to chin."""

    box_geometry = BoxGeometry(side=1.16, centre=0.3)

    def detect(self, grey):
        assert grey.flags.c_contiguous
        height, width = grey.shape
        return np.array([[0, 0, 20, 20], [width - 20, height - 20, 20, 20]]), np.array([0.5, 2])


class TestProtocol:
    @pytest.fixture(autouse=True)
    def registered(self, monkeypatch):
        monkeypatch.setitem(DETECTORS, "corners", f"{__name__}.CornerDetector")

    @pytest.mark.parametrize("name", [*DETECTORS, "corners"])
    def test_every_detector_meets_the_interface(self, name, grey):
        detector = make_detector(name, smallest_face=40)
        boxes, scores = detector.detect(grey)
        assert np.shape(boxes)[1:] == (4,) and np.shape(scores) == (len(boxes),)
        assert detector.parts[-1].smallest_face == 40
        again = pickle.loads(pickle.dumps(detector))
        assert str(again.find(grey)) == str(detector.find(grey))  # NaN is NaN

    def test_boxes_have_dlibs_geometry_and_descending_scores(self, grey):
        (last, best), (first, second) = make_detector("corners").find(grey[:, ::-1])
        assert (best, second) == (2, 0.5)
        assert last.width == first.width == pytest.approx(20 * 2.32 / 1.16)
        assert first.centre == pytest.approx((9.5, 9.5 + 20 * (0.48 - 0.3) / 1.16))

    def test_an_extractor_uses_a_custom_detector(self, astronaut):
        faces = FaceExtractor(ExtractorSettings(detector="corners")).extract(astronaut)
        assert [face.detector_score for face in faces] == [2, 0.5]

    def test_the_whole_image_detector_does_not_search(self):
        assert [name for name in DETECTORS if not make_detector(name).searches] == ["whole"]


class TestBoxGeometry:
    def test_boxes_of_equal_geometry_are_unchanged(self):
        assert DLIB_BOX.convert(FACE, BoxGeometry(2.32, 0.48)) is FACE

    def test_boxes_of_the_template_convert_between_geometries(self):
        other = BoxGeometry(side=1.5, centre=0.7)
        eyes, interocular = np.array([60.0, 50.0]), 40.0

        def box(geometry):
            side, (x, y) = geometry.side * interocular, eyes + (0, geometry.centre * interocular)
            return Box(x - (side - 1) / 2, y - (side - 1) / 2, side, side)

        for source, target in itertools.permutations([other, DLIB_BOX]):
            found = source.convert(box(source), target)
            assert vars(found) == pytest.approx(vars(box(target)))


@pytest.mark.parametrize("name", ["haar", "whole"])
def test_detectors_without_parts_have_themselves_as_the_only_part(name):
    detector = make_detector(name)
    assert detector.parts == (detector,)
