"""The scene of an overlay: its canvas, what is drawn where, and how much of the image may still be covered."""

from collections import defaultdict

from landmark_fer.drawing import charts
from landmark_fer.drawing.layout import Rectangle
from landmark_fer.drawing.text import MIN_LETTERS, ink_on, text_size, write

MAX_SHARE = 0.2
"""Largest share of the image that panels, timeline and status cover together."""

SHOWN_SIZE = (1280, 960)
"""Width and height in pixels to which a new window reduces larger images; their text is larger accordingly."""

ON_FACE, ON_IMAGE, PANEL, ON_TOP = "on a face", "on the image", "panel of a face", "on top"
"""Where an element is drawn: over each face, over the image, in each face's panel, or over everything else."""

ELEMENTS = defaultdict(dict)
"""The functions that draw overlay options, by layer and name."""

_REFERENCE_SIDE = 480  # of an image with lines one pixel wide
_LETTERS = 14  # font size in pixels on such an image


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


class Scene:
    """A canvas, which parts of it are occupied, and how many pixels may still be covered.

    Parameters
    ----------
    canvas : ndarray of shape (height, width, 3), uint8
        RGB; drawn on.
    faces, options, explanations, history, memory
        As for `draw_frame`.

    Attributes
    ----------
    unit : float
        Width of a thin line in pixels.
    letters, least : int
        Usual and smallest font size in pixels.
    bounds : Rectangle
        The canvas.
    top, bottom : int
        First row, and the row after the last, of the part between the rows of status.
    budget : int
        Pixels that may still be covered.
    occupied : list of Rectangle
        Faces, labels and panels: what no panel may cover.
    """

    def __init__(self, canvas, faces, options, explanations, history, memory):
        self.canvas, self.faces, self.options = canvas, faces, options
        self.explanations, self.history, self.memory = explanations, history, memory
        height, width = canvas.shape[:2]
        self.unit = min(height, width) / _REFERENCE_SIDE
        self.least = round(MIN_LETTERS * max(1.0, width / SHOWN_SIZE[0], height / SHOWN_SIZE[1]))
        self.letters = max(self.least, round(_LETTERS * self.unit))
        self.bounds = Rectangle(0, 0, width, height)
        self.top, self.bottom = 0, height
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

    def extent(self, face):
        """Return the box of a face with the chin below it."""
        return self.occupied[self.faces.index(face)]

    def title(self, face):
        """Return the title of a face's panel: its number, if there are several faces."""
        return f"#{face.track_id}" if len(self.faces) > 1 and face.track_id is not None else ""

    def letters_for(self, box, share):
        """Return a font size for a face: a share of its box's height, within bounds."""
        return max(self.least, min(self.letters, round(share * box.height)))

    def write_label(self, text, place, ground, letters):
        """Write text on a filled rectangle."""
        charts.fill(self.canvas, *place, ground)
        margin = label_margin(letters)
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


def label_margin(letters):
    """Return the pixels between the text of a label and its edge."""
    return max(2, letters // 4)


def label_size(text, letters):
    """Return the width and height of a label in pixels."""
    margin = label_margin(letters)
    width, height = text_size(text, letters)
    return width + 2 * margin, height + margin
