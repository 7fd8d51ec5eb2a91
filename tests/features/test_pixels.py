"""Grey values of the chip: invariances, then images with known values."""

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import mirror_records
from landmark_fer.features.texture import PixelsOfChip, pixels
from tests.conftest import made_up_faces


def test_every_face_has_mean_zero_and_standard_deviation_one(generator):
    grey = pixels(generator.integers(0, 256, (5, 80, 80), dtype=np.uint8))
    assert grey.shape == (5, 1024) and grey.dtype == np.float32
    np.testing.assert_allclose(grey.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(grey.std(axis=1), 1, atol=1e-5)


def test_brightness_and_contrast_change_nothing(generator):
    chips = generator.integers(20, 100, (3, 80, 80), dtype=np.uint8)
    np.testing.assert_allclose(pixels(2 * chips + 10), pixels(chips), atol=1e-5)


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_uniform_chip_is_all_zero(grey):
    np.testing.assert_array_equal(pixels(np.full((1, 80, 80), grey, np.uint8)), 0)


def test_a_dark_upper_and_a_bright_lower_half_are_minus_one_and_one():
    chip = np.zeros((1, 80, 80), np.uint8)
    chip[:, 40:] = 200
    expected = np.repeat([-1.0, 1.0], 16 * 32)
    np.testing.assert_allclose(pixels(chip)[0], expected, atol=1e-6)


def test_only_the_central_square_is_used_and_resized():
    chips = np.zeros((1, 80, 80), np.uint8)
    chips[:, 8:72, 8:40] = 100
    framed = chips.copy()
    framed[:, [0, 7, 72, 79]] = 255
    np.testing.assert_array_equal(pixels(framed, side=16), pixels(chips, side=16))
    assert pixels(chips, frame=48, side=96).shape == (1, 96 * 96)


def test_mirrored_pixels_equal_the_pixels_of_the_mirrored_face():
    records, _ = made_up_faces(3)
    transformer = PixelsOfChip(side=24)
    expected = transformer.transform(mirror_records(records))
    np.testing.assert_allclose(transformer.mirror(transformer.transform(records)), expected, atol=1e-5)


def test_one_at_a_time_equals_all_at_once_and_no_faces_are_an_empty_array():
    records, _ = made_up_faces(3)
    together = PixelsOfChip().transform(records)
    single = np.vstack([PixelsOfChip().transform(records[row : row + 1]) for row in range(len(records))])
    np.testing.assert_array_equal(single, together)
    assert PixelsOfChip().transform(records[:0]).shape == (0, 1024)


@pytest.mark.parametrize(
    ("chips", "options", "message"),
    [
        (np.zeros((2, 80, 80)), {}, r"chips must be uint8 of shape \(n, S, S\) with S >= 64, got float64"),
        (np.zeros((2, 48, 48), np.uint8), {}, r"S >= 64, got uint8 \(2, 48, 48\)"),
        (np.zeros((80, 80), np.uint8), {}, r"got uint8 \(80, 80\)"),
        (np.zeros((2, 80, 80), np.uint8), {"side": 0}, "side must be 1 or more, got 0"),
    ],
)
def test_wrong_chips_and_sides_are_refused(chips, options, message):
    with pytest.raises(InputError, match=message):
        pixels(chips, **options)
