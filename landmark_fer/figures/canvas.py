"""Axes, legends and SVG output shared by all figures."""

import io
import re
from html import escape

from landmark_fer.figures.palette import LIGHT, PAGE

_PAGE_COLOURS = {PAGE.ink: "--ink", PAGE.dim: "--dim", PAGE.line: "--line", PAGE.paper: "--paper"}
_FONT = re.compile(r"'DejaVu Sans'(, [^;\"]*)?(?=[;\"])")
_IDS = (
    (re.compile(r'\bid="'), 'id="{prefix}-'),
    (re.compile(r'href="#'), 'href="#{prefix}-'),
    (re.compile(r"url\(#"), "url(#{prefix}-"),
)


def figure_svg(figure, *, label, prefix):
    """Return a figure as an ``<svg>`` element.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn with the palette `PAGE`: its colours become the variables ``--ink``, ``--dim``, ``--line`` and
        ``--paper`` of the page.
    label : str
        What the image shows, for those who do not see it.
    prefix : str
        Of the names inside it, which must differ from those of the page's other images.

    Returns
    -------
    str
        As wide as its place, without a size, fonts or addresses of its own.
    """
    import matplotlib

    content = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "landmark_fer"}):
        figure.savefig(content, format="svg", metadata={"Date": None})
    text = content.getvalue().decode()
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    box = re.search(r'viewBox="([^"]+)"', text)[1]
    inside = text[text.index(">", text.index("<svg")) + 1 :].replace("xlink:href", "href").strip()
    for colour, name in _PAGE_COLOURS.items():
        inside = inside.replace(colour, f"var({name})")
    inside = _FONT.sub("sans-serif", inside)
    for pattern, new in _IDS:
        inside = pattern.sub(new.format(prefix=prefix), inside)
    return f'<svg viewBox="{box}" role="img" aria-label="{escape(label)}">\n{inside}'


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
