"""Input images of networks: their description, and one function that makes them for training and for live use."""

from dataclasses import asdict, dataclass

import cv2
import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import take_field

IMAGES = ("chip", "crop")
SCALINGS = ("standardised", "0..1", "-1..1", "0..255")
LAYOUTS = ("NHWC", "NCHW")

MIN_DEVIATION = 1.0
"""Smallest divisor of a standardised image, in grey levels: the contrast of a flat image is not amplified."""


@dataclass(frozen=True)
class NetworkInput:
    """Input of a network.

    Attributes
    ----------
    side : int
        Side of the image in pixels.
    channels : int
        1 for grey; 3 repeats grey, for networks of colour images.
    image : {"chip", "crop"}
        The aligned chip, or the detected box with a margin, not aligned.
    frame : int
        Side of the central part of a chip that is used, in pixels of the chip; 0 uses the whole image.
    margin : float
        Margin around the box of a crop, in sides of the box, with which crops are extracted.
    scaling : {"standardised", "0..1", "-1..1", "0..255"}
        Range of the grey values. "standardised": mean 0 and standard deviation 1 in each image.
    layout : {"NHWC", "NCHW"}
    """

    side: int
    channels: int = 1
    image: str = "chip"
    frame: int = 0
    margin: float = 0.0
    scaling: str = "standardised"
    layout: str = "NHWC"

    def __post_init__(self):
        choices = {"image": IMAGES, "scaling": SCALINGS, "layout": LAYOUTS, "channels": (1, 3)}
        for name, values in choices.items():
            value = getattr(self, name)
            if value not in values:
                raise InputError(f"a network's {name} must be one of {', '.join(map(str, values))}, got {value!r}")
        for name, low, high in (("side", 8, 1024), ("frame", 0, 1024), ("margin", 0, 4)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise InputError(f"a network's {name} must be from {low} to {high}, got {value!r}")

    @property
    def shape(self):
        """Shape of one image, without the batch dimension."""
        plane = self.side, self.side
        return (*plane, self.channels) if self.layout == "NHWC" else (self.channels, *plane)

    def to_dict(self):
        """Return the input as a dictionary of plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values):
        """Return the input from a dictionary of plain values.

        Raises
        ------
        InputError
            If a key is not one of the attributes, or a value is not allowed.
        """
        if not isinstance(values, dict) or set(values) - set(cls.__match_args__) or "side" not in values:
            raise InputError(f"a network's input must have side, and may have {', '.join(cls.__match_args__)}")
        return cls(**values)


def reduced_images(records, network_input):
    """Return the images of face records in the size of a network, shape (n, side, side), uint8.

    Parameters
    ----------
    records : ndarray of shape (n,)
        Face records.
    network_input : NetworkInput
    """
    images = take_field(records, network_input.image)
    size = images.shape[-1]
    if network_input.image == "chip" and network_input.frame:
        if network_input.frame > size:
            raise InputError(
                f"chips must have {network_input.frame} pixels per side or more, got {size}; extract them again"
            )
        edge = (size - network_input.frame) // 2
        images = images[:, edge : edge + network_input.frame, edge : edge + network_input.frame]
    if images.shape[-1] == network_input.side:
        return np.ascontiguousarray(images)
    interpolation = cv2.INTER_AREA if images.shape[-1] > network_input.side else cv2.INTER_LINEAR
    reduced = np.empty((len(images), network_input.side, network_input.side), dtype=np.uint8)
    for image, result in zip(images, reduced, strict=True):
        cv2.resize(image, (network_input.side, network_input.side), dst=result, interpolation=interpolation)
    return reduced


def scaled_images(images, network_input):
    """Return images of shape (n, side, side), uint8, as network input: float32, shape (n, *network_input.shape)."""
    values = images.astype(np.float32)
    if network_input.scaling == "standardised":
        values -= values.mean(axis=(1, 2), keepdims=True)
        values /= np.maximum(values.std(axis=(1, 2), keepdims=True), MIN_DEVIATION)
    elif network_input.scaling == "0..1":
        values /= 255
    elif network_input.scaling == "-1..1":
        values = values / 127.5 - 1
    axis = 3 if network_input.layout == "NHWC" else 1
    return np.repeat(np.expand_dims(values, axis), network_input.channels, axis=axis)
