"""Training with PyTorch on CPUs: augmentation, optimization, validation, and checkpoints to resume from."""

import math
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from landmark_fer.core.files import atomic_file
from landmark_fer.models.networks.torch_network import TorchNetwork
from landmark_fer.models.networks.training import HISTORY, WEIGHTS, append_history, read_history, save_weights

STATE = "state.pt"
"""File in the folder of a training with everything that the next epoch needs."""

_WARM_UP = 1.0  # epochs in which the learning rate rises, except for the schedule "plateau"
_LAST_RATE = 1e-3  # learning rate at the end of the schedule "cosine", relative to the maximum
_PARTS = 2  # parts of a batch, trained in parallel threads; faster than two threads within each operation
_N_STATISTICS = 512  # images for the first statistics of a pretrained network
_BATCH = 256  # images of the validation set
_DEGRADED = 0.3  # probability of each degradation
_BEST_QUALITY = 95  # of JPEG
_MIN_DEVIATION = 1.0  # as in `scaled_images`


def fit_network(network, faces, network_input, recipe, *, folder, seed, verbose):
    """Train a Keras network; save the weights of the best epoch in `WEIGHTS` and a row per epoch in `HISTORY`.

    Parameters
    ----------
    network, faces, network_input, recipe, folder, seed, verbose
        As for `train_network`.
    """
    training = _Training(network, faces, network_input, recipe, seed)
    training.restore(folder)
    rows = read_history(folder / HISTORY)[: training.epochs_done]
    best = min((row["validation_loss"] for row in rows), default=math.inf)
    for epoch in range(training.epochs_done, recipe.epochs):
        start = time.perf_counter()
        row = training.run_epoch(epoch, verbose=verbose) | training.validate()
        row |= {"epoch": epoch + 1, "seconds": time.perf_counter() - start}
        if row["validation_loss"] < best:
            best = row["validation_loss"]
            training.averaged.network.copy_to(network)
            save_weights(network, folder / WEIGHTS)
        append_history(folder / HISTORY, row)
        training.save(folder)
        rows.append(row)
        if recipe.schedule == "plateau" and training.is_plateau([each["validation_loss"] for each in rows]):
            break


def has_bfloat16():
    """Return whether the processor multiplies in bfloat16. Without that, bfloat16 is slower than float32."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16"))


class _Heads(nn.Module):
    """A network with a second output layer for votes, if there are votes to learn."""

    def __init__(self, network, n_votes):
        super().__init__()
        self.network = network
        self.votes = nn.Linear(network.n_features, n_votes) if n_votes else None

    def forward(self, images):
        scores, features = self.network(images)
        if self.votes is None:
            return scores, None
        with torch.autocast("cpu", enabled=False):
            return scores, self.votes(features)


def _trainable(heads):
    """Return the trainable parameters."""
    return [each for each in heads.parameters() if each.requires_grad]


def _sharing_weights(heads):
    """Return a copy that shares the parameters of the original and has its own gradients."""
    copy = deepcopy(heads)
    for copied, original in zip(copy.parameters(), heads.parameters(), strict=True):
        copied.data = original.data
    return copy


class _Training:
    """State of a training, and its steps."""

    def __init__(self, network, faces, network_input, recipe, seed):
        torch.manual_seed(seed)
        self.faces, self.network_input, self.recipe, self.seed = faces, network_input, recipe, seed
        self.epochs_done = 0
        learns_votes = faces.votes is not None and recipe.votes_weight
        self.heads = _Heads(TorchNetwork(network), faces.votes.shape[1] if learns_votes else 0)
        self.heads = self.heads.to(memory_format=torch.channels_last)
        if recipe.pretrained:
            images = torch.from_numpy(faces.images[:_N_STATISTICS]).float().unsqueeze(1)
            self.heads.network.normalize_by(scaled(images, network_input))
        self.averaged = deepcopy(self.heads) if recipe.averaging else self.heads
        self.replicas = [self.heads, *(_sharing_weights(self.heads) for _ in range(_PARTS - 1))]
        n_threads = max(1, torch.get_num_threads() // _PARTS)
        self.threads = ThreadPoolExecutor(_PARTS, initializer=torch.set_num_threads, initargs=(n_threads,))
        # Biases and the scales of batch normalization have no weight decay.
        groups = [
            {"params": [each for each in _trainable(self.heads) if (each.ndim > 1) == is_weight], "weight_decay": decay}
            for is_weight, decay in ((True, recipe.weight_decay), (False, 0.0))
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, eps=1e-7)
        self.n_batches = -(-len(faces.images) // recipe.batch_size)
        self.face_weights = torch.from_numpy(_face_weights(faces, recipe.balance))
        self.bfloat16 = has_bfloat16()

    def run_epoch(self, epoch, *, verbose):
        """Train on all faces once and return loss, accuracy and learning rate."""
        for part, replica in enumerate(self.replicas):
            replica.network.draw_from(torch.Generator().manual_seed(_PARTS * (1_000_003 * self.seed + epoch) + part))
            replica.train()
        random = np.random.default_rng([self.seed, epoch])
        batches = np.array_split(random.permutation(len(self.faces.images)), self.n_batches)
        totals = np.zeros(2)
        title = f"epoch {epoch + 1}/{self.recipe.epochs}"
        for number, rows in enumerate(tqdm(batches, title, disable=not verbose, mininterval=1, leave=False)):
            step = epoch * self.n_batches + number
            self._set_learning_rate(step)
            totals += self._step(rows, random)
            self._update_average(step)
        self.epochs_done = epoch + 1
        loss, accuracy = totals / len(self.faces.images)
        return {"loss": loss, "accuracy": accuracy, "learning_rate": self.optimizer.param_groups[0]["lr"]}

    def _step(self, rows, random):
        """Train on one batch; return the sum of losses and the number of correct predictions."""
        parts = [rows[start::_PARTS] for start in range(_PARTS)]
        jobs = [self._job(part, len(rows), random) for part in parts if len(part)]
        totals = list(self.threads.map(self._gradients, self.replicas, jobs))
        for first, *others in zip(*map(_trainable, self.replicas[: len(jobs)]), strict=True):
            for other in others:
                first.grad += other.grad
        self.optimizer.step()
        return np.sum(totals, axis=0)

    def _job(self, rows, n, random):
        """Return the inputs of `_gradients` for some of the n faces of a batch."""
        images = augment(self.faces.images[rows], self.network_input, self.recipe.augmentation, random)
        labels = self.faces.labels[rows]
        targets = _draw_classes(labels, random) if self.recipe.targets == "drawn" else labels
        return images, torch.from_numpy(targets), torch.from_numpy(labels), rows, n

    def _gradients(self, heads, job):
        """Compute the gradients of a part of a batch; return the sum of losses and of correct predictions."""
        recipe, (images, targets, labels, rows, n) = self.recipe, job
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            scores, votes = heads(images)
        losses = functional.cross_entropy(scores, targets, reduction="none", label_smoothing=recipe.label_smoothing)
        if votes is not None:
            shares = torch.from_numpy(self.faces.votes[rows])
            losses = losses + recipe.votes_weight * functional.cross_entropy(votes, shares, reduction="none")
        loss = (losses * self.face_weights[rows]).sum()
        heads.zero_grad()
        (loss / n).backward()
        right = scores.detach().argmax(1) == labels.argmax(1)
        return loss.item(), right.sum().item()

    def _set_learning_rate(self, step):
        if self.recipe.schedule == "plateau":
            return
        n_steps, warm_up = self.n_batches * self.recipe.epochs, max(1, int(_WARM_UP * self.n_batches))
        progress = (step - warm_up) / max(1, n_steps - warm_up)
        factor = _LAST_RATE + (1 - _LAST_RATE) * (1 + math.cos(math.pi * progress)) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * min((step + 1) / warm_up, factor)

    def _update_average(self, step):
        if self.averaged is not self.heads:
            averages, weights = (
                [each for each in heads.state_dict().values() if each.is_floating_point()]
                for heads in (self.averaged, self.heads)
            )
            decay = min(self.recipe.averaging, (step + 1) / (step + 10))  # shorter average in the first steps
            torch._foreach_lerp_(averages, weights, 1 - decay)

    def validate(self):
        """Return loss and accuracy on the validation set."""
        predictions = self._predict(self.faces.validation_images)
        if self.recipe.mirrored:
            predictions = (predictions + self._predict(self.faces.validation_images[..., ::-1])) / 2
        right = predictions.argmax(axis=1) == self.faces.validation_labels.argmax(axis=1)
        log_likelihoods = self.faces.validation_labels * np.log(np.maximum(predictions, 1e-7))
        return {
            "validation_loss": float(-log_likelihoods.sum(axis=1).mean()),
            "validation_accuracy": float(right.mean()),
        }

    def _predict(self, images):
        self.averaged.eval()
        batches = [images[start : start + _BATCH] for start in range(0, len(images), _BATCH)]
        return np.concatenate(list(self.threads.map(self._predict_batch, batches)))

    @torch.no_grad()
    def _predict_batch(self, images):
        values = torch.from_numpy(images.astype(np.float32)).unsqueeze(1)
        values = scaled(values, self.network_input)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            return self.averaged(values)[0].softmax(1).numpy()

    def is_plateau(self, losses):
        """Lower the learning rate after three epochs without a lower loss; return whether to stop."""
        n_worse = len(losses) - 1 - int(np.argmin(losses))
        if n_worse and n_worse % 3 == 0:
            for group in self.optimizer.param_groups:
                group["lr"] *= 0.2
        return n_worse >= self.recipe.patience

    def save(self, folder):
        """Save a checkpoint in a folder."""
        state = {"heads": self.heads.state_dict(), "averaged": self.averaged.state_dict()}
        state |= {"optimizer": self.optimizer.state_dict(), "done": self.epochs_done}
        with atomic_file(folder / STATE) as new:
            torch.save(state, new)

    def restore(self, folder):
        """Resume from the checkpoint in a folder, if there is a readable one."""
        if not (folder / STATE).is_file():
            return
        try:
            state = torch.load(folder / STATE, weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):  # after a full disk: start again
            return
        self.heads.load_state_dict(state["heads"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epochs_done = state["done"]


def augment(images, network_input, augmentation, random):
    """Return transformed, scaled and partly erased images as network input.

    Parameters
    ----------
    images : ndarray of shape (n, side, side), uint8
    network_input : NetworkInput
    augmentation : Augmentation
    random : numpy.random.Generator

    Returns
    -------
    Tensor of shape (n, channels, side, side), float32
    """
    side, n = network_input.side, len(images)
    # `matrices` has its origin at the centre of the first pixel; grid_sample has -1 and 1 at the outer edges.
    linear, offset = np.split(augmentation.matrices(n, side, random), [2], axis=2)
    centre = np.full(2, (side - 1) / 2)
    shift = (linear @ centre + offset[..., 0] - centre) * 2 / side
    theta = torch.from_numpy(np.concatenate([linear, shift[..., None]], axis=2).astype(np.float32))
    values = torch.from_numpy(images).float().unsqueeze(1)
    grid = functional.affine_grid(theta, (n, 1, side, side), align_corners=False)
    values = functional.grid_sample(values, grid, padding_mode="border", align_corners=False)
    return _erased(scaled(_degraded(values, augmentation, random), network_input), augmentation, random)


def _degraded(values, augmentation, random):
    """Return grey values of shape (n, 1, side, side) with random light, blur, compression and noise."""
    n, side = len(values), values.shape[-1]

    def amounts(low, high):
        """Return a column of random amounts, 0 for most images."""
        drawn = random.uniform(low, high, n) * (random.random(n) < _DEGRADED)
        return torch.from_numpy(drawn.astype(np.float32)).reshape(n, 1, 1, 1)

    if augmentation.gamma:
        values = 255 * (values / 255) ** amounts(-augmentation.gamma, augmentation.gamma).exp()
    if augmentation.blur:
        values = _blurred(values, amounts(0, augmentation.blur * side))
    if augmentation.compression:
        values = _compressed(values, amounts(0, augmentation.compression))
    if augmentation.noise:
        noise = random.standard_normal(values.shape, dtype=np.float32)
        values = values + amounts(0, augmentation.noise) * torch.from_numpy(noise)
    return values.clamp(0, 255)


def _blurred(values, deviations):
    """Return images blurred by Gaussians of deviations of shape (n, 1, 1, 1), in pixels."""
    n, radius = len(values), 3 * math.ceil(deviations.max()) or 1
    distances = torch.arange(-radius, radius + 1)
    kernels = torch.exp(-(distances**2) / (2 * deviations**2).clamp(min=1e-6))
    kernels = kernels / kernels.sum(-1, keepdim=True)
    values = functional.pad(values.transpose(0, 1), (radius,) * 4, mode="replicate")  # a channel for each image
    values = functional.conv2d(values, kernels, groups=n)
    return functional.conv2d(values, kernels.transpose(2, 3), groups=n).transpose(0, 1)


def _compressed(values, steps):
    """Return images compressed as JPEG, with a quality of 95 less steps of shape (n, 1, 1, 1); 0 leaves an image."""
    images = values.round().to(torch.uint8).numpy()
    for image, result, step in zip(images, values, steps.flatten().tolist(), strict=True):
        if step:
            code = cv2.imencode(".jpg", image[0], [cv2.IMWRITE_JPEG_QUALITY, round(_BEST_QUALITY - step)])[1]
            result[0] = torch.from_numpy(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE))
    return values


def scaled(values, network_input):
    """Return grey values of shape (n, 1, side, side) as network input, as `scaled_images` but channels first."""
    if network_input.scaling == "standardised":
        values = values - values.mean((2, 3), keepdim=True)
        values = values / values.std((2, 3), keepdim=True, correction=0).clamp(min=_MIN_DEVIATION)
    elif network_input.scaling == "0..1":
        values = values / 255
    elif network_input.scaling == "-1..1":
        values = values / 127.5 - 1
    values = values.expand(-1, network_input.channels, -1, -1)
    return values.contiguous(memory_format=torch.channels_last)


def _erased(values, augmentation, random):
    """Return images with random rectangles replaced by the mean of the image."""
    n, side = len(values), values.shape[-1]
    for _ in range(augmentation.erasings):
        sizes = random.uniform(0, augmentation.erased * side, (2, n, 1))
        first = random.uniform(0, 1, (2, n, 1)) * (side - sizes)
        inside = (np.arange(side) >= first) & (np.arange(side) < first + sizes)
        mask = torch.from_numpy(inside[0][:, None, :, None] & inside[1][:, None, None, :])
        values = torch.where(mask, values.mean((2, 3), keepdim=True), values)
    return values


def _face_weights(faces, balance):
    """Return the weight of each face in the loss, with mean 1."""
    weights = np.ones(len(faces.labels)) if faces.weights is None else faces.weights.astype(np.float64)
    if balance:
        columns = faces.labels.argmax(axis=1)
        counts = np.bincount(columns, weights=weights, minlength=faces.labels.shape[1])
        weights = weights * np.maximum(counts, 1e-9)[columns] ** -balance
    return (weights / weights.mean()).astype(np.float32)


def _draw_classes(shares, random):
    """Return a class drawn from each row of shares, one-hot."""
    reached = shares.cumsum(axis=1) >= random.random((len(shares), 1)) * shares.sum(axis=1, keepdims=True)
    return np.eye(shares.shape[1], dtype=np.float32)[reached.argmax(axis=1)]
