"""How much a model's score differs from fold to fold."""

from dataclasses import dataclass

import numpy as np

from landmark_fer.evaluation.scores import score
from landmark_fer.figures.canvas import SMALL_LETTERS, plain, prepared_axes
from landmark_fer.figures.palette import BLUE, LIGHT, VERMILLION


@dataclass(frozen=True, eq=False)
class FoldsFigure:
    """Box plots of the scores of folds.

    Attributes
    ----------
    scores : dict of str to list of float
        By model, one score a fold, from 0 to 1.
    score : str
        What they are.
    """

    scores: dict
    score: str = "accuracy"

    @classmethod
    def from_probabilities(cls, probabilities, expressions, classes, folds, *, score="accuracy"):
        """Return the display of cross-validated models.

        Parameters
        ----------
        probabilities : dict of str to ndarray of shape (n, k)
            Out-of-fold, by model; columns in the order of `classes`.
        expressions : ndarray of shape (n,), str
        classes : sequence of str
        folds : list of (ndarray, ndarray)
            As from `make_folds`.
        score : str, default="accuracy"
            A key of the dict that `score` returns: also ``macro_f1``, ``balanced_accuracy``.
        """
        scores = {
            name: fold_scores(predictions, expressions, classes, folds, name=score)
            for name, predictions in probabilities.items()
        }
        return cls(scores, score)

    def draw(self, axes=None, *, palette=LIGHT):
        """Draw a box for each model, the best at the top, with a dot for each fold; return the axes."""
        names = sorted(self.scores, key=lambda name: np.mean(self.scores[name]))
        axes = prepared_axes(axes, palette, height=0.9 + 0.42 * len(names), grid="x")
        values = [100 * np.asarray(self.scores[name]) for name in names]
        lines = {part: {"color": BLUE} for part in ("whiskerprops", "capprops")}
        boxes = {"facecolor": BLUE, "alpha": 0.35, "edgecolor": BLUE}
        median = {"color": palette.ink, "linewidth": 1.5}
        looks = {"orientation": "horizontal", "widths": 0.55, "showfliers": False, "patch_artist": True}
        axes.boxplot(values, boxprops=boxes, medianprops=median, **looks, **lines)
        for place, each in enumerate(values, start=1):
            heights = place + np.linspace(-0.12, 0.12, len(each))
            axes.plot(
                each, heights, "o", color=VERMILLION, markersize=4.5, markeredgecolor=palette.paper, markeredgewidth=0.6
            )
        axes.set_yticks(range(1, len(names) + 1), [plain(name) for name in names], fontsize=SMALL_LETTERS)
        axes.set_xlabel(f"{self.score.replace('_', ' ')} of each fold, %")
        return axes


def fold_scores(probabilities, expressions, classes, folds, *, name="accuracy"):
    """Return one score for each fold's held-out faces, as a list of float."""
    return [float(score(expressions[test], probabilities[test], classes)[name]) for _, test in folds]
