"""What a network costs before it is trained: parameters, and memory against what the machine has."""

import math
import os
from dataclasses import replace

from landmark_fer.errors import InputError
from landmark_fer.models.networks.architectures import ARCHITECTURES, build_network
from landmark_fer.models.networks.recipes import recipe_of
from landmark_fer.models.networks.training import import_keras

_OF_ADAM = 6  # values a parameter: Keras' and PyTorch's, gradients of two parts of a batch, two moments
_OF_ACTIVATIONS = 3  # values a unit: itself, its gradient, a buffer
_BASE = 1.2e9  # bytes of PyTorch and the pictures
_FLOAT = 4


def count_parameters(name, n_classes, **options):
    """Return the number of parameters of an architecture of the table without building what may be too large to build.

    Parameters
    ----------
    name : str
    n_classes : int
    **options
        Of its builder.
    """
    if name != "single_conv":
        return build_network(name, n_classes, **options).count_params()
    filters = (ARCHITECTURES[name].options | options)["filters"]
    pooled = (ARCHITECTURES[name].input.side - 3) // 4 + 1
    return filters * (4 * 4 + 1) + (filters * pooled**2 + 1) * 2000 + 2001 * n_classes


def training_bytes(name, n_classes, *, recipe=None, **options):
    """Return about how much memory a training takes, in bytes."""
    batch = replace(recipe_of(name), **(recipe or {})).batch_size
    units = 0
    if name != "single_conv":
        shapes = [layer.output.shape[1:] for layer in build_network(name, n_classes, **options).layers]
        units = sum(math.prod(shape) for shape in shapes)
    parameters = count_parameters(name, n_classes, **options)
    return _BASE + _FLOAT * (_OF_ADAM * parameters + _OF_ACTIVATIONS * batch * units)


def check_memory(name, n_classes, *, recipe=None, **options):
    """Return a sentence on what training an architecture costs.

    Raises
    ------
    InputError
        If the machine has less memory than that.
    DependencyError
        If Keras is not installed.
    """
    import_keras()
    needed = training_bytes(name, n_classes, recipe=recipe, **options)
    count = f"{name}: {count_parameters(name, n_classes, **options):,} parameters"
    text = f"{count}, about {needed / 1e9:.1f} GB of memory to train"
    there = free_bytes()
    if there is not None and needed > there:
        smaller = "fewer --filters" if name == "single_conv" else "another network"
        raise InputError(f"{text}, and {there / 1e9:.1f} GB are free; choose {smaller}")
    return text


def free_bytes():
    """Return how much memory is free, in bytes, or None where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next(1024 * int(line.split()[1]) for line in file if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
