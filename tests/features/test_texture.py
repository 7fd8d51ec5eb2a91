"""Grey values and local binary patterns of chips: invariances, then images with known features."""

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import mirror_records
from landmark_fer.features.texture import PATTERNS, LbpOfChip, PixelsOfChip, lbp, pixels
from tests.conftest import made_up_faces

NO_NEIGHBOUR, ALL_NEIGHBOURS, OTHERS = 0, PATTERNS - 2, PATTERNS - 1


def by_cell(histograms, cells=8):
    return histograms.reshape(len(histograms), cells, cells, PATTERNS)


class TestPixels:
    def test_every_face_has_mean_zero_and_standard_deviation_one(self, generator):
        grey = pixels(generator.integers(0, 256, (5, 80, 80), dtype=np.uint8))
        assert grey.shape == (5, 1024) and grey.dtype == np.float32
        np.testing.assert_allclose(grey.mean(axis=1), 0, atol=1e-5)
        np.testing.assert_allclose(grey.std(axis=1), 1, atol=1e-5)

    def test_brightness_and_contrast_change_nothing(self, generator):
        chips = generator.integers(20, 100, (3, 80, 80), dtype=np.uint8)
        np.testing.assert_allclose(pixels(2 * chips + 10), pixels(chips), atol=1e-5)

    @pytest.mark.parametrize("grey", [0, 128, 255])
    def test_a_uniform_chip_is_all_zero(self, grey):
        np.testing.assert_array_equal(pixels(np.full((1, 80, 80), grey, np.uint8)), 0)

    def test_a_dark_upper_and_a_bright_lower_half_are_minus_one_and_one(self):
        chip = np.zeros((1, 80, 80), np.uint8)
        chip[:, 40:] = 200
        expected = np.repeat([-1.0, 1.0], 16 * 32)
        np.testing.assert_allclose(pixels(chip)[0], expected, atol=1e-6)

    def test_only_the_central_square_is_used_and_resized(self):
        chips = np.zeros((1, 80, 80), np.uint8)
        chips[:, 8:72, 8:40] = 100
        framed = chips.copy()
        framed[:, [0, 7, 72, 79]] = 255
        np.testing.assert_array_equal(pixels(framed, side=16), pixels(chips, side=16))
        assert pixels(chips, frame=48, side=96).shape == (1, 96 * 96)

    def test_mirrored_pixels_equal_the_pixels_of_the_mirrored_face(self):
        records, _ = made_up_faces(3)
        transformer = PixelsOfChip(side=24)
        expected = transformer.transform(mirror_records(records))
        np.testing.assert_allclose(transformer.mirror(transformer.transform(records)), expected, atol=1e-5)

    def test_one_at_a_time_equals_all_at_once_and_no_faces_are_an_empty_array(self):
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
    def test_wrong_chips_and_sides_are_refused(self, chips, options, message):
        with pytest.raises(InputError, match=message):
            pixels(chips, **options)


class TestLocalBinaryPatterns:
    def test_squares_of_each_cell_sum_to_one(self, generator):
        histograms = lbp(generator.integers(0, 256, (4, 80, 80), dtype=np.uint8))
        assert histograms.shape == (4, 8 * 8 * 59) and histograms.dtype == np.float32
        np.testing.assert_allclose((by_cell(histograms) ** 2).sum(axis=-1), 1, atol=1e-5)

    @pytest.mark.parametrize("grey", [0, 77, 255])
    def test_a_uniform_image_has_one_pattern(self, grey):
        cells = by_cell(lbp(np.full((1, 80, 80), grey, np.uint8)))
        np.testing.assert_array_equal(cells[..., ALL_NEIGHBOURS], 1)
        assert cells.sum() == 64

    def test_an_edge_changes_only_bright_pixels_within_the_radius(self):
        chip = np.zeros((1, 80, 80), np.uint8)
        chip[:, :, 40:] = 200  # between the fourth and the fifth column of cells
        cells = by_cell(lbp(chip, radius=2))[0]
        np.testing.assert_array_equal(np.delete(cells, 4, axis=1)[..., ALL_NEIGHBOURS], 1)
        for row in cells[:, 4] ** 2:
            # In the first two of eight columns, the three neighbours to the left lie at least partly in the dark.
            patterns = np.flatnonzero(row)
            assert len(patterns) == 2 and patterns[-1] == ALL_NEIGHBOURS
            assert 1 + 4 * 8 <= patterns[0] < 1 + 5 * 8
            np.testing.assert_allclose(row[patterns], [2 / 8, 6 / 8], atol=1e-6)

    def test_opposite_edges_are_different_patterns(self):
        chip = np.zeros((80, 80), np.uint8)
        chip[:, 40:] = 200
        histograms = by_cell(lbp(np.stack([chip, chip[:, ::-1], chip.T, chip.T[::-1]]))).sum(axis=(1, 2))
        patterns = histograms[:, :ALL_NEIGHBOURS].argmax(axis=1)
        assert len(set(patterns.tolist())) == 4

    def test_checkerboard_and_stripes_have_two_patterns_each(self):
        rows, columns = np.mgrid[:80, :80]
        checkerboard, stripes = 200 * ((rows + columns) % 2), 200 * (columns % 2)
        frequencies = by_cell(lbp(np.stack([checkerboard, stripes]).astype(np.uint8), radius=1)) ** 2
        # Dark pixels have no darker neighbours. Bright ones have none as bright, or only those above and below.
        np.testing.assert_allclose(frequencies[0][..., [NO_NEIGHBOUR, ALL_NEIGHBOURS]], 0.5, atol=1e-6)
        np.testing.assert_allclose(frequencies[1][..., [OTHERS, ALL_NEIGHBOURS]], 0.5, atol=1e-6)

    @pytest.mark.parametrize(("gain", "offset"), [(1, 90), (2, 0), (2, 30)])
    def test_monotone_changes_of_brightness_change_nothing(self, generator, gain, offset):
        chips = generator.integers(0, 110, (3, 80, 80), dtype=np.uint8)
        np.testing.assert_array_equal(lbp(gain * chips + np.uint8(offset)), lbp(chips))

    def test_a_gamma_curve_changes_little_although_neighbours_are_interpolated(self):
        records, _ = made_up_faces(2)
        bent = (255 * (records["chip"] / 255) ** 0.8).astype(np.uint8)
        np.testing.assert_allclose(lbp(bent), lbp(records["chip"]), atol=0.25)
        assert np.abs(lbp(bent) - lbp(records["chip"])).mean() < 0.01

    def test_neighbours_come_from_outside_the_frame_but_inside_the_chip(self):
        ramp = np.tile(np.arange(80, dtype=np.uint8), (1, 80, 1))
        cells = by_cell(lbp(ramp))
        np.testing.assert_allclose(cells, np.broadcast_to(cells[:, :1, :1], cells.shape))

    def test_one_at_a_time_equals_all_at_once_and_no_faces_are_an_empty_array(self):
        records, _ = made_up_faces(3)
        transformer = LbpOfChip(radius=1, cells=4)
        single = np.vstack([transformer.transform(records[row : row + 1]) for row in range(len(records))])
        np.testing.assert_array_equal(single, transformer.transform(records))
        assert transformer.transform(records[:0]).shape == (0, 4 * 4 * 59)

    @pytest.mark.parametrize(
        ("chips", "options", "message"),
        [
            (np.zeros((2, 80, 80)), {}, r"chips must be uint8 of shape \(n, S, S\) with S >= 68, got float64"),
            (np.zeros((2, 80, 80), np.uint8), {"frame": 78}, r"S >= 82, got uint8 \(2, 80, 80\)"),
            (np.zeros((2, 80, 80), np.uint8), {"cells": 7}, "cells must divide the frame's 64 pixels, got 7"),
        ],
    )
    def test_wrong_chips_and_cells_are_refused(self, chips, options, message):
        with pytest.raises(InputError, match=message):
            lbp(chips, **options)
