"""Charts on a frame: the timeline and the list of keys, and what panels are made of."""

import cv2
import numpy as np

from landmark_fer.drawing.layout import Rectangle
from landmark_fer.drawing.text import COLOURS, DIM, INK, ink_on, text_size, write

_PANEL_BRIGHTNESS = 0.2  # share of the brightness left under a panel
_HELP_BRIGHTNESS = 0.12
_EMPTY_BAND = (90, 90, 90)


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


def margin_of(letters):
    """Return the margin that belongs to a font size, in pixels."""
    return max(2, letters // 3)


def row_of(letters):
    """Return the height of a row of text, in pixels."""
    return text_size("A", letters)[1] + max(1, letters // 10)


def timeline_height(n_tracks, letters, *, axis=True):
    """Return the height of the panel of `draw_timeline`."""
    return (n_tracks + axis) * row_of(letters) + margin_of(letters)


def draw_timeline(canvas, rectangle, history, letters, *, axis=True):
    """Draw the last seconds: a coloured band for each track, with gaps where its face is out of sight, and events.

    Parameters
    ----------
    canvas : ndarray of shape (height, width, 3), uint8
    rectangle : Rectangle
        Its height, from `timeline_height`, gives the number of tracks; the newest are drawn.
    history : History
    letters : int
        Font size in pixels.
    axis : bool, default=True
        Whether a row below the bands names begin, end and events.
    """
    shade(canvas, rectangle)
    margin, row = margin_of(letters), row_of(letters)
    n_tracks = (rectangle.height - margin) // row - axis
    tracks = list(history.segments().items())[-n_tracks:] if n_tracks > 0 else []
    names_width = max((text_size(f"#{track_id}", letters)[0] for track_id, _ in tracks), default=0)
    begin, end = rectangle.x + names_width + 2 * margin, rectangle.right - margin

    def column(time_s):
        return round(end - (end - begin) * (history.now - time_s) / history.seconds)

    for index, (track_id, segments) in enumerate(tracks):
        y = rectangle.y + margin + index * row
        write(canvas, f"#{track_id}", (rectangle.x + margin, y), letters, INK)
        fill(canvas, begin, y + row // 2, end - begin, 1, _EMPTY_BAND)
        for segment in segments:
            left, right = column(segment.begin), column(segment.end)
            band = Rectangle(left, y, max(2, right - left), row - max(1, row // 8))
            _draw_band(canvas, band, segment.expression, letters)
    bottom = rectangle.bottom - axis * row
    for time_s, _ in history.marks:
        fill(canvas, column(time_s), rectangle.y, max(1, letters // 8), bottom - rectangle.y, INK)
    if axis:
        first, last = f"{history.seconds:.0f} s ago", "now"
        right = end - text_size(last, letters)[0]
        write(canvas, first, (begin, bottom), letters, DIM)
        write(canvas, last, (right, bottom), letters, DIM)
        left, right = begin + text_size(first, letters)[0] + margin, right - margin
        for time_s, label in reversed(history.marks):  # an older label gives way to a newer one
            if (place := min(column(time_s), right - text_size(label, letters)[0])) >= left:
                write(canvas, label, (place, bottom), letters, INK)
                right = place - margin


def draw_key_list(canvas, rows, letters):
    """Draw a list of keys and their labels in the middle of the canvas, in two columns if one is too high.

    Parameters
    ----------
    canvas : ndarray of shape (height, width, 3), uint8
    rows : list of (str, str)
        Key and label; the first ones, if there is no room for all.
    letters : int
        Font size in pixels.
    """
    height, width = canvas.shape[:2]
    margin, row = margin_of(letters), row_of(letters)
    n_fitting = (height - 2 * margin) // row
    n_columns = 1 if len(rows) <= n_fitting else 2
    n_rows = min(max(1, n_fitting), -(-len(rows) // n_columns))
    columns, right = [], 2 * margin
    for start in range(0, n_rows * n_columns, n_rows):
        if part := rows[start : start + n_rows]:
            keys_width, labels_width = (max(text_size(each[side], letters)[0] for each in part) for side in (0, 1))
            if columns and right + keys_width + labels_width + 4 * margin > width:
                break
            columns.append((right, right + keys_width + 2 * margin, part))
            right += keys_width + labels_width + 4 * margin
    panel = Rectangle((width - right) // 2, (height - n_rows * row) // 2 - margin, right, n_rows * row + 2 * margin)
    panel = panel.inside(Rectangle(0, 0, width, height))
    shade(canvas, panel, _HELP_BRIGHTNESS)
    for keys_x, labels_x, part in columns:
        for index, (key, label) in enumerate(part):
            y = panel.y + margin + index * row
            write(canvas, key, (panel.x + keys_x, y), letters, INK)
            write(canvas, label, (panel.x + labels_x, y), letters, DIM)


def _draw_band(canvas, band, expression, letters):
    """Fill a band and write the expression into it if there is room."""
    fill(canvas, *band, COLOURS[expression])
    width, height = text_size(expression, letters)
    if width + 6 <= band.width:
        corner = band.x + 3, band.y + (band.height - height) // 2
        write(canvas, expression, corner, letters, ink_on(COLOURS[expression]))
