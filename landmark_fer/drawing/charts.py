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
        Its height, from `timeline_height`, gives the number of tracks; those in sight are drawn first, then the newest.
    history : History
    letters : int
        Font size in pixels.
    axis : bool, default=True
        Whether a row below the bands names begin, end and events.
    """
    shade(canvas, rectangle)
    margin, row = margin_of(letters), row_of(letters)
    n_tracks = (rectangle.height - margin) // row - axis
    newest = sorted(history.segments().items(), key=lambda track: (track[1][-1].end == history.now, track[0]))
    tracks = sorted(newest[-n_tracks:], key=lambda track: track[0]) if n_tracks > 0 else []
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


class KeyList:
    """A panel with keys and their labels.

    Parameters
    ----------
    rows : list of (str, str)
        Key and label.
    letters : int
        Font size in pixels.
    n_columns : int, default=1
    width : int, optional
        Pixels; the keys then follow each other in lines of at most this width, instead of columns.
    """

    def __init__(self, rows, letters, *, n_columns=1, width=None):
        self.letters, self._margin = letters, margin_of(letters)
        self._texts = []  # key, label, left edge of both, and line
        self.size = self._set_in_columns(rows, n_columns) if width is None else self._set_in_lines(rows, width)

    def draw(self, canvas, rectangle):
        """Draw the panel onto a canvas, in place; lines that the rectangle has no room for are left out."""
        shade(canvas, rectangle, _HELP_BRIGHTNESS)
        row = row_of(self.letters)
        for key, label, key_x, label_x, line in self._texts:
            if line < (rectangle.height - 2 * self._margin) // row:
                y = rectangle.y + self._margin + line * row
                write(canvas, key, (rectangle.x + key_x, y), self.letters, INK)
                write(canvas, label, (rectangle.x + label_x, y), self.letters, DIM)

    def _set_in_columns(self, rows, n_columns):
        n_rows, right = -(-len(rows) // n_columns), 2 * self._margin
        for start in range(0, len(rows), n_rows):
            part = rows[start : start + n_rows]
            keys_width, labels_width = (max(text_size(each[side], self.letters)[0] for each in part) for side in (0, 1))
            label_x = right + keys_width + 2 * self._margin
            self._texts += [(key, label, right, label_x, line) for line, (key, label) in enumerate(part)]
            right = label_x + labels_width + 2 * self._margin
        return right, n_rows * row_of(self.letters) + 2 * self._margin

    def _set_in_lines(self, rows, width):
        x, line = self._margin, 0
        for key, label in rows:
            label_x = x + text_size(key, self.letters)[0] + self._margin
            right = label_x + text_size(label, self.letters)[0]
            if right > width - self._margin and x > self._margin:
                label_x, right, x, line = label_x - x + self._margin, right - x + self._margin, self._margin, line + 1
            self._texts.append((key, label, x, label_x, line))
            x = right + 3 * self._margin
        return width, (line + 1) * row_of(self.letters) + 2 * self._margin


def _draw_band(canvas, band, expression, letters):
    """Fill a band and write the expression into it if there is room."""
    fill(canvas, *band, COLOURS[expression])
    width, height = text_size(expression, letters)
    if width + 6 <= band.width:
        corner = band.x + 3, band.y + (band.height - height) // 2
        write(canvas, expression, corner, letters, ink_on(COLOURS[expression]))
