"""Crops of a face's box: position, repeated edges, and equality for data sets and live."""

import numpy as np
import pytest

from landmark_fer.core.records import Box, mirror_records, record_dtype, stack
from landmark_fer.perception.alignment import crop_box
from landmark_fer.perception.extraction import ExtractorSettings, FaceExtractor
from landmark_fer.perception.images import to_grey

CROPPING = ExtractorSettings(crop_size=64, crop_margin=0.1)


@pytest.fixture(scope="module")
def cropping():
    return FaceExtractor(CROPPING)


def test_the_crop_equals_the_box_if_sizes_agree(generator):
    grey = generator.integers(0, 256, (60, 80), dtype=np.uint8)
    assert np.array_equal(crop_box(grey, Box(10, 5, 32, 32), size=32), grey[5:37, 10:42])


def test_the_margin_is_added_on_each_side(generator):
    grey = generator.integers(0, 256, (60, 80), dtype=np.uint8)
    assert np.array_equal(crop_box(grey, Box(20, 20, 20, 20), size=40, margin=0.5), grey[10:50, 10:50])


def test_crops_beyond_the_image_repeat_its_edge():
    grey = np.tile(np.arange(40, dtype=np.uint8) * 5, (40, 1))
    crop = crop_box(grey, Box(-20, 0, 40, 40), size=40)
    assert np.all(crop[:, :18] == 0)
    assert np.all(np.diff(crop[:, 22:].astype(int), axis=1) == 5)


def test_an_oblong_box_gives_the_square_around_its_centre():
    grey = np.zeros((60, 60), dtype=np.uint8)
    grey[25:35, 25:35] = 200
    crop = crop_box(grey, Box(10, 25, 40, 10), size=40)
    assert crop[15:25, 15:25].min() == 200
    assert crop.astype(int).sum() == 200 * 100


def test_mirrored_images_give_mirrored_crops(generator):
    grey = generator.integers(0, 256, (50, 60), dtype=np.uint8)
    mirrored = crop_box(np.ascontiguousarray(grey[:, ::-1]), Box(60 - 10 - 30, 8, 30, 30), size=48)
    difference = np.abs(mirrored.astype(int) - crop_box(grey, Box(10, 8, 30, 30), size=48)[:, ::-1])
    assert difference.max() <= 1


def test_faces_have_a_crop_only_if_the_settings_require_one(astronaut, astronaut_face, cropping):
    face = cropping.extract(astronaut)[0]
    assert astronaut_face.crop is None
    assert face.crop.shape == (64, 64)
    assert np.array_equal(face.chip, astronaut_face.chip)
    assert np.array_equal(face.crop, crop_box(to_grey(astronaut), face.box, size=64, margin=0.1))


def test_records_carry_crop_and_chip_and_both_are_mirrored(astronaut, cropping):
    records = stack(cropping.extract(astronaut), chip_size=80, crop_size=64)
    assert records.dtype == record_dtype(80, 64)
    assert np.array_equal(mirror_records(records)["crop"][0], records["crop"][0][:, ::-1])


def test_pre_cropped_images_have_crops(lfw_crops, cropping):
    face = cropping.extract_crop(lfw_crops[0])
    assert face.crop.shape == (64, 64)
    assert face.crop.std() > 20


def test_settings_without_a_crop_have_no_crop_entries():
    assert ExtractorSettings().to_dict() == {"detector": "hog", "smallest_face": 80, "chip_size": 80}
    assert ExtractorSettings().of_crops() == {"chip_size": 80}
    assert CROPPING.of_crops() == {"chip_size": 80, "crop_size": 64, "crop_margin": 0.1}
    assert ExtractorSettings.from_dict(CROPPING.to_dict()) == CROPPING
