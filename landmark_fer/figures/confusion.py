"""Which expression is taken for which."""

from dataclasses import dataclass

import numpy as np

from landmark_fer.evaluation.scores import class_columns
from landmark_fer.figures.canvas import SMALL_LETTERS, plain, prepared_axes, without_spines
from landmark_fer.figures.palette import BLUE, LIGHT

_INK_UNTIL = 0.85  # share of blue up to which the page's own ink can be read on it


@dataclass(frozen=True, eq=False)
class ConfusionFigure:
    """Confusion matrix.

    Attributes
    ----------
    confusion : ndarray of shape (k, k), int
        Rows: label, columns: answer.
    classes : tuple of str
    """

    confusion: np.ndarray
    classes: tuple

    @classmethod
    def from_scores(cls, scores, classes=None):
        """Return the display of a dict with ``confusion``, as from `score`; `classes` where it does not name them."""
        classes = scores["classes"] if classes is None else classes
        return cls(np.asarray(scores["confusion"], dtype=int), tuple(classes))

    @classmethod
    def from_predictions(cls, expressions, predictions, classes):
        """Return the display of answers.

        Parameters
        ----------
        expressions, answers : ndarray of shape (n,), str
            What the faces show by their labels, and what a model said.
        classes : sequence of str

        Raises
        ------
        InputError
            If a word is not among the classes.
        """
        confusion = np.zeros((len(classes), len(classes)), dtype=int)
        np.add.at(confusion, (class_columns(expressions, classes), class_columns(predictions, classes)), 1)
        return cls(confusion, tuple(classes))

    @property
    def shares(self):
        """Share of each label's faces that got each answer, shape (k, k); rows sum to 1, or are 0 without faces."""
        totals = self.confusion.sum(axis=1, keepdims=True)
        return self.confusion / np.maximum(totals, 1)

    def draw(self, axes=None, *, palette=LIGHT):
        """Draw per cents of each label's faces and return the axes."""
        k, shares = len(self.classes), self.shares
        axes = without_spines(prepared_axes(axes, palette, width=4.6, height=3.9))
        for row, column in np.ndindex(k, k):
            share = shares[row, column]
            axes.add_patch(_cell(column, row, share))
            colour = palette.on_blue if share > _INK_UNTIL else palette.ink
            place = {"ha": "center", "va": "center", "fontsize": SMALL_LETTERS}
            axes.text(column, row, f"{100 * share:.0f}", color=colour, **place)
        axes.set(xlim=(-0.5, k - 0.5), ylim=(k - 0.5, -0.5), aspect="equal")
        axes.set(xlabel="prediction", ylabel="label", xticks=range(k), yticks=range(k))
        axes.set_xticklabels([plain(name) for name in self.classes], rotation=40, ha="right", rotation_mode="anchor")
        totals = self.confusion.sum(axis=1)
        axes.set_yticklabels([f"{plain(name)} ({total:,})" for name, total in zip(self.classes, totals, strict=True)])
        return axes


def _cell(column, row, share):
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, facecolor=BLUE, alpha=0.03 + 0.97 * share, linewidth=0)
