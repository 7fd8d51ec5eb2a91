"""Head pose: a rotated head in three dimensions gives back its angles."""

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import mirror_landmarks
from landmark_fer.core.landmarks import TEMPLATE
from landmark_fer.datasets.geometry_table import read_table
from landmark_fer.perception import pose
from landmark_fer.perception.pose import head_pose


def rendered(yaw=0.0, pitch=0.0, roll=0.0, *, size=200.0, place=(320.0, 240.0), widths=8.0, narrow=1.0):
    """Landmarks of the average face on the generic head, turned by degrees and seen from some widths away.

    Axes: x to the image's right, y down, z away from the camera. The subject's left is the image's right. A narrow head
    has its x multiplied.
    """
    depth = np.zeros(68)
    depth[pose._POINTS] = pose._MODEL[:, 2]
    others = [i for i in range(68) if i not in pose._POINTS]
    nearest = pose._POINTS[
        np.argmin(np.linalg.norm(TEMPLATE[others][:, None] - TEMPLATE[pose._POINTS], axis=2), axis=1)
    ]
    depth[others] = depth[nearest]
    flat = np.zeros((68, 2))
    flat[pose._POINTS] = pose._MODEL[:, :2]
    flat[others] = flat[nearest] + (TEMPLATE[others] - TEMPLATE[nearest]) * 5
    head = np.column_stack([flat * (narrow, 1), depth])
    y, p, r = np.radians([yaw, pitch, roll])
    # Turning to the image's right moves the nose (nearer, smaller z) to larger x.
    turn = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    # Looking up moves the nose to smaller y.
    nod = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    tilt = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    seen = head @ (tilt @ nod @ turn).T
    distance = widths * np.ptp(pose._MODEL[:, 0])
    return size / np.ptp(pose._MODEL[:, 0]) * seen[:, :2] * (distance / (seen[:, 2:] + distance)) + place


FRONT = head_pose(rendered())


@pytest.mark.parametrize("yaw", [-40, -20, -5, 5, 20, 40])
def test_yaw_is_positive_towards_the_subjects_left(yaw):
    found = head_pose(rendered(yaw=yaw))
    assert found.yaw - FRONT.yaw == pytest.approx(yaw, abs=4)
    assert abs(found.pitch - FRONT.pitch) < 4 and abs(found.roll) < 4


@pytest.mark.parametrize("pitch", [-25, -10, 10, 25])
def test_pitch_is_positive_upwards(pitch):
    found = head_pose(rendered(pitch=pitch))
    assert found.pitch - FRONT.pitch == pytest.approx(pitch, abs=4)
    assert abs(found.yaw) < 3 and abs(found.roll) < 3


@pytest.mark.parametrize("roll", [-120, -30, 30, 90, 170])
def test_roll_is_positive_clockwise_in_the_image(roll):
    found = head_pose(rendered(roll=roll))
    assert found.roll == pytest.approx(roll, abs=2)
    assert abs(found.yaw) < 2


@pytest.mark.parametrize("yaw", [-70, -40, -15, 0, 25, 60])
@pytest.mark.parametrize("pitch", [-30, -10, 0, 20])
@pytest.mark.parametrize("roll", [-100, 0, 35])
def test_far_away_all_angles_are_found_together(yaw, pitch, roll):
    found, front = head_pose(rendered(yaw, pitch, roll, widths=1e7)), head_pose(rendered(widths=1e7))
    np.testing.assert_allclose(found, (yaw, pitch + front.pitch, roll), atol=1e-4)


@pytest.mark.parametrize("narrow", [0.7, 0.85, 1.15])
@pytest.mark.parametrize("roll", [0, 30])
def test_a_narrow_or_wide_face_does_not_look_turned(narrow, roll):
    found = head_pose(rendered(roll=roll, narrow=narrow))
    np.testing.assert_allclose(found, (0, FRONT.pitch, roll), atol=1)


@pytest.mark.parametrize("row", [304, 2480, 3008, 15840, 19776])
def test_frontal_faces_with_open_mouths_do_not_look_turned(row):
    """The best fit of a rigid head turns these faces of FER2013 by 32 to 36 degrees."""
    assert abs(head_pose(read_table().records["landmarks"][row]).yaw) < 10


def test_landmarks_at_one_point_have_a_finite_pose():
    assert np.isfinite(head_pose(np.full((68, 2), 7.0))).all()


def test_the_average_face_looks_into_the_camera():
    assert np.abs(head_pose(100 * TEMPLATE + 300)).max() < 1e-6


def test_pose_is_invariant_to_size_and_position():
    near, far = head_pose(rendered(yaw=20, size=400)), head_pose(rendered(yaw=20, size=40, place=(5, 900)))
    np.testing.assert_allclose(near, far, atol=1e-3)


def test_the_mirrored_face_has_the_opposite_yaw_and_roll():
    face = rendered(yaw=15, pitch=5, roll=10)
    one, other = head_pose(face), head_pose(mirror_landmarks(face))
    np.testing.assert_allclose((one.yaw, one.pitch, one.roll), (-other.yaw, other.pitch, -other.roll), atol=0.5)


def test_bad_landmarks_are_refused():
    with pytest.raises(InputError, match=r"landmarks must have shape"):
        head_pose(np.zeros((5, 2)))
