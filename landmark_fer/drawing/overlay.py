"""The overlay: boxes, labels and panels of recognized faces on a frame.

Each option of `OverlayOptions` but ``mirror`` is one function here, registered with `element`.
"""

from collections import defaultdict
from dataclasses import dataclass

import cv2
import numpy as np

from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.core.landmarks import CLOSED_GROUPS, GROUPS
from landmark_fer.drawing import charts
from landmark_fer.drawing.layout import Rectangle, place_panel
from landmark_fer.drawing.overlay_options import CONTROLS, OverlayOptions
from landmark_fer.drawing.text import COLOURS, PAPER, RECORDING, ink_on, largest_size, text_size, write

NO_FACE = "no face"

BELOW_FACES, ON_FACE, PANEL, ON_TOP = "below faces", "on a face", "panel of a face", "on top"
"""When an element is drawn: before the faces, with each face's box, next to each face, or last."""

ELEMENTS = defaultdict(dict)
"""The functions that draw overlay options, by layer and name."""

_WHITE = (255, 255, 255)
_SHIFT = 4  # fractional bits of coordinates in OpenCV's drawing functions
_REFERENCE_SIDE = 480  # of an image with lines one pixel wide
_LETTERS, _MIN_LETTERS = 14, 9  # height of text in pixels on such an image, and on small ones
_MAX_TIMELINE_TRACKS, _TIMELINE_SHARE = 4, 0.18  # of the image's height, if there is more than one track
_MAX_HIDING_COST = 0.05  # of a panel
_PANEL_COST = 4.0  # of hiding a pixel of text; of a face it is 1


@dataclass(frozen=True)
class Status:
    """What the corners of the window show.

    Attributes
    ----------
    paused, recording : bool
    frames_per_second : float or None
    message : str or None
        One line at the bottom.
    """

    paused: bool = False
    recording: bool = False
    frames_per_second: float | None = None
    message: str | None = None


def draw_frame(image, faces, *, options=None, status=None, explanations=None, history=None):
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

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        RGB. Lines and text grow with the image. A mirrored image is mirrored first, so that text stays readable.
    """
    options = options or OverlayOptions()
    canvas = np.array(image[:, ::-1] if options.mirror else image, order="C")
    scene = _Scene(canvas, faces, options, explanations or {}, history)
    scene.draw(BELOW_FACES)
    for face in faces:
        _draw_box(scene, face)
        scene.draw(ON_FACE, face)
    _draw_status(scene, status or Status())
    for face in faces:
        _draw_predictions(scene, face)
    for face in faces:
        scene.draw(PANEL, face)
    scene.draw(ON_TOP)
    return canvas


def element(name, layer):
    """Register a function as the one that draws an overlay option.

    Parameters
    ----------
    name : str
        A field of `OverlayOptions`.
    layer : str
        One of `BELOW_FACES`, `ON_FACE`, `PANEL` and `ON_TOP`. The function takes the scene and, in `ON_FACE` and
        `PANEL`, a face.
    """

    def register(function):
        ELEMENTS[layer][name] = function
        return function

    return register


class _Scene:
    """A canvas, what is drawn on it, and which of its parts should stay visible."""

    def __init__(self, canvas, faces, options, explanations, history):
        self.canvas, self.faces, self.options = canvas, faces, options
        self.explanations, self.history = explanations, history
        height, width = canvas.shape[:2]
        self.unit = min(height, width) / _REFERENCE_SIDE
        self.letters = max(_MIN_LETTERS, round(_LETTERS * self.unit))
        self.bounds = Rectangle(0, 0, width, height)
        self.occupied = []

    def draw(self, layer, *face):
        """Draw the elements of a layer that the options include."""
        for name, function in ELEMENTS[layer].items():
            if getattr(self.options, name):
                function(self, *face)

    def occupy(self, rectangle, cost):
        """Mark a rectangle as one that panels should not hide."""
        self.occupied.append((rectangle, cost))

    def box(self, face):
        """Return the box of a face on the canvas as a Rectangle."""
        box = face.recognition.face.box
        x = self.bounds.width - box.x - box.width if self.options.mirror else box.x
        edges = x, box.y, x + box.width - 1, box.y + box.height - 1
        left, top, right, bottom = (round(edge) for edge in edges)
        return Rectangle(left, top, right - left + 1, bottom - top + 1)

    def title(self, face):
        """Return the title of a face's panels: its number, if there are several faces."""
        return f"#{face.track_id}" if len(self.faces) > 1 else ""

    def letters_for(self, box, share):
        """Return a height of text for a face: a share of its box's height, within bounds."""
        return max(_MIN_LETTERS, min(self.letters, round(share * box.height)))

    def write_label(self, text, x, y, ground, *, letters=None, above=False, from_right=False):
        """Write text on a filled ground at x and y, moved and shrunk to lie inside; return its rectangle."""
        letters = largest_size([text], self.bounds.width - 4, least=4, most=letters or self.letters)
        width, height = _label_size(text, letters)
        place = Rectangle(x - width if from_right else x, y - height if above else y, width, height).inside(self.bounds)
        charts.fill(self.canvas, *place, ground)
        margin = _label_margin(letters)
        write(self.canvas, text, (place.x + margin, place.y + margin // 2), letters, ink_on(ground))
        self.occupy(place, _PANEL_COST)
        return place

    def place_first(self, face, sizes):
        """Return the index and place of the first panel size that hides little; None where all hide too much."""
        gap = max(3, round(6 * self.unit))
        for index, size in enumerate(sizes):
            place, cost = place_panel(self.box(face), size, self.bounds, self.occupied, gap=gap)
            if cost <= _MAX_HIDING_COST and size == (place.width, place.height):
                self.occupy(place, _PANEL_COST)
                return index, place
        return None

    def panel_forms(self, face, contents):
        """Return each content of a panel with heights of text, the larger first."""
        letters = self.letters_for(self.box(face), 0.085)
        smaller = max(_MIN_LETTERS, round(0.8 * letters))
        return [(content, size) for content in contents for size in dict.fromkeys((letters, smaller))]


def _draw_box(scene, face):
    box, thickness = scene.box(face), max(1, round(2 * scene.unit))
    colour = COLOURS[face.recognition.expression]
    cv2.rectangle(scene.canvas, (box.x, box.y), (box.right - 1, box.bottom - 1), colour, thickness)
    scene.occupy(box, 1.0)


def _draw_status(scene, status):
    """Draw frame rate, recording and pause into the upper corners, messages at the bottom."""
    right = scene.bounds.width
    if status.frames_per_second is not None:
        scene.write_label(f"{status.frames_per_second:.0f} frames/s", 0, 0, PAPER)
    for text, is_shown, ground in (("recording", status.recording, RECORDING), ("paused", status.paused, PAPER)):
        if is_shown:
            right = scene.write_label(text, right, 0, ground, from_right=True).x
    bottom = scene.bounds.bottom
    for text in filter(None, (status.message, None if scene.faces else NO_FACE)):
        bottom = scene.write_label(text, 0, bottom, PAPER, above=True).y


def _draw_predictions(scene, face):
    """Write a face's number and prediction above it, and the second model's prediction in a line of its own."""
    number = "" if face.track_id is None else f"#{face.track_id} "
    rows = [(f"{number}{_prediction(face.recognition)}", face.recognition)]
    if face.versus is not None:
        rows.append((f"versus {_prediction(face.versus)}", face.versus))
    box = scene.box(face)
    letters = scene.letters_for(box, 0.12)
    height = sum(_label_size(text, letters)[1] for text, _ in rows)
    y = max(scene.bounds.y, min(box.y, scene.bounds.bottom) - height)
    for text, recognition in rows:
        y = scene.write_label(text, box.x, y, COLOURS[recognition.expression], letters=letters).bottom


@element("timeline", BELOW_FACES)
def _draw_timeline(scene):
    """Draw the last seconds along the bottom and reserve their place."""
    if scene.history is None:
        return
    letters = max(_MIN_LETTERS, round(0.85 * scene.letters))
    counts = range(1, _MAX_TIMELINE_TRACKS + 1)
    room = _TIMELINE_SHARE * scene.bounds.height
    fitting = max((n for n in counts if charts.timeline_height(n, letters) <= room), default=1)
    n_tracks = max(1, min(len(scene.history.segments()), fitting))
    height = min(charts.timeline_height(n_tracks, letters), scene.bounds.height)
    place = scene.bounds._replace(y=scene.bounds.bottom - height, height=height)
    charts.draw_timeline(scene.canvas, place, scene.history, letters)
    scene.bounds = scene.bounds._replace(height=scene.bounds.height - height)


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


@element("bars", PANEL)
def _draw_bars(scene, face):
    """Draw all probabilities, or the three largest, next to a face if there is room."""
    probabilities = face.recognition.probabilities
    largest = dict(sorted(probabilities.items(), key=lambda item: -item[1])[:3])
    title, forms = scene.title(face), scene.panel_forms(face, (probabilities, largest))
    sizes = [charts.bars_size(shown, letters, title=title) for shown, letters in forms]
    if found := scene.place_first(face, sizes):
        index, place = found
        charts.draw_bars(scene.canvas, place, *forms[index], title=title)


@element("explain", PANEL)
def _draw_explanation(scene, face):
    """Draw the explanation of a face next to it, as much of it as there is room for."""
    explanation = scene.explanations.get(face.track_id)
    if explanation is None:
        return
    title = f"{scene.title(face)} {explanation.title}".strip()
    forms = scene.panel_forms(face, charts.EXPLANATION_LAYOUTS)
    sizes = [charts.explanation_size(explanation, letters, layout, title=title) for layout, letters in forms]
    if found := scene.place_first(face, sizes):
        index, place = found
        layout, letters = forms[index]
        chip = face.recognition.face.chip
        chip = chip[:, ::-1] if scene.options.mirror else chip
        charts.draw_explanation(scene.canvas, place, explanation, letters, layout, chip=chip, title=title)


@element("help", ON_TOP)
def _draw_help(scene):
    rows = [(", ".join(control.keys), control.label) for control in CONTROLS]
    charts.draw_key_list(scene.canvas, rows, scene.letters)


def _label_margin(letters):
    return max(2, letters // 4)


def _label_size(text, letters):
    margin = _label_margin(letters)
    width, height = text_size(text, letters)
    return width + 2 * margin, height + margin


def _prediction(recognition):
    if recognition.expression == UNCERTAIN:
        return f"{UNCERTAIN} ({recognition.likeliest} {recognition.confidence:.0%})"
    return f"{recognition.expression} {recognition.confidence:.0%}"
