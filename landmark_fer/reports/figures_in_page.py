"""Images of a report: displays as SVG; what cannot be drawn is missed in a sentence, and the rest is there."""

import logging
from html import escape

from landmark_fer.figures.canvas import figure_svg
from landmark_fer.figures.palette import PAGE

logger = logging.getLogger(__name__)


class Images:
    """Draws displays one after the other, and counts them, so that no two of a page share names."""

    def __init__(self):
        self._count = 0

    def draw(self, make, caption):
        """Return the image of a display as HTML.

        Parameters
        ----------
        make : callable
            Takes nothing and returns the display.
        caption : str
            What it shows; stands over it.

        Returns
        -------
        str
            A sentence in its place where it cannot be drawn: nothing that a image lacks is worth a model.
        """
        self._count += 1
        try:
            svg = figure_svg(make().draw(palette=PAGE).figure, label=caption, prefix=f"image{self._count}")
        except Exception as error:  # of matplotlib, or of values from another's manifest
            logger.warning("a image of the report could not be drawn (%s): %s", caption, error)
            svg = f'<p class="dim">could not be drawn ({escape(str(error))})</p>'
        return f"<figure>\n<figcaption>{escape(caption)}</figcaption>\n{svg}\n</figure>"


def side_by_side(*images):
    """Return images beside one another where there is room; empty ones are left out."""
    inside = "\n".join(image for image in images if image)
    return f'<div class="images">\n{inside}\n</div>' if inside else ""
