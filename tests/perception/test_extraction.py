"""FaceExtractor: from an image to its faces."""

import cv2
import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import Box
from landmark_fer.perception import DETECTORS
from landmark_fer.perception.alignment import align_face
from landmark_fer.perception.detection import HogDetector
from landmark_fer.perception.extraction import ExtractorSettings, FaceExtractor
from landmark_fer.perception.images import to_grey
from landmark_fer.perception.tracking.following import FaceFollower


@pytest.fixture(scope="module")
def crop():
    """A real face in the size of FER2013."""
    from skimage.data import lfw_subset

    enlarged = cv2.resize(lfw_subset()[0].astype(np.float32), (48, 48), interpolation=cv2.INTER_CUBIC)
    return (enlarged.clip(0, 1) * 255).astype(np.uint8)


def same(face, other):
    return (
        face.box == other.box
        and np.array_equal(face.landmarks, other.landmarks)
        and np.array_equal(face.chip, other.chip)
        and np.array_equal(face.detector_score, other.detector_score, equal_nan=True)
    )


def test_one_face_is_found_with_landmarks_near_its_box(astronaut, extractor):
    (face,) = extractor.extract(astronaut)
    left, top = face.landmarks.min(axis=0)
    right, bottom = face.landmarks.max(axis=0)
    reach = 0.35 * face.box.width
    assert face.detected and face.detector_score > 0
    assert face.box.x - reach < left < right < face.box.x + face.box.width + reach
    assert face.box.y - reach < top < bottom < face.box.y + face.box.height + reach
    assert face.chip.shape == (80, 80) and face.chip.dtype == np.uint8
    np.testing.assert_array_equal(face.chip, align_face(to_grey(astronaut), face.landmarks))


@pytest.mark.parametrize("shape", [(200, 300, 3), (200, 300), (1, 1), (3, 20_000)])
def test_an_image_without_a_face_gives_an_empty_list(extractor, shape):
    assert extractor.extract(np.full(shape, 90, np.uint8)) == []


def test_faces_do_not_depend_on_the_memory_layout_or_earlier_calls(astronaut, extractor):
    part = astronaut[:256, 96:352]
    (expected,) = extractor.extract(np.ascontiguousarray(part))
    swapped = np.ascontiguousarray(part[..., ::-1])
    fortran = np.asfortranarray(part)
    for _ in range(20):
        for layout in (part, swapped[..., ::-1], fortran):
            (face,) = extractor.extract(layout)
            assert same(face, expected)


def test_extraction_accepts_read_only_images_and_does_not_modify_them(astronaut, extractor):
    part = astronaut[:256, 96:352]
    before = part.copy()
    assert not part.flags.writeable
    extractor.extract(part)
    extractor.extract_crop(part)
    np.testing.assert_array_equal(part, before)


def test_grey_and_rgb_images_give_the_same_face(astronaut, extractor, astronaut_face):
    (face,) = extractor.extract(to_grey(astronaut))
    assert same(face, astronaut_face)


@pytest.mark.parametrize("shape", [(48, 48), (48, 48, 3), (1, 1), (30, 90), (2, 2000), (700, 600)])
def test_a_cropped_image_has_one_face_even_if_it_is_noise(extractor, generator, shape):
    face = extractor.extract_crop(generator.integers(0, 256, shape, dtype=np.uint8))
    assert face.landmarks.shape == (68, 2) and np.isfinite(face.landmarks).all()
    assert face.chip.shape == (80, 80)


def test_an_undetected_face_has_score_nan(extractor):
    face = extractor.extract_crop(np.full((48, 48), 128, np.uint8))
    assert not face.detected and np.isnan(face.detector_score)


def test_landmarks_of_a_detected_crop_are_in_pixels_of_the_crop(extractor, crop):
    face = extractor.extract_crop(crop)
    eyes, mouth = face.landmarks[36:48].mean(axis=0), face.landmarks[48:].mean(axis=0)
    assert face.detected
    assert 10 < eyes[0] < 38 and 10 < eyes[1] < mouth[1] < 48
    assert same(extractor.extract_crop(crop), face)


def test_landmarks_scale_with_an_enlarged_crop(extractor, crop):
    enlarged = cv2.resize(crop, (96, 96), interpolation=cv2.INTER_CUBIC)
    expected = (extractor.extract_crop(crop).landmarks + 0.5) * 2 - 0.5
    assert np.abs(extractor.extract_crop(enlarged).landmarks - expected).mean() < 2


def test_the_detector_and_the_chips_size_follow_the_settings(astronaut):
    extractor = FaceExtractor(ExtractorSettings(detector="whole", chip_size=64))
    (face,) = extractor.extract(astronaut[60:190, 150:300])
    assert face.chip.shape == (64, 64) and not face.detected


def test_settings_round_trip_through_a_dictionary():
    settings = ExtractorSettings(detector="haar", smallest_face=60, chip_size=64)
    assert ExtractorSettings.from_dict(settings.to_dict()) == settings


@pytest.mark.parametrize("wrong", [{"colour": "blue"}, {"detector": "hog", "sharpen": 3}, None])
def test_an_unknown_setting_is_refused_with_the_list(wrong):
    with pytest.raises(InputError, match="extractor settings must be detector, smallest_face, chip_size"):
        ExtractorSettings.from_dict(wrong)


def test_an_unknown_detector_is_refused():
    with pytest.raises(InputError, match="detector must be one of hog, haar, whole"):
        FaceExtractor(ExtractorSettings(detector="yolo"))


class Everywhere(HogDetector):
    """Detects a face in each of a row of boxes, and the astronaut's."""

    def detect(self, grey):
        boxes = [(176, 77, 90, 90), *((x, 200, 100, 100) for x in range(0, 400, 60))]
        return boxes, np.arange(len(boxes), 0.0, -1.0)


class Trusted(Everywhere):
    checked = False


class TestFalseDetections:
    """`FaceExtractor.extract` drops what fails the check, whatever the detector's score."""

    @pytest.mark.parametrize(("detector", "count"), [(Everywhere, 1), (Trusted, 8)])
    def test_only_faces_stay_unless_the_detector_is_trusted(self, astronaut, monkeypatch, detector, count):
        monkeypatch.setitem(DETECTORS, "everywhere", f"{__name__}.{detector.__name__}")
        faces = FaceExtractor(ExtractorSettings(detector="everywhere")).extract(astronaut)
        assert faces[0].box.x == 176 and len(faces) == count

    def test_a_dark_blurred_face_is_dropped_and_a_dark_sharp_one_is_not(self, extractor, astronaut):
        dark = to_grey((astronaut * 0.3).astype(np.uint8))
        assert len(extractor.extract(dark)) == 1
        blurred = cv2.GaussianBlur(dark, (0, 0), 2.0)
        assert extractor.detector.find(blurred) and extractor.extract(blurred) == []

    def test_followed_faces_pass_the_check(self, extractor, astronaut):
        blurred = cv2.GaussianBlur(to_grey((astronaut * 0.3).astype(np.uint8)), (0, 0), 2.0)
        with FaceFollower(extractor) as follower:
            assert [follower.follow(blurred, time_s=i / 25) for i in range(15)] == [[]] * 15


def test_smaller_faces_are_found_besides_the_settings(extractor, astronaut):
    half = cv2.resize(astronaut, None, fx=0.55, fy=0.55, interpolation=cv2.INTER_AREA)
    finder = FaceExtractor(smallest_face=40)
    assert extractor.extract(half) == [] and len(finder.extract(half)) == 1
    assert finder.settings == extractor.settings
    (face,), (expected,) = finder.extract(astronaut), extractor.extract(astronaut)
    np.testing.assert_array_equal(face.landmarks, expected.landmarks)
    np.testing.assert_array_equal(face.chip, expected.chip)


def test_a_large_photograph_is_searched_in_its_own_size(extractor, astronaut):
    photograph, boxes = np.full((1500, 2560, 3), 120, dtype=np.uint8), []
    for x, scale in ((100, 0.6), (700, 1.1), (1500, 1.9)):  # the first two faces have less than 80 pixels in 1280
        face = cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        photograph[200 : 200 + len(face), x : x + len(face)] = face
        boxes.append(Box(x + 176 * scale, 200 + 77 * scale, 90 * scale, 90 * scale))
    finder = FaceExtractor(smallest_face=40)

    def found_by(extractor):
        faces = extractor.extract(photograph)
        return [any(box.overlap(face.box) > 0.5 for face in faces) for box in boxes]

    assert found_by(extractor) == [False, False, True]
    assert found_by(finder) == [True, True, True]
    assert finder.small_detector.smallest_face == 40  # that of videos


def test_a_larger_smallest_face_is_a_setting(astronaut):
    finder = FaceExtractor(smallest_face=200)
    assert finder.settings.smallest_face == 200 and finder.small_detector is None
    assert finder.extract(astronaut) == []


@pytest.mark.parametrize("smallest", [0, 15, 40.5, True, 10_001])
def test_the_smallest_face_is_checked(smallest):
    with pytest.raises(InputError, match="smallest_face"):
        FaceExtractor(smallest_face=smallest)
