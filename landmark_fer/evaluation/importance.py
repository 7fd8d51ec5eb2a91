"""Permutation importance of face regions: the accuracy lost when a region is exchanged between faces."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import inverse_transform, similarity_transform, transform_points
from landmark_fer.core.landmarks import TEMPLATE, points
from landmark_fer.evaluation.scores import class_columns
from landmark_fer.models.base import predict_in_order
from landmark_fer.perception.alignment import CHIP_CENTRE, CHIP_INTEROCULAR

_Z = 1.96  # standard errors in half a 95 % interval


def grouped_importance(predictor, records, expressions, classes, *, groups=None, n_repeats=5, random_state=0):
    """Return the permutation importance [1]_ of face regions for faces that a predictor was not fitted on.

    Regions of the face are exchanged between faces, not columns between rows. Every feature that depends on the region
    then comes from the same other face, so correlated features cannot hide its importance, and the method works for
    networks too.

    Parameters
    ----------
    predictor : estimator
        Fitted; takes face records.
    records : ndarray of shape (n,)
        Face records. A thousand give the importance within about one point of accuracy.
    expressions : ndarray of shape (n,), str
    classes : sequence of str
        Classes of the predictor.
    groups : dict of str to callable, optional
        Functions by name. Each takes face records and as many donor records, and returns changed records. By default
        `region_swaps` of the fields of the records.
    n_repeats : int, default=5
        Number of exchanges of each group, each with other donors.
    random_state : int, default=0

    Returns
    -------
    list of dict
        ``name, kind, drop, interval`` of each group, the largest drop of accuracy first. `kind` is that of the swap,
        "" for other functions. The 95 % interval reflects the number of faces.

    Raises
    ------
    InputError
        If there are fewer than 2 faces, or an expression is not among the classes.

    References
    ----------
    .. [1] Breiman, Random Forests, Machine Learning 45, 2001.
    """
    if len(records) < 2 or n_repeats < 1:
        raise InputError(f"importance needs 2 faces and 1 repeat or more, got {len(records)} and {n_repeats}")
    truth = class_columns(expressions, classes)
    groups = region_swaps(records.dtype.names) if groups is None else groups
    generator = np.random.default_rng(random_state)
    right = _right(predictor, records, truth, classes)
    rows = []
    for name, change in groups.items():
        lost = np.zeros(len(records))
        for _ in range(n_repeats):
            donors = records[generator.permutation(len(records))]
            lost += (right - _right(predictor, change(records, donors), truth, classes)) / n_repeats
        drop, reach = float(lost.mean()), _Z * float(lost.std(ddof=1)) / len(lost) ** 0.5
        kind = getattr(change, "kind", "")
        rows.append({"name": name, "kind": kind, "drop": drop, "interval": (drop - reach, drop + reach)})
    return sorted(rows, key=lambda row: -row["drop"])


def _right(predictor, records, truth, classes):
    """Return 1 for each correct prediction and 0 for each other, shape (n,)."""
    return (predict_in_order(predictor, records, classes).argmax(axis=1) == truth).astype(float)


POINT_REGIONS = {
    "mouth": ("outer_lips", "inner_lips"),
    "eyes": ("right_eye", "left_eye"),
    "brows": ("right_brow", "left_brow"),
    "nose": ("nose_bridge", "nostrils"),
    "jaw": ("jaw",),
}
"""Landmark groups of each region."""

# Regions without landmarks: points in inter-ocular distances, x before y, as in `TEMPLATE`.
_EXTRA_POINTS = {
    "cheeks": ((-0.7, 0.4), (-0.75, 0.75), (-0.45, 0.5), (0.7, 0.4), (0.75, 0.75), (0.45, 0.5)),
    "forehead": ((0, -0.75), (-0.4, -0.75), (0.4, -0.75), (-0.8, -0.75), (0.8, -0.75), (0, -0.45)),
}

IMAGE_REGIONS = (*POINT_REGIONS, *_EXTRA_POINTS)
"""Regions of the chip: each pixel belongs to the region with the nearest point; the jaw includes the border."""

_EDGE = 0.05  # standard deviation of the soft edge between regions of the image, in inter-ocular distances
_MIN_CONTRAST = 1.0  # grey levels; the contrast of a flat region is not amplified


@dataclass(frozen=True)
class PointSwap:
    """Exchanges the landmarks of one region with those of donors, aligned with each face.

    Attributes
    ----------
    region : str
        A key of `POINT_REGIONS`.
    """

    region: str
    kind = "landmarks"

    def __call__(self, records, donors):
        """Return face records of shape (n,) with this region taken from donors of shape (n,)."""
        changed, indices = records.copy(), points(*POINT_REGIONS[self.region])
        own, other = records["landmarks"], donors["landmarks"]
        in_template = transform_points(similarity_transform(other, TEMPLATE), other.astype(np.float64))
        in_image = transform_points(inverse_transform(similarity_transform(own, TEMPLATE)), in_template)
        changed["landmarks"][:, indices] = in_image[:, indices]
        return changed


@dataclass(frozen=True)
class ImageSwap:
    """Exchanges the pixels of one region of the chip with those of donors, with a soft edge.

    The region keeps its own mean and standard deviation, so that only its content changes.

    Attributes
    ----------
    region : str
        One of `IMAGE_REGIONS`.
    """

    region: str
    kind = "image"

    def __call__(self, records, donors):
        """Return face records of shape (n,) with this region taken from donors of shape (n,)."""
        changed, own = records.copy(), records["chip"].astype(np.float32)
        share = region_shares(records["chip"].shape[-1])[self.region]
        (mean, deviation), (donor_mean, donor_deviation) = _moments(own, share), _moments(donors["chip"], share)
        adapted = (donors["chip"] - donor_mean) * (deviation / np.maximum(donor_deviation, _MIN_CONTRAST)) + mean
        changed["chip"] = (own + share * (adapted - own)).round().clip(0, 255).astype(np.uint8)
        return changed


def region_swaps(fields):
    """Return the swaps of all regions in the fields that a model reads.

    Parameters
    ----------
    fields : sequence of str
        Fields of the face records that the model reads.

    Returns
    -------
    dict of str to PointSwap or ImageSwap
        By a name such as ``mouth (landmarks)``. Empty for models of crops, which are not aligned.
    """
    swaps = [PointSwap(region) for region in POINT_REGIONS if "landmarks" in fields]
    swaps += [ImageSwap(region) for region in IMAGE_REGIONS if "chip" in fields]
    return {f"{swap.region} ({swap.kind})": swap for swap in swaps}


@cache
def region_shares(chip_size):
    """Return the share of each pixel of a chip that belongs to each region.

    Returns
    -------
    dict of str to ndarray of shape (chip_size, chip_size), float32
        From 0 to 1; the shares of every pixel sum to 1.

    Raises
    ------
    InputError
        If the chip size is less than 1.
    """
    if chip_size < 1:
        raise InputError(f"a chip must have 1 pixel or more per side, got {chip_size}")
    anchors = {name: TEMPLATE[points(*groups)] for name, groups in POINT_REGIONS.items()}
    anchors |= {name: np.array(extra) for name, extra in _EXTRA_POINTS.items()}
    grid = np.stack(np.meshgrid(np.arange(chip_size), np.arange(chip_size)), axis=-1)[:, :, None]
    distances = [np.linalg.norm(grid - _on_chip(own, chip_size), axis=-1).min(axis=-1) for own in anchors.values()]
    nearest = np.argmin(distances, axis=0)
    shares = [
        cv2.GaussianBlur((nearest == i).astype(np.float32), (0, 0), _EDGE * CHIP_INTEROCULAR)
        for i in range(len(anchors))
    ]
    return dict(zip(anchors, shares / np.sum(shares, axis=0), strict=True))


def _on_chip(template_points, chip_size):
    """Return points of the template in pixels of a chip, as `chip_template` does."""
    return (template_points - (0.0, CHIP_CENTRE)) * CHIP_INTEROCULAR + (chip_size - 1) / 2


def _moments(chips, share):
    """Return the weighted mean and standard deviation of the pixels of each chip, each of shape (n, 1, 1)."""
    weights = share / share.sum()
    mean = (chips * weights).sum(axis=(1, 2), keepdims=True)
    return mean, np.sqrt(((chips - mean) ** 2 * weights).sum(axis=(1, 2), keepdims=True))
