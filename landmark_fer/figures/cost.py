"""What accuracy costs in time and memory."""

from dataclasses import dataclass

import numpy as np

from landmark_fer.figures.canvas import SMALL_LETTERS, plain, prepared_axes
from landmark_fer.figures.palette import LIGHT, SERIES

_LEAST_AREA, _AREA_PER_MEGABYTE = 24, 9  # of a mark, in square points
_BESIDE = ((1, 0), (-1, 0))  # of a mark, where its interval does not cross a name
_SIDES = (*_BESIDE, (1, -1), (-1, -1), (1, 1), (-1, 1), (0, -1), (0, 1))
_REACHES = (1, 2, 3.2, 4.5)  # to a name, in its own sizes; from the second on a line leads to it
_TICKS = ((0.7, (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)), (2.0, (1.0, 2.0, 5.0)), (np.inf, (1.0,)))
"""Up to how many powers of ten of time, and what is written of each."""


@dataclass(frozen=True, eq=False)
class CostFigure:
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
        for index, row in enumerate(self.rows):
            colour = SERIES[index % len(SERIES)]
            if row.get("accuracy_interval"):
                ends = [100 * end for end in row["accuracy_interval"]]
                axes.plot([row["ms_per_face"]] * 2, ends, color=colour, linewidth=1.2, zorder=1)
            looks = {"color": colour, "alpha": 0.85, "edgecolors": palette.paper, "zorder": 2}
            axes.scatter([row["ms_per_face"]], [100 * row["accuracy"]], s=_area(row), **looks)
        _set_times(axes, [row["ms_per_face"] for row in self.rows])
        axes.margins(x=0.25, y=0.18)
        axes.set(xlabel="milliseconds a face, one core", ylabel="accuracy, %")
        self._add_names(axes, palette)
        return axes

    def _add_names(self, axes, palette):
        """Write each name beside its mark, where nothing stands yet."""
        axes.figure.draw_without_rendering()  # only then are places on the axes known
        places = {row["name"]: _place(axes, row) for row in self.rows}
        taken = [part for row in self.rows for part in _drawn(axes, row)]
        inside = axes.get_window_extent().get_points() * 72 / axes.figure.dpi
        for row in sorted(self.rows, key=lambda row: -row["accuracy"]):
            megabytes = row.get("megabytes")
            name = row["name"] if megabytes is None else f"{row['name']}, {megabytes:.1f} MB"
            size = np.array((0.62 * SMALL_LETTERS * len(name), 1.3 * SMALL_LETTERS))
            middle, away = places[row["name"]], np.sqrt(_area(row)) / 2 + 2
            ways = [(reach, reach * np.array(side) * (size / 2 + away)) for reach, side in _ways()]
            free = [way for way in ways if _is_free(middle + way[1], size, taken, inside)]
            reach, shift = (free or ways)[0]
            taken.append((middle + shift, size))
            text = {"fontsize": SMALL_LETTERS, "color": palette.ink, "ha": "center", "va": "center"}
            if reach > 1:
                text["arrowprops"] = {"arrowstyle": "-", "color": palette.dim, "linewidth": 0.6, "shrinkA": 0}
            mark = row["ms_per_face"], 100 * row["accuracy"]
            axes.annotate(plain(name), mark, xytext=shift, textcoords="offset points", **text)


def _ways():
    """Return (reach, side) of the places for a name, the best first."""
    return [(reach, side) for reach in _REACHES for side in _SIDES if reach == 1 or side not in _BESIDE]


def _set_times(axes, times):
    """Write ticks of a scale of powers as plain numbers, with those between the powers where these are few."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.set_xscale("log")
    powers = np.log10(max(times) / min(times))
    axes.xaxis.set_major_locator(LogLocator(subs=next(ticks for most, ticks in _TICKS if powers < most)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _area(row):
    return _LEAST_AREA + _AREA_PER_MEGABYTE * (row.get("megabytes") or 0)


def _place(axes, row, accuracy=None):
    """Return where a model stands on the figure, in points; `accuracy` in the place of its own."""
    share = row["accuracy"] if accuracy is None else accuracy
    return axes.transData.transform((row["ms_per_face"], 100 * share)) * 72 / axes.figure.dpi


def _drawn(axes, row):
    """Return what is drawn of a model as (middle, size), in points: its mark and its interval."""
    parts = [(_place(axes, row), np.full(2, np.sqrt(_area(row))))]
    if row.get("accuracy_interval"):
        low, high = (_place(axes, row, end) for end in row["accuracy_interval"])
        parts.append(((low + high) / 2, np.array((1.5, high[1] - low[1]))))
    return parts


def _is_free(middle, size, taken, inside):
    """Return whether a name may stand somewhere: within the axes, and on nothing else."""
    fits = np.all(middle - size / 2 >= inside[0]) and np.all(middle + size / 2 <= inside[1])
    return fits and not any(np.all(np.abs(middle - other) < (size + its) / 2) for other, its in taken)
