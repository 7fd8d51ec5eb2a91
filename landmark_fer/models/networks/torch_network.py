"""Keras networks as PyTorch modules, which train fast on CPUs with bfloat16."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class TorchNetwork(nn.Module):
    """A PyTorch module with the layers and weights of a Keras network that ends in a softmax.

    Parameters
    ----------
    network : keras.Model
        Network of the layers in `LAYERS`. It is not changed; `copy_to` copies weights back to it.

    Attributes
    ----------
    n_features : int
        Number of inputs of the last layer.

    Raises
    ------
    KeyError
        If a layer is not in `LAYERS`.
    """

    def __init__(self, network):
        super().__init__()
        positions = {layer.name: position for position, layer in enumerate(network.layers)}
        self._sources = [
            [positions.get(parent.operation.name) for parent in layer._inbound_nodes[0].parent_nodes]
            for layer in network.layers  # in a Sequential without the input layer
        ]
        self.parts = nn.ModuleList(LAYERS[type(layer).__name__](layer) for layer in network.layers)
        self.n_features = network.layers[-1].input.shape[-1]
        for layer, part in zip(network.layers, self.parts, strict=True):
            part.requires_grad_(layer.trainable)

    def forward(self, values):
        """Return the scores before the softmax, shape (n, k), and the inputs of the last layer, shape (n, n_features).

        Parameters
        ----------
        values : Tensor of shape (n, channels, height, width)
        """
        results = {None: values}
        for position, (part, sources) in enumerate(zip(self.parts[:-1], self._sources, strict=False)):
            results[position] = part(*(results[source] for source in sources or [None]))
        features = results[self._sources[-1][0]].float()
        with torch.autocast("cpu", enabled=False):  # scores in full precision
            return self.parts[-1](features), features

    @torch.no_grad()
    def normalize_by(self, images):
        """Give batch normalization the statistics of images, and keep what each layer returns in evaluation.

        Parameters
        ----------
        images : Tensor of shape (n, channels, height, width)
        """
        self.eval()
        statistics = {}

        def keep(part, values):
            statistics[part] = values[0].float().mean((0, 2, 3)), values[0].float().var((0, 2, 3))

        parts = [part for part in self.parts if isinstance(part, _Normalization)]
        handles = [part.register_forward_pre_hook(keep) for part in parts]
        self(images)
        for part, handle in zip(parts, handles, strict=True):
            handle.remove()
            mean, variance = statistics[part]
            slope = part.weight / (part.running_var + part.eps).sqrt()
            part.bias += slope * (mean - part.running_mean)
            part.weight.copy_(slope * (variance + part.eps).sqrt())
            part.running_mean.copy_(mean)
            part.running_var.copy_(variance)

    def draw_from(self, generator):
        """Use a ``torch.Generator`` for dropout."""
        for part in self.parts:
            if isinstance(part, _Dropout):
                part.generator = generator

    def copy_to(self, network):
        """Copy the weights to a Keras network of the same layers."""
        for layer, part in zip(network.layers, self.parts, strict=True):
            if layer.weights:
                layer.set_weights([np.asarray(each) for each in part.keras_weights()])


class OnnxForm(nn.Module):
    """A Keras network for export: input with channels last, output of probabilities or scores."""

    def __init__(self, network, *, softmax):
        super().__init__()
        self.network, self.softmax = TorchNetwork(network), softmax

    def forward(self, image):
        """Return probabilities or scores, shape (n, k), of images of shape (n, height, width, channels)."""
        scores, _ = self.network(image.permute(0, 3, 1, 2))
        return scores.softmax(1) if self.softmax else scores


class _Convolution(nn.Module):
    """A Conv2D or SeparableConv2D with its activation."""

    def __init__(self, layer):
        super().__init__()
        self.activation = _activation(layer)
        weights = [_tensor(each) for each in layer.get_weights()]
        self.bias = nn.Parameter(weights.pop()) if layer.use_bias else None
        first = weights[0].permute(3, 2, 0, 1)
        self.depthwise = None
        if len(weights) > 1:  # (height, width, channels, multiplier), then (1, 1, channels, filters)
            self.depthwise = nn.Parameter(weights[0].permute(2, 3, 0, 1).flatten(0, 1).unsqueeze(1).contiguous())
            first = weights[1].permute(3, 2, 0, 1)
        self.weight = nn.Parameter(first.contiguous(memory_format=torch.channels_last))
        self.stride, self.size, self.same = layer.strides, layer.kernel_size, layer.padding == "same"

    def forward(self, values):
        padding = 0
        if self.same and self.stride == (1, 1) and all(size % 2 for size in self.size):
            padding = tuple(size // 2 for size in self.size)
        elif self.same:
            values = _padded(values, self.size, self.stride)
        if self.depthwise is None:
            return self.activation(functional.conv2d(values, self.weight, self.bias, self.stride, padding))
        values = functional.conv2d(values, self.depthwise, None, self.stride, padding, groups=len(self.depthwise))
        return self.activation(functional.conv2d(values, self.weight, self.bias))

    def keras_weights(self):
        weights = [self.weight.detach().permute(2, 3, 1, 0)]
        if self.depthwise is not None:
            weights.insert(0, self.depthwise.detach().permute(2, 3, 0, 1))
        return weights + ([] if self.bias is None else [self.bias.detach()])


class _Dense(nn.Module):
    """A Dense layer without softmax, which the loss includes."""

    def __init__(self, layer):
        super().__init__()
        kernel, *bias = layer.get_weights()
        self.activation = nn.Identity() if layer.activation.__name__ == "softmax" else _activation(layer)
        self.weight = nn.Parameter(_tensor(kernel).T.contiguous())
        self.bias = nn.Parameter(_tensor(bias[0])) if bias else None

    def forward(self, values):
        return self.activation(functional.linear(values, self.weight, self.bias))

    def keras_weights(self):
        return [self.weight.detach().T, *([] if self.bias is None else [self.bias.detach()])]


class _Normalization(nn.BatchNorm2d):
    """A BatchNormalization of feature maps or of vectors."""

    def __init__(self, layer):
        super().__init__(layer.gamma.shape[0], eps=layer.epsilon, momentum=1 - layer.momentum)
        for parameter, weights in zip(self._all(), layer.get_weights(), strict=True):
            parameter.data.copy_(_tensor(weights))

    def _check_input_dim(self, input):  # also accepts vectors
        pass

    def _all(self):
        return self.weight, self.bias, self.running_mean, self.running_var

    def keras_weights(self):
        return [each.detach() for each in self._all()]


class _Pooling(nn.Module):
    """A MaxPooling2D."""

    def __init__(self, layer):
        super().__init__()
        self.size, self.stride, self.same = layer.pool_size, layer.strides, layer.padding == "same"

    def forward(self, values):
        if self.same:
            values = _padded(values, self.size, self.stride, value=-torch.inf)
        return functional.max_pool2d(values, self.size, self.stride)


class _MeanPooling(nn.Module):
    """An AveragePooling2D."""

    def __init__(self, layer):
        super().__init__()
        self.size, self.stride = layer.pool_size, layer.strides

    def forward(self, values):
        return functional.avg_pool2d(values, self.size, self.stride)


class _Padding(nn.Module):
    """A ZeroPadding2D."""

    def __init__(self, layer):
        super().__init__()
        (top, bottom), (left, right) = layer.padding
        self.edges = left, right, top, bottom

    def forward(self, values):
        return functional.pad(values, self.edges)


class _Dropout(nn.Module):
    """A Dropout with its own generator, so that replicas in threads are reproducible."""

    def __init__(self, layer):
        super().__init__()
        self.rate, self.generator = layer.rate, None

    def forward(self, values):
        if not self.training:
            return values
        mask = torch.empty_like(values).bernoulli_(1 - self.rate, generator=self.generator)
        return values * mask / (1 - self.rate)


class _Mean(nn.Module):
    """A GlobalAveragePooling2D."""

    def forward(self, values):
        return values.mean((2, 3))


class _Flat(nn.Module):
    """A Flatten in the order of Keras, with channels last."""

    def forward(self, values):
        return values.permute(0, 2, 3, 1).flatten(1)


class _Sum(nn.Module):
    """An Add."""

    def forward(self, first, second):
        return first + second


def _activation(layer):
    return {"linear": nn.Identity, "relu": nn.ReLU, "elu": nn.ELU}[layer.activation.__name__]()


def _tensor(values):
    return torch.from_numpy(np.array(values, dtype=np.float32))


def _padded(values, size, stride, value=0.0):
    """Return feature maps padded as Keras does for "same": minimal, an odd pixel at the right and the bottom."""
    edges = []
    for side, kernel, step in zip(values.shape[:1:-1], size[::-1], stride[::-1], strict=True):
        padding = max(0, (-(-side // step) - 1) * step + kernel - side)
        edges += [padding // 2, padding - padding // 2]
    return functional.pad(values, edges, value=value) if any(edges) else values


LAYERS = {
    "InputLayer": lambda layer: nn.Identity(),
    "Conv2D": _Convolution,
    "SeparableConv2D": _Convolution,
    "Dense": _Dense,
    "BatchNormalization": _Normalization,
    "Activation": _activation,
    "MaxPooling2D": _Pooling,
    "AveragePooling2D": _MeanPooling,
    "ZeroPadding2D": _Padding,
    "GlobalAveragePooling2D": lambda layer: _Mean(),
    "Flatten": lambda layer: _Flat(),
    "Add": lambda layer: _Sum(),
    "Dropout": _Dropout,
    "Softmax": lambda layer: nn.Identity(),
}
"""PyTorch modules by the class of the Keras layer."""
