"""The image that a network wants of a face, described once and made by one function, in training and in live."""

from dataclasses import asdict, dataclass

import cv2
import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.records import take_field

IMAGES = ("chip", "crop")
SCALINGS = ("standardised", "0..1", "-1..1", "0..255")
LAYOUTS = ("NHWC", "NCHW")

_FLATTEST = 1.0  # grey levels of deviation under which a image is not stretched further


@dataclass(frozen=True)
class NetworkInput:
    """What a network reads.

    Attributes
    ----------
    side : int
        Of the image in pixels.
    channels : int
        1 for grey; 3 repeats grey, for networks made for colour.
    image : {"chip", "crop"}
        The aligned chip, or the detector's box with its margin as it stands in the image.
    frame : int
        The middle of a chip that is looked at, in its pixels; 0 takes the whole image.
    margin : float
        Around the box of a crop, in sides of the box; it decides how crops are extracted.
    scaling : {"standardised", "0..1", "-1..1", "0..255"}
        Of the grey values. "standardised": each image's mean 0 and deviation 1.
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
        for name, known in (("image", IMAGES), ("scaling", SCALINGS), ("layout", LAYOUTS), ("channels", (1, 3))):
            if getattr(self, name) not in known:
                came = getattr(self, name)
                raise InputError(f"a network's {name} must be one of {', '.join(map(str, known))}, got {came!r}")
        for name, low, high in (("side", 8, 1024), ("frame", 0, 1024), ("margin", 0, 4)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise InputError(f"a network's {name} must be from {low} to {high}, got {value!r}")

    @property
    def shape(self):
        """Of one image, without the batch."""
        plane = self.side, self.side
        return (*plane, self.channels) if self.layout == "NHWC" else (self.channels, *plane)

    def to_dict(self):
        """Return it as a dictionary of plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values):
        """Return the input that a manifest or a sidecar describes.

        Raises
        ------
        InputError
            If a name is not one of the attributes, or a value none that it may have.
        """
        if not isinstance(values, dict) or set(values) - set(cls.__match_args__) or "side" not in values:
            raise InputError(f"a network's input must have side, and may have {', '.join(cls.__match_args__)}")
        return cls(**values)


def reduced_images(records, wanted):
    """Return the images of face records in a network's size, shape (n, side, side), uint8.

    Parameters
    ----------
    records : ndarray of shape (n,)
        Face records.
    wanted : NetworkInput
    """
    images = take_field(records, wanted.image)
    size = images.shape[-1]
    if wanted.image == "chip" and wanted.frame:
        if wanted.frame > size:
            raise InputError(f"chips must have {wanted.frame} pixels a side or more, got {size}; extract them anew")
        edge = (size - wanted.frame) // 2
        images = images[:, edge : edge + wanted.frame, edge : edge + wanted.frame]
    if images.shape[-1] == wanted.side:
        return np.ascontiguousarray(images)
    area = cv2.INTER_AREA if images.shape[-1] > wanted.side else cv2.INTER_LINEAR
    reduced = np.empty((len(images), wanted.side, wanted.side), dtype=np.uint8)
    for image, result in zip(images, reduced, strict=True):
        cv2.resize(image, (wanted.side, wanted.side), dst=result, interpolation=area)
    return reduced


def scaled_images(images, wanted):
    """Return images of shape (n, side, side), uint8, as a network reads them: float32, shape (n, *wanted.shape)."""
    values = images.astype(np.float32)
    if wanted.scaling == "standardised":
        values -= values.mean(axis=(1, 2), keepdims=True)
        values /= np.maximum(values.std(axis=(1, 2), keepdims=True), _FLATTEST)
    elif wanted.scaling == "0..1":
        values /= 255
    elif wanted.scaling == "-1..1":
        values = values / 127.5 - 1
    axis = 3 if wanted.layout == "NHWC" else 1
    return np.repeat(np.expand_dims(values, axis), wanted.channels, axis=axis)


def network_images(records, wanted):
    """Return face records as a network reads them: `reduced_images`, then `scaled_images`."""
    return scaled_images(reduced_images(records, wanted), wanted)
