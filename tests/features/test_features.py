"""Features: invariance to position, size and mirroring, then ideal faces with known values."""

import numpy as np
import pytest
from sklearn.base import clone

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


def test_measurements_are_unchanged_by_translation_rotation_and_scale(landmarks):
    np.testing.assert_allclose(measure(moved(landmarks)), measure(landmarks), atol=1e-9)


def test_mirroring_swaps_the_sides_of_measurements(landmarks):
    np.testing.assert_allclose(
        measure(mirror_landmarks(landmarks)), mirrored_measurements(measure(landmarks)), atol=1e-9
    )


def test_signed_measurements_of_a_symmetric_face_are_zero():
    signed = [measurement.signed for measurement in MEASUREMENTS]
    np.testing.assert_allclose(measure(TEMPLATE)[signed], 0, atol=1e-9)


def test_one_face_at_a_time_equals_all_at_once(landmarks):
    np.testing.assert_allclose(np.stack([measure(face) for face in landmarks]), measure(landmarks))


def test_measure_equals_each_formula_on_its_own(landmarks):
    one_by_one = [measurement.formula(upright(landmarks)) for measurement in MEASUREMENTS]
    np.testing.assert_allclose(measure(landmarks), np.stack(one_by_one, axis=-1), atol=1e-12)
    assert not measure(np.full((68, 2), 3.0))[[name == "mouth_aspect" for name in MEASUREMENT_NAMES]].any()


def test_every_measurement_has_a_unique_name_a_meaning_and_a_unit():
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
def test_moving_a_point_changes_its_measurement(points, shift, grows):
    face = TEMPLATE.copy()
    face[points] += shift
    assert value(grows, face) > value(grows, TEMPLATE) + 0.02


def test_mouth_opening_is_measured_in_inter_ocular_distances():
    face = TEMPLATE.copy()
    face[[65, 66, 67], 1] = face[[61, 62, 63], 1][::-1] + 1 / 3
    assert value("mouth_opening", face) == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize("transformer", [Measurements(), AlignedLandmarks(), HogOfChip(), HogOfChip(80, 64, 8)])
def test_mirrored_features_equal_the_features_of_the_mirrored_face(transformer):
    records, _ = made_up_faces(4)
    expected = transformer.transform(mirror_records(records))
    np.testing.assert_allclose(transformer.mirror(transformer.transform(records)), expected, atol=2e-4)


@pytest.mark.parametrize("transformer", [Measurements(), AlignedLandmarks(), HogOfChip()])
def test_features_of_no_faces_are_an_empty_array(transformer):
    records, _ = made_up_faces(1)
    assert transformer.transform(records[:0]).shape == (0, transformer.transform(records).shape[1])


def test_hog_distinguishes_the_direction_and_the_sign_of_an_edge():
    dark_to_light = np.tile(np.linspace(0, 255, 80).astype(np.uint8), (80, 1))
    chips = np.stack([dark_to_light, dark_to_light[:, ::-1], dark_to_light.T])
    strongest = hog(chips).reshape(3, -1, 18).sum(axis=1).argmax(axis=1)
    assert len(set(strongest.tolist())) == 3


def test_hog_is_unchanged_by_brightness_and_contrast(generator):
    chip = generator.integers(60, 120, (1, 80, 80), dtype=np.uint8)
    np.testing.assert_allclose(hog(chip), hog(chip + np.uint8(100)), atol=1e-6)
    np.testing.assert_allclose(hog(chip), hog(chip * np.uint8(2)), atol=2e-2)


def test_wrong_chips_and_sides_are_refused():
    with pytest.raises(InputError, match="chips must be uint8"):
        hog(np.zeros((2, 80, 80)))
    with pytest.raises(InputError, match="multiple"):
        hog(np.zeros((2, 80, 80), np.uint8), side=60)


class TestMirrorPCA:
    def test_mirroring_negates_the_antisymmetric_components(self):
        records, _ = made_up_faces(20)
        pca = MirrorPCA(HogOfChip(), 10, 6).fit(records)
        expected = pca.transform(records) * pca.mirror_signs
        np.testing.assert_allclose(pca.transform(mirror_records(records)), expected, atol=2e-3)

    def test_components_have_the_requested_variance_in_descending_order(self):
        records, _ = made_up_faces(40)
        components = MirrorPCA(AlignedLandmarks(), 20, 10, weight=4.0).fit_transform(records)
        both_ways = np.vstack([components, components * MirrorPCA(None, 20, 10).mirror_signs])
        assert both_ways.var(axis=0).sum() == pytest.approx(16, rel=0.01)
        assert (np.diff(both_ways[:, :20].var(axis=0)) <= 1e-3).all()

    def test_fewer_faces_than_components_keep_the_layout(self):
        records, _ = made_up_faces(1)
        components = MirrorPCA(Measurements(), 28, 18, standardize=True).fit_transform(records)
        assert components.shape == (3, 46) and np.isfinite(components).all()

    def test_saved_and_loaded_equals_before(self):
        import pickle

        records, _ = made_up_faces(10)
        pca = MirrorPCA(HogOfChip(), 8, 4).fit(records)
        loaded = pickle.loads(pickle.dumps(pca))
        np.testing.assert_array_equal(loaded.transform(records), pca.transform(records))


@pytest.mark.parametrize("transformer", [Measurements(), AlignedLandmarks()])
def test_features_of_landmarks_can_be_a_table_with_their_names(transformer):
    faces = made_up_faces(2)[0]
    table = clone(transformer).set_output(transform="pandas").fit(faces).transform(faces)
    assert list(table) == list(transformer.get_feature_names_out())
    np.testing.assert_array_equal(table, transformer.transform(faces))
