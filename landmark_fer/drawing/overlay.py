"""The overlay: boxes, labels and panels of recognized faces on a frame.

Each option of `OverlayOptions` but ``mirror`` is one function here, registered with `element`. Everything but boxes,
landmarks, labels and the list of keys covers at most a fifth of the image; no panel covers a face, a label or another
panel; text is at least 12 pixels high.
"""

from dataclasses import replace
from itertools import product

import cv2
import numpy as np

from landmark_fer.core.landmarks import CLOSED_GROUPS, GROUPS
from landmark_fer.drawing import charts
from landmark_fer.drawing.details import describe
from landmark_fer.drawing.labels import draw_predictions
from landmark_fer.drawing.layout import Rectangle, is_free
from landmark_fer.drawing.overlay_options import CONTROLS, OverlayOptions
from landmark_fer.drawing.panel_places import PanelMemory, draw_panels
from landmark_fer.drawing.panels import Bars, Details, Reasons
from landmark_fer.drawing.scene import ON_FACE, ON_IMAGE, ON_TOP, PANEL, Scene, element
from landmark_fer.drawing.status import Status, draw_status
from landmark_fer.drawing.text import COLOURS

_WHITE = (255, 255, 255)
_SMALL_FACE = 120  # width in pixels of a box below which points would hide eyes and mouth
_SHIFT = 4  # fractional bits of coordinates in OpenCV's drawing functions
_KEY_LIST_PLACES = 0.5, 0.0, 1.0, 0.25, 0.75  # in either direction, from one edge to the other; the middle first
_COST_OF_CUT_KEYS, _STEADY_KEYS = 9.0, 0.1  # of keys left out, and how much the last place is preferred
_MAX_TIMELINE_TRACKS, _TIMELINE_SHARE = 4, 0.1  # of the image's height


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
    scene = Scene(canvas, faces, options, explanations or {}, history, memory or PanelMemory())
    scene.memory.begin_frame(faces)
    for face in faces:
        _draw_box(scene, face)
        scene.draw(ON_FACE, face)
    for face in faces:
        draw_predictions(scene, face)
    draw_status(scene, status or Status())
    if not options.help:  # the list of keys would hide it
        scene.draw(ON_IMAGE)
        draw_panels(scene)
    scene.draw(ON_TOP)
    return canvas


def _draw_box(scene, face):
    box, thickness = scene.box(face), max(1, round(2 * scene.unit))
    colour = COLOURS[face.recognition.expression]
    cv2.rectangle(scene.canvas, (box.x, box.y), (box.right - 1, box.bottom - 1), colour, thickness)


@element("landmarks", ON_FACE)
def _draw_landmarks(scene, face):
    """Draw the contours of the 68-point scheme and, where they hide neither eyes nor mouth, its points."""
    colour, face = COLOURS[face.recognition.expression], face.recognition.face
    xy = face.landmarks * (-1, 1) + (scene.bounds.width - 1, 0) if scene.options.mirror else face.landmarks
    xy = np.round(xy * 2**_SHIFT).astype(np.int32)
    for name, members in GROUPS.items():
        contour, thickness = [xy[list(members)][:, None]], max(1, round(scene.unit))
        cv2.polylines(scene.canvas, contour, name in CLOSED_GROUPS, colour, thickness, cv2.LINE_AA, _SHIFT)
    if face.box.width < _SMALL_FACE:
        return
    radius = round(1.3 * min(max(0.5, scene.unit), face.box.width / _SMALL_FACE) * 2**_SHIFT)
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
    """Draw the list of keys, in one column or two, where it covers least of faces, labels and status.

    In a small image, they follow each other in lines.
    """
    rows, bounds = [(control.keys[0], control.label) for control in CONTROLS], scene.bounds
    lists = {n_columns: charts.KeyList(rows, scene.letters, n_columns=n_columns) for n_columns in (1, 2)}
    if not any(keys.size[0] <= bounds.width and keys.size[1] <= bounds.height for keys in lists.values()):
        lists = {0: charts.KeyList(rows, scene.letters, width=bounds.width)}
    costs = {}
    for (n_columns, keys), right, down in product(lists.items(), _KEY_LIST_PLACES, _KEY_LIST_PLACES):
        width, height = keys.size
        place = Rectangle(round(right * (bounds.width - width)), round(down * (bounds.height - height)), width, height)
        place, area = place.inside(bounds), place.area
        cost = (sum(map(place.shared_area, scene.occupied)) + _COST_OF_CUT_KEYS * (area - place.area)) / area
        cost -= _STEADY_KEYS * (scene.memory.key_list == (n_columns, right, down))
        costs[n_columns, right, down] = cost, keys, place
    scene.memory.key_list = min(costs, key=lambda form: costs[form][0])
    _, keys, place = costs[scene.memory.key_list]
    keys.draw(scene.canvas, place)
