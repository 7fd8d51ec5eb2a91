"""Rules that judge a face against the person's neutral face, on people photographed neutral and smiling.

    python -m benchmarks.neutral_shift faces.csv
    python -m benchmarks.neutral_shift faces.csv --model cnn --stranger fer2013.csv.gz

The csv is a table with subjects, as for `evaluate --data`. Each image is also shifted, turned by up to 6 degrees,
darkened, brightened, lit from one side, blurred, reduced and compressed. Each neutral view in turn is the baseline,
and the person's other views are scored. With --stranger, the faces of PublicTest get the neutral face of a random
person of the table: that is what a rule does, at worst, to expressions that the table lacks.
"""

import argparse
import io
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from landmark_fer import Recognizer, load_artifact, load_dataset
from landmark_fer.artifact.manifest import ARTIFACT_OR_BUNDLED
from landmark_fer.core.command import run_command
from landmark_fer.core.errors import DataError
from landmark_fer.core.paths import check_paths
from landmark_fer.core.records import stack
from landmark_fer.datasets import open_source
from landmark_fer.datasets.inputs import DATA
from landmark_fer.evaluation.scores import log_loss, wilson_interval
from landmark_fer.evaluation.tables import align_columns
from landmark_fer.models.base import predict_in_order
from landmark_fer.models.neutral_shift import NEUTRAL, SHIFTED, given_neutral_face, log_probabilities
from landmark_fer.perception.images import read_image

SLOPES, WEIGHTS, MARGINS = (1.0, 1.5, 2.0), (0.6, 0.7, 0.8, 0.9, 1.0), (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)


def turned(image, degrees, x=0.0, y=0.0):
    """Return an image turned about its centre and shifted by pixels; its edge is repeated."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    matrix[:, 2] += x, y
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


def gamma(image, exponent):
    """Return an image with its values from 0 to 1 raised to a power."""
    return ((image / 255) ** exponent * 255).astype(np.uint8)


def compressed(image, quality):
    """Return an image after JPEG compression."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


VIEWS = (
    lambda image: image,
    lambda image: turned(image, -6),
    lambda image: turned(image, -3, 5, 2),
    lambda image: turned(image, 3, -4, 3),
    lambda image: turned(image, 6),
    lambda image: turned(image, 0, 7.3, -5.4),
    lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    lambda image: gamma(image, 1.8),
    lambda image: gamma(image, 0.6),
    lambda image: (image * np.linspace(0.4, 1, image.shape[1])[None, :, None]).astype(np.uint8),
    lambda image: compressed(image, 25),
    lambda image: cv2.GaussianBlur(image, (0, 0), 2.5),
)


class Rules:
    """The rules that were tried, for log-probabilities of faces and of neutral faces, shape (..., k)."""

    def __init__(self, classes, mean):
        self.classes, self.mean = list(classes), mean
        self.happy, self.neutral = self.classes.index(SHIFTED), self.classes.index(NEUTRAL)

    def odds(self, logs):
        """Return log-odds to neutral."""
        return logs - logs[..., self.neutral, None]

    def all_classes(self, weight, margin):
        """Every expression is shifted."""

        def rule(logs, rest):
            scores = self.odds(logs) - weight * self.odds(rest) - margin
            scores[..., self.neutral] = 0
            return scores

        return rule

    def random_effect(self, weight):
        """The person's expected offset from the mean neutral face is subtracted."""
        return lambda logs, rest: self.odds(logs) - weight * (self.odds(rest) - self.mean)

    def happy_against_all(self, weight, margin):
        """Only happy is shifted, against all others."""

        def rule(logs, rest):
            scores = self.odds(logs).copy()
            scores[..., self.happy] -= weight * self.odds(rest)[..., self.happy] + margin
            return scores

        return rule

    def chosen(self, logs, rest):
        """The rule of the package."""
        return np.log(np.maximum(given_neutral_face(np.exp(logs), rest, self.classes), 1e-12))

    def table(self):
        """Return the rules by name."""
        return {
            "no baseline": lambda logs, rest: logs,
            "all classes, w 1, t 1": self.all_classes(1.0, 1.0),
            "all classes, w 0.7, t 0": self.all_classes(0.7, 0.0),
            "random effect, w 0.9": self.random_effect(0.9),
            "happy against all, w 1, t 1": self.happy_against_all(1.0, 1.0),
            "happy against neutral, others limited (chosen)": self.chosen,
        }


def people(path, recognizer):
    """Return log-probabilities of shape (people, 2, views, k), neutral first, and the names of the subjects."""
    path = Path(path)
    of_subject, root = {}, path.parent if path.is_file() else path
    for item in open_source(path).items():
        if item.subject and item.expression in (NEUTRAL, SHIFTED) and item.problem is None:
            of_subject.setdefault(item.subject, {}).setdefault(item.expression, root / item.name)
    pairs = {name: files for name, files in sorted(of_subject.items()) if len(files) == 2}
    faces, names = [], []
    for name, files in pairs.items():
        images = [view(np.asarray(read_image(files[each]))) for each in (NEUTRAL, SHIFTED) for view in VIEWS]
        found = [recognizer.extractor.extract(image) for image in images]
        if all(found):
            names.append(name)
            faces += [max(each, key=lambda face: face.box.width) for each in found]
    if not names:
        raise DataError(f"{path} must have subjects with a {NEUTRAL} and a {SHIFTED} image, has none; name another")
    settings = recognizer.extractor.settings
    records = stack(faces, chip_size=settings.chip_size, crop_size=settings.crop_size)
    rows = predict_in_order(recognizer.artifact.predictor, records, recognizer.classes)
    return log_probabilities(rows).reshape(len(names), 2, len(VIEWS), -1), names


def shares(rule, logs, happy, neutral):
    """Return for each person the share of neutral views not read as neutral, and of smiles read as happy."""
    false_alarms, hits, n = [], [], logs.shape[2]
    for view in range(n):
        rest, others = logs[:, 0, view, None], [each for each in range(n) if each != view]
        false_alarms.append((rule(logs[:, 0, others], rest).argmax(axis=-1) != neutral).mean(axis=1))
        hits.append((rule(logs[:, 1], rest).argmax(axis=-1) == happy).mean(axis=1))
    return np.mean(false_alarms, axis=0), np.mean(hits, axis=0)


def leave_one_person_out(logs, rules):
    """Return how often each weight, margin and slope has the lowest log loss on all people but one."""
    happy = rules.odds(logs)[..., rules.happy]
    shape = WEIGHTS, MARGINS, SLOPES
    losses = np.empty((*map(len, shape), len(happy)))
    for place in np.ndindex(losses.shape[:-1]):
        weight, margin, slope = (values[at] for values, at in zip(shape, place, strict=True))
        scores = slope * (happy[:, :, None, :] - weight * happy[:, 0][:, None, :, None] - margin)
        rising = 1 / (1 + np.exp(-scores))
        for person, (rest, smile) in enumerate(rising):
            share = np.concatenate([rest.ravel(), smile.ravel()])
            truth = np.repeat([0, 1], rest.size)
            losses[(*place, person)] = log_loss(np.stack([1 - share, share], axis=1), truth)
    counts = {}
    for person in range(len(happy)):
        rest = np.delete(losses, person, axis=-1).mean(axis=-1)
        best = tuple(values[at] for values, at in zip(shape, np.unravel_index(rest.argmin(), rest.shape), strict=True))
        counts[best] = counts.get(best, 0) + 1
    return counts


def _variances(logs, rules):
    odds = rules.odds(logs[:, 0])
    rows = [("log-odds to neutral, neutral views", "mean", "between people", "within a person", "w")]
    for at, name in enumerate(rules.classes):
        if at != rules.neutral:
            within = odds[..., at].var(axis=1, ddof=1).mean()
            between = odds[..., at].mean(axis=1).var(ddof=1)
            numbers = odds[..., at].mean(), between**0.5, within**0.5, between / (between + within)
            rows.append((name, *(f"{value:.2f}" for value in numbers)))
    return align_columns(rows)


def _rules(logs, groups, rules):
    names = sorted(set(groups.tolist()))
    heads = [f"{what}, {name}" for what in ("neutral misread", "smiles read as happy") for name in names]
    rows = [("rule, per cent (Wilson 95 %)", *heads)]
    for name, rule in rules.table().items():
        each = shares(rule, logs, rules.happy, rules.neutral)
        cells = []
        for values in each:
            for group in names:
                share, n = values[groups == group].mean(), int((groups == group).sum())
                low, high = wilson_interval(share * n, n)
                cells.append(f"{100 * share:.1f} ({100 * low:.0f} to {100 * high:.0f})")
        rows.append((name, *cells))
    return align_columns(rows)


def _strangers(path, recognizer, logs, rules):
    faces = load_dataset(path, settings=recognizer.extractor.settings, votes="none", jobs=1).of_split("PublicTest")
    own = log_probabilities(predict_in_order(recognizer.artifact.predictor, faces.records, recognizer.classes))
    rest = logs[np.random.default_rng(0).integers(len(logs), size=len(own)), 0, 0]
    rows = [("recall on PublicTest given a stranger's neutral face", *rules.classes)]
    for name, rule in rules.table().items():
        right = np.array(rules.classes)[rule(own, rest).argmax(axis=1)] == faces.expressions
        rows.append((name, *(f"{100 * right[faces.expressions == each].mean():.0f}" for each in rules.classes)))
    return align_columns(rows)


def _run(parser, options):
    check_paths(parser, options)
    recognizer = Recognizer(load_artifact(options.model))
    logs, names = people(options.data, recognizer)
    table = load_dataset(options.data, settings=recognizer.extractor.settings, jobs=1)
    columns = {name.lower(): column for name, column in table.attributes.items()}
    group_of = dict(zip(table.subjects.tolist(), columns.get(options.by, table.subjects != "").tolist(), strict=True))
    rules = Rules(recognizer.classes, 0.0)
    rules.mean = rules.odds(logs[:, 0]).mean(axis=(0, 1))
    print(f"{len(names)} people, {len(VIEWS)} views of each image\n\n{_variances(logs, rules)}\n")
    print(_rules(logs, np.array([str(group_of[name]) for name in names]), rules))
    print("\nlowest log loss of happy against neutral without one person (w, t, slope):")
    for setting, count in sorted(leave_one_person_out(logs, rules).items(), key=lambda each: -each[1]):
        print(f"  {setting}: {count} of {len(names)}")
    if options.stranger:
        print(f"\n{_strangers(options.stranger, recognizer, logs, rules)}")
    return 0


def main(argv=None):
    """Run the benchmark, print its tables and return the exit status."""
    parser = argparse.ArgumentParser("python -m benchmarks.neutral_shift", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("data", type=DATA, metavar="FILE.csv", help="table with subjects, neutral and happy")
    add("--model", type=ARTIFACT_OR_BUNDLED, metavar="DIR", help="artifact (default: default)")
    add("--by", default="gender", metavar="COLUMN", help="groups of people (default: gender)")
    add("--stranger", type=DATA, metavar="PATH", help="FER2013, whose PublicTest gets neutral faces of strangers")
    options = parser.parse_args(argv)
    return run_command(lambda: _run(parser, options))


if __name__ == "__main__":
    sys.exit(main())
