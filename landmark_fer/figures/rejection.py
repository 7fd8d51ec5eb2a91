"""Figures of probabilities: reliability diagram and accuracy-coverage curve."""

from dataclasses import dataclass

import numpy as np

from landmark_fer.evaluation.rejection import TARGET, choose_threshold, curve_points, risk_coverage
from landmark_fer.evaluation.scores import (
    ECE_BINS,
    class_columns,
    expected_calibration_error,
    reliability_table,
    wilson_interval,
)
from landmark_fer.figures.canvas import add_legend, prepared_axes
from landmark_fer.figures.palette import BLUE, GREY, LIGHT, VERMILLION

FEWEST = 10  # faces in a bin whose accuracy is drawn


@dataclass(frozen=True, eq=False)
class ReliabilityFigure:
    """Reliability diagram.

    Attributes
    ----------
    table : list of dict
        Bins as from `reliability_table`.
    error : float or None
        Expected calibration error, shown in the legend.
    """

    table: list
    error: float | None = None

    @classmethod
    def from_scores(cls, scores):
        """Return the figure of a dict with ``reliability`` and ``ece``, as from `score`."""
        return cls(scores["reliability"], scores["ece"])

    @classmethod
    def from_probabilities(cls, expressions, probabilities, classes, *, bins=ECE_BINS):
        """Return the figure of a model's probabilities on held-out faces.

        Parameters
        ----------
        expressions : ndarray of shape (n,), str
        probabilities : ndarray of shape (n, k)
            Columns in the order of `classes`.
        classes : sequence of str
        bins : int, default=15
        """
        right = probabilities.argmax(axis=1) == class_columns(expressions, classes)
        error = expected_calibration_error(probabilities, right, bins=bins)
        return cls(reliability_table(probabilities, right, bins=bins), error)

    def draw(self, axes=None, *, palette=LIGHT):
        """Draw accuracy over confidence with 95 % intervals, and the fraction of faces in each bin; return the axes.

        Bins with fewer than `FEWEST` faces show no accuracy.
        """
        axes = prepared_axes(axes, palette, grid="both")
        filled = [row for row in self.table if row["n"]]
        total = sum(row["n"] for row in filled)
        lows, widths = [100 * row["low"] for row in filled], [100 * (row["high"] - row["low"]) for row in filled]
        shares = [100 * row["n"] / total for row in filled]
        axes.bar(lows, shares, widths, align="edge", color=GREY, alpha=0.45, label="share of faces")
        axes.plot([0, 100], [0, 100], color=palette.dim, linestyle="--", linewidth=1, label="perfect calibration")
        filled = [row for row in filled if row["n"] >= FEWEST]
        accuracy = [100 * row["accuracy"] for row in filled]
        ends = [wilson_interval(round(row["accuracy"] * row["n"]), row["n"]) for row in filled]
        errors = [
            [max(middle - 100 * low, 0) for middle, (low, _) in zip(accuracy, ends, strict=True)],
            [max(100 * high - middle, 0) for middle, (_, high) in zip(accuracy, ends, strict=True)],
        ]
        label = "accuracy" if self.error is None else f"accuracy (calibration error {self.error:.3f})"
        confidence = [100 * row["confidence"] for row in filled]
        axes.errorbar(confidence, accuracy, errors, color=BLUE, fmt="o-", markersize=4, linewidth=1.2, label=label)
        axes.set(xlim=(0, 100), ylim=(0, 100), xlabel="confidence, %", ylabel="%")
        add_legend(axes, palette, loc="upper left")
        return axes


_POINTS = 200  # largest number of points of a curve
_TOP = 101  # per cent, so that a marker at 100 % is complete
_LEGEND_WIDTH, _LEGEND_HEIGHT = 0.6, 0.32  # approximate fractions of the axes


@dataclass(frozen=True, eq=False)
class RejectionFigure:
    """Accuracy-coverage curve of a model that rejects uncertain faces, with its operating point.

    Attributes
    ----------
    curve : ndarray of shape (m, 3)
        Coverage in ascending order, confidence threshold, accuracy.
    point : (float, float, float) or None
        Threshold, coverage and accuracy of the operating point.
    target : float or None
        Target accuracy.
    label : str
        Name of the curve in the legend.
    """

    curve: np.ndarray
    point: tuple | None = None
    target: float | None = None
    label: str = "accuracy"

    @classmethod
    def from_facts(cls, facts, label="accuracy"):
        """Return the figure of the ``rejection`` entry of a manifest, as from `rejection_facts`."""
        point = tuple(facts[name] for name in ("threshold", "coverage", "accuracy"))
        return cls(np.array(facts["curve"]), point, facts["target"], label)

    @classmethod
    def from_probabilities(cls, expressions, probabilities, classes, *, target=TARGET, label="accuracy"):
        """Return the figure of a model's probabilities on held-out faces.

        Parameters
        ----------
        expressions : ndarray of shape (n,), str
        probabilities : ndarray of shape (n, k)
            Columns in the order of `classes`.
        classes : sequence of str
        target : float, default=0.85
        label : str, default="accuracy"
        """
        curve = risk_coverage(expressions, probabilities, classes)
        point = choose_threshold(curve, target=target)
        return cls(np.array(curve_points(curve, _POINTS)), tuple(point), target, label)

    def draw(self, axes=None, *, palette=LIGHT, colour=BLUE):
        """Draw the curve and return the axes. Several curves can share axes, each with its own colour."""
        axes = prepared_axes(axes, palette, grid="both")
        axes.plot(100 * self.curve[:, 0], 100 * self.curve[:, 2], color=colour, linewidth=1.8, label=self.label)
        if self.target is not None:
            label = f"target: {100 * self.target:.0f} %"
            labels = axes.get_legend_handles_labels()[1]
            line = {"color": GREY, "linestyle": "--", "linewidth": 1, "label": None if label in labels else label}
            axes.axhline(100 * self.target, **line)
        if self.point is not None:
            threshold, coverage, accuracy = (100 * value for value in self.point)
            label = f"{coverage:.0f} % coverage, {accuracy:.0f} % accuracy,\nfrom {threshold:.0f} % confidence"
            style = {
                "color": VERMILLION if colour == BLUE else colour,
                "markersize": 7,
                "markeredgecolor": palette.paper,
            }
            axes.plot([coverage], [accuracy], "o", label=label, **style)
        axes.set(xlim=(0, _TOP), ylim=(min(self._lowest(), axes.get_ylim()[0]), _TOP))
        axes.set(xlabel="coverage (faces not rejected), %", ylabel="accuracy, %")
        add_legend(axes, palette, loc="lower left")
        return axes

    def _lowest(self):
        """Return the lower limit of the accuracy axis in per cent: below the curve, with space for the legend."""
        target = 100 * (self.target or 1)
        above_legend = 100 * self.curve[self.curve[:, 0] <= _LEGEND_WIDTH, 2].min(initial=1)
        limit = (min(above_legend, target) - _LEGEND_HEIGHT * _TOP) / (1 - _LEGEND_HEIGHT)
        lowest = min(100 * self.curve[:, 2].min(), target)
        return max(min(10 * np.floor(lowest / 10), limit), 0)
