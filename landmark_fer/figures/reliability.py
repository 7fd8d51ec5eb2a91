"""Whether a model is right as often as it is sure."""

from dataclasses import dataclass

from landmark_fer.evaluation.scores import (
    ECE_BINS,
    class_columns,
    expected_calibration_error,
    reliability_table,
    wilson_interval,
)
from landmark_fer.figures.canvas import add_legend, prepared_axes
from landmark_fer.figures.palette import BLUE, GREY, LIGHT

FEWEST = 10  # faces in a bin whose accuracy is drawn; fewer say next to nothing


@dataclass(frozen=True, eq=False)
class ReliabilityFigure:
    """Reliability diagram.

    Attributes
    ----------
    table : list of dict
        As from `reliability_table`.
    error : float or None
        Expected calibration error, named in the legend.
    """

    table: list
    error: float | None = None

    @classmethod
    def from_scores(cls, scores):
        """Return the display of a dict with ``reliability`` and ``ece``, as from `score`."""
        return cls(scores["reliability"], scores["ece"])

    @classmethod
    def from_probabilities(cls, expressions, probabilities, classes, *, bins=ECE_BINS):
        """Return the display of a model's answers to faces that it was not fitted on.

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
        """Draw accuracy over confidence with 95 % intervals, and below it how many faces there are; return the axes.

        Bins with fewer than `FEWEST` faces have no accuracy.
        """
        axes = prepared_axes(axes, palette, grid="both")
        filled = [row for row in self.table if row["n"]]
        total = sum(row["n"] for row in filled)
        lows, widths = [100 * row["low"] for row in filled], [100 * (row["high"] - row["low"]) for row in filled]
        shares = [100 * row["n"] / total for row in filled]
        axes.bar(lows, shares, widths, align="edge", color=GREY, alpha=0.45, label="of the faces")
        axes.plot([0, 100], [0, 100], color=palette.dim, linestyle="--", linewidth=1, label="as sure as right")
        filled = [row for row in filled if row["n"] >= FEWEST]
        accuracy = [100 * row["accuracy"] for row in filled]
        ends = [wilson_interval(round(row["accuracy"] * row["n"]), row["n"]) for row in filled]
        reach = [
            [max(middle - 100 * low, 0) for middle, (low, _) in zip(accuracy, ends, strict=True)],
            [max(100 * high - middle, 0) for middle, (_, high) in zip(accuracy, ends, strict=True)],
        ]
        label = "right" if self.error is None else f"right (calibration error {self.error:.3f})"
        confidence = [100 * row["confidence"] for row in filled]
        axes.errorbar(confidence, accuracy, reach, color=BLUE, fmt="o-", markersize=4, linewidth=1.2, label=label)
        axes.set(xlim=(0, 100), ylim=(0, 100), xlabel="confidence, %", ylabel="%")
        add_legend(axes, palette, loc="upper left")
        return axes
