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
        Drawn with the palette `PAGE`, whose colours are replaced by the CSS variables ``--ink``, ``--dim``, ``--line``
        and ``--paper`` of the page.
    label : str
        Description of the figure for screen readers.
    prefix : str
        Prefix of the ids in the SVG, unique on the page.

    Returns
    -------
    str
        Without width, fonts and links; it fills the width of its container.
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
    for pattern, replacement in _IDS:
        inside = pattern.sub(replacement.format(prefix=prefix), inside)
    return f'<svg viewBox="{box}" role="img" aria-label="{escape(label)}">\n{inside}'


WIDTH, HEIGHT = 4.6, 3.3  # inches; text of 9 points is then readable on a phone
FONT_SIZE, SMALL_FONT_SIZE = 9, 8  # points


def new_figure(width=WIDTH, height=HEIGHT, *, palette=LIGHT):
    """Return an empty matplotlib figure with a constrained layout; sizes in inches.

    It is not registered with pyplot, so a process that also shows windows can make many. A notebook shows it as the
    value of a cell.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", facecolor=palette.paper)


def prepared_axes(axes, palette, *, width=WIDTH, height=HEIGHT, grid=None):
    """Apply the style of the package to axes, or to those of a new figure, and return them.

    Parameters
    ----------
    axes : matplotlib.axes.Axes or None
    palette : Palette
    width, height : float
        Size of the new figure in inches.
    grid : {"x", "y", "both"}, optional
        Axis with grid lines.
    """
    if axes is None:
        axes = new_figure(width, height, palette=palette).subplots()
    axes.set_facecolor(palette.paper)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(palette.dim)
    axes.tick_params(colors=palette.dim, labelcolor=palette.ink, labelsize=SMALL_FONT_SIZE, length=3)
    for label in (axes.xaxis.label, axes.yaxis.label, axes.title):
        label.set(color=palette.ink, fontsize=FONT_SIZE)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis=grid, color=palette.line, linewidth=0.8)
    return axes


def escape_text(name):
    """Return a name with escaped dollar signs, which matplotlib would read as formulas."""
    return name.replace("$", r"\$")


def add_legend(axes, palette, **options):
    """Add a legend without a frame, in the colours of a palette."""
    return axes.legend(frameon=False, fontsize=SMALL_FONT_SIZE, labelcolor=palette.ink, **options)


def without_spines(axes):
    """Hide the spines and tick marks of axes; tick labels stay."""
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return axes
