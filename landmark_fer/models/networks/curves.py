"""Curves of a training as a picture: loss and accuracy, learnt and watched, by epoch."""

from landmark_fer.models.optional_packages import import_optional

_LEARNT, _WATCHED = "#0072B2", "#D55E00"  # Okabe and Ito's, which colour-blind people can tell apart


def draw_curves(history, path, *, title=""):
    """Draw the history of a training into a PNG file.

    Parameters
    ----------
    history : list of dict of str to float
        As from `read_history`.
    path : path-like
    title : str, default=""

    Raises
    ------
    DependencyError
        If matplotlib is not installed.
    """
    figure_module = import_optional("matplotlib.figure", purpose="drawing curves")
    epochs = [int(row["epoch"]) for row in history]
    figure = figure_module.Figure(figsize=(8, 3.2), layout="constrained")
    for axes, name, scale in zip(figure.subplots(1, 2), ("loss", "accuracy"), (1, 100), strict=True):
        axes.plot(epochs, [scale * row[name] for row in history], color=_LEARNT, label="learnt, augmented")
        watched = [scale * row[f"watched_{name}"] for row in history]
        axes.plot(epochs, watched, color=_WATCHED, linestyle="--", marker="o", markersize=3, label="watched")
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_ylabel(f"{name}, %" if scale == 100 else "loss (watched: cross-entropy)")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.suptitle(title)
    figure.savefig(path, dpi=120)
