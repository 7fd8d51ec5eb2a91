"""Local binary patterns: laws, then images whose patterns are known."""

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.features.texture import PATTERNS, LbpOfChip, lbp
from tests.conftest import made_up_faces

NONE_AS_BRIGHT, ALL_AS_BRIGHT, OTHERS = 0, PATTERNS - 2, PATTERNS - 1


def by_cell(histograms, cells=8):
    return histograms.reshape(len(histograms), cells, cells, PATTERNS)


def test_every_cell_is_the_root_of_shares_that_sum_to_one(generator):
    histograms = lbp(generator.integers(0, 256, (4, 80, 80), dtype=np.uint8))
    assert histograms.shape == (4, 8 * 8 * 59) and histograms.dtype == np.float32
    np.testing.assert_allclose((by_cell(histograms) ** 2).sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("grey", [0, 77, 255])
def test_in_a_image_of_one_grey_value_all_neighbours_are_as_bright(grey):
    cells = by_cell(lbp(np.full((1, 80, 80), grey, np.uint8)))
    np.testing.assert_array_equal(cells[..., ALL_AS_BRIGHT], 1)
    assert cells.sum() == 64


def test_an_edge_is_seen_in_the_light_pixels_within_the_radius_of_it_alone():
    chip = np.zeros((1, 80, 80), np.uint8)
    chip[:, :, 40:] = 200  # between the fourth and the fifth column of cells
    cells = by_cell(lbp(chip, radius=2))[0]
    np.testing.assert_array_equal(np.delete(cells, 4, axis=1)[..., ALL_AS_BRIGHT], 1)
    for row in cells[:, 4] ** 2:
        # In the first two columns of eight, the three neighbours to the left are at least partly in the dark.
        seen = np.flatnonzero(row)
        assert len(seen) == 2 and seen[-1] == ALL_AS_BRIGHT
        assert 1 + 4 * 8 <= seen[0] < 1 + 5 * 8
        np.testing.assert_allclose(row[seen], [2 / 8, 6 / 8], atol=1e-6)


def test_opposite_edges_are_different_patterns():
    chip = np.zeros((80, 80), np.uint8)
    chip[:, 40:] = 200
    histograms = by_cell(lbp(np.stack([chip, chip[:, ::-1], chip.T, chip.T[::-1]]))).sum(axis=(1, 2))
    patterns = histograms[:, :ALL_AS_BRIGHT].argmax(axis=1)
    assert len(set(patterns.tolist())) == 4


def test_in_a_checkerboard_and_in_stripes_each_half_of_the_pixels_has_one_pattern():
    rows, columns = np.mgrid[:80, :80]
    checkerboard, stripes = 200 * ((rows + columns) % 2), 200 * (columns % 2)
    seen = by_cell(lbp(np.stack([checkerboard, stripes]).astype(np.uint8), radius=1)) ** 2
    # Dark pixels have no darker neighbours. Light ones have none as bright, or only those above and below them.
    np.testing.assert_allclose(seen[0][..., [NONE_AS_BRIGHT, ALL_AS_BRIGHT]], 0.5, atol=1e-6)
    np.testing.assert_allclose(seen[1][..., [OTHERS, ALL_AS_BRIGHT]], 0.5, atol=1e-6)


@pytest.mark.parametrize(("gain", "offset"), [(1, 90), (2, 0), (2, 30)])
def test_a_monotone_change_of_brightness_changes_nothing(generator, gain, offset):
    chips = generator.integers(0, 110, (3, 80, 80), dtype=np.uint8)
    np.testing.assert_array_equal(lbp(gain * chips + np.uint8(offset)), lbp(chips))


def test_a_bent_brightness_curve_hardly_matters_though_neighbours_between_pixels_are_interpolated():
    records, _ = made_up_faces(2)
    bent = (255 * (records["chip"] / 255) ** 0.8).astype(np.uint8)
    np.testing.assert_allclose(lbp(bent), lbp(records["chip"]), atol=0.25)
    assert np.abs(lbp(bent) - lbp(records["chip"])).mean() < 0.01


def test_neighbours_are_taken_from_outside_the_frame_and_never_from_outside_the_chip():
    ramp = np.tile(np.arange(80, dtype=np.uint8), (1, 80, 1))
    cells = by_cell(lbp(ramp))
    np.testing.assert_allclose(cells, np.broadcast_to(cells[:, :1, :1], cells.shape))


def test_one_at_a_time_equals_all_at_once_and_no_faces_are_an_empty_array():
    records, _ = made_up_faces(3)
    describe = LbpOfChip(radius=1, cells=4)
    single = np.vstack([describe.transform(records[row : row + 1]) for row in range(len(records))])
    np.testing.assert_array_equal(single, describe.transform(records))
    assert describe.transform(records[:0]).shape == (0, 4 * 4 * 59)


@pytest.mark.parametrize(
    ("chips", "options", "message"),
    [
        (np.zeros((2, 80, 80)), {}, r"chips must be uint8 of shape \(n, S, S\) with S >= 68, got float64"),
        (np.zeros((2, 80, 80), np.uint8), {"frame": 78}, r"S >= 82, got uint8 \(2, 80, 80\)"),
        (np.zeros((2, 80, 80), np.uint8), {"cells": 7}, "cells must divide the frame's 64 pixels, got 7"),
    ],
)
def test_wrong_chips_and_cells_are_refused(chips, options, message):
    with pytest.raises(InputError, match=message):
        lbp(chips, **options)
