"""Accuracy of fitted models on degraded faces: light, blur, compression, noise, size, occlusion, turns.

    python -m benchmarks.robustness --data fer2013.csv.gz default cnn ensemble --figure robustness.webp
    python -m benchmarks.robustness --quick

A sample of the test faces without a near-duplicate in training is degraded and extracted again by the one pipeline, so
that a missed face or misplaced landmarks count, too. Landmark errors are added after the landmarks are located.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from landmark_fer import load_artifact
from landmark_fer.artifact.card import markdown_table, percent
from landmark_fer.core.command import run_command
from landmark_fer.core.errors import DataError, InputError
from landmark_fer.core.geometry import interocular_distance
from landmark_fer.core.landmarks import points
from landmark_fer.core.paths import Output, check_paths
from landmark_fer.core.records import stack
from landmark_fer.datasets import load_dataset, open_source
from landmark_fer.datasets.inputs import DATA
from landmark_fer.evaluation.scores import wilson_interval
from landmark_fer.evaluation.splits import split_faces
from landmark_fer.figures.canvas import add_legend, new_figure, prepared_axes
from landmark_fer.figures.palette import LIGHT, SERIES
from landmark_fer.models.base import predict_in_order
from landmark_fer.perception.extraction import ExtractorSettings, FaceExtractor

QUICK_FACES = 12
MARGIN = 0.35  # of an occluded region, in inter-ocular distances around its landmarks
REGIONS = {
    "eyes": ("right_eye", "left_eye"),
    "brows": ("right_brow", "left_brow"),
    "nose": ("nose_bridge", "nostrils"),
    "mouth": ("outer_lips",),
}


@dataclass(frozen=True)
class Degradation:
    """One kind of degradation of an image.

    Attributes
    ----------
    unit : str
        Of the strengths.
    strengths : tuple
    apply : callable
        Takes the image of shape (height, width), uint8, the undegraded `Face`, a strength and a random generator;
        returns the degraded image.
    """

    unit: str
    strengths: tuple
    apply: Callable


def gamma(image, face, exponent, random):
    """Raise grey values from 0 to 1 to a power: over 1 darkens, below 1 brightens."""
    return (255 * (image / 255) ** exponent + 0.5).astype(np.uint8)


def side_light(image, face, darkness, random):
    """Darken linearly towards a random side."""
    angle = random.uniform(0, 2 * np.pi)
    height, width = image.shape
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    ramp = (1 + x * np.cos(angle) + y * np.sin(angle)).clip(0, 2) / 2
    return (image * (1 - darkness * ramp) + 0.5).astype(np.uint8)


def blur(image, face, deviation, random):
    """Blur with a Gaussian."""
    return cv2.GaussianBlur(image, (0, 0), deviation)


def jpeg(image, face, quality, random):
    """Compress as JPEG."""
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)


def noise(image, face, deviation, random):
    """Add Gaussian noise."""
    return (image + random.normal(0, deviation, image.shape) + 0.5).clip(0, 255).astype(np.uint8)


def reduce(image, face, side, random):
    """Reduce the image to a side, and enlarge it again."""
    size = image.shape[::-1]
    return cv2.resize(
        cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), size, interpolation=cv2.INTER_CUBIC
    )


def turn(image, face, degrees, random):
    """Rotate around the middle, to a random side."""
    height, width = image.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees * random.choice((-1, 1)), 1)
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


def occlude(image, face, region, random):
    """Fill a region of the face, as far as `MARGIN` around its landmarks, with the mean of the image."""
    corners = face.landmarks[points(*REGIONS[region])]
    hull = cv2.convexHull(corners.astype(np.float32)).astype(np.int32)
    mask = cv2.fillConvexPoly(np.zeros(image.shape, np.uint8), hull, 1)
    reach = max(1, round(MARGIN * float(interocular_distance(face.landmarks))))
    mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
    return np.where(mask, np.uint8(image.mean()), image)


DEGRADATIONS = {
    "darker": Degradation("exponent", (1.5, 2.5, 4.0), gamma),
    "brighter": Degradation("exponent", (0.67, 0.4, 0.25), gamma),
    "side light": Degradation("darkness of one side", (0.3, 0.6, 0.9), side_light),
    "blur": Degradation("deviation, pixels", (0.5, 1.0, 1.5, 2.0), blur),
    "JPEG": Degradation("quality", (50, 25, 10, 5), jpeg),
    "noise": Degradation("deviation, grey values", (5, 10, 20, 40), noise),
    "reduced size": Degradation("side, pixels", (36, 24, 16, 12), reduce),
    "turned": Degradation("degrees", (10, 20, 30), turn),
    "covered": Degradation("region", tuple(REGIONS), occlude),
}
"""Degradations of images by name, each from weak to strong."""

JITTER, JITTERS = "landmark errors", (1, 2, 4, 8)  # deviation in per cent of the inter-ocular distance


def main(argv=None):
    """Run the benchmark, print its table and return the exit status."""
    parser = argparse.ArgumentParser("python -m benchmarks.robustness", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("artifacts", nargs="*", default=["default", "cnn"], help="folders or names of models (default: default cnn)")
    add("--data", type=DATA, help="FER2013's csv or another csv of grey values with an official split")
    add("--split", default="PublicTest")
    add("--faces", type=int, default=1000, metavar="N", help="sample of the faces (default 1000)")
    add("--seed", type=int, default=0)
    add("--json", type=Output(), metavar="FILE", help="write all figures")
    add("--figure", type=Output(), metavar="FILE", help="draw the curves, as an image or SVG")
    add("--quick", action="store_true", help="on a few made-up faces: does it run?")
    options = parser.parse_args(argv)
    return run_command(lambda: _run(parser, options), stopped="stopped")


def _run(parser, options):
    check_paths(parser, options)
    if not options.quick and options.data is None:
        raise InputError("--data must be given, or --quick")
    artifacts = {Path(name).name: load_artifact(name) for name in options.artifacts}
    settings = {ExtractorSettings.from_dict(each.manifest["extractor"]) for each in artifacts.values()}
    if len(settings) > 1:
        raise InputError("the artifacts must have the same extractor settings; compare them separately")
    extractor = FaceExtractor(settings.pop())
    images, expressions = _made_up() if options.quick else sample_images(options)
    rows = measure(artifacts, extractor, images, expressions, seed=options.seed)
    when = f"{len(images):,} faces, seed {options.seed}, {datetime.now(UTC).date()}"
    print(f"{options.data or 'made-up faces'}, {options.split}, {when}; accuracy in per cent\n")
    names = list(artifacts)
    table = [(row["degradation"], row["strength"], *(percent(row["accuracy"][name]) for name in names)) for row in rows]
    print(markdown_table(("degradation", "strength", *names), table))
    reach = np.subtract(*wilson_interval(round(0.6 * len(images)), len(images))[::-1]) / 2
    print(f"\n95 % interval of an accuracy of 60 %: +- {100 * reach:.1f} points; rows share the faces")
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=1), encoding="utf-8")
    if options.figure:
        draw(rows, names).savefig(options.figure, dpi=110)
    return 0


def sample_images(options):
    """Return a sample of test images without a near-duplicate in training, and their expressions."""
    dataset = load_dataset(options.data)
    test = next((each for each in split_faces(dataset).tests if each.name == options.split), None)
    if test is None:
        raise DataError(f"{options.data} has no split {options.split}; name another with --split")
    leak_free = test.rows[test.leak_free]
    chosen = np.random.default_rng(options.seed).permutation(leak_free)[: options.faces]
    expressions = dict(zip(dataset.rows[chosen].tolist(), dataset.expressions[chosen].tolist(), strict=True))
    found = [
        (item.image, expressions[row])
        for row, item in enumerate(open_source(options.data).items())
        if row in expressions
    ]
    images, labels = zip(*found, strict=True)
    if not all(isinstance(image, np.ndarray) for image in images):
        raise DataError(f"{options.data} must be a csv of grey values; other data sets are not degraded")
    return images, np.array(labels)


def _made_up():
    from skimage.data import lfw_subset

    images = [(each * 255).astype(np.uint8) for each in lfw_subset()[:QUICK_FACES].clip(0, 1)]
    return images, np.array(["happy"] * len(images))


def measure(artifacts, extractor, images, expressions, *, seed):
    """Return one row for each strength of each degradation, the undegraded faces first.

    Returns
    -------
    list of dict
        ``degradation, unit, strength, n``, and ``accuracy`` by the name of the model, from 0 to 1.
    """
    clean = [extractor.extract_crop(image) for image in images]
    conditions = [(name, each.unit, strength) for name, each in DEGRADATIONS.items() for strength in each.strengths]
    conditions += [(JITTER, "deviation, % between the eyes", strength) for strength in JITTERS]
    rows = [_row(artifacts, extractor, clean, expressions, ("none", "", ""))]
    for condition in tqdm(conditions, "degradations"):
        random = np.random.default_rng(seed)
        faces = [
            _degraded(extractor, image, face, condition, random) for image, face in zip(images, clean, strict=True)
        ]
        rows.append(_row(artifacts, extractor, faces, expressions, condition))
    return rows


def _degraded(extractor, image, face, condition, random):
    """Return the face of a degraded image."""
    name, _, strength = condition
    if name != JITTER:
        return extractor.extract_crop(DEGRADATIONS[name].apply(image, face, strength, random))
    deviation = strength / 100 * float(interocular_distance(face.landmarks))
    landmarks = (face.landmarks + random.normal(0, deviation, face.landmarks.shape)).astype(np.float32)
    return extractor.face_of(image, face.box, landmarks, face.detector_score)


def _row(artifacts, extractor, faces, expressions, condition):
    records = stack(faces, chip_size=extractor.settings.chip_size, crop_size=extractor.settings.crop_size)
    accuracy = {}
    for name, artifact in artifacts.items():
        classes = np.array(artifact.classes)
        predicted = classes[predict_in_order(artifact.predictor, records, artifact.classes).argmax(axis=1)]
        accuracy[name] = float((predicted == expressions).mean())
    degradation, unit, strength = condition
    return {"degradation": degradation, "unit": unit, "strength": strength, "n": len(faces), "accuracy": accuracy}


def draw(rows, names, *, palette=LIGHT):
    """Return a figure of accuracy over strength, one panel for each degradation."""
    kinds = list(dict.fromkeys(row["degradation"] for row in rows[1:]))
    figure = new_figure(9.2, 7.2, palette=palette)
    panels = figure.subplots(-(-len(kinds) // 4), 4, sharey=True).ravel()
    for axes, kind in zip(panels, kinds, strict=False):
        own = [rows[0], *(row for row in rows if row["degradation"] == kind)]
        prepared_axes(axes, palette, grid="y")
        for name, colour in zip(names, SERIES, strict=False):
            heights = [100 * row["accuracy"][name] for row in own]
            line = "o" if isinstance(own[-1]["strength"], str) else "o-"  # regions have no order
            axes.plot(range(len(own)), heights, line, color=colour, markersize=3, linewidth=1.2, label=name)
        axes.set_xticks(range(len(own)), ["none", *(str(row["strength"]) for row in own[1:])])
        axes.set(title=kind, xlabel=own[-1]["unit"])
        axes.title.set(fontsize=9, color=palette.ink)
    for axes in panels[len(kinds) :]:
        axes.set_visible(False)
    for axes in panels[::4]:
        axes.set_ylabel("accuracy, %", color=palette.ink, fontsize=9)
    add_legend(panels[0], palette, loc="lower left")
    return figure


if __name__ == "__main__":
    sys.exit(main())
