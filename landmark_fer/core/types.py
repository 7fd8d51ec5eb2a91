"""Types of arguments in the signatures of public functions."""

import os
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, Union

import numpy as np

if TYPE_CHECKING:
    import PIL.Image

PathLike: TypeAlias = str | os.PathLike[str]
"""A path."""

ImageSource: TypeAlias = PathLike | bytes | bytearray | memoryview | BinaryIO
"""What `read_image` takes."""

AnyImage: TypeAlias = Union[ImageSource, np.ndarray, "PIL.Image.Image"]
"""What `Recognizer.recognize` takes."""
