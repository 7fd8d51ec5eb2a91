"""Tests of augmentation: transforms and the images that they make."""

import numpy as np
import pytest

from landmark_fer.models.networks.images import NetworkInput, scaled_images
from landmark_fer.models.networks.recipes import NO_AUGMENTATION, Augmentation

PLAIN = NetworkInput(16, scaling="0..255")
BLUR = Augmentation(0, 0, 0, 0, False, blur=0.1)


@pytest.fixture
def augmented(keras):
    """A function that returns augmented images of shape (n, side, side)."""
    from landmark_fer.models.networks.torch_training import augment

    def function(images, augmentation, *, network_input=PLAIN, seed=0):
        random = np.random.default_rng(seed)
        return augment(images, network_input, augmentation, random).numpy()[:, 0]

    return function


@pytest.fixture
def images(generator):
    return generator.integers(0, 256, (10, 16, 16), dtype=np.uint8)


@pytest.mark.parametrize("scaling", ["standardised", "0..1", "-1..1", "0..255"])
def test_without_augmentation_images_equal_those_of_live_use(augmented, images, scaling):
    network_input = NetworkInput(16, scaling=scaling)
    expected = scaled_images(images, network_input)[..., 0]
    np.testing.assert_allclose(
        augmented(images, NO_AUGMENTATION, network_input=network_input), expected, rtol=1e-4, atol=2e-4
    )


def test_only_mirroring_returns_an_image_or_its_mirror_image(augmented, images):
    turned = []
    for image, original in zip(augmented(images, Augmentation(0, 0, 0, 0, True)), images, strict=True):
        as_is, mirrored = (np.allclose(image, each, atol=0.01) for each in (original, original[:, ::-1]))
        assert as_is or mirrored
        turned.append(mirrored)
    assert 0 < sum(turned) < len(turned)


def test_shifts_are_shares_of_the_side(augmented):
    ramp = np.tile(np.arange(0, 160, 10, dtype=np.uint8), (200, 16, 1))
    steps = augmented(ramp, Augmentation(0, 0, 0, 0.2, False)).mean(axis=1)
    plain = augmented(ramp[:1], NO_AUGMENTATION).mean(axis=1)
    shifts = (steps - plain)[:, 4:-4]
    assert np.ptp(shifts, axis=1).max() < 0.01, "all pixels have the same shift"
    assert -32.01 <= shifts.min() < -29 < 29 < shifts.max() <= 32.01, "0.2 of 16 pixels of 10 grey levels"


def test_edge_pixels_are_repeated(augmented):
    images = np.full((8, 16, 16), 77, dtype=np.uint8)
    np.testing.assert_allclose(augmented(images, Augmentation(40, 20, 0.3, 0.4)), 77, atol=0.01)


def test_erased_rectangles_have_the_mean_and_a_limited_size(augmented, generator):
    images = generator.integers(0, 256, (300, 16, 16), dtype=np.uint8)
    plain = augmented(images, NO_AUGMENTATION)
    erased = augmented(images, Augmentation(0, 0, 0, 0, False, erasings=1, erased=0.25))
    changed = ~np.isclose(plain, erased, atol=0.01)
    assert changed.any(axis=2).sum(axis=1).max() <= 5 and changed.any(axis=1).sum(axis=1).max() <= 5
    assert 2 < changed.sum(axis=(1, 2)).mean() < 6  # of 16 pixels at most, 4 in the mean
    means = np.broadcast_to(plain.mean(axis=(1, 2), keepdims=True), plain.shape)
    np.testing.assert_allclose(erased[changed], means[changed], rtol=1e-4)


DEGRADATIONS = {"gamma": 0.7, "blur": 0.1, "compression": 85, "noise": 20.0}


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_three_in_ten_images_are_degraded(name, augmented, generator):
    smooth = generator.integers(40, 200, (400, 4, 4)).repeat(4, axis=1).repeat(4, axis=2).astype(np.uint8)
    degraded = augmented(smooth, Augmentation(0, 0, 0, 0, False, **{name: DEGRADATIONS[name]}))
    changed = ~np.isclose(degraded, smooth, atol=0.5).all(axis=(1, 2))
    assert 80 < changed.sum() < 160
    assert degraded.min() >= 0 and degraded.max() <= 255


def test_gamma_keeps_the_order_of_grey_values(augmented):
    ramp = np.tile(np.arange(0, 256, 17, dtype=np.uint8), (200, 16, 1))
    changed = augmented(ramp, Augmentation(0, 0, 0, 0, False, gamma=1.0))
    assert (np.diff(changed, axis=2) > 0).all()
    middle = changed[:, 0, 8] / 255
    assert 0.5333**2.72 <= middle.min() < 0.25 and 0.75 < middle.max() <= 0.5334 ** (1 / 2.72) + 1e-3


def test_blur_keeps_the_mean_and_reduces_contrast(augmented, images):
    plain = np.pad(images, ((0, 0), (8, 8), (8, 8)), mode="symmetric").repeat(20, axis=0)
    changed = augmented(plain, BLUR, network_input=NetworkInput(32, scaling="0..255"))
    np.testing.assert_allclose(changed.mean(axis=(1, 2)), plain.mean(axis=(1, 2)), atol=6)
    deviations = changed.std(axis=(1, 2)) / plain.std(axis=(1, 2))
    assert deviations.max() < 1.001 and deviations.min() < 0.4


def test_transforms_stay_within_their_limits(generator):
    matrices = Augmentation(10, 0, 0.2, 0.1, False).matrices(500, 48, generator)
    linear = matrices[..., :2]
    scale = 1 / np.sqrt(np.linalg.det(linear))
    turn = np.degrees(np.arctan2(linear[:, 1, 0], linear[:, 0, 0]))
    centre = matrices[..., 2] + (linear @ np.full(2, 23.5)) - 23.5
    assert 0.8 <= scale.min() < 0.83 < 1.17 < scale.max() <= 1.2001
    assert -10.001 <= turn.min() < -9 < 9 < turn.max() <= 10.001
    assert -4.801 <= centre.min() < -4.5 < 4.5 < centre.max() <= 4.801


def test_augmentation_depends_on_the_seed(augmented, images):
    first, second, other = (augmented(images, Augmentation(erasings=2), seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
