"""Importance: permutation of measurement groups, and exchange of face regions between people."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import inverse_transform, similarity_transform, transform_points
from landmark_fer.core.landmarks import TEMPLATE, points
from landmark_fer.evaluation.comparison import align_columns
from landmark_fer.evaluation.scores import class_columns
from landmark_fer.models.base import predict_in_order
from landmark_fer.perception.alignment import CHIP_CENTRE, CHIP_INTEROCULAR

_Z = 1.96  # of 95 %


def grouped_importance(predictor, records, expressions, classes, *, groups=None, n_repeats=5, random_state=0):
    """Return the permutation importance [1]_ of groups of features on faces that a predictor was not fitted on.

    Regions of the face are exchanged between faces, not columns between rows: every measurement, descriptor or layer
    that looks at the region then sees the same other face, so that none can stand in for the rest of its group, and a
    network can be asked like any other model.

    Parameters
    ----------
    predictor : estimator
        Fitted; takes face records.
    records : ndarray of shape (n,)
        Face records; a thousand are enough for about a point.
    expressions : ndarray of shape (n,), str
    classes : sequence of str
        Those of the predictor.
    groups : dict of str to callable, optional
        By name: takes face records and as many donors' and returns changed records. By default `region_swaps` of the
        records' fields.
    n_repeats : int, default=5
        Times that each group is exchanged, each time with other faces.
    random_state : int, default=0

    Returns
    -------
    list of dict
        ``name, kind, drop, interval`` of each group, the largest drop of accuracy first. `kind` is that of a swap, ""
        for other callables. The interval of 95 % is that of the faces' draw.

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
        rows.append(
            {"name": name, "kind": getattr(change, "kind", ""), "drop": drop, "interval": (drop - reach, drop + reach)}
        )
    return sorted(rows, key=lambda row: -row["drop"])


def format_importance(rows):
    """Return the rows of `grouped_importance` as a plain-text table, in points of accuracy."""
    cells = [
        (row["name"], f"{100 * row['drop']:.1f}", "{:.1f} to {:.1f}".format(*(100 * end for end in row["interval"])))
        for row in rows
    ]
    return align_columns([("region", "points lost", "95 % interval"), *cells])


def _right(predictor, records, truth, classes):
    """Return 1 for each right answer and 0 for each other, shape (n,)."""
    return (predict_in_order(predictor, records, classes).argmax(axis=1) == truth).astype(float)


POINT_REGIONS = {
    "mouth": ("outer_lips", "inner_lips"),
    "eyes": ("right_eye", "left_eye"),
    "brows": ("right_brow", "left_brow"),
    "nose": ("nose_bridge", "nostrils"),
    "jaw": ("jaw",),
}
"""Groups of landmarks by region."""

# Where a region has no landmarks: places in inter-ocular distances, x before y, as `TEMPLATE`.
_PLACES = {
    "cheeks": ((-0.7, 0.4), (-0.75, 0.75), (-0.45, 0.5), (0.7, 0.4), (0.75, 0.75), (0.45, 0.5)),
    "forehead": ((0, -0.75), (-0.4, -0.75), (0.4, -0.75), (-0.8, -0.75), (0.8, -0.75), (0, -0.45)),
}

IMAGE_REGIONS = (*POINT_REGIONS, *_PLACES)
"""Regions of the chip: each pixel belongs to that with the nearest landmark or place; jaw takes the rim, too."""

_EDGE = 0.05  # standard deviation of the soft edge between regions of the image, in inter-ocular distances
_LEAST_CONTRAST = 1.0  # grey levels; a flat region is not stretched


@dataclass(frozen=True)
class PointSwap:
    """Other faces' landmarks of one region, in the place, size and turn of each face.

    Attributes
    ----------
    region : str
        A key of `POINT_REGIONS`.
    """

    region: str
    kind = "landmarks"

    def __call__(self, records, donors):
        """Return face records of shape (n,) with this region of the donors, also of shape (n,)."""
        changed, chosen = records.copy(), points(*POINT_REGIONS[self.region])
        own, other = records["landmarks"], donors["landmarks"]
        aligned = transform_points(similarity_transform(other, TEMPLATE), other.astype(np.float64))
        placed = transform_points(inverse_transform(similarity_transform(own, TEMPLATE)), aligned)
        changed["landmarks"][:, chosen] = placed[:, chosen]
        return changed


@dataclass(frozen=True)
class ImageSwap:
    """Other faces' pixels of one region of the chip, in the light of each face and with a soft edge.

    The region keeps its mean and its deviation: it is the shapes that are another's.

    Attributes
    ----------
    region : str
        One of `IMAGE_REGIONS`.
    """

    region: str
    kind = "image"

    def __call__(self, records, donors):
        """Return face records of shape (n,) with this region of the donors, also of shape (n,)."""
        changed, own = records.copy(), records["chip"].astype(np.float32)
        share = region_shares(records["chip"].shape[-1])[self.region]
        (mean, deviation), (its_mean, its_deviation) = _light(own, share), _light(donors["chip"], share)
        lit = (donors["chip"] - its_mean) * (deviation / np.maximum(its_deviation, _LEAST_CONTRAST)) + mean
        changed["chip"] = (own + share * (lit - own)).round().clip(0, 255).astype(np.uint8)
        return changed


def region_swaps(fields):
    """Return the swaps that change what a model reads.

    Parameters
    ----------
    fields : sequence of str
        Of the face records that the model reads.

    Returns
    -------
    dict of str to PointSwap or ImageSwap
        By a name such as ``mouth (landmarks)``; empty where only crops are read, in which regions have no place.
    """
    swaps = [PointSwap(region) for region in POINT_REGIONS if "landmarks" in fields]
    swaps += [ImageSwap(region) for region in IMAGE_REGIONS if "chip" in fields]
    return {f"{swap.region} ({swap.kind})": swap for swap in swaps}


@cache
def region_shares(chip_size):
    """Return how much of each pixel of a chip belongs to each region.

    Returns
    -------
    dict of str to ndarray of shape (chip_size, chip_size), float32
        From 0 to 1; together 1 for every pixel.

    Raises
    ------
    InputError
        If there is no such chip.
    """
    if chip_size < 1:
        raise InputError(f"a chip must have 1 pixel or more a side, got {chip_size}")
    anchors = {name: TEMPLATE[points(*groups)] for name, groups in POINT_REGIONS.items()}
    anchors |= {name: np.array(places) for name, places in _PLACES.items()}
    grid = np.stack(np.meshgrid(np.arange(chip_size), np.arange(chip_size)), axis=-1)[:, :, None]
    distances = [
        np.linalg.norm(grid - _on_chip(places, chip_size), axis=-1).min(axis=-1) for places in anchors.values()
    ]
    nearest = np.argmin(distances, axis=0)
    shares = [
        cv2.GaussianBlur((nearest == i).astype(np.float32), (0, 0), _EDGE * CHIP_INTEROCULAR)
        for i in range(len(anchors))
    ]
    return dict(zip(anchors, shares / np.sum(shares, axis=0), strict=True))


def _on_chip(places, chip_size):
    """Return places as `TEMPLATE`'s in the pixels of a chip, as `chip_template`."""
    return (places - (0.0, CHIP_CENTRE)) * CHIP_INTEROCULAR + (chip_size - 1) / 2


def _light(chips, share):
    """Return the weighted mean and deviation of the pixels of each chip, each of shape (n, 1, 1)."""
    weights = share / share.sum()
    mean = (chips * weights).sum(axis=(1, 2), keepdims=True)
    return mean, np.sqrt(((chips - mean) ** 2 * weights).sum(axis=(1, 2), keepdims=True))
