"""How well each expression is told."""

from dataclasses import dataclass

from landmark_fer.figures.canvas import SMALL_LETTERS, add_legend, plain, prepared_axes
from landmark_fer.figures.palette import BLUE, GREEN, LIGHT, VERMILLION

_SCORES = {"precision": ("<", VERMILLION), "recall": (">", BLUE), "f1": ("D", GREEN)}
_NAMES = {"precision": "precision", "recall": "recall", "f1": "F1"}


@dataclass(frozen=True, eq=False)
class ClassesFigure:
    """Precision, recall and F1 of each class.

    Attributes
    ----------
    per_class : dict of str to dict
        By expression ``precision, recall, f1, n``, as from `score`.
    """

    per_class: dict

    @classmethod
    def from_scores(cls, scores):
        """Return the display of a dict with ``per_class``, as from `score`."""
        return cls(scores["per_class"])

    def draw(self, axes=None, *, palette=LIGHT):
        """Draw a line for each expression with a mark for each score; return the axes."""
        axes = prepared_axes(axes, palette, height=1.2 + 0.3 * len(self.per_class), grid="x")
        for place, each in enumerate(self.per_class.values()):
            values = [100 * each[name] for name in _SCORES]
            axes.plot([min(values), max(values)], [place, place], color=palette.dim, linewidth=1.2, zorder=1)
        for name, (marker, colour) in _SCORES.items():
            values = [100 * each[name] for each in self.per_class.values()]
            looks = {"color": colour, "marker": marker, "s": 34, "edgecolors": palette.paper, "linewidths": 0.6}
            axes.scatter(values, range(len(values)), label=_NAMES[name], zorder=2, **looks)
        labels = [f"{plain(name)} ({each['n']:,})" for name, each in self.per_class.items()]
        axes.set_yticks(range(len(labels)), labels, fontsize=SMALL_LETTERS)
        axes.set(xlim=(0, 100), ylim=(len(labels) - 0.5, -0.5), xlabel="%")
        add_legend(axes, palette, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0), handletextpad=0.2)
        return axes
