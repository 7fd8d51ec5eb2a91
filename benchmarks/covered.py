"""Learn the score of covered faces, and measure it out of fold.

    python -m benchmarks.covered --data fer2013.csv.gz
    python -m benchmarks.covered --data fer2013.csv.gz --write
    python -m benchmarks.covered --quick

Objects are drawn onto every second training image, and its face is found again, because an object also moves the
landmarks. Faces without an object, with one next to the face, and with sunglasses (with which expressions are read as
well) are not covered. Faces of FER2013 that were looked at (benchmarks/data/covered_faces.csv) are covered, or not, or
left out. ``--write`` fits on all faces and replaces landmark_fer/recognition/cover.npz. Takes 15 minutes.
"""

import argparse
import csv
import sys
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from landmark_fer.artifact.card import markdown_table
from landmark_fer.core.command import run_command
from landmark_fer.core.errors import InputError
from landmark_fer.core.geometry import interocular_distance
from landmark_fer.core.records import Box
from landmark_fer.datasets import load_dataset, open_source
from landmark_fer.datasets.inputs import DATA
from landmark_fer.evaluation.cross_validation import make_folds
from landmark_fer.evaluation.splits import split_faces
from landmark_fer.models.mlp import MLPWithDropout
from landmark_fer.perception.extraction import FaceExtractor
from landmark_fer.recognition.cover import WEIGHTS, cover_features

LABELS = Path(__file__).parent / "data" / "covered_faces.csv"
KINDS = ("fingers", "fist", "plain", "textured", "microphone", "mask", "below", "side", "sunglasses")
READ_WELL = "sunglasses"
SIDE = 192  # of the enlarged image on which objects are drawn
LEAST, MOST = 0.12, 0.5  # share of the box that an object covers
MOUTH, FACE, EYE = 0.6, 0.4, 0.25  # covered shares: of the mouth, of all landmarks' hull, of it where an eye is covered
ALARMS = 0.01  # share of the training faces, the truly covered ones included, that the limit calls covered
REPEATS = {"covered": 4, "uncovered": 2, "unclear": 0}


class Canvas:
    """Draws an object onto an enlarged face: a mask and its grey values.

    Parameters
    ----------
    image : ndarray of shape (height, width), uint8
    landmarks : ndarray of shape (68, 2)
    donor : ndarray of shape (height, width), uint8
        Another image, which lends its texture.
    random : numpy.random.Generator
    """

    def __init__(self, image, landmarks, donor, random):
        self.shape, self.random, self.donor = image.shape, random, donor
        self.landmarks, self.unit = landmarks.astype(np.float64), float(interocular_distance(landmarks))
        eyes = landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)
        self.middle = (eyes[0] + eyes[1]) / 2
        self.right = (eyes[1] - eyes[0]) / max(self.unit, 1e-6)
        self.down = np.array((-self.right[1], self.right[0]))
        low, high = np.percentile(image, (35, 90))
        self.skin = float(random.uniform(low, high) * random.uniform(0.8, 1.2))
        self.mask = np.zeros(self.shape, np.uint8)
        y, x = np.mgrid[: self.shape[0], : self.shape[1]]
        self.places = np.stack([x, y], axis=2).astype(np.float32)

    def at(self, right, down):
        """Return a place given in inter-ocular distances from the middle between the eyes."""
        return self.middle + self.unit * (right * self.right + down * self.down)

    def stroke(self, start, end, width):
        """Draw a line with round ends, and return its mask."""
        mask = np.zeros(self.shape, np.uint8)
        cv2.line(mask, _fixed(start), _fixed(end), 255, max(1, round(width)), cv2.LINE_AA, 4)
        self.mask = np.maximum(self.mask, mask)
        return mask > 0

    def ellipse(self, centre, half_axes, degrees=0.0):
        """Draw an ellipse."""
        mask = np.zeros(self.shape, np.uint8)
        cv2.ellipse(mask, _fixed(centre), _fixed(half_axes), float(degrees), 0, 360, 255, -1, cv2.LINE_AA, 4)
        self.mask = np.maximum(self.mask, mask)

    def polygon(self, corners):
        """Draw a polygon."""
        cv2.fillPoly(self.mask, [np.round(np.asarray(corners) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)

    def shade(self, most):
        """Return grey values that rise linearly to a random side."""
        height, width = self.shape
        angle = self.random.uniform(0, 2 * np.pi)
        x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
        return self.random.uniform(0, most) * (x * np.cos(angle) + y * np.sin(angle))

    def spots(self):
        """Return smooth random values of unit variance."""
        values = cv2.GaussianBlur(self.random.normal(size=self.shape), (0, 0), max(0.5, 0.15 * self.unit))
        return values / max(values.std(), 1e-6)

    def texture(self):
        """Return a texture of unit variance: spots, stripes, or a part of the donor."""
        kind, size = self.random.integers(3), self.shape[::-1]
        if kind == 0:
            coarse = self.random.normal(size=(self.random.integers(4, 25),) * 2)
            values = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
        elif kind == 1:
            angle, period = self.random.uniform(0, np.pi), self.random.uniform(8, 40)
            values = np.sign(np.sin(self.places @ (np.cos(angle), np.sin(angle)) * 2 * np.pi / period))
        else:
            side = self.random.integers(10, 30)
            y, x = (self.random.integers(0, max(1, length - side)) for length in self.donor.shape)
            part = self.donor[y : y + side, x : x + side].astype(np.float64)
            values = cv2.resize(part, size, interpolation=cv2.INTER_CUBIC)
        return (values - values.mean()) / max(values.std(), 1e-3)

    def hair(self):
        """Return vertical streaks of unit variance."""
        streaks = self.random.normal(size=(6, self.shape[1] // 3 + 1))
        values = cv2.resize(streaks, self.shape[::-1], interpolation=cv2.INTER_CUBIC)
        return values / values.std()


def _fixed(place):
    """Return whole numbers for OpenCV, in sixteenths of pixels."""
    return tuple(np.round(np.asarray(place) * 16).astype(int).tolist())


def _arm(canvas):
    """Return where a hand points to, and the directions along and across it."""
    random = canvas.random
    wide = random.random() < 0.5
    target = canvas.at(random.normal(0, 0.55 if wide else 0.3), random.uniform(*((-0.2, 1.7) if wide else (0.8, 1.5))))
    angle = np.deg2rad(random.choice((90, 0, 180, 270), p=(0.6, 0.17, 0.17, 0.06)) + random.normal(0, 30))
    along = np.cos(angle) * canvas.right + np.sin(angle) * canvas.down
    return target, along, np.array((-along[1], along[0]))


def fingers(canvas):
    """Draw two to four fingers and a palm."""
    random, unit = canvas.random, canvas.unit
    target, along, across = _arm(canvas)
    number, width, length = random.integers(2, 5), unit * random.uniform(0.22, 0.36), unit * random.uniform(0.7, 1.3)
    gap, fan = random.uniform(0.95, 1.25), random.uniform(0, 0.25)
    paint = canvas.skin + canvas.spots() * random.uniform(2, 8) + canvas.shade(20)
    for index in np.arange(number) - (number - 1) / 2:
        tip = target + across * index * width * gap + along * unit * random.uniform(0, 0.25)
        own = along - across * index * fan / 2
        own /= np.linalg.norm(own)
        inside = canvas.stroke(tip, tip + own * length, width)
        edge = np.abs((canvas.places - tip) @ (-own[1], own[0])) / (width / 2)
        dark = random.uniform(0.1, 0.45) * canvas.skin * edge.clip(0, 1.2) ** 3
        paint = np.where(inside, canvas.skin + random.normal(0, 5) - dark, paint)
    middle = target + along * (length + unit * random.uniform(0.1, 0.4))
    half = unit * random.uniform(0.5, 0.8), number * width * gap * 0.55
    canvas.ellipse(middle, half, np.rad2deg(np.arctan2(along[1], along[0])))
    return paint


def fist(canvas):
    """Draw a fist and its arm."""
    random, unit = canvas.random, canvas.unit
    target, along, _ = _arm(canvas)
    size = unit * random.uniform(0.45, 0.9)
    half = size, size * random.uniform(0.6, 0.9)
    canvas.ellipse(target + along * size * 0.7, half, np.rad2deg(np.arctan2(along[1], along[0])))
    canvas.stroke(target + along * size, target + along * unit * 4, size * random.uniform(0.8, 1.3))
    rim = cv2.distanceTransform((canvas.mask > 127).astype(np.uint8), cv2.DIST_L2, 3) / (0.15 * unit)
    paint = canvas.skin + canvas.spots() * random.uniform(2, 8) + canvas.shade(20)
    return paint - random.uniform(0.1, 0.4) * canvas.skin * (1 - rim).clip(0, 1)


def plain(canvas):
    """Draw a rectangle or an ellipse."""
    random = canvas.random
    width, height = canvas.unit * random.uniform(0.6, 2.6, 2)
    centre = canvas.at(random.normal(0, 0.7), random.uniform(-0.4, 1.9))
    degrees = random.normal(0, 25) if random.random() < 0.7 else random.uniform(0, 180)
    if random.random() < 0.3:
        canvas.ellipse(centre, (width / 2, height / 2), degrees)
    else:
        canvas.polygon(cv2.boxPoints((centre.tolist(), (width, height), degrees)))
    return random.uniform(10, 245) + canvas.shade(25)


def textured(canvas):
    """Draw a textured rectangle or ellipse."""
    return plain(canvas) + canvas.texture() * canvas.random.uniform(12, 60)


def microphone(canvas):
    """Draw a ball at the mouth and its handle."""
    random = canvas.random
    centre, radius = canvas.at(random.normal(0, 0.2), random.uniform(0.95, 1.5)), canvas.unit * random.uniform(0.3, 0.6)
    angle = np.deg2rad(random.normal(90, 35))
    along = np.cos(angle) * canvas.right + np.sin(angle) * canvas.down
    canvas.ellipse(centre, (radius, radius * random.uniform(0.8, 1.2)))
    canvas.stroke(centre, centre + along * 4 * canvas.unit, radius * random.uniform(0.6, 1.2))
    level = random.uniform(5, 90) if random.random() < 0.75 else random.uniform(90, 220)
    return level + canvas.shade(30) + random.normal(size=canvas.shape) * random.uniform(0, 12)


def mask(canvas):
    """Draw a mask from the nose to the chin."""
    random, face, unit = canvas.random, canvas.landmarks, canvas.unit
    start = random.integers(0, 3)
    top = face[28 + random.integers(0, 3)] + canvas.down * unit * random.normal(0, 0.06)
    right, left = face[1 + start], face[15 - start]
    chin = face[8] + canvas.down * unit * random.uniform(0, 0.25)
    canvas.polygon(np.stack([right, top, left, face[13], face[11], chin, face[5], face[3]]))
    across, down = (((canvas.places - face[48:60].mean(axis=0)) @ axis) / unit for axis in (canvas.right, canvas.down))
    level = random.uniform(150, 250) if random.random() < 0.7 else random.uniform(10, 150)
    paint = level * (1 - random.uniform(0, 0.35) * across**2) + canvas.shade(15)
    folds = np.sin(2 * np.pi * down / random.uniform(0.2, 0.45) + 0.8 * across**2)
    return paint + (random.random() < 0.6) * random.uniform(2, 12) * folds


def _half_plane(canvas, normal, distance):
    """Cover everything beyond a slightly bent line; `distance` in inter-ocular distances from the nose."""
    random = canvas.random
    angle = np.deg2rad(random.normal(0, 14))
    turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    normal = turn @ (normal[0] * canvas.right + normal[1] * canvas.down)
    shifted = canvas.places - canvas.at(0, 0.68)
    bend = 0.06 * canvas.unit * np.sin(shifted @ (-normal[1], normal[0]) / canvas.unit * random.uniform(1, 4))
    beyond = shifted @ normal - distance * canvas.unit + random.integers(2) * bend
    canvas.mask = ((2 * beyond + 0.5).clip(0, 1) * 255).astype(np.uint8)
    kind = random.integers(4)
    if kind == 0:
        return random.uniform(5, 245) + canvas.shade(25)
    if kind == 1:
        return random.uniform(5, 245) + canvas.texture() * random.uniform(12, 60)
    if kind == 2:
        return random.uniform(5, 110) + canvas.hair() * random.uniform(8, 35)
    return canvas.skin + canvas.shade(25) + canvas.spots() * random.uniform(0, 12)


def below(canvas):
    """Cover the face from below: a scarf, a cup, a book."""
    return _half_plane(canvas, (0, 1), canvas.random.uniform(-0.15, 0.75))


def side(canvas):
    """Cover the face from one side: hair, a wall, another head."""
    return _half_plane(canvas, (canvas.random.choice((-1, 1)), 0), canvas.random.uniform(-0.3, 0.7))


def sunglasses(canvas):
    """Draw dark glasses with a bridge and temples."""
    random, unit = canvas.random, canvas.unit
    half, down = unit * random.uniform((0.32, 0.18), (0.5, 0.4)), random.uniform(-0.02, 0.12)
    degrees, is_round = np.rad2deg(np.arctan2(canvas.right[1], canvas.right[0])), random.random() < 0.5
    for centre in (canvas.at(-0.52, down), canvas.at(0.52, down)):
        if is_round:
            canvas.ellipse(centre, half, degrees)
        else:
            canvas.polygon(cv2.boxPoints((centre.tolist(), (1.8 * half).tolist(), float(degrees))))
    for start, end in ((-0.2, 0.2), (-0.9, -1.4), (0.9, 1.4)):
        canvas.stroke(canvas.at(start, down - 0.05), canvas.at(end, down - 0.07), 0.07 * unit)
    return random.uniform(2, 60) + canvas.shade(25) + canvas.spots().clip(0) * random.uniform(0, 20)


DRAWINGS = {each.__name__: each for each in (fingers, fist, plain, textured, microphone, mask, below, side, sunglasses)}


def draw_object(image, landmarks, box, kind, donor, random, *, next_to=False, tries=12):
    """Draw an object onto a face.

    Parameters
    ----------
    image : ndarray of shape (height, width), uint8
    landmarks : ndarray of shape (68, 2)
    box : Box
    kind : str
        In `DRAWINGS`.
    donor : ndarray of shape (height, width), uint8
    random : numpy.random.Generator
    next_to : bool, default=False
        Draw it next to the face.
    tries : int, default=12

    Returns
    -------
    ndarray of shape (height, width), uint8, or None
        The image with the object; None if no try covered a share of the box from `LEAST` to `MOST`.
    bool
        Whether the face is covered: its mouth, an eye and a part of it, or much of it.
    """
    scale = max(1, round(SIDE / max(image.shape)))
    large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC) if scale > 1 else image
    landmarks = (landmarks + 0.5) * scale - 0.5
    box = Box(box.x * scale, box.y * scale, box.width * scale, box.height * scale)
    for _ in range(tries):
        shift = np.zeros(2)
        if next_to:
            angle, distance = random.uniform(0, 2 * np.pi), random.uniform(1.6, 2.6)
            shift = distance * float(interocular_distance(landmarks)) * np.array((np.cos(angle), np.sin(angle)))
        canvas = Canvas(large, landmarks + shift, donor, random)
        paint = DRAWINGS[kind](canvas)
        share, face, mouth, eye = _shares(canvas.mask, landmarks, box)
        if (face > 0.03 or canvas.mask.mean() < 8) if next_to else not (LEAST <= share <= MOST and face >= LEAST):
            continue
        covered = not next_to and (mouth > MOUTH or face > FACE or (eye > MOUTH and face > EYE))
        return _pasted(image, large, canvas.mask, paint, scale, random), covered and kind != READ_WELL
    return None, False


def _shares(mask, landmarks, box):
    """Return the covered shares of the box, of the landmarks' hull, of the mouth and of the eye covered most."""
    x, y = max(0, round(box.x)), max(0, round(box.y))
    inside = mask[y : round(box.y + box.height), x : round(box.x + box.width)]
    parts = [landmarks, landmarks[48:60], landmarks[36:42], landmarks[42:48]]
    face, mouth, *eyes = (_share_of_hull(mask, part) for part in parts)
    return inside.sum() / 255 / (box.width * box.height), face, mouth, max(eyes)


def _share_of_hull(mask, points):
    hull = cv2.convexHull(np.round(points).astype(np.int32))
    region = cv2.fillConvexPoly(np.zeros(mask.shape, np.uint8), hull, 1)
    return float(mask[region > 0].mean()) / 255 if region.any() else 0.0


def _pasted(image, large, mask, paint, scale, random):
    """Return the image with the object, its edge and itself blurred a little."""
    soft = mask.astype(np.float32) / 255
    blur = random.uniform(0, 0.35) * scale
    if blur > 0.3:
        soft = cv2.GaussianBlur(soft, (0, 0), blur)
    paint = np.asarray(paint, dtype=np.float32)
    if random.random() < 0.5:
        paint = cv2.GaussianBlur(paint, (0, 0), random.uniform(0.3, 0.7) * scale)
    pasted = large * (1 - soft) + paint.clip(0, 255) * soft
    size = image.shape[::-1]
    pasted, soft = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (pasted, soft))
    pasted = np.where(soft < 0.002, image, pasted) + soft * random.normal(0, random.uniform(0, 4), image.shape)
    return (pasted + 0.5).clip(0, 255).astype(np.uint8)


def drawn_faces(images, landmarks, *, seed, every=2, progress=True):
    """Draw objects onto every n-th image, and find its face again.

    Parameters
    ----------
    images : ndarray of shape (n, height, width), uint8
    landmarks : ndarray of shape (n, 68, 2)
    seed : int
    every : int, default=2
    progress : bool, default=True

    Returns
    -------
    ndarray of shape (m, 80, 80), uint8
        Chips.
    ndarray of shape (m, 2)
        Row of the image, and 1 for a covered face.
    list of str
        Kinds; "next to" for objects next to the face.
    """
    random, extractor = np.random.default_rng(seed), FaceExtractor()
    chips, rows, kinds = [], [], []
    for row in tqdm(range(0, len(images), every), "objects", disable=not progress):
        box = _box_around(landmarks[row])
        for next_to in [False] + [True] * (random.random() < 0.4):
            kind, donor = KINDS[random.integers(len(KINDS))], images[random.integers(len(images))]
            image, covered = draw_object(images[row], landmarks[row], box, kind, donor, random, next_to=next_to)
            if image is None or not (covered or next_to or kind == READ_WELL):
                continue
            box_is_given = random.random() < 0.3  # as in videos, where the box is there before a hand comes
            face = extractor.face_at(image, box) if box_is_given else extractor.extract_crop(image)
            chips.append(face.chip)
            rows.append((row, covered))
            kinds.append("next to" if next_to else kind)
    return np.array(chips), np.array(rows), kinds


def _box_around(landmarks):
    (left, top), (right, bottom) = landmarks.min(axis=0), landmarks.max(axis=0)
    side = 1.05 * max(right - left, bottom - top)
    return Box(float(left + right - side) / 2, float(bottom - side), float(side), float(side))


def fitted(features, covered, *, seed=0):
    """Return the fitted network of features of faces and of their mirror images, shape (2, n, d)."""
    network = MLPWithDropout(
        hidden=(32,), n_networks=1, dropout=0.1, input_dropout=0.05, epochs=16, learning_rate=1e-3, random_state=seed
    )
    return network.fit(np.concatenate(features), np.tile(covered, 2))


def weights_of(network):
    """Return the arrays of ``cover.npz`` except the limit: its hidden layer and the difference of its two outputs."""
    hidden, offsets, output, offset = (layer.astype(np.float32) for layer in network.networks_[0])
    output, offset = output[:, 1] - output[:, 0], offset[1] - offset[0]
    return {"hidden": hidden * network.scale_, "offsets": offsets, "output": output, "offset": offset}


def scores_of(weights, features):
    """Return the mean log-odds of faces and their mirror images, from features of shape (2, n, d)."""
    units = [np.maximum(each @ weights["hidden"] + weights["offsets"], 0) for each in features]
    return sum(each @ weights["output"] for each in units) / 2 + weights["offset"]


def main(argv=None):
    """Run the benchmark, print its table and return the exit status."""
    parser = argparse.ArgumentParser("python -m benchmarks.covered", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", type=DATA, help="FER2013's csv")
    add("--seed", type=int, default=0)
    add("--write", action="store_true", help="fit on all faces and replace the bundled weights")
    add("--quick", action="store_true", help="on a few made-up faces: does it run?")
    options = parser.parse_args(argv)
    return run_command(lambda: _run(options), stopped="stopped")


def _run(options):
    if not options.quick and options.data is None:
        raise InputError("--data must be given, or --quick")
    images, landmarks, chips, folds, labels = _made_up() if options.quick else _training_faces(options.data)
    drawn, rows, kinds = drawn_faces(images, landmarks, seed=options.seed, every=1 if options.quick else 2)
    repeats = np.array([REPEATS.get(label, 1) for label in labels])
    sets = Sets(
        _paired(chips), (labels == "covered").astype(int), repeats, folds, _paired(drawn), rows[:, 1], folds[rows[:, 0]]
    )
    kinds = np.array(kinds)
    real, scores = sets.out_of_fold(options.seed)
    limit = float(np.quantile(real, 1 - ALARMS))
    held_out = {} if options.quick else {kind: sets.without(kinds == kind, options.seed) for kind in KINDS}
    table = []
    for kind in ("next to", *KINDS):
        own = kinds == kind
        unseen = f"{(held_out[kind] > limit).mean():.0%}" if kind in held_out else ""
        table.append((kind, int(own.sum()), f"{(scores[own] > limit).mean():.0%}" if own.any() else "", unseen))
    when = f"seed {options.seed}, {datetime.now(UTC).date()}"
    print(f"{options.data or 'made-up faces'}, Training, {when}; limit {limit:.2f}\n")
    print(markdown_table(("object", "faces", "called covered", "if its kind was not learned"), table))
    for label in ("covered", "uncovered"):
        own = labels == label
        print(f"\nlooked at and {label}: {(real[own] > limit).sum()} of {own.sum()} called covered")
    if options.write:
        weights = weights_of(sets.fit(np.ones(len(folds), bool), np.ones(len(rows), bool), options.seed))
        weights["offset"] -= np.float32(limit)
        np.savez_compressed(WEIGHTS, **{name: value.astype(np.float16) for name, value in weights.items()})
    return 0


class Sets:
    """Real and drawn faces: features, whether they are covered, how often they count, and folds."""

    def __init__(self, real, real_covered, repeats, real_folds, drawn, drawn_covered, drawn_folds):
        self.real, self.real_covered, self.repeats, self.real_folds = real, real_covered, repeats, real_folds
        self.drawn, self.drawn_covered, self.drawn_folds = drawn, drawn_covered, drawn_folds

    def fit(self, real, drawn, seed):
        """Return a network fitted on the faces of two masks."""
        rows = np.repeat(np.flatnonzero(real), self.repeats[real])
        features = np.concatenate([self.real[:, rows], self.drawn[:, drawn]], axis=1)
        return fitted(features, np.concatenate([self.real_covered[rows], self.drawn_covered[drawn]]), seed=seed)

    def out_of_fold(self, seed):
        """Return the scores of real and of drawn faces."""
        real, drawn = np.zeros(len(self.real_folds)), np.zeros(len(self.drawn_folds))
        for fold in np.unique(self.real_folds):
            tested, own = self.real_folds == fold, self.drawn_folds == fold
            weights = weights_of(self.fit(~tested, ~own, seed))
            real[tested], drawn[own] = scores_of(weights, self.real[:, tested]), scores_of(weights, self.drawn[:, own])
        return real, drawn

    def without(self, kind, seed):
        """Return the scores of one kind in the first fold, of a network that learned from the other folds and kinds."""
        tested = self.drawn_folds == 0
        weights = weights_of(self.fit(self.real_folds > 0, ~tested & ~kind, seed))
        return scores_of(weights, self.drawn[:, tested & kind])


def _paired(chips):
    features = cover_features(chips)
    return features.reshape(2, len(chips), -1)


def _training_faces(path):
    """Return images, landmarks, chips, folds and labels of the training faces."""
    dataset = load_dataset(path)
    split = split_faces(dataset)
    faces = dataset.take(split.training)
    folds = np.zeros(len(faces), dtype=int)
    for fold, (_, tested) in enumerate(make_folds(faces.expressions, split.groups, n_folds=5, random_state=0)):
        folds[tested] = fold
    places = {row: place for place, row in enumerate(faces.rows.tolist())}
    images = [item.image for row, item in enumerate(open_source(path).items()) if row in places]
    labels = np.full(len(faces), "", dtype="U9")
    with open(LABELS, encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            labels[places[int(line["row"])]] = line["label"]
    return np.stack(images), faces.records["landmarks"], faces.records["chip"], folds, labels


def _made_up():
    from skimage.data import lfw_subset

    images = np.stack([(each * 255).astype(np.uint8) for each in lfw_subset()[:20].clip(0, 1)])
    faces = [FaceExtractor().extract_crop(image) for image in images]
    landmarks, chips = np.stack([each.landmarks for each in faces]), np.stack([each.chip for each in faces])
    return images, landmarks, chips, np.arange(len(images)) % 2, np.full(len(images), "", dtype="U9")


if __name__ == "__main__":
    sys.exit(main())
