"""Charts on a frame: probability bars, explanations, timelines and the list of keys."""

import itertools
from dataclasses import dataclass

import cv2
import numpy as np

from landmark_fer.drawing.layout import Rectangle
from landmark_fer.drawing.text import AGAINST, COLOURS, DIM, FOR, INK, ink_on, text_size, write

FULL_BAR = 1.0
"""The contribution that fills a bar, unless the panel has a larger one."""

FULL_HEAT = 0.5
"""The fall in log odds drawn in full colour, unless the chip has a larger one."""


@dataclass(frozen=True)
class ExplanationLayout:
    """How much of an explanation is drawn: the largest number of cues, and whether the heat map."""

    n_cues: int
    heat: bool


EXPLANATION_LAYOUTS = (ExplanationLayout(5, True), ExplanationLayout(3, True), ExplanationLayout(3, False))
"""From the fullest to the smallest."""

NO_CUE = "no single cue"

_PANEL_BRIGHTNESS = 0.3  # share of the brightness left under a panel
_HELP_BRIGHTNESS = 0.15
_MAX_OPACITY = 0.8  # opacity of the strongest heat
_EMPTY_BAR = (90, 90, 90)


def shade(canvas, rectangle, brightness=_PANEL_BRIGHTNESS):
    """Darken a part of the canvas in place, so that light text is readable on it."""
    x, y, right, bottom = rectangle.x, rectangle.y, rectangle.right, rectangle.bottom
    part = canvas[max(0, y) : max(0, bottom), max(0, x) : max(0, right)]
    if part.size:
        cv2.convertScaleAbs(np.ascontiguousarray(part), dst=(dark := np.empty(part.shape, np.uint8)), alpha=brightness)
        part[:] = dark


def fill(canvas, x, y, width, height, colour):
    """Fill a rectangle of whole pixels where it lies on the canvas, in place."""
    canvas[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)] = colour


def bars_size(names, letters, *, title=""):
    """Return width and height of the panel of `draw_bars`."""
    rows = len(names) + bool(title)
    return sum(_bar_columns(names, letters)) + 4 * _margin(letters), rows * _row(letters) + 2 * _margin(letters)


def draw_bars(canvas, rectangle, probabilities, letters, *, title=""):
    """Draw a bar for each probability; the name of the most probable expression is bright, the others are dim.

    Parameters
    ----------
    canvas : ndarray of shape (height, width, 3), uint8
    rectangle : Rectangle
        Of the size from `bars_size`.
    probabilities : dict of str to float
    letters : int
        Height of the text in pixels.
    title : str
        Above the bars, if not empty.
    """
    shade(canvas, rectangle)
    margin, row = _margin(letters), _row(letters)
    names_width, length, _ = _bar_columns(probabilities, letters)
    best = max(probabilities, key=probabilities.get)
    x, y = rectangle.x + margin, rectangle.y + margin
    if title:
        write(canvas, title, (x, y), letters, INK)
        y += row
    for name, probability in probabilities.items():
        ink, thickness = (INK if name == best else DIM), max(1, row // 2)
        write(canvas, name, (x, y), letters, ink)
        left, top = x + names_width + margin, y + (row - thickness) // 2
        fill(canvas, left, top, length, thickness, _EMPTY_BAR)
        fill(canvas, left, top, round(length * probability), thickness, COLOURS[name])
        percentage = f"{probability:.0%}"
        write(canvas, percentage, (rectangle.right - margin - text_size(percentage, letters)[0], y), letters, ink)
        y += row


def explanation_size(explanation, letters, layout, *, title):
    """Return width and height of the panel of `draw_explanation`."""
    words_width, length, heat_side, rows = _explanation_columns(explanation, letters, layout)
    margin = _margin(letters)
    width = words_width + 2 * length + 3 * margin + (heat_side + margin if heat_side else 0)
    return max(width, text_size(title, letters)[0] + 2 * margin), rows * _row(letters) + 2 * margin


def draw_explanation(canvas, rectangle, explanation, letters, layout, *, chip, title):
    """Draw an explanation: bars to the right for cues for the prediction, to the left against it, and the heat map.

    Parameters
    ----------
    canvas, rectangle, letters
        As for `draw_bars`; the size is from `explanation_size`.
    explanation : Explanation
    layout : ExplanationLayout
    chip : ndarray of shape (S, S), uint8
        Grey; below the heat map.
    title : str
    """
    shade(canvas, rectangle)
    margin, row = _margin(letters), _row(letters)
    words_width, length, heat_side, _ = _explanation_columns(explanation, letters, layout)
    x, y = rectangle.x + margin, rectangle.y + margin
    write(canvas, title, (x, y), letters, INK)
    y += row
    if heat_side:
        _paste(canvas, heat_image(chip, explanation.heat, heat_side), x, y)
        x += heat_side + margin
    cues = explanation.notable[: layout.n_cues]
    if not cues:
        write(canvas, NO_CUE, (x, y), letters, DIM)
        return
    full = max(FULL_BAR, *(abs(cue.contribution) for cue in cues))
    zero, thickness = x + words_width + margin + length, max(1, row // 2)
    fill(canvas, zero, y, max(1, letters // 12), len(cues) * row, DIM)
    for cue in cues:
        write(canvas, cue.words, (x, y), letters, INK)
        width = max(1, round(length * abs(cue.contribution) / full))
        left, colour = (zero, FOR) if cue.contribution > 0 else (zero - width, AGAINST)
        fill(canvas, left, y + (row - thickness) // 2, width, thickness, colour)
        y += row


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


def timeline_height(n_tracks, letters):
    """Return the height of the panel of `draw_timeline`."""
    return (n_tracks + 1) * _row(letters) + _margin(letters)


def draw_timeline(canvas, rectangle, history, letters):
    """Draw the last seconds: a coloured band for each track, with gaps where its face is out of sight, and events.

    Parameters
    ----------
    canvas, rectangle, letters
        As for `draw_bars`.
    history : History
    """
    shade(canvas, rectangle)
    margin, row = _margin(letters), _row(letters)
    n_tracks = (rectangle.height - margin) // row - 1
    tracks = list(history.segments().items())[-n_tracks:] if n_tracks > 0 else []
    names_width = max((text_size(f"#{track_id}", letters)[0] for track_id, _ in tracks), default=0)
    begin, end = rectangle.x + names_width + 2 * margin, rectangle.right - margin

    def column(time_s):
        return round(end - (end - begin) * (history.now - time_s) / history.seconds)

    for index, (track_id, segments) in enumerate(tracks):
        y = rectangle.y + margin + index * row
        write(canvas, f"#{track_id}", (rectangle.x + margin, y), letters, INK)
        fill(canvas, begin, y + row // 2, end - begin, 1, _EMPTY_BAR)
        for segment in segments:
            left, right = column(segment.begin), column(segment.end)
            band = Rectangle(left, y, max(2, right - left), row - max(1, row // 8))
            _draw_band(canvas, band, segment.expression, letters)
    y = rectangle.bottom - row
    write(canvas, f"{history.seconds:.0f} s ago", (begin, y), letters, DIM)
    now = end - text_size("now", letters)[0]
    write(canvas, "now", (now, y), letters, DIM)
    left, right = begin + text_size(f"{history.seconds:.0f} s ago", letters)[0] + margin, now - margin
    for time_s, label in reversed(history.marks):  # an older label gives way to a newer one
        x, width = column(time_s), text_size(label, letters)[0]
        fill(canvas, x, rectangle.y, max(1, letters // 8), y - rectangle.y, INK)
        if (place := min(x, right - width)) >= left:
            write(canvas, label, (place, y), letters, INK)
            right = place - margin


def draw_key_list(canvas, rows, letters):
    """Draw a list of keys and their labels in the middle of the canvas, smaller or in two columns if necessary.

    Parameters
    ----------
    canvas : ndarray of shape (height, width, 3), uint8
    rows : list of (str, str)
        Keys and label.
    letters : int
        Largest height of the text in pixels.
    """
    height, width = canvas.shape[:2]
    for letters, n_columns in itertools.product(range(letters, 0, -1), (1, 2)):  # noqa: B020
        keys_width, labels_width = (max(text_size(row[side], letters)[0] for row in rows) for side in (0, 1))
        margin, n_rows = 2 * _margin(letters), -(-len(rows) // n_columns)
        column_width = keys_width + labels_width + 2 * margin
        size = n_columns * column_width + margin, n_rows * _row(letters) + 2 * margin
        if size[0] <= width and size[1] <= height:
            break
    panel = Rectangle((width - size[0]) // 2, (height - size[1]) // 2, *size)
    shade(canvas, panel, _HELP_BRIGHTNESS)
    for index, (keys, label) in enumerate(rows):
        column, row = divmod(index, n_rows)
        x, y = panel.x + margin + column * column_width, panel.y + margin + row * _row(letters)
        write(canvas, keys, (x, y), letters, INK)
        write(canvas, label, (x + keys_width + margin, y), letters, DIM)


def _draw_band(canvas, band, expression, letters):
    """Fill a band and write the expression into it if there is room."""
    fill(canvas, *band, COLOURS[expression])
    width, height = text_size(expression, letters)
    if width + 6 <= band.width:
        corner = band.x + 3, band.y + (band.height - height) // 2
        write(canvas, expression, corner, letters, ink_on(COLOURS[expression]))


def _paste(canvas, image, x, y):
    part = canvas[max(0, y) : max(0, y + len(image)), max(0, x) : max(0, x + image.shape[1])]
    part[:] = image[max(0, -y) :, max(0, -x) :][: part.shape[0], : part.shape[1]]


def _bar_columns(names, letters):
    """Return the widths of names, bars and percentages."""
    return max(text_size(name, letters)[0] for name in names), 5 * letters, text_size("100%", letters)[0]


def _explanation_columns(explanation, letters, layout):
    """Return the width of the words, the length of a bar, the side of the heat map (0: none), and the rows."""
    cues = explanation.notable[: layout.n_cues]
    words_width = max(text_size(text, letters)[0] for text in [cue.words for cue in cues] or [NO_CUE])
    heat_side = layout.n_cues * _row(letters) if layout.heat and explanation.heat is not None else 0
    rows = 1 + (layout.n_cues if heat_side else max(1, len(cues)))
    return words_width, 3 * letters if cues else 0, heat_side, rows


def _margin(letters):
    return max(2, letters // 3)


def _row(letters):
    return text_size("A", letters)[1] + max(1, letters // 10)
