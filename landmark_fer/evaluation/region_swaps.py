"""Faces that have one region of another face: of its points, or of its image.

The points lie in the 68-point scheme, the images are chips; both are aligned to the template, so that a region has
the same place in every face.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import inverse_transform, similarity_transform, transform_points
from landmark_fer.core.landmarks import points
from landmark_fer.core.template import TEMPLATE
from landmark_fer.perception.alignment import CHIP_CENTRE, CHIP_INTEROCULAR

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
