"""Pictures of a report: displays as SVG; what cannot be drawn is missed in a sentence, and the rest is there."""

import logging
from html import escape

from landmark_fer.figures.palette import PAGE
from landmark_fer.figures.svg import figure_svg

logger = logging.getLogger(__name__)


class Pictures:
    """Draws displays one after the other, and counts them, so that no two of a page share names."""

    def __init__(self):
        self._count = 0

    def draw(self, make, caption):
        """Return the picture of a display as HTML.

        Parameters
        ----------
        make : callable
            Takes nothing and returns the display.
        caption : str
            What it shows; stands over it.

        Returns
        -------
        str
            A sentence in its place where it cannot be drawn: nothing that a picture lacks is worth a model.
        """
        self._count += 1
        try:
            svg = figure_svg(make().draw(palette=PAGE).figure, label=caption, prefix=f"picture{self._count}")
        except Exception as error:  # of matplotlib, or of values from another's manifest
            logger.warning("a picture of the report could not be drawn (%s): %s", caption, error)
            svg = f'<p class="dim">could not be drawn ({escape(str(error))})</p>'
        return f"<figure>\n<figcaption>{escape(caption)}</figcaption>\n{svg}\n</figure>"


def side_by_side(*pictures):
    """Return pictures beside one another where there is room; empty ones are left out."""
    inside = "\n".join(picture for picture in pictures if picture)
    return f'<div class="pictures">\n{inside}\n</div>' if inside else ""
