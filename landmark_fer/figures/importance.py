"""What a model goes by."""

from dataclasses import dataclass

from landmark_fer.figures.canvas import SMALL_LETTERS, add_legend, plain, prepared_axes
from landmark_fer.figures.palette import LIGHT, SERIES


@dataclass(frozen=True, eq=False)
class ImportanceFigure:
    """Importance of groups of features.

    Attributes
    ----------
    rows : list of dict
        As from `grouped_importance`: ``name, drop, interval``, and ``kind`` where groups are of several kinds.
    """

    rows: list

    def draw(self, axes=None, *, palette=LIGHT):
        """Draw a bar for each group, the largest at the top, with its 95 % interval; return the axes."""
        rows = sorted(self.rows, key=lambda row: row["drop"])
        kinds = sorted({row.get("kind", "") for row in self.rows})
        axes = prepared_axes(axes, palette, height=0.9 + 0.25 * len(rows), grid="x")
        for place, row in enumerate(rows):
            colour = SERIES[kinds.index(row.get("kind", "")) % len(SERIES)]
            drop, (low, high) = 100 * row["drop"], (100 * end for end in row["interval"])
            axes.barh(place, drop, color=colour, alpha=0.8, height=0.7)
            axes.plot([low, high], [place, place], color=palette.ink, linewidth=1.1)
        axes.axvline(0, color=palette.dim, linewidth=0.8)
        axes.set_yticks(range(len(rows)), [plain(row["name"]) for row in rows], fontsize=SMALL_LETTERS)
        axes.set(xlabel="points of accuracy lost without it", ylim=(-0.6, len(rows) - 0.4))
        if len(kinds) > 1:
            self._add_kinds(axes, palette, kinds)
        return axes

    @staticmethod
    def _add_kinds(axes, palette, kinds):
        from matplotlib.patches import Patch

        handles = [Patch(color=SERIES[i % len(SERIES)], alpha=0.8, label=kind) for i, kind in enumerate(kinds)]
        add_legend(axes, palette, handles=handles, loc="lower right")
