"""Colours of what is drawn: RGB, told apart by colour-blind people, too."""

from landmark_fer.core.expressions import UNCERTAIN

# Okabe and Ito's colours; what is not sure of an expression is grey.
COLOURS = {
    "angry": (213, 94, 0),
    "disgust": (0, 158, 115),
    "fear": (204, 121, 167),
    "happy": (240, 228, 66),
    "sad": (0, 114, 178),
    "surprise": (86, 180, 233),
    "neutral": (200, 200, 200),
    "contempt": (230, 159, 0),
    UNCERTAIN: (128, 128, 128),
}

FOR, AGAINST = (230, 120, 20), (60, 150, 230)
"""What speaks for an answer and what speaks against it: orange and blue, the ends of the heat image, too."""

INK, DIM, PAPER = (245, 245, 245), (160, 160, 160), (24, 24, 24)
"""Letters on a panel, letters and lines that matter less, and the ground of labels without a colour of their own."""

RECORDING = (222, 45, 38)

_LUMINANCE = (0.299, 0.587, 0.114)


def ink_on(colour):
    """Return the colour of letters that can be read on a colour: black or white."""
    bright = sum(share * part for share, part in zip(_LUMINANCE, colour, strict=True)) > 110
    return (0, 0, 0) if bright else (255, 255, 255)
