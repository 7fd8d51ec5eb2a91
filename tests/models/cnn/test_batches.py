"""Augmented batches: laws of the transforms, and every face once in each passage."""

import itertools

import numpy as np
import pytest

from landmark_fer.models.cnn.batches import NO_AUGMENTATION, Augmentation, training_batches
from landmark_fer.models.cnn.pictures import NetworkInput, scaled_pictures

PLAIN = NetworkInput(16, scaling="0..255")


@pytest.fixture(scope="module")
def tensorflow(keras):
    import tensorflow

    return tensorflow


def batches_of(tensorflow, pictures, augmentation, *, batch_size=4, seed=0):
    rows = np.arange(len(pictures), dtype=np.float32)[:, None]
    options = {"augmentation": augmentation, "batch_size": batch_size, "random": np.random.default_rng(seed)}
    batches, number = training_batches(tensorflow, pictures, lambda chosen: {"row": rows[chosen]}, PLAIN, **options)
    return itertools.islice(batches.as_numpy_iterator(), 2 * number), number


def test_each_face_comes_once_in_a_passage_in_a_new_order(tensorflow, generator):
    pictures = generator.integers(0, 256, (10, 16, 16), dtype=np.uint8)
    batches, number = batches_of(tensorflow, pictures, NO_AUGMENTATION)
    rows = [answers["row"][:, 0].astype(int).tolist() for _, answers in batches]
    assert number == 3
    passages = [list(itertools.chain(*half)) for half in (rows[:3], rows[3:])]
    assert [sorted(passage) for passage in passages] == [list(range(10))] * 2
    assert passages[0] != passages[1]


def test_without_augmentation_pictures_come_as_they_are(tensorflow, generator):
    pictures = generator.integers(0, 256, (10, 16, 16), dtype=np.uint8)
    for batch, answers in batches_of(tensorflow, pictures, NO_AUGMENTATION)[0]:
        assert np.array_equal(batch, scaled_pictures(pictures[answers["row"][:, 0].astype(int)], PLAIN))


def test_the_mirror_alone_gives_each_picture_or_its_mirror_image(tensorflow, generator):
    pictures = generator.integers(0, 256, (10, 16, 16), dtype=np.uint8)
    turned = []
    for batch, answers in batches_of(tensorflow, pictures, Augmentation(0, 0, 0, 0, True))[0]:
        for picture, row in zip(batch[..., 0], answers["row"][:, 0].astype(int), strict=True):
            as_is, mirrored = np.array_equal(picture, pictures[row]), np.array_equal(picture, pictures[row][:, ::-1])
            assert as_is or mirrored
            turned.append(mirrored)
    assert 0 < sum(turned) < len(turned)


def test_edges_are_repeated(tensorflow):
    pictures = np.full((8, 16, 16), 77, dtype=np.uint8)
    for batch, _ in batches_of(tensorflow, pictures, Augmentation(40, 20, 0.3, 0.4))[0]:
        assert np.all(batch == 77)


def test_transforms_keep_to_their_limits(generator):
    matrices = Augmentation(10, 0, 0.2, 0.1, False).matrices(500, 48, generator).reshape(500, 8)
    linear = matrices[:, [0, 1, 3, 4]].reshape(500, 2, 2)
    scale = 1 / np.sqrt(np.linalg.det(linear))
    turn = np.degrees(np.arctan2(linear[:, 1, 0], linear[:, 0, 0]))
    centre = matrices[:, [2, 5]] + (linear @ np.full(2, 23.5)) - 23.5
    assert 0.8 <= scale.min() < 0.83 < 1.17 < scale.max() <= 1.2001
    assert -10.001 <= turn.min() < -9 < 9 < turn.max() <= 10.001
    assert -4.801 <= centre.min() < -4.5 < 4.5 < centre.max() <= 4.801


def test_the_same_seed_gives_the_same_batches(tensorflow, generator):
    pictures = generator.integers(0, 256, (10, 16, 16), dtype=np.uint8)
    first, second, other = (
        np.concatenate([batch for batch, _ in batches_of(tensorflow, pictures, Augmentation(), seed=seed)[0]])
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_each_face_brings_its_weight(tensorflow, generator):
    pictures, rows = generator.integers(0, 256, (10, 16, 16), dtype=np.uint8), np.arange(10, dtype=np.float32)
    options = {"augmentation": NO_AUGMENTATION, "batch_size": 4, "random": generator, "weights": rows * 10}
    targets = {"row": rows[:, None], "other": rows[:, None] + 1}
    batches, number = training_batches(
        tensorflow, pictures, lambda chosen: {name: each[chosen] for name, each in targets.items()}, PLAIN, **options
    )
    for _, answers, weights in itertools.islice(batches.as_numpy_iterator(), number):
        assert set(weights) == {"row", "other"}
        assert np.array_equal(weights["row"], 10 * answers["row"][:, 0]) and np.array_equal(*weights.values())
