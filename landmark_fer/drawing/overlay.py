"""The overlay: boxes, labels and panels of recognized faces on a frame.

Each option of `OverlayOptions` but ``mirror`` is one function here, registered with `element`. Everything but boxes,
landmarks, labels and the list of keys covers at most a fifth of the image; no panel covers a face, a label or another
panel; text is at least 12 pixels high.
"""

from collections import defaultdict
from dataclasses import dataclass, replace

import cv2
import numpy as np

from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.core.landmarks import CLOSED_GROUPS, GROUPS
from landmark_fer.drawing import charts
from landmark_fer.drawing.details import describe
from landmark_fer.drawing.layout import Offset, Rectangle, is_free, place_panel
from landmark_fer.drawing.overlay_options import CONTROLS, KEY_HINTS, OverlayOptions
from landmark_fer.drawing.panels import Bars, Details, Reasons, panel_of, panels_of
from landmark_fer.drawing.text import (
    COLOURS,
    ELLIPSIS,
    MIN_LETTERS,
    PAPER,
    RECORDING,
    ink_on,
    lines_of,
    shortened,
    text_size,
    write,
)

NO_FACE = "no face"

MAX_SHARE = 0.2
"""Largest share of the image that panels, timeline and status cover together."""

SHOWN_SIZE = (1280, 960)
"""Width and height in pixels to which a new window reduces larger images; their text is larger accordingly."""

ON_FACE, ON_IMAGE, PANEL, ON_TOP = "on a face", "on the image", "panel of a face", "on top"
"""Where an element is drawn: over each face, over the image, in each face's panel, or over everything else."""

LABEL_SIDES = {"above": 0.0, "below": 0.15, "right": 0.3, "left": 0.35}
"""Sides of a face where its label may be. A side is left for another one where the label would cover more of the face
than the difference, as a share of the label. The page has the same table."""

ELEMENTS = defaultdict(dict)
"""The functions that draw overlay options, by layer and name."""

_WHITE = (255, 255, 255)
_SHIFT = 4  # fractional bits of coordinates in OpenCV's drawing functions
_REFERENCE_SIDE = 480  # of an image with lines one pixel wide
_LETTERS = 14  # font size in pixels on such an image
_MAX_MESSAGE_LINES, _MESSAGE_SHARE = 2, 0.1  # of the image's height, if there is more than one line
_MAX_TIMELINE_TRACKS, _TIMELINE_SHARE = 4, 0.1  # of the image's height
_MAX_PANELS = 6  # in a crowd, those of the largest faces
_MAX_DRAWS = 25  # of a panel, after which one that shows more is looked for
_COST_OF_OTHERS = 3.0  # of a label on another face or label, where that on its own face is 1
_COST_OF_SHORT, _COST_OF_CUT = 0.5, 1.0  # of a short text, of one that is cut
_STEADY = 0.1  # how much a label's last place and text are preferred


@dataclass(frozen=True)
class Status:
    """What the corners of the window show.

    Attributes
    ----------
    paused, recording : bool
    frames_per_second : float or None
        Not shown where a face is.
    message : str or None
        At the bottom, shortened to two lines.
    keys : bool
        Whether the keys are named at the bottom, as many as fit; not during a message and not below their full list.
    """

    paused: bool = False
    recording: bool = False
    frames_per_second: float | None = None
    message: str | None = None
    keys: bool = False


class PanelMemory:
    """How the panel of each face was drawn last, so that it stays in its place next to the face while it fits.

    Without one, panels of a video jump whenever another place, size or amount of text becomes possible.
    """

    def __init__(self):
        self._panels, self._letters, self._n_faces = {}, {}, 0
        self.labels = {}  # side and text of the label by track id

    def begin_frame(self, faces):
        """Forget faces that are not in the frame; where their number changed, look for new panels."""
        track_ids = {face.track_id for face in faces}
        self._panels = {track_id: panel for track_id, panel in self._panels.items() if track_id in track_ids}
        self._letters = {track_id: size for track_id, size in self._letters.items() if track_id in track_ids}
        self.labels = {track_id: label for track_id, label in self.labels.items() if track_id in track_ids}
        if len(faces) != self._n_faces:
            self._panels = {track_id: replace(panel, n_draws=_MAX_DRAWS) for track_id, panel in self._panels.items()}
        self._n_faces = len(faces)

    def steady_letters(self, face, letters):
        """Return the font size of a face's label: the last one, unless it is off by more than a pixel."""
        last = self._letters.get(face.track_id, letters)
        self._letters[face.track_id] = last if abs(last - letters) <= 1 else letters
        return self._letters[face.track_id]

    def get(self, face):
        """Return the `_DrawnPanel` of a face, or None."""
        return self._panels.get(face.track_id)

    def set(self, face, drawn):
        """Keep the `_DrawnPanel` of a face."""
        self._panels[face.track_id] = drawn


@dataclass(frozen=True)
class _DrawnPanel:
    """The form and the offset of a panel, and how often it was drawn like this."""

    blocks: tuple
    form: int
    letters: int
    side_by_side: bool
    size: tuple
    offset: Offset
    n_draws: int = 0


def draw_frame(image, faces, *, options=None, status=None, explanations=None, history=None, memory=None):
    """Return an image with the overlay of its faces.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
        RGB; not changed.
    faces : list of RecognizedFace
        Without one, the overlay reads "no face".
    options : OverlayOptions, optional
    status : Status, optional
    explanations : dict of int to Explanation, optional
        By track id, for option ``explain``.
    history : History, optional
        For option ``timeline``.
    memory : PanelMemory, optional
        Of the frames before; updated.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        RGB. Lines and text grow with the image. A mirrored image is mirrored first, so that text stays readable.
        What there is no room for is left out.
    """
    options = options or OverlayOptions()
    canvas = np.array(image[:, ::-1] if options.mirror else image, order="C")
    scene = _Scene(canvas, faces, options, explanations or {}, history, memory or PanelMemory())
    scene.memory.begin_frame(faces)
    for face in faces:
        _draw_box(scene, face)
        scene.draw(ON_FACE, face)
    for face in faces:
        _draw_predictions(scene, face)
    _draw_status(scene, status or Status())
    if not options.help:  # the list of keys would hide it
        scene.draw(ON_IMAGE)
        _draw_panels(scene)
    scene.draw(ON_TOP)
    return canvas


def element(name, layer):
    """Register a function as the one that draws an overlay option.

    Parameters
    ----------
    name : str
        A field of `OverlayOptions`.
    layer : str
        One of `ON_FACE`, `ON_IMAGE`, `PANEL` and `ON_TOP`. The function takes the scene and, in `ON_FACE` and
        `PANEL`, a face. In `PANEL` it draws nothing and returns a block of `landmark_fer.drawing.panels`, or None.
    """

    def register(function):
        ELEMENTS[layer][name] = function
        return function

    return register


class _Scene:
    """A canvas, which parts of it are occupied, and how many pixels may still be covered."""

    def __init__(self, canvas, faces, options, explanations, history, memory):
        self.canvas, self.faces, self.options = canvas, faces, options
        self.explanations, self.history, self.memory = explanations, history, memory
        height, width = canvas.shape[:2]
        self.unit = min(height, width) / _REFERENCE_SIDE
        self.least = round(MIN_LETTERS * max(1.0, width / SHOWN_SIZE[0], height / SHOWN_SIZE[1]))
        self.letters = max(self.least, round(_LETTERS * self.unit))
        self.bounds = Rectangle(0, 0, width, height)
        self.top, self.bottom = 0, height  # of the part between the rows of status
        self.budget = int(MAX_SHARE * width * height)
        self.boxes = [self._box(face) for face in faces]
        self.occupied = [self._extent(face, box) for face, box in zip(faces, self.boxes, strict=True)]

    def draw(self, layer, *face):
        """Draw the elements of a layer that the options include, and return what they return."""
        functions = ELEMENTS[layer].items()
        return [function(self, *face) for name, function in functions if getattr(self.options, name)]

    def cover(self, place):
        """Mark a rectangle as covered by something other than a box, landmarks or a label."""
        self.occupied.append(place)
        self.budget -= place.area

    def box(self, face):
        """Return the box of a face on the canvas as a Rectangle."""
        return self.boxes[self.faces.index(face)]

    def title(self, face):
        """Return the title of a face's panel: its number, if there are several faces."""
        return f"#{face.track_id}" if len(self.faces) > 1 and face.track_id is not None else ""

    def letters_for(self, box, share):
        """Return a font size for a face: a share of its box's height, within bounds."""
        return max(self.least, min(self.letters, round(share * box.height)))

    def write_label(self, text, place, ground, letters):
        """Write text on a filled rectangle."""
        charts.fill(self.canvas, *place, ground)
        margin = _label_margin(letters)
        write(self.canvas, text, (place.x + margin, place.y + margin // 2), letters, ink_on(ground))

    def _box(self, face):
        box = face.recognition.face.box
        x = self.bounds.width - box.x - box.width if self.options.mirror else box.x
        edges = x, box.y, x + box.width - 1, box.y + box.height - 1
        left, top, right, bottom = (round(edge) for edge in edges)
        return Rectangle(left, top, right - left + 1, bottom - top + 1)

    def _extent(self, face, box):
        """Return the box enlarged to the landmarks below it: a detector's box often ends above the chin."""
        return box._replace(height=max(box.height, round(float(face.recognition.face.landmarks[:, 1].max())) - box.y))


def _draw_box(scene, face):
    box, thickness = scene.box(face), max(1, round(2 * scene.unit))
    colour = COLOURS[face.recognition.expression]
    cv2.rectangle(scene.canvas, (box.x, box.y), (box.right - 1, box.bottom - 1), colour, thickness)


def _draw_predictions(scene, face):
    """Write a face's number and prediction, and the second model's prediction in a line of its own.

    The label is where it covers least: above the face, below or next to it, with a short text if necessary.
    """
    number = "" if face.track_id is None else f"#{face.track_id} "
    rows = [(face.recognition, number)]
    if face.versus is not None:
        rows.append((face.versus, "versus "))
    box, index = scene.box(face), scene.faces.index(face)
    letters = scene.memory.steady_letters(face, scene.letters_for(box, 0.12))
    own, others = scene.occupied[index], scene.occupied[:index] + scene.occupied[index + 1 :]
    room, labels = scene.bounds.width - 2 * _label_margin(letters), []
    forms = zip(*(_prediction_texts(recognition, start) for recognition, start in rows), strict=True)
    for form, texts in enumerate(forms):
        texts = [shortened(text, room, letters) for text in texts]
        sizes = [_label_size(text, letters) for text in texts]
        size = max(width for width, _ in sizes), sum(height for _, height in sizes)
        for side, place in _label_places(box, own.bottom, size, scene.bounds).items():
            covered = place.shared_area(own) + _COST_OF_OTHERS * sum(map(place.shared_area, others))
            cost = covered / place.area + LABEL_SIDES[side] + _COST_OF_SHORT * form
            cost += _COST_OF_CUT * any(ELLIPSIS in text for text in texts)
            cost -= _STEADY * (scene.memory.labels.get(face.track_id) == (side, form))
            labels.append((cost, (side, form), place, texts, sizes))
    _, scene.memory.labels[face.track_id], place, texts, sizes = min(labels, key=lambda label: label[0])
    scene.occupied.append(place)
    for text, (recognition, _), (width, height) in zip(texts, rows, sizes, strict=True):
        scene.write_label(text, place._replace(width=width, height=height), COLOURS[recognition.expression], letters)
        place = place._replace(y=place.y + height)


def _label_places(box, chin, size, bounds):
    """Return the places of a label inside the bounds by the names in `LABEL_SIDES`; the chin is the face's last row."""
    width, height = size
    corners = {
        "above": (box.x, box.y - height),
        "below": (box.x, chin),
        "right": (box.right, box.y),
        "left": (box.x - width, box.y),
    }
    return {side: Rectangle(*corner, width, height).inside(bounds) for side, corner in corners.items()}


def _draw_status(scene, status):
    """Draw recording, pause and frame rate into the upper corners, and a message at the bottom."""
    letters, bounds = scene.letters, scene.bounds
    row = _label_size("", letters)[1]
    shown = [("recording", RECORDING)] * status.recording + [("paused", PAPER)] * status.paused
    for (text, ground), place in zip(shown, _corner_places([text for text, _ in shown], scene, row), strict=True):
        _write_status(scene, text, place, ground)
    n_lines = max(1, min(_MAX_MESSAGE_LINES, int(_MESSAGE_SHARE * bounds.height / row)))
    room = bounds.width - 2 * _label_margin(letters)
    lines = [] if scene.faces else [NO_FACE]
    if status.message:
        lines += lines_of(status.message, room, letters, n_lines=n_lines)
    elif status.keys and not scene.options.help:
        lines += _key_lines(room, letters, n_lines)
    for number, text in enumerate(reversed(lines), 1):
        _write_status(scene, text, Rectangle(0, bounds.bottom - number * row, _label_size(text, letters)[0], row))
    if status.frames_per_second is not None:
        text = f"{status.frames_per_second:.0f} fps"
        place = Rectangle(0, 0, _label_size(text, letters)[0], row)
        if is_free(place, scene.occupied):
            _write_status(scene, text, place)


def _corner_places(texts, scene, row):
    """Return the places of texts in an upper corner: in a row or one below the other, better not over a label."""
    bounds, sizes = scene.bounds, [_label_size(text, scene.letters)[0] for text in texts]
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


@element("landmarks", ON_FACE)
def _draw_landmarks(scene, face):
    """Draw the contours and points of the 68-point scheme."""
    colour, face = COLOURS[face.recognition.expression], face.recognition.face
    xy = face.landmarks * (-1, 1) + (scene.bounds.width - 1, 0) if scene.options.mirror else face.landmarks
    xy = np.round(xy * 2**_SHIFT).astype(np.int32)
    for name, members in GROUPS.items():
        contour, thickness = [xy[list(members)][:, None]], max(1, round(scene.unit))
        cv2.polylines(scene.canvas, contour, name in CLOSED_GROUPS, colour, thickness, cv2.LINE_AA, _SHIFT)
    radius = max(1, round(1.3 * min(max(0.5, scene.unit), face.box.width / 120) * 2**_SHIFT))
    for x, y in xy.tolist():
        cv2.circle(scene.canvas, (x, y), radius, _WHITE, cv2.FILLED, cv2.LINE_AA, _SHIFT)


@element("timeline", ON_IMAGE)
def _draw_timeline(scene):
    """Draw the last seconds along the bottom, or along the top if a face is at the bottom."""
    segments = scene.history.segments() if scene.history is not None else {}
    if not segments:
        return
    letters, width = max(scene.least, round(0.65 * scene.letters)), scene.bounds.width
    room = min(_TIMELINE_SHARE * scene.bounds.height, scene.budget / width)
    forms = [(n, axis) for n in range(min(len(segments), _MAX_TIMELINE_TRACKS), 0, -1) for axis in (True, False)]
    heights = [(charts.timeline_height(n, letters, axis=axis), axis) for n, axis in forms]
    for height, axis in heights:
        for y in (scene.bottom - height, scene.top):
            place = Rectangle(0, y, width, height)
            if height <= room and place.inside(scene.bounds) == place and is_free(place, scene.occupied):
                charts.draw_timeline(scene.canvas, place, scene.history, letters, axis=axis)
                scene.cover(place)
                return


def _draw_panels(scene):
    """Draw the panels of the largest faces, each with as much as its part of the budget and the room allow."""
    faces = sorted(scene.faces, key=lambda face: -scene.box(face).area)[:_MAX_PANELS]
    faces = [face for face in scene.faces if face in faces]  # in an order that is the same in the next frame
    for index, face in enumerate(faces):
        if blocks := [block for block in scene.draw(PANEL, face) if block is not None]:
            _draw_panel(scene, face, blocks, scene.budget // (len(faces) - index))


def _draw_panel(scene, face, blocks, budget):
    """Draw the panel of a face as in the frame before, if that fits; now and then, look for one that shows more."""
    last, kinds = scene.memory.get(face), tuple(type(block) for block in blocks)
    if last is not None and last.blocks != kinds:
        last = None
    found = None if last is None else _same_panel(scene, face, blocks, last, budget)
    if found is None or last.n_draws >= _MAX_DRAWS:
        best = _best_panel(scene, face, blocks, last, budget)
        if best is not None and (found is None or (best[0].form, -best[0].letters) < (last.form, -last.letters)):
            found, last = best, None
    if found is None:
        return
    panel, place = found
    panel.draw(scene.canvas, place)
    scene.cover(place)
    n_draws = 0 if last is None or last.n_draws >= _MAX_DRAWS else last.n_draws + 1
    offset = Offset.of(place, scene.box(face)) if last is None else last.offset
    size = place.width, place.height
    drawn = _DrawnPanel(kinds, panel.form, panel.letters, panel.side_by_side, size, offset, n_draws)
    scene.memory.set(face, drawn)


def _same_panel(scene, face, blocks, last, budget):
    """Return the panel of the last frame and its place next to the face, or None if it does not fit there."""
    panel = panel_of(blocks, last.letters, last.form, title=scene.title(face), side_by_side=last.side_by_side)
    if panel is None:
        return None
    size = max(panel.size[0], last.size[0]), max(panel.size[1], last.size[1])
    place = last.offset.place(size, scene.box(face), scene.bounds)
    return (panel, place) if size[0] * size[1] <= budget and is_free(place, scene.occupied) else None


def _best_panel(scene, face, blocks, last, budget):
    """Return the panel that shows most and its place, on the side of the last one if that is free; None without."""
    box, gap = scene.box(face), max(3, round(6 * scene.unit))
    letters = scene.letters_for(box, 0.085)
    sizes = dict.fromkeys((letters, max(scene.least, round(0.8 * letters)), scene.least))
    for panel in panels_of(blocks, sizes, title=scene.title(face)):
        if panel.size[0] * panel.size[1] > budget:
            continue
        if last is not None:
            place = last.offset.place(panel.size, box, scene.bounds)
            if is_free(place, scene.occupied):
                return panel, place
        if place := place_panel(box, panel.size, scene.bounds, scene.occupied, gap=gap):
            return panel, place
    return None


@element("bars", PANEL)
def _bars(scene, face):
    return Bars.of(face.recognition)


@element("explain", PANEL)
def _reasons(scene, face):
    explanation = scene.explanations.get(face.track_id)
    if explanation is None or face.recognition.reason:
        return None
    chip, heat = face.recognition.face.chip, explanation.heat
    if scene.options.mirror:
        chip, heat = chip[:, ::-1], heat if heat is None else heat[:, ::-1]
    return Reasons(replace(explanation, heat=heat), chip)


@element("details", PANEL)
def _details(scene, face):
    return Details(describe(face.recognition.face, scene.canvas.shape))


@element("help", ON_TOP)
def _draw_help(scene):
    charts.draw_key_list(scene.canvas, [(control.keys[0], control.label) for control in CONTROLS], scene.letters)


def _label_margin(letters):
    return max(2, letters // 4)


def _label_size(text, letters):
    margin = _label_margin(letters)
    width, height = text_size(text, letters)
    return width + 2 * margin, height + margin


def _prediction_texts(recognition, start):
    """Return the text of a prediction in full, and a short form."""
    name = f"{start}{recognition.label}"
    if recognition.reason:
        return name, name
    if recognition.expression == UNCERTAIN:
        return f"{name} ({recognition.likeliest} {recognition.confidence:.0%})", name
    return f"{name} {recognition.confidence:.0%}", name
