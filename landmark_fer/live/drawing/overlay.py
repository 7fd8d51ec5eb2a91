"""The overlay: boxes, labels and panels of recognized faces, placed where no face is."""

from typing import NamedTuple

import cv2
import numpy as np

from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.core.landmarks import CLOSED_GROUPS, GROUPS
from landmark_fer.live.drawing import charts
from landmark_fer.live.drawing.text import COLOURS, PAPER, RECORDING, ink_on, largest_size, text_size, write
from landmark_fer.live.state import KEYS, OverlayOptions

_DISTANCE = 0.1  # what a diagonal of the face's box further away is worth, in shares of the panel that hide something


class Rectangle(NamedTuple):
    """Whole pixels, x before y."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self):
        """The first column beyond it."""
        return self.x + self.width

    @property
    def bottom(self):
        """The first row below it."""
        return self.y + self.height

    def inside(self, bounds):
        """Return the rectangle moved, and cut where it is too large, so that it lies inside `bounds`."""
        width, height = min(self.width, bounds.width), min(self.height, bounds.height)
        x = min(max(self.x, bounds.x), bounds.right - width)
        y = min(max(self.y, bounds.y), bounds.bottom - height)
        return Rectangle(x, y, width, height)


def beside(box, size, bounds, taken, *, gap):
    """Return where a panel goes near a face: on its right if that is free, else where it hides least.

    Parameters
    ----------
    box : Rectangle
        Of the face.
    size : pair of int
        Width and height of the panel.
    bounds : Rectangle
        In which the panel has to lie.
    taken : list of (Rectangle, float)
        What should stay in sight, and how bad it is to hide a pixel of it.
    gap : int
        Pixels between the face and the panel.

    Returns
    -------
    Rectangle
    float
        How much it hides: the hidden pixels, times how bad each is, for each pixel of the panel.
    """
    width, height = size
    columns = box.right + gap, box.x - gap - width
    rows = (
        box.y,
        box.bottom - height,
        *(other.bottom + gap for other, _ in taken),
        *(o.y - gap - height for o, _ in taken),
    )
    below, above = box.bottom + gap, box.y - gap - height
    along = box.x, box.right - width, *(other.right + gap for other, _ in taken), *(o.x - gap - width for o, _ in taken)
    corners = [(x, y) for x in (bounds.right - width, bounds.x) for y in (bounds.y, bounds.bottom - height)]
    places = [(x, y) for y in rows for x in columns] + [(x, y) for y in (below, above) for x in along] + corners
    rectangles = [Rectangle(x, y, width, height).inside(bounds) for x, y in places]
    hidden = _hidden(rectangles, taken)
    best = int((hidden + _DISTANCE * _distances(rectangles, box, near=2 * gap)).argmin())
    return rectangles[best], float(hidden[best])


def _distances(rectangles, box, *, near):
    """Return how far beyond `near` rectangles are from a box, edge from edge, in its diagonals, shape (n,)."""
    x, y, width, height = np.array(rectangles, dtype=np.float64).T
    across = np.maximum(x - box.right, box.x - x - width).clip(0)
    down = np.maximum(y - box.bottom, box.y - y - height).clip(0)
    return (np.hypot(across, down) - near).clip(0) / max(1.0, np.hypot(box.width, box.height))


def _hidden(rectangles, taken):
    """Return how much each rectangle hides of what is taken, for each of its own pixels, shape (n,)."""
    x, y, width, height = np.array(rectangles, dtype=np.float64).T[..., None]
    others = np.array([other for other, _ in taken], dtype=np.float64).reshape(-1, 4)
    across = np.minimum(x + width, others[:, 0] + others[:, 2]) - np.maximum(x, others[:, 0])
    down = np.minimum(y + height, others[:, 1] + others[:, 3]) - np.maximum(y, others[:, 1])
    shared = across.clip(0) * down.clip(0) * [badness for _, badness in taken]
    return shared.sum(axis=1) / np.maximum(1, width * height)[:, 0]


NO_FACE = "no face"

_WHITE = (255, 255, 255)
_SHIFT = 4  # binary digits of a pixel's fraction in OpenCV's drawing functions
_REFERENCE_SIDE = 480  # of a image on which lines are one pixel wide
_LETTERS, _LEAST_LETTERS = 14, 9  # pixels, on such a image and on small ones
_TRACKS, _STRIP_SHARE = (1, 2, 3, 4), 0.18  # how many the strip shows, and how much of the image it may take for more
_HIDES_LITTLE = 0.05  # share of a panel that may lie over a face
_HIDES_PANEL = 4.0  # how much worse it is to hide letters than to hide a part of a face


def draw_frame(image, seen, *, view=None, explanations=None, history=None):
    """Return a image with what was seen drawn onto it.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
        RGB; left as it is.
    seen : list of RecognizedFace
        With none, the image says so.
    view : OverlayOptions, optional
        As by default `OverlayOptions()` shows it.
    explanations : dict of int to Explanation, optional
        By track.
    history : History, optional
        What the strip shows.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        RGB. Lines and letters grow with the image. The image is mirrored before anything is drawn, so that
        letters can be read.
    """
    view = view or OverlayOptions()
    canvas = np.array(image[:, ::-1] if view.mirror else image, order="C")
    drawing = _Drawing(canvas, view)
    if view.strip and history is not None:
        drawing.draw_strip(history)
    boxes = [drawing.draw_face(face.recognition) for face in seen]
    drawing.draw_marks(no_face=not seen)
    for face, box in zip(seen, boxes, strict=True):
        drawing.draw_predictions(face, box)
    for face, box in zip(seen, boxes, strict=True):
        name = f"#{face.track_id}" if len(seen) > 1 else ""
        drawing.draw_panels(face.recognition, box, (explanations or {}).get(face.track_id), name=name)
    if view.help:
        drawing.draw_help()
    return canvas


class _Drawing:
    """A canvas, the size of what is drawn on it, and which parts of it should stay in sight."""

    def __init__(self, canvas, view):
        self.canvas, self.view = canvas, view
        height, width = canvas.shape[:2]
        self.unit = min(height, width) / _REFERENCE_SIDE
        self.letters = max(_LEAST_LETTERS, round(_LETTERS * self.unit))
        self.bounds = Rectangle(0, 0, width, height)
        self.taken = []

    def draw_strip(self, history):
        """Draw the last seconds along the bottom; nothing else goes there."""
        letters = max(_LEAST_LETTERS, round(0.85 * self.letters))
        room = [n for n in _TRACKS if charts.strip_height(n, letters) <= _STRIP_SHARE * self.bounds.height]
        n_tracks = min(max(1, len(history.runs())), max(room, default=1))
        height = min(charts.strip_height(n_tracks, letters), self.bounds.height)
        charts.draw_strip(self.canvas, self._bottom(height), history, letters)
        self.bounds = self.bounds._replace(height=self.bounds.height - height)

    def draw_face(self, recognition):
        """Draw box and landmarks; return the box as a Rectangle, mirrored where the image is."""
        colour, box = COLOURS[recognition.expression], recognition.face.box
        x = self.bounds.width - box.x - box.width if self.view.mirror else box.x
        corners = np.round([x, box.y, x + box.width - 1, box.y + box.height - 1]).astype(int).tolist()
        cv2.rectangle(self.canvas, corners[:2], corners[2:], colour, max(1, round(2 * self.unit)))
        if self.view.landmarks:
            self._draw_landmarks(recognition.face, colour)
        rectangle = Rectangle(*corners[:2], corners[2] - corners[0] + 1, corners[3] - corners[1] + 1)
        self.taken.append((rectangle, 1.0))
        return rectangle

    def _draw_landmarks(self, face, colour):
        xy = face.landmarks * (-1, 1) + (self.bounds.width - 1, 0) if self.view.mirror else face.landmarks
        xy = np.round(xy * 2**_SHIFT).astype(np.int32)
        for name, members in GROUPS.items():
            contour, thick = [xy[list(members)][:, None]], max(1, round(self.unit))
            cv2.polylines(self.canvas, contour, name in CLOSED_GROUPS, colour, thick, cv2.LINE_AA, _SHIFT)
        radius = max(1, round(1.3 * min(max(0.5, self.unit), face.box.width / 120) * 2**_SHIFT))
        for x, y in xy.tolist():
            cv2.circle(self.canvas, (x, y), radius, _WHITE, cv2.FILLED, cv2.LINE_AA, _SHIFT)

    def draw_marks(self, *, no_face):
        """Draw what concerns the whole image into its corners."""
        view, right = self.view, self.bounds.width
        if view.frames_per_second is not None:
            self._label(f"{view.frames_per_second:.0f} frames/s", 0, 0, PAPER)
        marks = (("recording", view.recording, RECORDING), ("paused", view.paused, PAPER))
        for text, shown, ground in marks:
            if shown:
                right = self._label(text, right, 0, ground, from_right=True).x
        lines = [text for text, shown in ((NO_FACE, no_face), (view.message, view.message)) if shown]
        bottom = self.bounds.bottom
        for text in reversed(lines):
            bottom = self._label(text, 0, bottom, PAPER, above=True).y

    def draw_predictions(self, face, box):
        """Write who it is and what is answered above a face; the other model's answer in a line of its own."""
        rows = [(f"#{face.track_id} {_prediction(face.recognition)}", face.recognition)]
        rows += [(f"versus {_prediction(face.versus)}", face.versus)] if face.versus is not None else []
        letters = self._letters_for(box, 0.12)
        height = sum(self._label_size(text, letters)[1] for text, _ in rows)
        y = max(self.bounds.y, min(box.y, self.bounds.bottom) - height)
        for text, recognition in rows:
            y = self._label(text, box.x, y, COLOURS[recognition.expression], letters=letters).bottom

    def draw_panels(self, recognition, box, explanation, *, name):
        """Draw the charts of a face beside it, as much of each as there is room for."""
        if self.view.bars:
            ranked = sorted(recognition.probabilities.items(), key=lambda item: -item[1])
            forms = self._forms(box, (recognition.probabilities, dict(ranked[:3])))
            sizes = [charts.bars_size(shown, letters, title=name) for shown, letters in forms]
            if found := self._room(box, sizes):
                charts.draw_bars(self.canvas, found[1], *forms[found[0]], title=name)
        if self.view.explain and explanation is not None:
            title = f"{name} why {explanation.expression}".strip()
            forms = [(letters, form) for form, letters in self._forms(box, charts.REASON_FORMS)]
            sizes = [charts.reasons_size(explanation, *form, title=title) for form in forms]
            if found := self._room(box, sizes):
                chip = recognition.face.chip[:, ::-1] if self.view.mirror else recognition.face.chip
                charts.draw_reasons(self.canvas, found[1], explanation, *forms[found[0]], chip=chip, title=title)

    def _forms(self, box, forms):
        """Return each form of a panel with the size of its letters: at full size, then smaller."""
        letters = self._letters_for(box, 0.085)
        smaller = max(_LEAST_LETTERS, round(0.8 * letters))
        return [(form, size) for form in forms for size in dict.fromkeys((letters, smaller))]

    def _room(self, box, sizes):
        """Return the first form of a panel that hides little, and where it goes; None where none does."""
        gap = max(3, round(6 * self.unit))
        for form, size in enumerate(sizes):
            place, hidden = beside(box, size, self.bounds, self.taken, gap=gap)
            if hidden <= _HIDES_LITTLE and size == (place.width, place.height):
                self.taken.append((place, _HIDES_PANEL))
                return form, place
        return None

    def draw_help(self):
        """List the keys in the middle."""
        words = {}
        for key, does in KEYS:
            words.setdefault(does, []).append(key)
        rows = [(", ".join(keys), does) for does, keys in words.items()]
        charts.draw_help(self.canvas, rows, self.letters)

    def _letters_for(self, box, share):
        return max(_LEAST_LETTERS, min(self.letters, round(share * box.height)))

    def _label_size(self, text, letters):
        margin = max(2, letters // 4)
        width, height = text_size(text, letters)
        return width + 2 * margin, height + margin

    def _label(self, text, x, y, ground, *, letters=None, above=False, from_right=False):
        """Write text on a filled ground at x and y, moved and shrunk until it lies inside; return where it is."""
        letters = largest_size([text], self.bounds.width - 4, least=4, most=letters or self.letters)
        width, height = self._label_size(text, letters)
        place = Rectangle(x - width if from_right else x, y - height if above else y, width, height).inside(self.bounds)
        charts.fill(self.canvas, *place, ground)
        margin = max(2, letters // 4)
        write(self.canvas, text, (place.x + margin, place.y + margin // 2), letters, ink_on(ground))
        self.taken.append((place, _HIDES_PANEL))
        return place

    def _bottom(self, height):
        return self.bounds._replace(y=self.bounds.bottom - height, height=height)


def _prediction(recognition):
    if recognition.expression == UNCERTAIN:
        return f"{UNCERTAIN} ({recognition.likeliest} {recognition.confidence:.0%})"
    return f"{recognition.expression} {recognition.confidence:.0%}"
