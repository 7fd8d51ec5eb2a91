from dataclasses import replace

import cv2
import numpy as np
import pytest

from landmark_fer.core.errors import InputError
from landmark_fer.datasets import near_duplicates
from landmark_fer.datasets.near_duplicates import (
    NEAR_DUPLICATE_THRESHOLD,
    find_near_duplicates,
    near_duplicate_correlations,
    near_duplicate_groups,
    near_duplicate_vectors,
)
from landmark_fer.perception.extraction import FaceExtractor


@pytest.fixture(scope="module")
def copies(tmp_path_factory, faces, labels, write_csv, load):
    """Six Training faces; as PublicTest three of them moved, cropped and darkened, and three others."""
    shifted = cv2.warpAffine(faces[0], np.array([[1, 0, 2], [0, 1, -1.0]]), (48, 48), borderMode=cv2.BORDER_REPLICATE)
    cropped = cv2.resize(faces[1][2:46, 2:46], (48, 48), interpolation=cv2.INTER_CUBIC)
    darker = (faces[2] * 0.6 + 10).astype(np.uint8)
    images = [*faces[:6], shifted, cropped, darker, *faces[10:13]]
    path = tmp_path_factory.mktemp("near_duplicates") / "near-duplicates.csv"
    path.write_text(write_csv(images, labels[:12], ["Training"] * 6 + ["PublicTest"] * 6))
    return load(path)


def test_vectors_have_no_mean_and_unit_length(dataset):
    vectors = near_duplicate_vectors(dataset.records)
    assert vectors.shape == (20, 676)
    assert vectors.dtype == np.float32
    assert np.allclose(vectors.sum(axis=1), 0, atol=1e-4)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_brightness_and_contrast_do_not_matter(dataset):
    records = dataset.records.copy()
    records["chip"] = (dataset.records["chip"] // 4) * 2 + 30
    exact = dataset.records.copy()
    exact["chip"] = dataset.records["chip"] // 4
    assert np.allclose(near_duplicate_vectors(records), near_duplicate_vectors(exact), atol=1e-5)


def test_a_blank_chip_is_no_near_duplicate_of_anything(dataset):
    records = dataset.records[:2].copy()
    records["chip"][0] = 77
    assert not near_duplicate_vectors(records)[0].any()
    assert near_duplicate_groups(records).tolist() == [0, 1]


def test_copies_are_found_and_others_are_not(copies, cache):
    result = find_near_duplicates(copies, cache=cache)
    assert np.isnan(result.correlations[:6]).all()
    assert (result.correlations[6:9] >= NEAR_DUPLICATE_THRESHOLD).all()
    assert (result.correlations[9:] < NEAR_DUPLICATE_THRESHOLD).all()
    assert result.nearest[6:9].tolist() == [0, 1, 2]
    assert result.leak_free.tolist() == [False] * 9 + [True] * 3
    assert result.groups[6:9].tolist() == result.groups[:3].tolist()
    assert len(set(result.groups.tolist())) == 9


def test_row_order_does_not_matter(copies, cache):
    order = np.random.default_rng(0).permutation(len(copies))
    result, shuffled = find_near_duplicates(copies, cache=cache), find_near_duplicates(copies.take(order), cache=cache)
    assert np.allclose(shuffled.correlations, result.correlations[order], atol=1e-6, equal_nan=True)
    together = result.groups[:, None] == result.groups
    assert np.array_equal(shuffled.groups[:, None] == shuffled.groups, together[np.ix_(order, order)])


def test_blocks_do_not_matter(dataset, monkeypatch):
    whole = (
        near_duplicate_correlations(dataset.records, dataset.records[:7]),
        near_duplicate_groups(dataset.records, threshold=0.6),
    )
    monkeypatch.setattr("landmark_fer.datasets.near_duplicates._BLOCK", 50)
    blocks = (
        near_duplicate_correlations(dataset.records, dataset.records[:7]),
        near_duplicate_groups(dataset.records, threshold=0.6),
    )
    assert np.allclose(whole[0][0], blocks[0][0], atol=1e-6)
    assert np.array_equal(whole[0][1], blocks[0][1])
    assert np.array_equal(whole[1], blocks[1])


def test_groups_are_chains(dataset):
    groups = near_duplicate_groups(dataset.records, threshold=-1)
    assert set(groups.tolist()) == {0}
    correlations = near_duplicate_vectors(dataset.records) @ near_duplicate_vectors(dataset.records).T
    groups = near_duplicate_groups(dataset.records, threshold=0.7)
    assert (groups[:, None] == groups)[correlations >= 0.7].all()


def test_training_faces_may_come_from_another_data_set(copies, cache):
    training, test = copies.of_split("Training"), copies.of_split("PublicTest")
    whole = find_near_duplicates(copies, cache=cache).correlations[6:]
    for against in (training, copies, replace(training, splits=np.full(6, ""))):
        result = find_near_duplicates(test, against=against, cache=cache)
        assert np.allclose(result.correlations, whole, atol=1e-6)
        assert result.nearest[:3].tolist() == [0, 1, 2]


def test_without_training_faces_correlations_are_unknown(copies, cache):
    result = find_near_duplicates(copies.of_split("PublicTest"), cache=cache)
    assert np.isnan(result.correlations).all()
    assert not result.leak_free.any()


def test_the_result_is_cached(tmp_path, copies, monkeypatch):
    first = find_near_duplicates(copies, cache=tmp_path)
    cached = next(tmp_path.glob("near-duplicates-*.npz"))
    monkeypatch.setattr("landmark_fer.datasets.near_duplicates.near_duplicate_vectors", None)
    again = find_near_duplicates(copies, cache=tmp_path)
    assert np.array_equal(again.correlations, first.correlations, equal_nan=True)
    assert np.array_equal(again.groups, first.groups)
    monkeypatch.undo()
    cached.write_bytes(b"damaged")
    assert np.array_equal(find_near_duplicates(copies, cache=tmp_path).groups, first.groups)


def test_records_that_cannot_be_compared_are_reported(dataset, cache):
    bare = replace(dataset, records=dataset.records[["landmarks"]])
    with pytest.raises(InputError, match=r"near-duplicate search needs chips, and fer2013.csv has none"):
        find_near_duplicates(bare, cache=cache)
    with pytest.raises(InputError, match="against must hold at least one face"):
        near_duplicate_correlations(dataset.records, dataset.records[:0])
    small = np.zeros(1, dtype=[("chip", np.uint8, (40, 40))])
    with pytest.raises(InputError, match="chips must have at least 52 pixels a side"):
        near_duplicate_vectors(small)


def test_a_watermark_does_not_hide_a_near_duplicate(faces):
    written = cv2.putText(faces[0].copy(), "stock", (4, 44), cv2.FONT_HERSHEY_SIMPLEX, 0.35, 255)
    marked = cv2.addWeighted(faces[0], 0.7, written, 0.3, 0)
    extractor = FaceExtractor()
    records = np.zeros(2, dtype=[("chip", np.uint8, (80, 80))])
    records["chip"] = [extractor.extract_crop(face).chip for face in (faces[0], marked)]
    assert near_duplicate_correlations(records[1:], records[:1])[0][0] >= NEAR_DUPLICATE_THRESHOLD


@pytest.mark.parametrize("threshold", [0.3, 0.9])
def test_pairs_above_equal_those_of_all_inner_products(generator, monkeypatch, threshold):
    monkeypatch.setattr(near_duplicates, "_TILE", (70, 110))
    monkeypatch.setattr(near_duplicates, "_PAIRS", 50)
    faces = generator.normal(size=(40, 100))
    vectors = faces[generator.integers(40, size=300)] + generator.uniform(0, 1.2, (300, 1)) * generator.normal(
        size=(300, 100)
    )
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    vectors[[5, 77]] = 0  # chips without contrast
    expected = np.argwhere(np.triu(vectors @ vectors.T >= threshold, 1))
    assert 100 < len(expected) < 20_000
    assert sorted(near_duplicates.pairs_above(vectors, threshold).T.tolist()) == expected.tolist()
    few = [pair for pair in expected.tolist() if max(pair) < 90]  # fewer vectors than components
    assert few and sorted(near_duplicates.pairs_above(vectors[:90], threshold).T.tolist()) == few
    assert near_duplicates.pairs_above(vectors[:0], threshold).shape == (2, 0)


def test_vectors_in_a_temporary_file_are_the_same(dataset, monkeypatch):
    expected, groups = near_duplicate_vectors(dataset.records), near_duplicate_groups(dataset.records)
    monkeypatch.setattr(near_duplicates, "_IN_MEMORY", 0)
    monkeypatch.setattr(near_duplicates, "_ROWS", 7)
    mapped = near_duplicate_vectors(dataset.records)
    assert isinstance(mapped, np.memmap)
    np.testing.assert_allclose(mapped, expected, atol=1e-6)
    assert np.array_equal(near_duplicate_groups(dataset.records), groups)
