"""How a network's training went."""

from dataclasses import dataclass

from landmark_fer.figures.canvas import add_legend, new_figure, plain, prepared_axes
from landmark_fer.figures.palette import BLUE, LIGHT, VERMILLION

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
    for axes, score in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        HistoryFigure(rows, score).draw(axes)
    figure.suptitle(plain(title))
    figure.savefig(file, format="png", dpi=120)
