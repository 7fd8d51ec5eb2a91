"""What accuracy costs in time and memory."""

from dataclasses import dataclass

import numpy as np

from landmark_fer.displays.canvas import SMALL_LETTERS, plain, prepared_axes
from landmark_fer.displays.palette import LIGHT, SERIES

_LEAST_AREA, _AREA_PER_MEGABYTE = 24, 9  # of a mark, in square points
_WAYS = ((0, 1), (0, -1), (1, 0), (-1, 0), (0, 2.2), (0, -2.2))  # to a name, above the mark first


@dataclass(frozen=True, eq=False)
class CostDisplay:
    """Accuracy against the time for a face and the size of the model.

    Attributes
    ----------
    rows : list of dict
        ``name, accuracy, ms_per_face``, and where known ``accuracy_interval`` and ``megabytes``.
    """

    rows: list

    def draw(self, axes=None, *, palette=LIGHT):
        """Draw a mark for each model, the larger the bigger the model, time on a scale of powers; return the axes."""
        axes = prepared_axes(axes, palette, grid="both")
        axes.set_xscale("log")
        for index, row in enumerate(self.rows):
            colour = SERIES[index % len(SERIES)]
            if row.get("accuracy_interval"):
                ends = [100 * end for end in row["accuracy_interval"]]
                axes.plot([row["ms_per_face"]] * 2, ends, color=colour, linewidth=1.2, zorder=1)
            looks = {"color": colour, "alpha": 0.85, "edgecolors": palette.paper, "zorder": 2}
            axes.scatter([row["ms_per_face"]], [100 * row["accuracy"]], s=_area(row), **looks)
        axes.margins(x=0.25, y=0.18)
        axes.set(xlabel="milliseconds a face, one core", ylabel="accuracy, %")
        self._add_names(axes, palette)
        return axes

    def _add_names(self, axes, palette):
        """Write each name beside its mark, where no earlier name stands."""
        axes.figure.draw_without_rendering()  # only then are places on the axes known
        points_a_pixel, taken = 72 / axes.figure.dpi, []
        for row in sorted(self.rows, key=lambda row: -row["accuracy"]):
            megabytes = row.get("megabytes")
            name = row["name"] if megabytes is None else f"{row['name']}, {megabytes:.1f} MB"
            mark = row["ms_per_face"], 100 * row["accuracy"]
            middle = points_a_pixel * axes.transData.transform(mark)
            size = np.array((0.6 * SMALL_LETTERS * len(name), 1.25 * SMALL_LETTERS))
            away = np.array([_shift(way, size, row) for way in _WAYS])
            free = [shift for shift in away if not _overlaps(middle + shift, size, taken)]
            shift = free[0] if free else away[0]
            taken.append((middle + shift, size))
            text = {"fontsize": SMALL_LETTERS, "color": palette.ink, "ha": "center", "va": "center"}
            axes.annotate(plain(name), mark, xytext=shift, textcoords="offset points", **text)


def _area(row):
    return _LEAST_AREA + _AREA_PER_MEGABYTE * (row.get("megabytes") or 0)


def _shift(way, size, row):
    """Return the shift from the middle of a mark to the middle of its name, in points."""
    return np.array(way) * (size / 2 + np.sqrt(_area(row)) / 2 + 1)


def _overlaps(middle, size, taken):
    return any(np.all(np.abs(middle - other) < (size + its) / 2) for other, its in taken)
