"""Moved images: laws of the transforms, in numbers and in the images that they make."""

import numpy as np
import pytest

from landmark_fer.models.networks.images import NetworkInput, scaled_images
from landmark_fer.models.networks.recipes import NO_AUGMENTATION, Augmentation

PLAIN = NetworkInput(16, scaling="0..255")


@pytest.fixture
def moved(keras):
    """The function that moves images, as arrays of shape (n, side, side)."""
    from landmark_fer.models.networks.torch_training import augmented

    def function(images, augmentation, *, wanted=PLAIN, seed=0, side=None):
        random = np.random.default_rng(seed)
        return augmented(images, wanted, augmentation, random, side=side).numpy()[:, 0]

    return function


@pytest.fixture
def images(generator):
    return generator.integers(0, 256, (10, 16, 16), dtype=np.uint8)


@pytest.mark.parametrize("scaling", ["standardised", "0..1", "-1..1", "0..255"])
def test_without_augmentation_images_come_as_they_are_read_live(moved, images, scaling):
    wanted = NetworkInput(16, scaling=scaling)
    expected = scaled_images(images, wanted)[..., 0]
    np.testing.assert_allclose(moved(images, NO_AUGMENTATION, wanted=wanted), expected, rtol=1e-4, atol=2e-4)


def test_the_mirror_alone_gives_each_image_or_its_mirror_image(moved, images):
    turned = []
    for image, original in zip(moved(images, Augmentation(0, 0, 0, 0, True)), images, strict=True):
        as_is, mirrored = (np.allclose(image, each, atol=0.01) for each in (original, original[:, ::-1]))
        assert as_is or mirrored
        turned.append(mirrored)
    assert 0 < sum(turned) < len(turned)


def test_a_shift_moves_a_image_by_shares_of_its_side_in_any_size(moved):
    ramp = np.tile(np.arange(0, 160, 10, dtype=np.uint8), (200, 16, 1))
    for side, edges in ((16, slice(4, -4)), (8, slice(2, -2))):
        steps = moved(ramp, Augmentation(0, 0, 0, 0.2, False), side=side).mean(axis=1)
        plain = moved(ramp[:1], NO_AUGMENTATION, side=side).mean(axis=1)
        shifts = (steps - plain)[:, edges]
        assert np.ptp(shifts, axis=1).max() < 0.01, "the whole image moves alike"
        assert -32.01 <= shifts.min() < -29 < 29 < shifts.max() <= 32.01, "0.2 of 16 pixels of 10 grey levels"


def test_edges_are_repeated(moved):
    images = np.full((8, 16, 16), 77, dtype=np.uint8)
    np.testing.assert_allclose(moved(images, Augmentation(40, 20, 0.3, 0.4)), 77, atol=0.01)


def test_erasings_leave_the_mean_in_rectangles_of_the_size_allowed(moved, generator):
    images = generator.integers(0, 256, (300, 16, 16), dtype=np.uint8)
    plain = moved(images, NO_AUGMENTATION)
    erased = moved(images, Augmentation(0, 0, 0, 0, False, erasings=1, erased=0.25))
    changed = ~np.isclose(plain, erased, atol=0.01)
    assert changed.any(axis=2).sum(axis=1).max() <= 5 and changed.any(axis=1).sum(axis=1).max() <= 5
    assert 2 < changed.sum(axis=(1, 2)).mean() < 6  # of 16 pixels at most, 4 in the mean
    means = np.broadcast_to(plain.mean(axis=(1, 2), keepdims=True), plain.shape)
    np.testing.assert_allclose(erased[changed], means[changed], rtol=1e-4)


def test_transforms_keep_to_their_limits(generator):
    matrices = Augmentation(10, 0, 0.2, 0.1, False).matrices(500, 48, generator)
    linear = matrices[..., :2]
    scale = 1 / np.sqrt(np.linalg.det(linear))
    turn = np.degrees(np.arctan2(linear[:, 1, 0], linear[:, 0, 0]))
    centre = matrices[..., 2] + (linear @ np.full(2, 23.5)) - 23.5
    assert 0.8 <= scale.min() < 0.83 < 1.17 < scale.max() <= 1.2001
    assert -10.001 <= turn.min() < -9 < 9 < turn.max() <= 10.001
    assert -4.801 <= centre.min() < -4.5 < 4.5 < centre.max() <= 4.801


def test_the_same_seed_moves_alike(moved, images):
    first, second, other = (moved(images, Augmentation(erasings=2), seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
