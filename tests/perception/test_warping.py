"""Moving landmarks: the image moves near them and stays elsewhere."""

import numpy as np
import pytest

from landmark_fer.perception.alignment import chip_template, move_landmarks

LANDMARKS = chip_template(80)
INTEROCULAR = 26.0
CHIN = 8


def dot_at(xy):
    """A black image with a soft white dot."""
    rows, columns = np.mgrid[:80, :80]
    return (255 * np.exp(-((columns - xy[0]) ** 2 + (rows - xy[1]) ** 2) / 4)).astype(np.uint8)


def middle(image):
    rows, columns = np.indices(image.shape)
    return np.array([(columns * image).sum(), (rows * image).sum()]) / image.sum()


def moved(point, by):
    places = LANDMARKS.copy()
    places[point] += by
    return places


def test_unmoved_landmarks_leave_the_image_unchanged(generator):
    image = generator.integers(0, 256, (80, 80)).astype(np.uint8)
    np.testing.assert_array_equal(move_landmarks(image, LANDMARKS, LANDMARKS, interocular=INTEROCULAR), image)


@pytest.mark.parametrize("by", [(3.0, 0.0), (0.0, -3.0), (-2.0, 2.0)])
def test_pixels_at_a_landmark_move_with_it(by):
    image = dot_at(LANDMARKS[CHIN])
    after = move_landmarks(image, LANDMARKS, moved(CHIN, by), interocular=INTEROCULAR)
    row, column = np.unravel_index(after.argmax(), after.shape)
    np.testing.assert_allclose((column, row), LANDMARKS[CHIN] + by, atol=1.2)


def test_pixels_at_other_landmarks_and_far_away_stay():
    for place in (LANDMARKS[30], LANDMARKS[36], (4.0, 4.0)):
        image = dot_at(place)
        after = move_landmarks(image, LANDMARKS, moved(CHIN, (0, -4.0)), interocular=INTEROCULAR)
        np.testing.assert_allclose(middle(after), middle(image), atol=0.3)


def test_a_transform_moves_the_whole_image(generator):
    """If all landmarks move by one transform, so does the whole image."""
    image = generator.integers(0, 256, (80, 80)).astype(np.uint8)
    transform = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, -3.0]])
    after = move_landmarks(image, LANDMARKS, LANDMARKS - (2, -3), interocular=INTEROCULAR, transform=transform)
    np.testing.assert_array_equal(after[3:, :-2], image[:-3, 2:])


def test_the_input_image_is_not_modified(generator):
    image = generator.integers(0, 256, (80, 80)).astype(np.uint8)
    image.setflags(write=False)
    assert move_landmarks(image, LANDMARKS, moved(CHIN, (4, 4)), interocular=INTEROCULAR) is not image
