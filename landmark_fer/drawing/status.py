"""The status of a window: recording, pause, frame rate, messages and keys in its corners."""

from dataclasses import dataclass

from landmark_fer.drawing.layout import Rectangle, is_free
from landmark_fer.drawing.overlay_options import KEY_HINTS
from landmark_fer.drawing.scene import label_margin, label_size
from landmark_fer.drawing.text import ELLIPSIS, PAPER, RECORDING, lines_of

NO_FACE = "no face"

_MAX_MESSAGE_LINES, _MESSAGE_SHARE = 2, 0.1  # of the image's height, if there is more than one line


@dataclass(frozen=True)
class Status:
    """What the corners of the window show.

    Attributes
    ----------
    paused, recording : bool
    frames_per_second : float or None
        Not shown where a face is.
    message : str or None
        At the bottom, or at the top if only a face at the bottom is in its way; shortened to two lines.
    keys : bool
        Whether the keys are named there, as many as fit; not during a message and not below their full list.
    """

    paused: bool = False
    recording: bool = False
    frames_per_second: float | None = None
    message: str | None = None
    keys: bool = False


def draw_status(scene, status):
    """Draw recording, pause and frame rate into the upper corners, and a message at the bottom or the top."""
    letters, bounds = scene.letters, scene.bounds
    row = label_size("", letters)[1]
    shown = [("recording", RECORDING)] * status.recording + [("paused", PAPER)] * status.paused
    for (text, ground), place in zip(shown, _corner_places([text for text, _ in shown], scene, row), strict=True):
        _write_status(scene, text, place, ground)
    n_lines = max(1, min(_MAX_MESSAGE_LINES, int(_MESSAGE_SHARE * bounds.height / row)))
    room = bounds.width - 2 * label_margin(letters)
    lines = [] if scene.faces else [NO_FACE]
    if status.message:
        lines += lines_of(status.message, room, letters, n_lines=n_lines)
    elif status.keys and not scene.options.help:
        lines += _key_lines(room, letters, n_lines)
    for text, place in zip(lines, _line_places(lines, scene, row), strict=True):
        _write_status(scene, text, place)
    if status.frames_per_second is not None:
        text = f"{status.frames_per_second:.0f} fps"
        place = Rectangle(0, 0, label_size(text, letters)[0], row)
        if is_free(place, scene.occupied):
            _write_status(scene, text, place)


def _line_places(texts, scene, row):
    """Return the places of lines at the bottom; at the top if only those are free, and from then on while they are."""
    widths = [label_size(text, scene.letters)[0] for text in texts]
    above, below = (
        [Rectangle(0, y + n * row, width, row) for n, width in enumerate(widths)]
        for y in (0, scene.bounds.bottom - len(texts) * row)
    )
    free_above, free_below = (all(is_free(place, scene.occupied) for place in places) for places in (above, below))
    scene.memory.lines_above = bool(texts) and free_above and (scene.memory.lines_above or not free_below)
    return above if scene.memory.lines_above else below


def _corner_places(texts, scene, row):
    """Return the places of texts in an upper corner: in a row or one below the other, better not over a label."""
    bounds, sizes = scene.bounds, [label_size(text, scene.letters)[0] for text in texts]
    left = [Rectangle(sum(sizes[:n]), 0, width, row) for n, width in enumerate(sizes)]
    right = [place._replace(x=bounds.right - place.right) for place in left]
    column = [Rectangle(bounds.right - width, n * row, width, row) for n, width in enumerate(sizes)]
    rows = [places for places in (right, column, left) if all(place.inside(bounds) == place for place in places)]
    free = [places for places in rows if all(is_free(place, scene.occupied) for place in places)]
    return (free or rows or [column])[0]


def _key_lines(width, letters, n_lines):
    """Return lines that name as many keys as fit."""
    for n_keys in range(len(KEY_HINTS), 0, -1):
        lines = lines_of(", ".join(KEY_HINTS[:n_keys]), width, letters, n_lines=n_lines)
        if not any(ELLIPSIS in line for line in lines):
            return lines
    return []


def _write_status(scene, text, place, ground=PAPER):
    """Write one label of the status, if it lies inside and its area is left in the budget."""
    if place.area <= scene.budget and place.inside(scene.bounds) == place:
        scene.write_label(text, place, ground, scene.letters)
        scene.cover(place)
        if place.y < scene.bounds.height / 2:
            scene.top = max(scene.top, place.bottom)
        else:
            scene.bottom = min(scene.bottom, place.y)
