"""Figures and axes to draw on, in the colours of a palette; no window, and nothing that other figures would notice."""

from landmark_fer.figures.palette import LIGHT

WIDTH, HEIGHT = 4.6, 3.3  # inches; letters of 9 points can then be read on a phone
LETTERS, SMALL_LETTERS = 9, 8  # points


def new_figure(width=WIDTH, height=HEIGHT, *, palette=LIGHT):
    """Return an empty figure that lays itself out; sizes in inches.

    It belongs to nobody: no pyplot, so that many may be made in a process that also shows windows. In a notebook it
    is shown where a cell ends with it.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", facecolor=palette.paper)


def prepared_axes(axes, palette, *, width=WIDTH, height=HEIGHT, grid=None):
    """Return axes to draw on, dressed: those given, or the only ones of a new figure.

    Parameters
    ----------
    axes : matplotlib.axes.Axes or None
    palette : Palette
    width, height : float
        Of the new figure, in inches.
    grid : {"x", "y", "both"}, optional
        Along which axis lines are drawn behind everything.
    """
    if axes is None:
        axes = new_figure(width, height, palette=palette).subplots()
    axes.set_facecolor(palette.paper)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(palette.dim)
    axes.tick_params(colors=palette.dim, labelcolor=palette.ink, labelsize=SMALL_LETTERS, length=3)
    for label in (axes.xaxis.label, axes.yaxis.label, axes.title):
        label.set(color=palette.ink, fontsize=LETTERS)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis=grid, color=palette.line, linewidth=0.8)
    return axes


def plain(name):
    """Return a name as matplotlib writes it letter by letter: a dollar sign begins no formula."""
    return name.replace("$", r"\$")


def add_legend(axes, palette, **options):
    """Add a legend without a frame in the colours of a palette."""
    return axes.legend(frameon=False, fontsize=SMALL_LETTERS, labelcolor=palette.ink, **options)


def without_spines(axes):
    """Hide the four lines around axes and the marks of their ticks; the letters stay."""
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return axes
