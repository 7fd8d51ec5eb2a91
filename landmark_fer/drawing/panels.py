"""The panel of a face: one shaded rectangle with its probabilities, explanation and details."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import cv2
import numpy as np

from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.drawing.charts import fill, margin_of, row_of, shade
from landmark_fer.drawing.text import AGAINST, COLOURS, DIM, FOR, INK, text_size, write

FULL_BAR = 1.0
"""The contribution that fills a bar, unless the panel has a larger one."""

FULL_HEAT = 0.5
"""The fall in log odds drawn in full colour, unless the chip has a larger one."""

NO_CUE = "no single cue"

_ALL = 99
_HEAT_ROWS = 3  # height of the heat map in rows of text
_MAX_OPACITY = 0.8  # opacity of the strongest heat
_EMPTY_BAR = (90, 90, 90)


@dataclass(frozen=True)
class PanelForm:
    """How much a panel shows: the largest numbers of bars, cues and rows of details, and whether the heat map."""

    n_bars: int
    n_cues: int
    heat: bool
    n_details: int


PANEL_FORMS = (
    PanelForm(_ALL, 5, True, _ALL),
    PanelForm(5, 4, True, 6),
    PanelForm(3, 3, True, 5),
    PanelForm(3, 3, False, 4),
    PanelForm(2, 2, False, 2),
    PanelForm(0, 3, False, 3),
    PanelForm(0, 2, False, 1),
    PanelForm(0, 2, False, 0),
    PanelForm(0, 1, False, 0),
)
"""From the fullest to the smallest; what a key has switched on stays longer than the bars, which are on at first."""


@dataclass(frozen=True, eq=False)
class Bars:
    """A bar for each probability; the names that the label has are bright, the others are dim.

    Attributes
    ----------
    probabilities : dict of str to float
    named : tuple of str
        Without a name, all bars are grey: the face cannot be read.
    """

    probabilities: dict
    named: tuple

    @classmethod
    def of(cls, recognition):
        """Return the bars of a `Recognition`."""
        if recognition.reason:
            return cls(recognition.probabilities, ())
        label = recognition.likeliest if recognition.expression == UNCERTAIN else recognition.label
        return cls(recognition.probabilities, tuple(label.split(" or ")))

    def cut(self, form):
        """Return the block with what a `PanelForm` allows, or None."""
        if not form.n_bars:
            return None
        if form.n_bars >= len(self.probabilities):
            return self
        largest = sorted(self.probabilities, key=self.probabilities.get, reverse=True)[: form.n_bars]
        # in the order of all, so that rows do not change places from frame to frame
        return replace(self, probabilities={name: p for name, p in self.probabilities.items() if name in largest})

    def size(self, letters):
        """Return width and height without margins, in pixels."""
        width = self._names_width(letters) + 4 * letters + text_size("100%", letters)[0] + 2 * margin_of(letters)
        return width, len(self.probabilities) * row_of(letters)

    def draw(self, canvas, x, y, width, letters):
        """Draw the block onto a canvas, in place, with its upper left corner at x and y."""
        margin, row = margin_of(letters), row_of(letters)
        left = x + self._names_width(letters) + margin
        length = x + width - text_size("100%", letters)[0] - margin - left
        thickness = max(1, row // 2)
        for name, probability in self.probabilities.items():
            ink, top = (INK if name in self.named else DIM), y + (row - thickness) // 2
            write(canvas, name, (x, y), letters, ink)
            fill(canvas, left, top, length, thickness, _EMPTY_BAR)
            fill(canvas, left, top, round(length * probability), thickness, COLOURS[name] if self.named else DIM)
            percentage = f"{probability:.0%}"
            write(canvas, percentage, (x + width - text_size(percentage, letters)[0], y), letters, ink)
            y += row

    def _names_width(self, letters):
        return max(text_size(name, letters)[0] for name in self.probabilities)


@dataclass(frozen=True, eq=False)
class Reasons:
    """An explanation: bars to the right for cues for the prediction, to the left against it, and the heat map.

    Attributes
    ----------
    explanation : Explanation
    chip : ndarray of shape (S, S), uint8
        Grey; below the heat map.
    n_cues : int
    heat : bool
    """

    explanation: object
    chip: np.ndarray
    n_cues: int = 5
    heat: bool = True

    def cut(self, form):
        """Return the block with what a `PanelForm` allows, or None."""
        return replace(self, n_cues=form.n_cues, heat=form.heat) if form.n_cues else None

    def size(self, letters):
        """Return width and height without margins, in pixels."""
        words = [cue.words for cue in self._cues] or [NO_CUE]
        widest = max(text_size(text, letters)[0] for text in words) + bool(self._cues) * self._bars_width(letters)
        width = max(widest, text_size(self._title, letters)[0])
        n_rows, margin = 1 + len(words), margin_of(letters)
        if side := self._heat_side(letters):
            return width + margin + side, max(n_rows * row_of(letters), side)
        return width, n_rows * row_of(letters)

    def draw(self, canvas, x, y, width, letters):
        """Draw the block onto a canvas, in place, with its upper left corner at x and y."""
        right, row = x + width, row_of(letters)
        if side := self._heat_side(letters):
            _paste(canvas, heat_image(self.chip, self.explanation.heat, side), right - side, y)
            right -= side + margin_of(letters)
        write(canvas, self._title, (x, y), letters, INK)
        y += row
        if not self._cues:
            write(canvas, NO_CUE, (x, y), letters, DIM)
            return
        full, half = max(FULL_BAR, *(abs(cue.contribution) for cue in self._cues)), 2 * letters
        zero, thickness = right - half, max(1, row // 2)
        fill(canvas, zero, y, max(1, letters // 12), len(self._cues) * row, DIM)
        for cue in self._cues:
            write(canvas, cue.words, (x, y), letters, INK)
            length = max(1, round(half * abs(cue.contribution) / full))
            left, colour = (zero, FOR) if cue.contribution > 0 else (zero - length, AGAINST)
            fill(canvas, left, y + (row - thickness) // 2, length, thickness, colour)
            y += row

    @property
    def _title(self):
        return self.explanation.title if self.heat else f"why {self.explanation.expression}"

    @cached_property
    def _cues(self):
        return self.explanation.notable[: self.n_cues]

    def _bars_width(self, letters):
        return 4 * letters + margin_of(letters)

    def _heat_side(self, letters):
        """Return the side of the heat map; 0 for none."""
        return _HEAT_ROWS * row_of(letters) if self.heat and self.explanation.heat is not None else 0


@dataclass(frozen=True, eq=False)
class Details:
    """Rows of a name and a value."""

    rows: tuple

    def cut(self, form):
        """Return the block with what a `PanelForm` allows, or None."""
        return Details(self.rows[: form.n_details]) if form.n_details else None

    def size(self, letters):
        """Return width and height without margins, in pixels."""
        width = max(sum(text_size(text, letters)[0] for text in row) for row in self.rows)
        return width + 2 * margin_of(letters), len(self.rows) * row_of(letters)

    def draw(self, canvas, x, y, width, letters):
        """Draw the block onto a canvas, in place, with its upper left corner at x and y."""
        for name, value in self.rows:
            write(canvas, name, (x, y), letters, DIM)
            write(canvas, value, (x + width - text_size(value, letters)[0], y), letters, INK)
            y += row_of(letters)


@dataclass(frozen=True, eq=False)
class Panel:
    """Blocks on one shaded rectangle, one below the other or side by side.

    Attributes
    ----------
    blocks : tuple
        At least one of `Bars`, `Reasons` and `Details`.
    letters : int
        Font size in pixels.
    title : str
        Above the blocks, if not empty.
    side_by_side : bool
        Whether the blocks are side by side.
    form : int
        Index of its form in `PANEL_FORMS`; larger ones show less.
    """

    blocks: tuple
    letters: int
    title: str = ""
    side_by_side: bool = False
    form: int = 0

    SPACING: ClassVar = 5  # margins between blocks side by side; nearer columns read as one row

    @cached_property
    def size(self):
        """Width and height in pixels."""
        margin = margin_of(self.letters)
        widths, heights = zip(*self._sizes, strict=True)
        n_between = len(self.blocks) - 1
        width = sum(widths) + self.SPACING * margin * n_between if self.side_by_side else max(widths)
        height = max(heights) if self.side_by_side else sum(heights) + margin * n_between
        if self.title:
            width, height = max(width, text_size(self.title, self.letters)[0]), height + row_of(self.letters)
        return width + 4 * margin, height + 2 * margin

    def draw(self, canvas, rectangle):
        """Draw the panel onto a canvas, in place; the rectangle has at least its size."""
        letters, margin = self.letters, margin_of(self.letters)
        shade(canvas, rectangle)
        x, y = rectangle.x + 2 * margin, rectangle.y + margin
        if self.title:
            write(canvas, self.title, (x, y), letters, INK)
            y += row_of(letters)
        for block, (width, height) in zip(self.blocks, self._sizes, strict=True):
            block.draw(canvas, x, y, width if self.side_by_side else rectangle.width - 4 * margin, letters)
            if self.side_by_side:
                x += width + self.SPACING * margin
            else:
                y += height + margin

    @cached_property
    def _sizes(self):
        return [block.size(self.letters) for block in self.blocks]


def panels_of(blocks, letters, *, title=""):
    """Yield panels with less and less of some blocks, each in every font size and arrangement.

    Parameters
    ----------
    blocks : list
        Of `Bars`, `Reasons` and `Details`.
    letters : sequence of int
        Font sizes in the order of preference.
    title : str
    """
    for form in range(len(PANEL_FORMS)):
        for size in letters:
            for side_by_side in (False, True):
                if panel := panel_of(blocks, size, form, title=title, side_by_side=side_by_side):
                    yield panel


def panel_of(blocks, letters, form, *, title="", side_by_side=False):
    """Return the panel of a form, or None if the form has none of the blocks, or one that is to be side by side."""
    cut = tuple(filter(None, (block.cut(PANEL_FORMS[form]) for block in blocks)))
    return Panel(cut, letters, title, side_by_side, form) if len(cut) > side_by_side else None


def heat_image(chip, heat, side):
    """Return a chip under its heat map, shape (side, side, 3), uint8: orange for the prediction, blue against it.

    Parameters
    ----------
    chip : ndarray of shape (S, S), uint8
    heat : ndarray of shape (S, S)
    side : int
    """
    interpolation = cv2.INTER_AREA if side < len(chip) else cv2.INTER_LINEAR
    grey, heat = (
        cv2.resize(each, (side, side), interpolation=interpolation) for each in (chip, heat.astype(np.float32))
    )
    strength = (heat / max(FULL_HEAT, float(np.abs(heat).max())))[..., None]
    colour = np.where(strength > 0, np.float32(FOR), np.float32(AGAINST))
    opacity = _MAX_OPACITY * np.abs(strength) ** 1.5  # weak heat is everywhere and hardly shows
    return (grey[..., None] * (1 - opacity) + colour * opacity).astype(np.uint8)


def _paste(canvas, image, x, y):
    part = canvas[max(0, y) : max(0, y + len(image)), max(0, x) : max(0, x + image.shape[1])]
    part[:] = image[max(0, -y) :, max(0, -x) :][: part.shape[0], : part.shape[1]]
