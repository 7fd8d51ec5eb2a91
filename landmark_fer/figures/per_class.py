"""Figures by expression: precision and recall, confusion matrix, distributions of a measurement."""

from dataclasses import dataclass

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.evaluation.scores import class_columns
from landmark_fer.figures.canvas import SMALL_FONT_SIZE, add_legend, escape_text, prepared_axes, without_spines
from landmark_fer.figures.palette import BLUE, EXPRESSION_COLOURS, GREEN, GREY, LIGHT, VERMILLION

_SCORES = {"precision": ("<", VERMILLION), "recall": (">", BLUE), "f1": ("D", GREEN)}
_NAMES = {"precision": "precision", "recall": "recall", "f1": "F1"}


@dataclass(frozen=True, eq=False)
class ClassesFigure:
    """Precision, recall and F1 of each class.

    Attributes
    ----------
    per_class : dict of str to dict
        ``precision, recall, f1, n`` of each expression, from `score`.
    """

    per_class: dict

    @classmethod
    def from_scores(cls, scores):
        """Return the figure of a dict with ``per_class``, as from `score`."""
        return cls(scores["per_class"])

    def draw(self, axes=None, *, palette=LIGHT):
        """Draw a line for each expression with a marker for each score; return the axes."""
        axes = prepared_axes(axes, palette, height=1.2 + 0.3 * len(self.per_class), grid="x")
        for row, each in enumerate(self.per_class.values()):
            values = [100 * each[name] for name in _SCORES]
            axes.plot([min(values), max(values)], [row, row], color=palette.dim, linewidth=1.2, zorder=1)
        for name, (marker, colour) in _SCORES.items():
            values = [100 * each[name] for each in self.per_class.values()]
            style = {"color": colour, "marker": marker, "s": 34, "edgecolors": palette.paper, "linewidths": 0.6}
            axes.scatter(values, range(len(values)), label=_NAMES[name], zorder=2, **style)
        labels = [f"{escape_text(name)} ({each['n']:,})" for name, each in self.per_class.items()]
        axes.set_yticks(range(len(labels)), labels, fontsize=SMALL_FONT_SIZE)
        axes.set(xlim=(0, 100), ylim=(len(labels) - 0.5, -0.5), xlabel="%")
        add_legend(axes, palette, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0), handletextpad=0.2)
        return axes


_INK_UNTIL = 0.85  # opacity of blue up to which text has the colour of ink


@dataclass(frozen=True, eq=False)
class ConfusionFigure:
    """Confusion matrix.

    Attributes
    ----------
    confusion : ndarray of shape (k, k), int
        Rows: labels; columns: predictions.
    classes : tuple of str
    """

    confusion: np.ndarray
    classes: tuple

    @classmethod
    def from_scores(cls, scores, classes=None):
        """Return the figure of a dict with ``confusion``, as from `score`, and ``classes``, unless they are passed."""
        classes = scores["classes"] if classes is None else classes
        return cls(np.asarray(scores["confusion"], dtype=int), tuple(classes))

    @classmethod
    def from_predictions(cls, expressions, predictions, classes):
        """Return the figure of labels and predictions.

        Parameters
        ----------
        expressions, predictions : ndarray of shape (n,), str
            Labels, and expressions that a model predicted.
        classes : sequence of str

        Raises
        ------
        InputError
            If an expression is not among the classes.
        """
        confusion = np.zeros((len(classes), len(classes)), dtype=int)
        np.add.at(confusion, (class_columns(expressions, classes), class_columns(predictions, classes)), 1)
        return cls(confusion, tuple(classes))

    @property
    def shares(self):
        """Fraction of each label's faces with each prediction, shape (k, k). Rows sum to 1, or are 0 without faces."""
        totals = self.confusion.sum(axis=1, keepdims=True)
        return self.confusion / np.maximum(totals, 1)

    def draw(self, axes=None, *, palette=LIGHT):
        """Draw the percentage of each label's faces in each cell; return the axes."""
        k, shares = len(self.classes), self.shares
        axes = without_spines(prepared_axes(axes, palette, width=4.6, height=3.9))
        for row, column in np.ndindex(k, k):
            share = shares[row, column]
            axes.add_patch(_cell(column, row, share))
            colour = palette.on_blue if share > _INK_UNTIL else palette.ink
            style = {"ha": "center", "va": "center", "fontsize": SMALL_FONT_SIZE}
            axes.text(column, row, f"{100 * share:.0f}", color=colour, **style)
        axes.set(xlim=(-0.5, k - 0.5), ylim=(k - 0.5, -0.5), aspect="equal")
        axes.set(xlabel="prediction", ylabel="label", xticks=range(k), yticks=range(k))
        axes.set_xticklabels(
            [escape_text(name) for name in self.classes], rotation=40, ha="right", rotation_mode="anchor"
        )
        totals = self.confusion.sum(axis=1)
        axes.set_yticklabels(
            [f"{escape_text(name)} ({total:,})" for name, total in zip(self.classes, totals, strict=True)]
        )
        return axes


def _cell(column, row, share):
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, facecolor=BLUE, alpha=0.03 + 0.97 * share, linewidth=0)


_OVERLAP = 1.7  # height of the highest density, in distances between rows


@dataclass(frozen=True, eq=False)
class DistributionFigure:
    """Ridgeline plot of the distribution of a measurement for each expression.

    Attributes
    ----------
    name : str
        Name of the measurement, with its unit.
    edges : ndarray of shape (b + 1,)
        Edges of the bins.
    shares : dict of str to ndarray of shape (b,)
        For each expression, the fraction of its faces in each bin. Values beyond the edges are in no bin.
    medians : dict of str to float
    """

    name: str
    edges: np.ndarray
    shares: dict
    medians: dict

    @classmethod
    def from_values(cls, values, expressions, classes=None, *, name="", bins=60, spread=0.995):
        """Return the figure of one value for each face.

        Parameters
        ----------
        values : ndarray of shape (n,)
            Such as a column of `measure`. NaN is ignored.
        expressions : ndarray of shape (n,), str
        classes : sequence of str, optional
            Expressions to show, in this order; by default all that occur.
        name : str, default=""
        bins : int, default=60
        spread : float, default=0.995
            Fraction of all faces between the outer edges.

        Raises
        ------
        InputError
            If there are no values.
        """
        values, expressions = np.asarray(values, dtype=float), np.asarray(expressions)
        finite = np.isfinite(values)
        names = np.unique(expressions[finite]).tolist() if classes is None else list(classes)
        by_name = {each: values[finite & (expressions == each)] for each in names}
        by_name = {each: own_values for each, own_values in by_name.items() if len(own_values)}
        if not by_name:
            raise InputError(f"a distribution of {name or 'values'} needs at least one face, got none; give faces")
        tail = (1 - spread) / 2
        low, high = np.quantile(np.concatenate(list(by_name.values())), (tail, 1 - tail))
        edges = np.linspace(low, high if high > low else low + 1, bins + 1)
        shares = {each: np.histogram(own_values, edges)[0] / len(own_values) for each, own_values in by_name.items()}
        return cls(name, edges, shares, {each: float(np.median(own_values)) for each, own_values in by_name.items()})

    def draw(self, axes=None, *, palette=LIGHT):
        """Draw a density for each expression, the first at the top, with a line at its median; return the axes."""
        axes = prepared_axes(axes, palette, height=0.9 + 0.38 * len(self.shares), grid="x")
        middles = (self.edges[:-1] + self.edges[1:]) / 2
        highest = max(smooth(each).max() for each in self.shares.values())
        for index, (name, shares) in enumerate(self.shares.items()):
            baseline = len(self.shares) - 1 - index
            density = baseline + _OVERLAP * smooth(shares) / highest
            colour = EXPRESSION_COLOURS.get(name, GREY)
            axes.fill_between(middles, baseline, density, color=colour, alpha=0.75, linewidth=0, zorder=2 + index)
            axes.plot(middles, density, color=palette.ink, linewidth=0.7, zorder=2 + index)
            height = np.interp(self.medians[name], middles, density)
            axes.plot([self.medians[name]] * 2, [baseline, height], color=palette.ink, linewidth=1.4, zorder=2 + index)
        names = list(self.shares)[::-1]
        axes.set_yticks(range(len(names)), [escape_text(name) for name in names], fontsize=SMALL_FONT_SIZE)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set(xlim=(middles[0], middles[-1]), ylim=(-0.1, len(names) - 1 + _OVERLAP + 0.1), xlabel=self.name)
        return axes


def smooth(shares, width=1.5):
    """Return frequencies of bins smoothed by a Gaussian with a standard deviation of `width` bins."""
    reach = np.arange(-int(4 * width), int(4 * width) + 1)
    weights = np.exp(-(reach**2) / (2 * width**2))
    padded = np.pad(shares, len(reach) // 2, mode="edge")
    return np.convolve(padded, weights / weights.sum(), mode="valid")
