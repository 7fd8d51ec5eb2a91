"""Descriptions of networks: input, classes and output, from a JSON file next to the network or from its metadata.

The description of ``FILE.onnx`` or ``FILE.keras`` is ``FILE.json``:

    {"input": {"side": 64, "image": "crop", "margin": 0.05, "scaling": "0..1", "layout": "NCHW"},
     "classes": ["neutral", "happy", "surprise"], "output": "scores", "mirrored": false}
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from landmark_fer.core.errors import InputError, plain_reason
from landmark_fer.core.expressions import FERPLUS_COLUMNS, expression_named
from landmark_fer.models.networks.images import NetworkInput
from landmark_fer.models.onnx_runtime import FLOAT
from landmark_fer.perception.alignment import CHIP_SIZE
from landmark_fer.perception.extraction import CROP_BOX, ExtractorSettings

OUTPUTS = ("scores", "probabilities")
METADATA = "landmark_fer_network"
"""Key of the description in the metadata of an ONNX file."""


@dataclass(frozen=True)
class NetworkDescription:
    """Everything needed to run a network on face records.

    Attributes
    ----------
    input : NetworkInput
    classes : tuple of str
        Expressions in the order of the network's columns.
    output : {"scores", "probabilities"}
        "scores" are logits, to which softmax is applied.
    mirrored : bool
        Whether predictions are averaged over the face and the mirrored face.
    """

    input: NetworkInput
    classes: tuple
    output: str = "scores"
    mirrored: bool = False

    @property
    def fields(self):
        """Fields of the face records that the network reads."""
        return (self.input.image,)

    def extractor_settings(self):
        """Return the extractor settings for the network."""
        if self.input.image == "crop":
            return ExtractorSettings(crop_size=self.input.side, crop_margin=self.input.margin)
        return ExtractorSettings(chip_size=max(CHIP_SIZE, self.input.frame))

    def to_dict(self):
        """Return the description as a dictionary of plain values, as in its JSON file."""
        return asdict(self) | {"classes": list(self.classes)}

    @classmethod
    def from_dict(cls, values):
        """Return the description from a dictionary of plain values.

        Raises
        ------
        InputError
            If a key is unknown or missing, or a value is not allowed.
        """
        if (
            not isinstance(values, dict)
            or set(values) - set(cls.__match_args__)
            or not {"input", "classes"} <= set(values)
        ):
            raise InputError("a network's description must have input and classes, and may have output and mirrored")
        output, mirrored = values.get("output", "scores"), values.get("mirrored", False)
        if output not in OUTPUTS:
            raise InputError(f"a network's output must be one of {', '.join(OUTPUTS)}, got {output!r}")
        if not isinstance(mirrored, bool):
            raise InputError(f"a network's mirrored must be true or false, got {mirrored!r}")
        return cls(NetworkInput.from_dict(values["input"]), _classes(values["classes"]), output, mirrored)


def _classes(names):
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InputError(f"a network's classes must be a list of names, got {names!r}")
    classes = tuple(expression_named(name) for name in names)
    if len(set(classes)) != len(classes) or len(classes) < 2:
        raise InputError(f"a network's classes must be 2 different expressions or more, got {', '.join(names)}")
    return classes


# The FER+ network was trained on whole images of FER2013, in which the detected box has the share `CROP_BOX`
# of the side. This margin around the box of a live face gives the same part of the face.
_FERPLUS_MARGIN = round((1 / CROP_BOX[2] - 1) / 2, 3)

FERPLUS_DESCRIPTION = NetworkDescription(
    NetworkInput(64, image="crop", margin=_FERPLUS_MARGIN, scaling="0..255", layout="NCHW"),
    tuple(expression for expression in FERPLUS_COLUMNS.values() if expression),
)
"""Description of the FER+ network in the ONNX model zoo, which has none in its metadata."""


def is_ferplus(interface):
    """Return whether a graph has the interface of the FER+ network in the model zoo: ``1x1x64x64`` to eight scores.

    Parameters
    ----------
    interface : GraphInterface
    """
    tensors = [*interface.inputs.values(), *interface.outputs.values()]
    (element_type, input_shape), (_, output_shape) = tensors[0], tensors[-1]
    return (
        len(tensors) == 2
        and element_type == FLOAT
        and input_shape is not None
        and input_shape[:1] in ((1,), (None,))
        and input_shape[1:] == (1, 64, 64)
        and output_shape is not None
        and output_shape[-1:] == (len(FERPLUS_DESCRIPTION.classes),)
    )


def read_sidecar(path):
    """Return the description in the JSON file next to a network, or None if there is no such file.

    Parameters
    ----------
    path : path-like
        File of the network.

    Raises
    ------
    InputError
        If the JSON file cannot be read or does not describe a network.
    """
    sidecar = sidecar_path(path)
    if not sidecar.is_file():
        return None
    try:
        values = json.loads(sidecar.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{sidecar} must be JSON, and cannot be read ({plain_reason(error)}); correct it") from error
    return _description(values, sidecar)


def sidecar_path(path):
    """Return the path of the JSON file that describes a network."""
    return Path(path).with_suffix(".json")


def description_of(path, interface):
    """Return the description of an ONNX file: from its JSON file, its metadata, or as the FER+ network.

    Parameters
    ----------
    path : path-like
    interface : GraphInterface

    Raises
    ------
    InputError
        If there is no description, or an invalid one.
    """
    description = read_sidecar(path) or metadata_description(interface, name=path)
    if description is None and is_ferplus(interface):
        description = FERPLUS_DESCRIPTION
    if description is None:
        raise InputError(
            f"{path} must be described by {sidecar_path(path)}, which does not exist: "
            'write {"input": {"side": 48, "layout": "NHWC", "scaling": "0..1"}, "classes": ["happy", ...], '
            '"output": "scores"} into it'
        )
    return description


def metadata_description(interface, *, name="the network"):
    """Return the description in the metadata of an ONNX model, or None if there is none.

    Parameters
    ----------
    interface : GraphInterface
    name : str, default="the network"
        Name in messages.
    """
    if METADATA not in interface.metadata:
        return None
    try:
        values = json.loads(interface.metadata[METADATA])
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"the metadata of {name} must be JSON, and is not ({plain_reason(error)}); export it again"
        ) from error
    return _description(values, f"the metadata of {name}")


def _description(values, name):
    try:
        return NetworkDescription.from_dict(values)
    except InputError as error:
        raise InputError(f"{name} does not describe a network: {error}") from error
