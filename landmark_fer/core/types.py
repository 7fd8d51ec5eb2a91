"""Types of arguments in the signatures of public functions."""

import os
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, Union

if TYPE_CHECKING:  # the help of a command loads neither
    import numpy as np
    import PIL.Image

PathLike: TypeAlias = str | os.PathLike[str]
"""A path."""

ImageSource: TypeAlias = PathLike | bytes | bytearray | memoryview | BinaryIO
"""What `read_image` takes."""

AnyImage: TypeAlias = Union[ImageSource, "np.ndarray", "PIL.Image.Image"]
"""What `Recognizer.recognize` takes."""
