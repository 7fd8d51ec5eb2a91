"""Training a network with PyTorch on CPUs: augmentation, loss and average in batches, taken up again after a kill."""

import math
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from landmark_fer.core.files import atomic_file
from landmark_fer.models.networks.torch_network import TorchNetwork
from landmark_fer.models.networks.training import HISTORY, WEIGHTS, append_history, read_history, replace_weights

STATE = "state.pt"
"""Name, in a training's folder, of all that the next epoch needs."""

_WARM_UP = 1.0  # epochs in which the learning rate rises, where it is not left to a plateau
_LAST_RATE = 1e-3  # of the highest learning rate, at the end of a cosine
_COOLDOWN = 0.25  # share of the epochs in which the learning rate is let down
_PARTS = 2  # of a batch, side by side: two threads that rarely meet lose less time than two within each operation
_BATCH = 256  # of images that are only looked at
_FLATTEST = 1.0  # as in `scaled_images`


def fit_network(network, faces, wanted, recipe, *, folder, seed, verbose):
    """Train a Keras network; the epoch that the watched faces liked best is in `WEIGHTS`, each epoch in `HISTORY`.

    Parameters
    ----------
    network, faces, wanted, recipe, folder, seed, verbose
        As for `train_network`.
    """
    training = _Training(network, faces, wanted, recipe, seed)
    training.restore(folder)
    rows = read_history(folder / HISTORY)[: training.done]
    best = min((row["validation_loss"] for row in rows), default=math.inf)
    for epoch in range(training.done, recipe.epochs):
        begin = time.perf_counter()
        row = training.epoch(epoch, verbose=verbose) | training.validation(epoch)
        row |= {"epoch": epoch + 1, "seconds": time.perf_counter() - begin}
        if row["validation_loss"] < best:
            best = row["validation_loss"]
            training.averaged.network.copy_to(network)
            replace_weights(network, folder / WEIGHTS)
        append_history(folder / HISTORY, row)
        training.save(folder)
        rows.append(row)
        if recipe.schedule == "plateau" and training.flat([each["validation_loss"] for each in rows]):
            break


def has_bfloat16():
    """Whether the processor multiplies in bfloat16; elsewhere it would be slower than float32."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16"))


class _Heads(nn.Module):
    """A network with a second head for people's votes over the same last values, where votes are learnt from."""

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


def _learnt(heads):
    """Return the parameters that are trained."""
    return [each for each in heads.parameters() if each.requires_grad]


def _sharing_weights(heads):
    """Return a copy whose parameters lie where those of the original do, with gradients of its own."""
    copy = deepcopy(heads)
    for mine, theirs in zip(copy.parameters(), heads.parameters(), strict=True):
        mine.data = theirs.data
    return copy


class _Training:
    """What changes from step to step, and the steps."""

    def __init__(self, network, faces, wanted, recipe, seed):
        torch.manual_seed(seed)
        self.faces, self.wanted, self.recipe, self.seed, self.done = faces, wanted, recipe, seed, 0
        votes = faces.votes is not None and recipe.votes_weight
        self.heads = _Heads(TorchNetwork(network), faces.votes.shape[1] if votes else 0)
        self.heads = self.heads.to(memory_format=torch.channels_last)
        self.averaged = deepcopy(self.heads) if recipe.averaging else self.heads
        self.replicas = [self.heads, *(_sharing_weights(self.heads) for _ in range(_PARTS - 1))]
        threads = max(1, torch.get_num_threads() // _PARTS)
        self.calibration = ThreadPoolExecutor(_PARTS, initializer=torch.set_num_threads, initargs=(threads,))
        # Biases and what batch normalization scales with are not decayed.
        groups = [
            {"params": [each for each in _learnt(self.heads) if (each.ndim > 1) == decayed], "weight_decay": decay}
            for decayed, decay in ((True, recipe.weight_decay), (False, 0.0))
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, eps=1e-7)
        self.n_batches = -(-len(faces.images) // recipe.batch_size)
        self.counts = torch.from_numpy(_shares_of_loss(faces, recipe.balance))
        self.bfloat16 = has_bfloat16()
        self.best_rate = recipe.learning_rate

    def epoch(self, epoch, *, verbose):
        """Go through the faces once and return loss, accuracy and learning rate."""
        for part, replica in enumerate(self.replicas):
            replica.network.draw_from(torch.Generator().manual_seed(_PARTS * (1_000_003 * self.seed + epoch) + part))
            replica.train()
        random = np.random.default_rng([self.seed, epoch])
        side = side_of_epoch(epoch, self.recipe, self.wanted.side)
        batches = np.array_split(random.permutation(len(self.faces.images)), self.n_batches)
        totals = np.zeros(2)
        title = f"epoch {epoch + 1}/{self.recipe.epochs}"
        for number, rows in enumerate(tqdm(batches, title, disable=not verbose, mininterval=1, leave=False)):
            step = epoch * self.n_batches + number
            self._rate(step)
            totals += self._step(rows, side, random)
            self._average(step)
        self.done = epoch + 1
        loss, accuracy = totals / len(self.faces.images)
        return {"loss": loss, "accuracy": accuracy, "learning_rate": self.optimizer.param_groups[0]["lr"]}

    def _step(self, rows, side, random):
        """Learn from some faces; return the sum of their losses, and how many were right."""
        parts = [rows[start::_PARTS] for start in range(_PARTS)]
        jobs = [self._job(part, len(rows), side, random) for part in parts if len(part)]
        found = list(self.calibration.map(self._gradients, self.replicas, jobs))
        for mine, *others in zip(*map(_learnt, self.replicas[: len(jobs)]), strict=True):
            for other in others:
                mine.grad += other.grad
        self.optimizer.step()
        return np.sum(found, axis=0)

    def _job(self, rows, n, side, random):
        """Return what `_gradients` needs of some of the n faces of a batch."""
        images = augmented(self.faces.images[rows], self.wanted, self.recipe.augmentation, random, side=side)
        labels = self.faces.labels[rows]
        targets = _drawn(labels, random) if self.recipe.targets == "drawn" else labels
        return images, torch.from_numpy(targets), torch.from_numpy(labels), rows, n

    def _gradients(self, heads, job):
        """Leave the gradients of a part of a batch in a replica; return the sum of losses, and how many were right."""
        recipe, (images, targets, labels, rows, n) = self.recipe, job
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            scores, votes = heads(images)
        losses = functional.cross_entropy(scores, targets, reduction="none", label_smoothing=recipe.label_smoothing)
        if votes is not None:
            shares = torch.from_numpy(self.faces.votes[rows])
            losses = losses + recipe.votes_weight * functional.cross_entropy(votes, shares, reduction="none")
        loss = (losses * self.counts[rows]).sum()
        heads.zero_grad()
        (loss / n).backward()
        right = scores.detach().argmax(1) == labels.argmax(1)
        return loss.item(), right.sum().item()

    def _rate(self, step):
        if self.recipe.schedule == "plateau":
            return
        total, warm = self.n_batches * self.recipe.epochs, max(1, int(_WARM_UP * self.n_batches))
        if self.recipe.schedule == "cosine":
            gone = (step - warm) / max(1, total - warm)
            share = _LAST_RATE + (1 - _LAST_RATE) * (1 + math.cos(math.pi * gone)) / 2
        else:
            first = self.n_batches * first_of_cooldown(self.recipe)
            share = min(1.0, (total - step) / max(1, total - first))
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * min((step + 1) / warm, share)

    def _average(self, step):
        if self.averaged is not self.heads:
            mine, theirs = (
                [each for each in heads.state_dict().values() if each.is_floating_point()]
                for heads in (self.averaged, self.heads)
            )
            kept = min(self.recipe.averaging, (step + 1) / (step + 10))  # the first weights are soon forgotten
            torch._foreach_lerp_(mine, theirs, 1 - kept)

    def validation(self, epoch):
        """Return the loss and the accuracy of the watched faces, reduced to the side that the epoch learnt from."""
        side = side_of_epoch(epoch, self.recipe, self.wanted.side)
        predictions = self._predictions(self.faces.validation_images, side)
        if self.recipe.mirrored:
            predictions = (predictions + self._predictions(self.faces.validation_images[..., ::-1], side)) / 2
        right = predictions.argmax(axis=1) == self.faces.validation_labels.argmax(axis=1)
        shares = self.faces.validation_labels * np.log(np.maximum(predictions, 1e-7))
        return {"validation_loss": float(-shares.sum(axis=1).mean()), "validation_accuracy": float(right.mean())}

    def _predictions(self, images, side):
        self.averaged.eval()
        parts = [images[start : start + _BATCH] for start in range(0, len(images), _BATCH)]
        return np.concatenate(list(self.calibration.map(lambda part: self._prediction(part, side), parts)))

    @torch.no_grad()
    def _prediction(self, images, side):
        values = torch.from_numpy(images.astype(np.float32)).unsqueeze(1)
        if side != self.wanted.side:
            values = functional.interpolate(values, (side, side), mode="bilinear", antialias=True)
        values = scaled(values, self.wanted)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            return self.averaged(values)[0].softmax(1).numpy()

    def flat(self, losses):
        """Let the learning rate down after three epochs without a better loss; return whether the patience is over."""
        since = len(losses) - 1 - int(np.argmin(losses))
        if since and since % 3 == 0:
            for group in self.optimizer.param_groups:
                group["lr"] *= 0.2
        return since >= self.recipe.patience

    def save(self, folder):
        state = {"heads": self.heads.state_dict(), "averaged": self.averaged.state_dict()}
        state |= {"optimizer": self.optimizer.state_dict(), "done": self.done}
        with atomic_file(folder / STATE) as new:
            torch.save(state, new)

    def restore(self, folder):
        """Go on from the last whole epoch of a folder, if there is one."""
        if not (folder / STATE).is_file():
            return
        try:
            state = torch.load(folder / STATE, weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):  # of a full disk; the training begins anew
            return
        self.heads.load_state_dict(state["heads"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.done = state["done"]


def first_of_cooldown(recipe):
    """Return the epoch, counted from 0, with which the learning rate is let down and images have their full side."""
    return math.floor((1 - _COOLDOWN) * recipe.epochs + 0.5)


def side_of_epoch(epoch, recipe, side):
    """Return the side of the images in an epoch, counted from 0."""
    return recipe.smallest_side if recipe.smallest_side and epoch < first_of_cooldown(recipe) else side


def augmented(images, wanted, augmentation, random, *, side=None):
    """Return images moved, scaled as a network reads them, and erased in part.

    Parameters
    ----------
    images : ndarray of shape (n, side, side), uint8
    wanted : NetworkInput
    augmentation : Augmentation
    random : numpy.random.Generator
    side : int, optional
        Of the result; by default the network's.

    Returns
    -------
    Tensor of shape (n, channels, side, side), float32
    """
    full, n = wanted.side, len(images)
    side = side or full
    # `matrices` counts pixels from the middle of the first one; grid_sample has -1 and 1 at the outer edges.
    linear, moved = np.split(augmentation.matrices(n, full, random), [2], axis=2)
    moved = moved[..., 0]
    centre = np.full(2, (full - 1) / 2)
    shift = (linear @ centre + moved - centre) * 2 / full
    theta = torch.from_numpy(np.concatenate([linear, shift[..., None]], axis=2).astype(np.float32))
    values = torch.from_numpy(images).float().unsqueeze(1)
    grid = functional.affine_grid(theta, (n, 1, side, side), align_corners=False)
    values = functional.grid_sample(values, grid, padding_mode="border", align_corners=False)
    return _erased(scaled(values, wanted), augmentation, random)


def scaled(values, wanted):
    """Return grey values of shape (n, 1, side, side) as `scaled_images` does, channels first."""
    if wanted.scaling == "standardised":
        values = values - values.mean((2, 3), keepdim=True)
        values = values / values.std((2, 3), keepdim=True, correction=0).clamp(min=_FLATTEST)
    elif wanted.scaling == "0..1":
        values = values / 255
    elif wanted.scaling == "-1..1":
        values = values / 127.5 - 1
    values = values.expand(-1, wanted.channels, -1, -1)
    return values.contiguous(memory_format=torch.channels_last)


def _erased(values, augmentation, random):
    """Return images with rectangles replaced by the image's mean."""
    n, side = len(values), values.shape[-1]
    for _ in range(augmentation.erasings):
        sizes = random.uniform(0, augmentation.erased * side, (2, n, 1))
        first = random.uniform(0, 1, (2, n, 1)) * (side - sizes)
        inside = (np.arange(side) >= first) & (np.arange(side) < first + sizes)
        mask = torch.from_numpy(inside[0][:, None, :, None] & inside[1][:, None, None, :])
        values = torch.where(mask, values.mean((2, 3), keepdim=True), values)
    return values


def _shares_of_loss(faces, balance):
    """Return how much each face counts in the loss, 1 in the mean."""
    weights = np.ones(len(faces.labels)) if faces.weights is None else faces.weights.astype(np.float64)
    if balance:
        columns = faces.labels.argmax(axis=1)
        counts = np.bincount(columns, weights=weights, minlength=faces.labels.shape[1])
        weights = weights * np.maximum(counts, 1e-9)[columns] ** -balance
    return (weights / weights.mean()).astype(np.float32)


def _drawn(shares, random):
    """Return one class drawn for each row of shares, as rows with one 1."""
    reached = shares.cumsum(axis=1) >= random.random((len(shares), 1)) * shares.sum(axis=1, keepdims=True)
    return np.eye(shares.shape[1], dtype=np.float32)[reached.argmax(axis=1)]
