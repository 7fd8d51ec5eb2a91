"""Colours of what is drawn, told apart by colour-blind people too, on light paper, on dark, and on a page that is both.

References
----------
.. [1] Okabe and Ito, Color Universal Design: How to make figures and presentations that are friendly to colorblind
   people, 2002.
"""

from dataclasses import dataclass

from landmark_fer.core.expressions import UNCERTAIN

BLUE, VERMILLION, GREEN, ORANGE = "#0072b2", "#d55e00", "#009e73", "#e69f00"
SKY, PURPLE, YELLOW, GREY = "#56b4e9", "#cc79a7", "#f0e442", "#8c8c8c"

SERIES = (BLUE, VERMILLION, GREEN, ORANGE, SKY, PURPLE, GREY)
"""Of things that stand side by side, in this order: Okabe and Ito's, without the yellow that white paper hides."""

EXPRESSION_COLOURS = {
    "angry": VERMILLION,
    "disgust": GREEN,
    "fear": PURPLE,
    "happy": YELLOW,
    "sad": BLUE,
    "surprise": SKY,
    "neutral": GREY,
    "contempt": ORANGE,
    UNCERTAIN: "#808080",
}
"""The same as live's; neutral is darker, so that it shows on paper."""


@dataclass(frozen=True)
class Palette:
    """Colours that depend on the ground.

    Attributes
    ----------
    ink : str
        Letters and what matters.
    dim : str
        Letters and lines that matter less.
    line : str
        Grids.
    paper : str
        The ground.
    on_blue : str
        Letters on full `BLUE`.
    """

    ink: str
    dim: str
    line: str
    paper: str
    on_blue: str = "#ffffff"


LIGHT = Palette(ink="#1b1b1b", dim="#5c5c5c", line="#dcdcdc", paper="#ffffff")
DARK = Palette(ink="#eeeeee", dim="#a8a8a8", line="#3c3e42", paper="#17181a")

# Colours that nothing else is drawn in: in an SVG they become the page's own.
PAGE = Palette(ink="#010203", dim="#010204", line="#010205", paper="#010206", on_blue="#ffffff")
"""For `figure_svg` alone, whose images take the colours of the page that they stand on."""
