"""What more faces are worth."""

from dataclasses import dataclass

from landmark_fer.figures.canvas import add_legend, plain, prepared_axes
from landmark_fer.figures.palette import LIGHT, SERIES

_MARKERS = "os^Dv<>"


@dataclass(frozen=True, eq=False)
class LearningFigure:
    """Learning curves.

    Attributes
    ----------
    curves : dict of str to list of dict
        By model, rows as from `learning_curve`: ``n, accuracy, accuracy_interval``.
    """

    curves: dict

    def draw(self, axes=None, *, palette=LIGHT):
        """Draw accuracy over faces, each doubling as wide as the others, with 95 % intervals; return the axes."""
        axes = prepared_axes(axes, palette, grid="both")
        axes.set_xscale("log", base=2)
        for index, (name, rows) in enumerate(self.curves.items()):
            colour = SERIES[index % len(SERIES)]
            faces, accuracy = [row["n"] for row in rows], [100 * row["accuracy"] for row in rows]
            low, high = ([100 * row["accuracy_interval"][end] for row in rows] for end in (0, 1))
            axes.fill_between(faces, low, high, color=colour, alpha=0.18, linewidth=0)
            marker = _MARKERS[index % len(_MARKERS)]
            axes.plot(faces, accuracy, marker=marker, markersize=4, linewidth=1.5, color=colour, label=plain(name))
        sizes = sorted({row["n"] for rows in self.curves.values() for row in rows})
        axes.set_xticks(sizes if len(sizes) <= 8 else sizes[::2], minor=False)
        axes.set_xticklabels([f"{size:,.0f}" for size in axes.get_xticks()], rotation=30, ha="right")
        axes.minorticks_off()
        axes.set(xlabel="faces fitted on", ylabel="accuracy on held-out faces, %")
        if len(self.curves) > 1:
            add_legend(axes, palette, loc="lower right")
        return axes
