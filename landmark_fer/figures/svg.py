"""A figure as SVG for the inside of a page: text stays text, and the page's own ink, so that light and dark suit."""

import io
import re
from html import escape

from landmark_fer.figures.palette import PAGE

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
