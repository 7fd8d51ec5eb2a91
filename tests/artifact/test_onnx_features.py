"""ONNX forms of features equal those of the package: HOG, aligned landmarks, measurements."""

import cv2
import numpy as np
import onnxruntime
import pytest

from landmark_fer.artifact.export.features import append_features
from landmark_fer.artifact.export.graph import Graph
from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import mouth_aspect_ratio
from landmark_fer.core.landmarks import TEMPLATE, points
from landmark_fer.core.records import record_dtype, records_of_landmarks
from landmark_fer.features.hog import hog
from landmark_fer.features.measurements import MEASUREMENT_NAMES, measure
from landmark_fer.features.projection import FeatureBlocks, MirrorPCA
from landmark_fer.features.transformers import AlignedLandmarks, HogOfChip, Measurements
from tests.artifact.hog_reference import reference_hog
from tests.conftest import made_up_faces
from tests.core.test_geometry import moved

pytest.importorskip("onnx")

HOGS = ((64, 64, 8), (48, 64, 8), (64, 64, 16), (80, 64, 8), (72, 64, 8), (80, 40, 8), (40, 64, 8))


def onnx_features(step, records):
    """Features that the ONNX form of a step computes from records in onnxruntime."""
    chip_size = records.dtype["chip"].shape[0] if "chip" in records.dtype.names else None
    graph = Graph()
    prediction = append_features(graph, step, chip_size)
    width = step.transform(records[:1]).shape[1]
    content = graph.content(prediction, "features", width, description="", metadata={})
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {each.name: np.array(records[each.name]) for each in session.get_inputs()})[0]


@pytest.fixture(scope="module")
def chips(lfw_crops, extractor):
    """Noise, a flat chip, two gradients, an edge and real chips, shape (n, 80, 80)."""
    generator = np.random.default_rng(1)
    rows, columns = np.mgrid[:80, :80]
    synthetic = [np.full((80, 80), 7), columns * 3, rows + columns, np.where(rows > 40, 255, 0)]
    real = [extractor.extract_crop(crop).chip for crop in lfw_crops[:6]]
    return np.concatenate([generator.integers(0, 256, (3, 80, 80)), synthetic, real]).astype(np.uint8)


def chip_records(chips):
    records = np.zeros(len(chips), dtype=record_dtype(chips.shape[1]))
    records["chip"] = chips
    return records


@pytest.mark.parametrize(("frame", "side", "cell"), HOGS)
def test_the_reference_equals_opencv(chips, frame, side, cell):
    expected = hog(chips, frame=frame, side=side, cell=cell)
    descriptors = [reference_hog(chip, frame=frame, side=side, cell=cell) for chip in chips]
    np.testing.assert_allclose(descriptors, expected, atol=1e-5)


@pytest.mark.parametrize(("frame", "side", "cell"), HOGS)
def test_hog_equals_opencv(chips, frame, side, cell):
    step = HogOfChip(frame=frame, side=side, cell=cell)
    expected = step.transform(chip_records(chips))
    assert expected.max() > 0.3 and not expected[3].any()
    np.testing.assert_allclose(onnx_features(step, chip_records(chips)), expected, atol=1e-5)


def test_hog_of_chips_of_another_size(chips):
    larger = np.stack([cv2.resize(chip, (97, 97)) for chip in chips])
    step = HogOfChip(frame=64, side=64, cell=8)
    np.testing.assert_allclose(
        onnx_features(step, chip_records(larger)), step.transform(chip_records(larger)), atol=1e-5
    )


@pytest.fixture
def faces(landmarks):
    """Synthetic faces: moved and rotated, far from the origin, and degenerate."""
    far = landmarks[:4] + 3000
    flat = np.repeat(landmarks[:1, :1], 68, axis=1)
    closed = 100 + 40 * TEMPLATE[None]
    closed[:, points("right_eye")] = closed[:, points("right_eye")].mean(axis=1, keepdims=True)
    return records_of_landmarks(np.concatenate([landmarks, moved(landmarks), far, flat, closed]))


@pytest.mark.parametrize(("step", "tolerance"), [(AlignedLandmarks(), 1e-5), (Measurements(), 5e-5)])
def test_landmark_features_equal_the_transformers(faces, step, tolerance):
    expected = step.transform(faces)
    assert np.isfinite(expected).all() and np.ptp(expected, axis=0).min() > 0
    np.testing.assert_allclose(onnx_features(step, faces), expected, atol=tolerance, rtol=1e-4)


def test_mouth_aspect_equals_the_aspect_ratio_of_geometry(landmarks):
    aspect = measure(landmarks)[:, MEASUREMENT_NAMES.index("mouth_aspect")]
    np.testing.assert_allclose(aspect, mouth_aspect_ratio(landmarks[:, points("inner_lips")]))


def test_blocks_of_mirror_components():
    records, _ = made_up_faces(8)
    hogs, lines = MirrorPCA(HogOfChip(), 9, 4, weight=5.0), MirrorPCA(Measurements(), 6, 3, standardize=True)
    step = FeatureBlocks([("hogs", hogs), ("lines", lines)]).fit(records)
    expected = step.transform(records)
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(onnx_features(step, records), expected, atol=2e-5)


def test_equal_operators_and_constants_are_stored_once():
    graph = Graph()
    first, second = (graph.add("Add", graph.constant([1.0, 2.0]), 3.0) for _ in range(2))
    assert first == second and graph.constant([1.0, 2.0]) == graph.constant(np.array([1.0, 2.0]))
    assert graph.add("Add", first, 4.0) != first


def test_features_of_another_kind_are_refused_by_name():
    class Colours:
        pass

    with pytest.raises(InputError, match=r"must be among .*MirrorPCA.*, got Colours; use joblib"):
        append_features(Graph(), Colours(), 80)
    weighted = FeatureBlocks([("a", Measurements())], transformer_weights={"a": 2})
    with pytest.raises(InputError, match="transformer_weights"):
        append_features(Graph(), weighted, 80)
