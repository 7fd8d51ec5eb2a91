"""What a model gains by answering only where it is sure."""

from dataclasses import dataclass

import numpy as np

from landmark_fer.evaluation.rejection import TARGET, choose_threshold, risk_coverage, thinned
from landmark_fer.figures.canvas import add_legend, prepared_axes
from landmark_fer.figures.palette import BLUE, GREY, LIGHT, VERMILLION

_POINTS = 200  # of a curve, at most
_TOP = 101  # per cent, so that a mark at the end is whole
_LEGEND_WIDTH, _LEGEND_HEIGHT = 0.6, 0.32  # of the axes, about


@dataclass(frozen=True, eq=False)
class RejectionFigure:
    """Reject curve: accuracy over coverage, and the point at which a model works.

    Attributes
    ----------
    curve : ndarray of shape (m, 3)
        Coverage (rising), threshold of confidence, accuracy.
    point : (float, float, float) or None
        Threshold, coverage and accuracy where the model works.
    target : float or None
        Share of the answers that should be right.
    label : str
        Of the curve.
    """

    curve: np.ndarray
    point: tuple | None = None
    target: float | None = None
    label: str = "right"

    @classmethod
    def from_facts(cls, facts, label="right"):
        """Return the display of what a manifest says under ``rejection``, as from `rejection_facts`."""
        point = tuple(facts[name] for name in ("threshold", "coverage", "accuracy"))
        return cls(np.array(facts["curve"]), point, facts["target"], label)

    @classmethod
    def from_probabilities(cls, expressions, probabilities, classes, *, target=TARGET, label="right"):
        """Return the display of a model's answers to faces that it was not fitted on.

        Parameters
        ----------
        expressions : ndarray of shape (n,), str
        probabilities : ndarray of shape (n, k)
            Columns in the order of `classes`.
        classes : sequence of str
        target : float, default=0.85
        label : str, default="right"
        """
        curve = risk_coverage(expressions, probabilities, classes)
        point = choose_threshold(curve, target=target)
        return cls(np.array(thinned(curve, _POINTS)), tuple(point), target, label)

    def draw(self, axes=None, *, palette=LIGHT, colour=BLUE):
        """Draw it and return the axes; several may share axes, each in a colour of its own."""
        axes = prepared_axes(axes, palette, grid="both")
        axes.plot(100 * self.curve[:, 0], 100 * self.curve[:, 2], color=colour, linewidth=1.8, label=self.label)
        if self.target is not None:
            label = f"wanted: {100 * self.target:.0f} %"
            known = axes.get_legend_handles_labels()[1]
            line = {"color": GREY, "linestyle": "--", "linewidth": 1, "label": None if label in known else label}
            axes.axhline(100 * self.target, **line)
        if self.point is not None:
            threshold, coverage, accuracy = (100 * value for value in self.point)
            label = f"{coverage:.0f} % answered, {accuracy:.0f} % right,\nfrom {threshold:.0f} % confidence"
            looks = {
                "color": VERMILLION if colour == BLUE else colour,
                "markersize": 7,
                "markeredgecolor": palette.paper,
            }
            axes.plot([coverage], [accuracy], "o", label=label, **looks)
        axes.set(xlim=(0, _TOP), ylim=(min(self._lowest(), axes.get_ylim()[0]), _TOP))
        axes.set(xlabel="faces answered, %", ylabel="right, %")
        add_legend(axes, palette, loc="lower left")
        return axes

    def _lowest(self):
        """Return where the axis of accuracy begins, per cent: under all of the curve, with room for the legend."""
        wanted = 100 * (self.target or 1)
        over_legend = 100 * self.curve[self.curve[:, 0] <= _LEGEND_WIDTH, 2].min(initial=1)
        room = (min(over_legend, wanted) - _LEGEND_HEIGHT * _TOP) / (1 - _LEGEND_HEIGHT)
        low = min(100 * self.curve[:, 2].min(), wanted)
        return max(min(10 * np.floor(low / 10), room), 0)
