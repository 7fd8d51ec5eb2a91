"""Charts on a frame: bars, cues, the last seconds."""

import itertools
from dataclasses import dataclass

import cv2
import numpy as np

from landmark_fer.live.drawing.overlay import Rectangle
from landmark_fer.live.drawing.text import AGAINST, COLOURS, DIM, FOR, INK, ink_on, text_size, write

SECONDS = 30.0
LONGEST_PAUSE = 1.0  # seconds between frames, beyond which nothing is known of the time between


@dataclass
class Run:
    """A time through which a track showed one expression.

    Attributes
    ----------
    begin, end : float
        Seconds.
    expression : str
        As answered, `UNCERTAIN` too.
    """

    begin: float
    end: float
    expression: str


class History:
    """The last seconds of a video.

    Parameters
    ----------
    seconds : float, default=30
        How long something is remembered.

    Attributes
    ----------
    now : float or None
        Time of the last frame; None before the first.
    """

    def __init__(self, seconds=SECONDS):
        self.seconds = seconds
        self.now = None
        self._runs = {}
        self._shown = set()

    def add(self, time_s, seen):
        """Remember a frame. A time before the last one begins anew: another video, or the same one again.

        Parameters
        ----------
        time_s : float
        seen : list of RecognizedFace
        """
        if self.now is not None and time_s < self.now:
            self._runs, self._shown, self.now = {}, set(), None
        if self.now is not None and time_s - self.now > LONGEST_PAUSE:
            self._shown = set()
        for face in seen:
            self._extend(face.track_id, time_s, face.recognition.expression)
        self._shown, self.now = {face.track_id for face in seen}, time_s
        kept = {track_id: self._recent(runs) for track_id, runs in self._runs.items()}
        self._runs = {track_id: runs for track_id, runs in kept.items() if runs}

    def runs(self):
        """Return the runs of each track, oldest first, as a dictionary in the order of the tracks' ids.

        Of a run that began earlier only what is remembered is given.
        """
        begin = None if self.now is None else self.now - self.seconds
        return {
            track_id: [Run(max(run.begin, begin), run.end, run.expression) for run in self._runs[track_id]]
            for track_id in sorted(self._runs)
        }

    def _extend(self, track_id, time_s, expression):
        runs = self._runs.setdefault(track_id, [])
        if track_id in self._shown:
            runs[-1].end = time_s
        if track_id not in self._shown or runs[-1].expression != expression:
            runs.append(Run(time_s, time_s, expression))

    def _recent(self, runs):
        return [run for run in runs if run.end >= self.now - self.seconds]


FULL_BAR = 1.0
"""The contribution whose bar fills its side, unless one of the panel is larger."""

FULL_HEAT = 0.5
"""The fall of log odds that is drawn in full colour, unless one of the chip is larger."""


@dataclass(frozen=True)
class ReasonForm:
    """How much of an explanation is drawn: how many reasons at most, and whether the heat image."""

    n_reasons: int
    heat: bool


REASON_FORMS = (ReasonForm(5, True), ReasonForm(3, True), ReasonForm(3, False))
"""From the fullest to what is left where there is little room."""

NO_REASON = "no single reason"

_GROUND = 0.3  # how much of the image is left under a panel
_DEEPEST = 0.8  # how much of the colour covers the chip where the heat is full
_TRACK = (90, 90, 90)  # of a bar that is not filled


def shade(canvas, rectangle, share=_GROUND):
    """Darken a part of the canvas, so that light letters can be read on it."""
    x, y, right, bottom = rectangle.x, rectangle.y, rectangle.right, rectangle.bottom
    part = canvas[max(0, y) : max(0, bottom), max(0, x) : max(0, right)]
    if part.size:
        cv2.convertScaleAbs(np.ascontiguousarray(part), dst=(dark := np.empty(part.shape, np.uint8)), alpha=share)
        part[:] = dark


def fill(canvas, x, y, width, height, colour):
    """Fill a rectangle, given as whole pixels, where it lies on the canvas."""
    canvas[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)] = colour


def bars_size(names, letters, *, title=""):
    """Return width and height of the panel of `draw_bars`."""
    rows = len(names) + bool(title)
    return sum(_bar_columns(names, letters)) + 4 * _margin(letters), rows * _row(letters) + 2 * _margin(letters)


def draw_bars(canvas, rectangle, probabilities, letters, *, title=""):
    """Draw one bar for each probability: the most probable expression's name bright, the others' dim.

    Parameters
    ----------
    canvas : ndarray of shape (height, width, 3), uint8
    rectangle : Rectangle
        As large as `bars_size` says.
    probabilities : dict of str to float
    letters : int
        Size of the letters in pixels.
    title : str
        Above the bars, where there is one.
    """
    shade(canvas, rectangle)
    margin, row = _margin(letters), _row(letters)
    names, length, _ = _bar_columns(probabilities, letters)
    best = max(probabilities, key=probabilities.get)
    x, y = rectangle.x + margin, rectangle.y + margin
    if title:
        write(canvas, title, (x, y), letters, INK)
        y += row
    for name, probability in probabilities.items():
        ink, thick = (INK if name == best else DIM), max(1, row // 2)
        write(canvas, name, (x, y), letters, ink)
        start, level = x + names + margin, y + (row - thick) // 2
        fill(canvas, start, level, length, thick, _TRACK)
        fill(canvas, start, level, round(length * probability), thick, COLOURS[name])
        share = f"{probability:.0%}"
        write(canvas, share, (rectangle.right - margin - text_size(share, letters)[0], y), letters, ink)
        y += row


def reasons_size(explanation, letters, form, *, title):
    """Return width and height of the panel of `draw_reasons`."""
    words, length, heat, rows = _reason_columns(explanation, letters, form)
    margin = _margin(letters)
    width = words + 2 * length + 3 * margin + (heat + margin if heat else 0)
    return max(width, text_size(title, letters)[0] + 2 * margin), rows * _row(letters) + 2 * margin


def draw_reasons(canvas, rectangle, explanation, letters, form, *, chip, title):
    """Draw why: what speaks for the answer to the right of a line, what speaks against it to the left; and the heat.

    Parameters
    ----------
    canvas, rectangle, letters
        As for `draw_bars`; the size is that of `reasons_size`.
    explanation : Explanation
    form : ReasonForm
    chip : ndarray of shape (S, S), uint8
        Grey; what the heat is laid over.
    title : str
    """
    shade(canvas, rectangle)
    margin, row = _margin(letters), _row(letters)
    words, length, heat, _ = _reason_columns(explanation, letters, form)
    x, y = rectangle.x + margin, rectangle.y + margin
    write(canvas, title, (x, y), letters, INK)
    y += row
    if heat:
        _paste(canvas, heat_image(chip, explanation.heat, heat), x, y)
        x += heat + margin
    reasons = explanation.notable[: form.n_reasons]
    if not reasons:
        write(canvas, NO_REASON, (x, y), letters, DIM)
        return
    full = max(FULL_BAR, *(abs(each.contribution) for each in reasons))
    zero, thick = x + words + margin + length, max(1, row // 2)
    fill(canvas, zero, y, max(1, letters // 12), len(reasons) * row, DIM)
    for each in reasons:
        write(canvas, each.words, (x, y), letters, INK)
        reach = max(1, round(length * abs(each.contribution) / full))
        left, colour = (zero, FOR) if each.contribution > 0 else (zero - reach, AGAINST)
        fill(canvas, left, y + (row - thick) // 2, reach, thick, colour)
        y += row


def heat_image(chip, heat, side):
    """Return a chip with its heat laid over, shape (side, side, 3), uint8: orange speaks for the answer, blue against.

    Parameters
    ----------
    chip : ndarray of shape (S, S), uint8
    heat : ndarray of shape (S, S)
    side : int
    """
    smooth = cv2.INTER_AREA if side < len(chip) else cv2.INTER_LINEAR
    grey, heat = (cv2.resize(each, (side, side), interpolation=smooth) for each in (chip, heat.astype(np.float32)))
    strength = (heat / max(FULL_HEAT, float(np.abs(heat).max())))[..., None]
    colour = np.where(strength > 0, np.float32(FOR), np.float32(AGAINST))
    share = _DEEPEST * np.abs(strength) ** 1.5  # the weak, which is everywhere, hardly shows
    return (grey[..., None] * (1 - share) + colour * share).astype(np.uint8)


def strip_height(n_tracks, letters):
    """Return the height of the strip of `draw_strip`."""
    return (n_tracks + 1) * _row(letters) + _margin(letters)


def draw_strip(canvas, rectangle, history, letters):
    """Draw what was answered in the last seconds: a coloured band for each track, with gaps where it was not seen.

    Parameters
    ----------
    canvas, rectangle, letters
        As for `draw_bars`.
    history : History
    """
    shade(canvas, rectangle)
    margin, row = _margin(letters), _row(letters)
    n_tracks = (rectangle.height - margin) // row - 1
    tracks = list(history.runs().items())[-n_tracks:] if n_tracks > 0 else []
    names = max((text_size(f"#{track_id}", letters)[0] for track_id, _ in tracks), default=0)
    begin, end = rectangle.x + names + 2 * margin, rectangle.right - margin
    for index, (track_id, runs) in enumerate(tracks):
        y = rectangle.y + margin + index * row
        write(canvas, f"#{track_id}", (rectangle.x + margin, y), letters, INK)
        fill(canvas, begin, y + row // 2, end - begin, 1, _TRACK)
        for run in runs:
            left, right = (
                round(end - (end - begin) * (history.now - time) / history.seconds) for time in (run.begin, run.end)
            )
            _draw_run(canvas, Rectangle(left, y, max(2, right - left), row - max(1, row // 8)), run.expression, letters)
    y = rectangle.bottom - row
    write(canvas, f"{history.seconds:.0f} s ago", (begin, y), letters, DIM)
    write(canvas, "now", (end - text_size("now", letters)[0], y), letters, DIM)


def draw_help(canvas, rows, letters):
    """Draw a list of keys and what they do in the middle of a canvas, smaller and in two columns where it must fit.

    Parameters
    ----------
    canvas : ndarray of shape (height, width, 3), uint8
    rows : list of (str, str)
    letters : int
        Size of the letters in pixels, at most.
    """
    height, width = canvas.shape[:2]
    for letters, n_columns in itertools.product(range(letters, 0, -1), (1, 2)):  # noqa: B020
        keys, words = (max(text_size(row[side], letters)[0] for row in rows) for side in (0, 1))
        margin, n_rows = 2 * _margin(letters), -(-len(rows) // n_columns)
        size = n_columns * (keys + words + 2 * margin) + margin, n_rows * _row(letters) + 2 * margin
        if size[0] <= width and size[1] <= height:
            break
    place = Rectangle((width - size[0]) // 2, (height - size[1]) // 2, *size)
    shade(canvas, place, 0.15)
    for index, (key, does) in enumerate(rows):
        column, level = divmod(index, n_rows)
        x = place.x + margin + column * (keys + words + 2 * margin)
        y = place.y + margin + level * _row(letters)
        write(canvas, key, (x, y), letters, INK)
        write(canvas, does, (x + keys + margin, y), letters, DIM)


def _draw_run(canvas, band, expression, letters):
    """Fill a band and write the expression into it where there is room."""
    fill(canvas, *band, COLOURS[expression])
    width, height = text_size(expression, letters)
    if width + 6 <= band.width:
        write(
            canvas, expression, (band.x + 3, band.y + (band.height - height) // 2), letters, ink_on(COLOURS[expression])
        )


def _paste(canvas, image, x, y):
    part = canvas[max(0, y) : max(0, y + len(image)), max(0, x) : max(0, x + image.shape[1])]
    part[:] = image[max(0, -y) :, max(0, -x) :][: part.shape[0], : part.shape[1]]


def _bar_columns(names, letters):
    """Return the widths of names, bars and percentages."""
    return max(text_size(name, letters)[0] for name in names), 5 * letters, text_size("100%", letters)[0]


def _reason_columns(explanation, letters, form):
    """Return the width of the words, the length of a bar, the side of the heat image (0: none), and the rows."""
    reasons = explanation.notable[: form.n_reasons]
    words = max(text_size(text, letters)[0] for text in [each.words for each in reasons] or [NO_REASON])
    heat = form.n_reasons * _row(letters) if form.heat and explanation.heat is not None else 0
    return words, 3 * letters if reasons else 0, heat, 1 + (form.n_reasons if heat else max(1, len(reasons)))


def _margin(letters):
    return max(2, letters // 3)


def _row(letters):
    return text_size("A", letters)[1] + max(1, letters // 10)
