"""Laws of the features: what a face's place, size and mirror do to them, then ideal faces with known answers."""

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import mirror_landmarks, upright
from landmark_fer.core.landmarks import TEMPLATE
from landmark_fer.core.records import mirror_records
from landmark_fer.features.hog import hog
from landmark_fer.features.measurements import MEASUREMENT_NAMES, MEASUREMENTS, measure, mirrored_measurements
from landmark_fer.features.projection import MirrorPCA
from landmark_fer.features.transformers import AlignedLandmarks, HogOfChip, Measurements
from tests.conftest import made_up_faces
from tests.core.test_geometry import moved


def value(name, face):
    return measure(face)[MEASUREMENT_NAMES.index(name)]


def test_measurements_do_not_change_when_a_face_is_moved_turned_or_scaled(landmarks):
    np.testing.assert_allclose(measure(moved(landmarks)), measure(landmarks), atol=1e-9)


def test_measurements_of_the_mirrored_face_swap_sides(landmarks):
    np.testing.assert_allclose(
        measure(mirror_landmarks(landmarks)), mirrored_measurements(measure(landmarks)), atol=1e-9
    )


def test_signed_measurements_of_a_symmetric_face_are_nought():
    signed = [measurement.signed for measurement in MEASUREMENTS]
    np.testing.assert_allclose(measure(TEMPLATE)[signed], 0, atol=1e-9)


def test_one_face_at_a_time_equals_all_at_once(landmarks):
    np.testing.assert_allclose(np.stack([measure(face) for face in landmarks]), measure(landmarks))


def test_all_measurements_at_once_are_each_its_own_formula(landmarks):
    one_by_one = [measurement.formula(upright(landmarks)) for measurement in MEASUREMENTS]
    np.testing.assert_allclose(measure(landmarks), np.stack(one_by_one, axis=-1), atol=1e-12)
    assert not measure(np.full((68, 2), 3.0))[[name == "mouth_aspect" for name in MEASUREMENT_NAMES]].any()


def test_names_are_distinct_and_every_row_says_what_it_means():
    assert len(set(MEASUREMENT_NAMES)) == len(MEASUREMENTS) >= 40
    assert all(row.meaning and row.unit in ("iod", "ratio", "slope") for row in MEASUREMENTS)


@pytest.mark.parametrize(
    ("points", "shift", "grows"),
    [
        ([65, 66, 67], (0, 0.3), "mouth_opening"),
        ([48], (0, -0.2), "right_lip_corner_height"),
        ([54], (0, -0.2), "left_lip_corner_height"),
        ([37, 38], (0, -0.1), "right_eye_aperture"),
        ([43, 44], (0, -0.1), "left_eye_aperture"),
        ([17, 18, 19, 20, 21], (0, -0.2), "right_brow_height"),
        ([21], (0, -0.2), "right_brow_slope"),
        ([8], (0, 0.3), "jaw_drop"),
        ([30], (0.2, 0), "nose_sideways"),
    ],
)
def test_a_moved_point_moves_the_measurement_named_after_it(points, shift, grows):
    face = TEMPLATE.copy()
    face[points] += shift
    assert value(grows, face) > value(grows, TEMPLATE) + 0.02


def test_mouth_opening_of_the_template_opened_by_a_third_is_a_third():
    face = TEMPLATE.copy()
    face[[65, 66, 67], 1] = face[[61, 62, 63], 1][::-1] + 1 / 3
    assert value("mouth_opening", face) == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize("describe", [Measurements(), AlignedLandmarks(), HogOfChip(), HogOfChip(80, 64, 8)])
def test_mirror_of_a_description_is_the_description_of_the_mirror(describe):
    records, _ = made_up_faces(4)
    expected = describe.transform(mirror_records(records))
    np.testing.assert_allclose(describe.mirror(describe.transform(records)), expected, atol=2e-4)


@pytest.mark.parametrize("describe", [Measurements(), AlignedLandmarks(), HogOfChip()])
def test_features_of_no_faces_are_an_empty_array(describe):
    records, _ = made_up_faces(1)
    assert describe.transform(records[:0]).shape == (0, describe.transform(records).shape[1])


def test_hog_sees_the_direction_of_an_edge_and_its_sign():
    dark_to_light = np.tile(np.linspace(0, 255, 80).astype(np.uint8), (80, 1))
    chips = np.stack([dark_to_light, dark_to_light[:, ::-1], dark_to_light.T])
    strongest = hog(chips).reshape(3, -1, 18).sum(axis=1).argmax(axis=1)
    assert len(set(strongest.tolist())) == 3


def test_hog_does_not_see_brightness_or_contrast(generator):
    chip = generator.integers(60, 120, (1, 80, 80), dtype=np.uint8)
    np.testing.assert_allclose(hog(chip), hog(chip + np.uint8(100)), atol=1e-6)
    np.testing.assert_allclose(hog(chip), hog(chip * np.uint8(2)), atol=2e-2)


def test_hog_of_a_wrong_chip_is_refused():
    with pytest.raises(InputError, match="chips must be uint8"):
        hog(np.zeros((2, 80, 80)))
    with pytest.raises(InputError, match="multiple"):
        hog(np.zeros((2, 80, 80), np.uint8), side=60)


class TestMirrorPCA:
    def test_mirrored_faces_turn_the_sign_of_the_antisymmetric_components(self):
        records, _ = made_up_faces(20)
        pca = MirrorPCA(HogOfChip(), 10, 6).fit(records)
        turned = pca.transform(records) * pca.mirror_signs
        np.testing.assert_allclose(pca.transform(mirror_records(records)), turned, atol=2e-3)

    def test_components_have_the_variance_asked_for_the_largest_first(self):
        records, _ = made_up_faces(40)
        components = MirrorPCA(AlignedLandmarks(), 20, 10, weight=4.0).fit_transform(records)
        both_ways = np.vstack([components, components * MirrorPCA(None, 20, 10).mirror_signs])
        assert both_ways.var(axis=0).sum() == pytest.approx(16, rel=0.01)
        assert (np.diff(both_ways[:, :20].var(axis=0)) <= 1e-3).all()

    def test_fewer_faces_than_components_leave_the_layout_alone(self):
        records, _ = made_up_faces(1)
        components = MirrorPCA(Measurements(), 28, 18, standardize=True).fit_transform(records)
        assert components.shape == (3, 46) and np.isfinite(components).all()

    def test_saved_and_loaded_equals_before(self):
        import pickle

        records, _ = made_up_faces(10)
        pca = MirrorPCA(HogOfChip(), 8, 4).fit(records)
        loaded = pickle.loads(pickle.dumps(pca))
        np.testing.assert_array_equal(loaded.transform(records), pca.transform(records))
