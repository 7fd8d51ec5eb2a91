"""Tests of the permutation importance of face regions."""

import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import transform_points
from landmark_fer.core.landmarks import points
from landmark_fer.evaluation.importance import (
    IMAGE_REGIONS,
    POINT_REGIONS,
    ImageSwap,
    PointSwap,
    grouped_importance,
    region_shares,
    region_swaps,
)
from landmark_fer.evaluation.tables import format_importance
from landmark_fer.features.measurements import MEASUREMENT_NAMES, measure
from landmark_fer.perception.alignment import chip_template
from tests.conftest import made_up_faces

CLASSES = ("happy", "sad", "surprise")


class ReadsOneMeasurement:
    """Predicts surprise if the mouth is open, else sad; reads nothing else."""

    classes_ = np.array(CLASSES)

    def predict_proba(self, records):
        opening = measure(records["landmarks"].astype(float))[:, MEASUREMENT_NAMES.index("mouth_opening")]
        return np.where((opening > 0.2)[:, None], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0])


class ReadsTheImageOfTheMouth:
    """Compares the brightness above and below the middle of the mouth."""

    classes_ = np.array(CLASSES[:2])

    def predict_proba(self, records):
        x, y = chip_template(records["chip"].shape[-1])[62].round().astype(int)
        patch = records["chip"][:, y - 3 : y + 4, x - 6 : x + 7].astype(float)
        happy = patch[:, :3].mean(axis=(1, 2)) < patch[:, 4:].mean(axis=(1, 2))
        return np.where(happy[:, None], [1.0, 0.0], [0.0, 1.0])


@pytest.fixture(scope="module")
def faces():
    return made_up_faces(30)


class TestPointSwap:
    def test_a_face_does_not_change_with_itself_as_donor(self, faces):
        records, _ = faces
        for region in POINT_REGIONS:
            np.testing.assert_allclose(
                PointSwap(region)(records, records)["landmarks"], records["landmarks"], atol=1e-3
            )

    def test_only_landmarks_of_the_region_change(self, faces):
        records, _ = faces
        before, donors = records.copy(), records[::-1]
        for region, groups in POINT_REGIONS.items():
            changed = PointSwap(region)(records, donors)
            others = np.setdiff1d(np.arange(68), points(*groups))
            np.testing.assert_array_equal(changed["landmarks"][:, others], records["landmarks"][:, others])
            np.testing.assert_array_equal(changed["chip"], records["chip"])
            moved = np.abs(changed["landmarks"] - records["landmarks"])[:, points(*groups)]
            assert np.median(moved.max(axis=(1, 2))) > 0.1
        np.testing.assert_array_equal(records, before)

    def test_position_size_and_rotation_of_the_donor_do_not_matter(self, faces):
        records, donors = faces[0], faces[0][::-1].copy()
        turned = donors.copy()
        turn = np.array([[1.6, 0.9, 300.0], [-0.9, 1.6, -20.0]])
        turned["landmarks"] = transform_points(turn, donors["landmarks"])
        swap = PointSwap("mouth")
        np.testing.assert_allclose(swap(records, turned)["landmarks"], swap(records, donors)["landmarks"], atol=1e-2)

    def test_regions_partition_the_68_landmarks(self):
        together = np.concatenate([points(*groups) for groups in POINT_REGIONS.values()])
        assert sorted(together.tolist()) == list(range(68))


class TestImageSwap:
    def test_shares_of_the_regions_sum_to_one_and_are_symmetric(self):
        shares = region_shares(80)
        assert tuple(shares) == IMAGE_REGIONS
        np.testing.assert_allclose(sum(shares.values()), 1, atol=1e-6)
        for share in shares.values():
            np.testing.assert_allclose(share, share[:, ::-1], atol=1e-5)

    def test_landmarks_lie_in_their_region(self):
        shares, places = region_shares(80), chip_template(80).round().astype(int).clip(0, 79)
        for region, groups in POINT_REGIONS.items():
            x, y = places[points(*groups)].T
            assert shares[region][y, x].mean() > 0.6

    def test_a_chip_does_not_change_with_itself_as_donor(self, astronaut_face, faces):
        records = faces[0][:2].copy()
        records["chip"] = astronaut_face.chip
        for region in IMAGE_REGIONS:
            difference = ImageSwap(region)(records, records)["chip"].astype(int) - records["chip"]
            assert np.abs(difference).max() <= 1

    def test_other_regions_and_the_mean_brightness_do_not_change(self, astronaut_face, faces):
        records = faces[0][:6].copy()
        records["chip"] = astronaut_face.chip
        donors = faces[0][-6:]
        share = region_shares(80)["mouth"]
        changed = ImageSwap("mouth")(records, donors)
        np.testing.assert_array_equal(changed["chip"][:, share < 1e-6], records["chip"][:, share < 1e-6])
        np.testing.assert_array_equal(changed["landmarks"], records["landmarks"])
        means = [(chips["chip"] * share).sum(axis=(1, 2)) / share.sum() for chips in (changed, records)]
        np.testing.assert_allclose(*means, atol=4)
        assert (np.abs(changed["chip"].astype(int) - records["chip"]) > 8).mean() > 0.02

    def test_swaps_change_only_fields_that_the_model_reads(self):
        assert {swap.kind for swap in region_swaps(["landmarks"]).values()} == {"landmarks"}
        assert {swap.kind for swap in region_swaps(["chip"]).values()} == {"image"}
        assert region_swaps(["crop"]) == {}
        assert len(region_swaps(["landmarks", "chip"])) == len(POINT_REGIONS) + len(IMAGE_REGIONS)


class TestImportance:
    def test_a_model_of_landmarks_loses_accuracy_only_for_the_region_it_reads(self, faces):
        records, expressions = faces
        rows = {row["name"]: row for row in grouped_importance(ReadsOneMeasurement(), records, expressions, CLASSES)}
        assert rows["mouth (landmarks)"]["drop"] > 0.15
        assert all(row["drop"] == 0 for row in rows.values() if row["kind"] == "image")
        assert abs(rows["brows (landmarks)"]["drop"]) < 0.02

    def test_a_model_of_pixels_loses_accuracy_for_the_region_it_reads(self, faces):
        records, expressions = (each[:60].copy() for each in faces)
        x, y = chip_template(records["chip"].shape[-1])[62].round().astype(int)
        bright = np.where(expressions == "happy", slice(y + 1, y + 4), slice(y - 3, y))  # below the lips' middle, above
        for chip, rows in zip(records["chip"], bright, strict=True):
            chip[rows, x - 6 : x + 7] = 250
        rows = grouped_importance(ReadsTheImageOfTheMouth(), records, expressions, CLASSES[:2])
        drops = {row["name"]: row["drop"] for row in rows}
        assert rows[0]["name"] == "mouth (image)" and drops["mouth (image)"] > 0.1
        assert all(drop == 0 for name, drop in drops.items() if "landmarks" in name or "forehead" in name)

    def test_the_result_depends_on_the_seed_and_the_interval_contains_the_drop(self, faces):
        first, second, other = (
            grouped_importance(ReadsOneMeasurement(), *faces, CLASSES, n_repeats=2, random_state=seed)
            for seed in (3, 3, 4)
        )
        assert first == second != other
        assert [row["drop"] for row in first] == sorted((row["drop"] for row in first), reverse=True)
        assert all(row["interval"][0] <= row["drop"] <= row["interval"][1] for row in first)

    def test_groups_may_be_any_functions(self, faces):
        def nothing(records, donors):
            return records

        (row,) = grouped_importance(ReadsOneMeasurement(), *faces, CLASSES, groups={"nothing": nothing})
        assert row == {"name": "nothing", "kind": "", "drop": 0.0, "interval": (0.0, 0.0)}
        assert format_importance([row]).splitlines()[1].split() == ["nothing", "0.0", "0.0", "to", "0.0"]

    def test_one_face_and_unknown_classes_are_refused(self, faces):
        records, expressions = faces
        with pytest.raises(InputError, match="2 faces and 1 repeat or more, got 1 and 5"):
            grouped_importance(ReadsOneMeasurement(), records[:1], expressions[:1], CLASSES)
        with pytest.raises(InputError, match="must be among happy, sad"):
            grouped_importance(ReadsOneMeasurement(), records, expressions, ("happy", "sad"))
