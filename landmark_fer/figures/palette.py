"""The package's one palette: colours of expressions, of series, and of text on light and dark backgrounds."""

from dataclasses import dataclass

from landmark_fer.core.expressions import UNCERTAIN

BLUE, VERMILLION, GREEN, ORANGE = "#0072b2", "#d55e00", "#009e73", "#e69f00"
SKY, PURPLE, YELLOW, GREY = "#56b4e9", "#cc79a7", "#f0e442", "#8c8c8c"

SERIES = (BLUE, VERMILLION, GREEN, ORANGE, SKY, PURPLE, GREY)
"""Colours of models or groups that are compared, in this order: Okabe and Ito's without yellow, too pale on white."""

EXPRESSION_COLOURS = {
    "angry": VERMILLION,
    "disgust": GREEN,
    "fear": PURPLE,
    "happy": YELLOW,
    "sad": BLUE,
    "surprise": SKY,
    "neutral": "#c8c8c8",
    "contempt": ORANGE,
    UNCERTAIN: "#808080",
}
"""Colour of each expression in figures, reports, the live window and the browser."""


@dataclass(frozen=True)
class Palette:
    """Colours that depend on the background.

    Attributes
    ----------
    ink : str
        Text and main lines.
    dim : str
        Secondary text and lines.
    line : str
        Grid lines.
    paper : str
        The background.
    on_blue : str
        Text on full `BLUE`.
    """

    ink: str
    dim: str
    line: str
    paper: str
    on_blue: str = "#ffffff"

    def css_variables(self):
        """Return the colours as CSS declarations: ``--ink: ...; --dim: ...; --line: ...; --paper: ...;``."""
        return " ".join(f"--{name}: {getattr(self, name)};" for name in ("ink", "dim", "line", "paper"))


LIGHT = Palette(ink="#1b1b1b", dim="#5c5c5c", line="#dcdcdc", paper="#ffffff")
DARK = Palette(ink="#eeeeee", dim="#a8a8a8", line="#3c3e42", paper="#17181a")

PAGE = Palette(ink="#010203", dim="#010204", line="#010205", paper="#010206")
"""Placeholders for `figure_svg`, which replaces them by the CSS variables of the page."""


def rgb(colour):
    """Return ``#rrggbb`` as a tuple of three integers from 0 to 255."""
    return tuple(int(colour[start : start + 2], 16) for start in (1, 3, 5))
