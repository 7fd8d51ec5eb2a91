"""Figures that compare models: folds, cost, learning curves; and the training curves of a network."""

from dataclasses import dataclass

import numpy as np

from landmark_fer.evaluation.scores import score
from landmark_fer.figures.canvas import SMALL_FONT_SIZE, add_legend, escape_text, new_figure, prepared_axes
from landmark_fer.figures.palette import BLUE, LIGHT, SERIES, VERMILLION


@dataclass(frozen=True, eq=False)
class FoldsFigure:
    """Box plots of the scores of folds.

    Attributes
    ----------
    scores : dict of str to list of float
        For each model, the scores of the folds, from 0 to 1.
    score : str
        Name of the score.
    """

    scores: dict
    score: str = "accuracy"

    @classmethod
    def from_probabilities(cls, probabilities, expressions, classes, folds, *, score="accuracy"):
        """Return the figure of cross-validated models.

        Parameters
        ----------
        probabilities : dict of str to ndarray of shape (n, k)
            Out-of-fold probabilities of each model, with columns in the order of `classes`.
        expressions : ndarray of shape (n,), str
        classes : sequence of str
        folds : list of (ndarray, ndarray)
            From `make_folds`.
        score : str, default="accuracy"
            A key of the dict that `score` returns, such as ``macro_f1`` or ``balanced_accuracy``.
        """
        scores = {
            name: fold_scores(predictions, expressions, classes, folds, name=score)
            for name, predictions in probabilities.items()
        }
        return cls(scores, score)

    def draw(self, axes=None, *, palette=LIGHT):
        """Draw a box for each model, best at the top, and a dot for each fold; return the axes."""
        names = sorted(self.scores, key=lambda name: np.mean(self.scores[name]))
        axes = prepared_axes(axes, palette, height=0.9 + 0.42 * len(names), grid="x")
        values = [100 * np.asarray(self.scores[name]) for name in names]
        lines = {part: {"color": BLUE} for part in ("whiskerprops", "capprops")}
        boxes = {"facecolor": BLUE, "alpha": 0.35, "edgecolor": BLUE}
        median = {"color": palette.ink, "linewidth": 1.5}
        style = {"orientation": "horizontal", "widths": 0.55, "showfliers": False, "patch_artist": True}
        axes.boxplot(values, boxprops=boxes, medianprops=median, **style, **lines)
        for row, each in enumerate(values, start=1):
            heights = row + np.linspace(-0.12, 0.12, len(each))
            axes.plot(
                each, heights, "o", color=VERMILLION, markersize=4.5, markeredgecolor=palette.paper, markeredgewidth=0.6
            )
        axes.set_yticks(range(1, len(names) + 1), [escape_text(name) for name in names], fontsize=SMALL_FONT_SIZE)
        axes.set_xlabel(f"{self.score.replace('_', ' ')} of each fold, %")
        return axes


def fold_scores(probabilities, expressions, classes, folds, *, name="accuracy"):
    """Return the score of each fold on its held-out faces, as a list of float."""
    return [float(score(expressions[test], probabilities[test], classes)[name]) for _, test in folds]


_SMALLEST_AREA, _AREA_PER_MEGABYTE = 24, 9  # of a marker, in square points
_HORIZONTAL = ((1, 0), (-1, 0))  # directions in which the vertical interval does not cross a label
_DIRECTIONS = (*_HORIZONTAL, (1, -1), (-1, -1), (1, 1), (-1, 1), (0, -1), (0, 1))
_DISTANCES = (1, 2, 3.2, 4.5)  # from marker to label, in sizes of the label; beyond the first, a line connects them
_TICKS = ((0.7, (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)), (2.0, (1.0, 2.0, 5.0)), (np.inf, (1.0,)))
"""Ticks of the time axis: the range in powers of ten up to which they apply, and the multiples that have a tick."""


@dataclass(frozen=True, eq=False)
class CostFigure:
    """Accuracy against the time per face and the size of models.

    Attributes
    ----------
    rows : list of dict
        ``name, accuracy, ms_per_face`` and optionally ``accuracy_interval`` and ``megabytes``.
    """

    rows: list

    def draw(self, axes=None, *, palette=LIGHT):
        """Draw a marker for each model, with an area by its size, over a logarithmic time axis; return the axes."""
        axes = prepared_axes(axes, palette, grid="both")
        for index, row in enumerate(self.rows):
            colour = SERIES[index % len(SERIES)]
            if row.get("accuracy_interval"):
                ends = [100 * end for end in row["accuracy_interval"]]
                axes.plot([row["ms_per_face"]] * 2, ends, color=colour, linewidth=1.2, zorder=1)
            style = {"color": colour, "alpha": 0.85, "edgecolors": palette.paper, "zorder": 2}
            axes.scatter([row["ms_per_face"]], [100 * row["accuracy"]], s=_area(row), **style)
        _set_time_axis(axes, [row["ms_per_face"] for row in self.rows])
        axes.margins(x=0.25, y=0.18)
        axes.set(xlabel="milliseconds a face, one core", ylabel="accuracy, %")
        self._add_labels(axes, palette)
        return axes

    def _add_labels(self, axes, palette):
        """Write the name of each model next to its marker, without overlaps."""
        axes.figure.draw_without_rendering()  # fixes the layout, and so positions on the axes
        positions = {row["name"]: _position(axes, row) for row in self.rows}
        occupied = [part for row in self.rows for part in _extents(axes, row)]
        bounds = axes.get_window_extent().get_points() * 72 / axes.figure.dpi
        for row in sorted(self.rows, key=lambda row: -row["accuracy"]):
            megabytes = row.get("megabytes")
            name = row["name"] if megabytes is None else f"{row['name']}, {megabytes:.1f} MB"
            size = np.array((0.62 * SMALL_FONT_SIZE * len(name), 1.3 * SMALL_FONT_SIZE))
            centre, gap = positions[row["name"]], np.sqrt(_area(row)) / 2 + 2
            offsets = [
                (distance, distance * np.array(direction) * (size / 2 + gap))
                for distance, direction in _label_offsets()
            ]
            free = [offset for offset in offsets if _is_free(centre + offset[1], size, occupied, bounds)]
            distance, shift = (free or offsets)[0]
            occupied.append((centre + shift, size))
            text = {"fontsize": SMALL_FONT_SIZE, "color": palette.ink, "ha": "center", "va": "center"}
            if distance > 1:
                text["arrowprops"] = {"arrowstyle": "-", "color": palette.dim, "linewidth": 0.6, "shrinkA": 0}
            marker = row["ms_per_face"], 100 * row["accuracy"]
            axes.annotate(escape_text(name), marker, xytext=shift, textcoords="offset points", **text)


def _label_offsets():
    """Return (distance, direction) of the possible positions of a label, the best first."""
    return [
        (distance, direction)
        for distance in _DISTANCES
        for direction in _DIRECTIONS
        if distance == 1 or direction not in _HORIZONTAL
    ]


def _set_time_axis(axes, times):
    """Make the time axis logarithmic, with plain numbers as tick labels, and more ticks if the range is small."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.set_xscale("log")
    powers = np.log10(max(times) / min(times))
    axes.xaxis.set_major_locator(LogLocator(subs=next(ticks for limit, ticks in _TICKS if powers < limit)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _area(row):
    return _SMALLEST_AREA + _AREA_PER_MEGABYTE * (row.get("megabytes") or 0)


def _position(axes, row, accuracy=None):
    """Return the position of a model on the figure in points, at its own or another accuracy."""
    accuracy = row["accuracy"] if accuracy is None else accuracy
    return axes.transData.transform((row["ms_per_face"], 100 * accuracy)) * 72 / axes.figure.dpi


def _extents(axes, row):
    """Return centre and size, in points, of the marker of a model and of its interval."""
    parts = [(_position(axes, row), np.full(2, np.sqrt(_area(row))))]
    if row.get("accuracy_interval"):
        low, high = (_position(axes, row, end) for end in row["accuracy_interval"])
        parts.append(((low + high) / 2, np.array((1.5, high[1] - low[1]))))
    return parts


def _is_free(centre, size, occupied, bounds):
    """Return whether a label fits into the bounds without overlapping what is occupied."""
    fits = np.all(centre - size / 2 >= bounds[0]) and np.all(centre + size / 2 <= bounds[1])
    return fits and not any(np.all(np.abs(centre - other) < (size + its) / 2) for other, its in occupied)


_MARKERS = "os^Dv<>"


@dataclass(frozen=True, eq=False)
class LearningFigure:
    """Learning curves: accuracy against the number of training faces.

    Attributes
    ----------
    curves : dict of str to list of dict
        For each model, rows from `learning_curve`: ``n, accuracy, accuracy_interval``.
    """

    curves: dict

    def draw(self, axes=None, *, palette=LIGHT):
        """Draw accuracy over a logarithmic number of faces, with 95 % intervals; return the axes."""
        axes = prepared_axes(axes, palette, grid="both")
        axes.set_xscale("log", base=2)
        for index, (name, rows) in enumerate(self.curves.items()):
            colour = SERIES[index % len(SERIES)]
            faces, accuracy = [row["n"] for row in rows], [100 * row["accuracy"] for row in rows]
            low, high = ([100 * row["accuracy_interval"][end] for row in rows] for end in (0, 1))
            axes.fill_between(faces, low, high, color=colour, alpha=0.18, linewidth=0)
            marker = _MARKERS[index % len(_MARKERS)]
            axes.plot(
                faces, accuracy, marker=marker, markersize=4, linewidth=1.5, color=colour, label=escape_text(name)
            )
        sizes = sorted({row["n"] for rows in self.curves.values() for row in rows})
        axes.set_xticks(sizes if len(sizes) <= 8 else sizes[::2], minor=False)
        axes.set_xticklabels([f"{size:,.0f}" for size in axes.get_xticks()], rotation=30, ha="right")
        axes.minorticks_off()
        axes.set(xlabel="faces fitted on", ylabel="accuracy on held-out faces, %")
        if len(self.curves) > 1:
            add_legend(axes, palette, loc="lower right")
        return axes


_LABELS = {"accuracy": "accuracy, %", "loss": "loss (validation: cross-entropy)"}


@dataclass(frozen=True, eq=False)
class HistoryFigure:
    """Training and validation curves of a network, by epoch.

    Attributes
    ----------
    rows : list of dict
        From `read_history`: ``epoch, loss, accuracy, validation_loss, validation_accuracy``.
    score : {"accuracy", "loss"}
    """

    rows: list
    score: str = "accuracy"

    def draw(self, axes=None, *, palette=LIGHT):
        """Draw the training and the validation curve; return the axes."""
        axes = prepared_axes(axes, palette, grid="both")
        epochs, scale = [int(row["epoch"]) for row in self.rows], 100 if self.score == "accuracy" else 1
        training, validation = (
            [scale * row[f"{part}{self.score}"] for row in self.rows] for part in ("", "validation_")
        )
        axes.plot(epochs, training, color=BLUE, linewidth=1.5, label="training, augmented")
        axes.plot(epochs, validation, color=VERMILLION, linestyle="--", marker="o", markersize=3, label="validation")
        axes.set(xlabel="epoch", ylabel=_LABELS[self.score])
        axes.xaxis.get_major_locator().set_params(integer=True)
        add_legend(axes, palette)
        return axes


def write_history(rows, file, *, title=""):
    """Write the training curves of loss and accuracy to a PNG file.

    Parameters
    ----------
    rows : list of dict
        As for `HistoryFigure`.
    file : path-like or file
    title : str, default=""
    """
    figure = new_figure(8, 3.2)
    for axes, curve in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        HistoryFigure(rows, curve).draw(axes)
    figure.suptitle(escape_text(title))
    figure.savefig(file, format="png", dpi=120)
