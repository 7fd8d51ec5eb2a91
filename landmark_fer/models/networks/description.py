"""What a network reads and answers, in words: from the file beside it, from its metadata, or by a known contract.

The sidecar of ``FILE.onnx`` or ``FILE.keras`` is ``FILE.json``:

    {"input": {"side": 64, "image": "crop", "margin": 0.05, "scaling": "0..1", "layout": "NCHW"},
     "classes": ["neutral", "happy", "surprise"], "output": "scores", "mirrored": false}
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from landmark_fer.core.errors import InputError
from landmark_fer.core.expressions import FERPLUS_COLUMNS, expression_named
from landmark_fer.models.networks.images import NetworkInput
from landmark_fer.models.onnx_runtime import FLOAT
from landmark_fer.perception.alignment import CHIP_SIZE
from landmark_fer.perception.extraction import CROP_BOX, ExtractorSettings

OUTPUTS = ("scores", "probabilities")
METADATA = "landmark_fer_network"
"""Key of an ONNX file's metadata under which its description stands."""


@dataclass(frozen=True)
class NetworkDescription:
    """All that must be known to run a network on faces.

    Attributes
    ----------
    input : NetworkInput
    classes : tuple of str
        Expressions in the order of the network's columns.
    output : {"scores", "probabilities"}
        Whether a softmax is still to be taken.
    mirrored : bool
        Whether the answer is the mean of the face's and the mirrored face's.
    """

    input: NetworkInput
    classes: tuple
    output: str = "scores"
    mirrored: bool = False

    @property
    def fields(self):
        """Of the face records, which the network reads."""
        return (self.input.image,)

    def extractor_settings(self):
        """Return the settings with which faces are extracted for the network."""
        if self.input.image == "crop":
            return ExtractorSettings(crop_size=self.input.side, crop_margin=self.input.margin)
        return ExtractorSettings(chip_size=max(CHIP_SIZE, self.input.frame))

    def to_dict(self):
        """Return it as a dictionary of plain values, as a sidecar has it."""
        return asdict(self) | {"classes": list(self.classes)}

    @classmethod
    def from_dict(cls, values):
        """Return the description in a sidecar.

        Raises
        ------
        InputError
            If a name is unknown or missing, or a value none that it may have.
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
        raise InputError(f"a network's classes must be a list of words, got {names!r}")
    classes = tuple(expression_named(name) for name in names)
    if len(set(classes)) != len(classes) or len(classes) < 2:
        raise InputError(f"a network's classes must be 2 different expressions or more, got {', '.join(names)}")
    return classes


# A network of FER+ saw whole images of FER2013, in which the detector's box has `CROP_BOX` of the side: as much room
# around the box of a live face shows it the same part of the face.
_FERPLUS_MARGIN = round((1 / CROP_BOX[2] - 1) / 2, 3)

FERPLUS_CONTRACT = NetworkDescription(
    NetworkInput(64, image="crop", margin=_FERPLUS_MARGIN, scaling="0..255", layout="NCHW"),
    tuple(expression for expression in FERPLUS_COLUMNS.values() if expression),
)
"""Of the FER+ network in the ONNX model zoo, which carries no description."""


def is_ferplus(interface):
    """Return whether a graph has the interface of the model zoo's FER+ network: ``1x1x64x64`` to eight scores.

    Parameters
    ----------
    interface : GraphInterface
    """
    kinds = [*interface.inputs.values(), *interface.outputs.values()]
    (element, taken), (_, given) = kinds[0], kinds[-1]
    return (
        len(kinds) == 2
        and element == FLOAT
        and taken is not None
        and taken[:1] in ((1,), (None,))
        and taken[1:] == (1, 64, 64)
        and given is not None
        and given[-1:] == (len(FERPLUS_CONTRACT.classes),)
    )


def read_sidecar(path):
    """Return the description beside a network's file, or None where there is none.

    Parameters
    ----------
    path : path-like
        The network's.

    Raises
    ------
    InputError
        If the sidecar cannot be read or does not describe a network.
    """
    sidecar = sidecar_path(path)
    if not sidecar.is_file():
        return None
    try:
        values = json.loads(sidecar.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{sidecar} must be JSON, and cannot be read ({error}); mend it") from error
    return _described(values, sidecar)


def sidecar_path(path):
    """Return where the description of a network's file stands."""
    return Path(path).with_suffix(".json")


def description_of(path, interface):
    """Return the description of an ONNX file: its sidecar's, else its metadata's, else that of a known contract.

    Parameters
    ----------
    path : path-like
    interface : GraphInterface

    Raises
    ------
    InputError
        If there is none of them, or one that is wrong.
    """
    description = read_sidecar(path) or metadata_description(interface, name=path)
    if description is None and is_ferplus(interface):
        description = FERPLUS_CONTRACT
    if description is None:
        raise InputError(
            f"{path} must be described by {sidecar_path(path)}, and there is none: "
            'write {"input": {"side": 48, "layout": "NHWC", "scaling": "0..1"}, "classes": ["happy", ...], '
            '"output": "scores"} into it'
        )
    return description


def metadata_description(interface, *, name="the network"):
    """Return the description in an ONNX model's metadata, or None where there is none.

    Parameters
    ----------
    interface : GraphInterface
    name : str
        What to call it in a message.
    """
    if METADATA not in interface.metadata:
        return None
    try:
        values = json.loads(interface.metadata[METADATA])
    except (ValueError, RecursionError) as error:
        raise InputError(f"the metadata of {name} must be JSON, and is not ({error}); export it anew") from error
    return _described(values, f"the metadata of {name}")


def _described(values, name):
    try:
        return NetworkDescription.from_dict(values)
    except InputError as error:
        raise InputError(f"{name} does not describe a network: {error}") from error
