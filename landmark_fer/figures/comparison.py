"""Figures that compare models and trainings: folds, cost, learning curve, training history."""

from dataclasses import dataclass

import numpy as np

from landmark_fer.evaluation.scores import score
from landmark_fer.figures.canvas import SMALL_LETTERS, add_legend, new_figure, plain, prepared_axes
from landmark_fer.figures.palette import BLUE, LIGHT, SERIES, VERMILLION


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


_LABELS = {"accuracy": "accuracy, %", "loss": "loss (watched: cross-entropy)"}


@dataclass(frozen=True, eq=False)
class HistoryFigure:
    """Curves of a training: what was learnt and what was watched, by epoch.

    Attributes
    ----------
    rows : list of dict
        As from `read_history`: ``epoch, loss, accuracy, validation_loss, validation_accuracy``.
    score : {"accuracy", "loss"}
    """

    rows: list
    score: str = "accuracy"

    def draw(self, axes=None, *, palette=LIGHT):
        """Draw both curves and return the axes."""
        axes = prepared_axes(axes, palette, grid="both")
        epochs, scale = [int(row["epoch"]) for row in self.rows], 100 if self.score == "accuracy" else 1
        learnt, validation = ([scale * row[f"{part}{self.score}"] for row in self.rows] for part in ("", "validation_"))
        axes.plot(epochs, learnt, color=BLUE, linewidth=1.5, label="learnt, augmented")
        axes.plot(epochs, validation, color=VERMILLION, linestyle="--", marker="o", markersize=3, label="validation")
        axes.set(xlabel="epoch", ylabel=_LABELS[self.score])
        axes.xaxis.get_major_locator().set_params(integer=True)
        add_legend(axes, palette)
        return axes


def write_history(rows, file, *, title=""):
    """Write the curves of loss and accuracy side by side as a PNG image.

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
    figure.suptitle(plain(title))
    figure.savefig(file, format="png", dpi=120)
