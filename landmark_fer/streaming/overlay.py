"""Drawing answers onto a picture: box, landmarks, expression, frames per second. Nothing given is changed."""

import cv2
import numpy as np

from landmark_fer.face.expressions import UNCERTAIN
from landmark_fer.face.landmarks import CLOSED_GROUPS, GROUPS

# Okabe and Ito's colours, RGB, which colour-blind people can tell apart too.
COLOURS = {
    "angry": (213, 94, 0),
    "disgust": (0, 158, 115),
    "fear": (204, 121, 167),
    "happy": (240, 228, 66),
    "sad": (0, 114, 178),
    "surprise": (86, 180, 233),
    "neutral": (200, 200, 200),
    "contempt": (230, 159, 0),
    UNCERTAIN: (128, 128, 128),
}

NO_FACE = "no face"

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SHIFT = 4  # binary digits of a pixel's fraction in OpenCV's drawing functions
_REFERENCE_SIDE = 480  # of a picture on which lines are one pixel wide


def draw_frame(picture, recognitions, track_ids, *, frames_per_second=None, landmarks=True):
    """Return a picture with what was recognized drawn onto it.

    Parameters
    ----------
    picture : ndarray of shape (height, width, 3), uint8
        RGB; left as it is.
    recognitions : sequence of Recognition
        With none, the picture says so.
    track_ids : sequence of int
        One for each recognition.
    frames_per_second : float, optional
        Shown in the corner.
    landmarks : bool, default=True
        Whether the 68 points are drawn.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        RGB. Lines and letters grow with the picture.
    """
    canvas = np.array(picture, order="C")
    unit = max(0.5, min(canvas.shape[:2]) / _REFERENCE_SIDE)
    for recognition in recognitions:
        _draw_face(canvas, recognition, unit, landmarks)
    for recognition, track_id in zip(recognitions, track_ids, strict=True):
        text = f"#{track_id} {_answer(recognition)}"
        corner = recognition.face.box.x, recognition.face.box.y
        _draw_label(canvas, text, corner, unit, COLOURS[recognition.expression], above=True)
    if not recognitions:
        _draw_label(canvas, NO_FACE, (0, canvas.shape[0]), unit, _BLACK, above=True)
    if frames_per_second is not None:
        _draw_label(canvas, f"{frames_per_second:.0f} frames/s", (0, 0), unit, _BLACK, above=False)
    return canvas


def _answer(recognition):
    if recognition.expression == UNCERTAIN:
        return f"{UNCERTAIN} ({recognition.likeliest} {recognition.confidence:.0%})"
    return f"{recognition.expression} {recognition.confidence:.0%}"


def _draw_face(canvas, recognition, unit, landmarks):
    colour = COLOURS[recognition.expression]
    box, thickness = recognition.face.box, max(1, round(2 * unit))
    corners = np.array([(box.x, box.y), (box.x + box.width - 1, box.y + box.height - 1)])
    top_left, bottom_right = map(tuple, np.round(corners).astype(int).tolist())
    cv2.rectangle(canvas, top_left, bottom_right, colour, thickness)
    if not landmarks:
        return
    points = np.round(recognition.face.landmarks * 2**_SHIFT).astype(np.int32)
    for name, members in GROUPS.items():
        contour = [points[list(members)][:, None]]
        cv2.polylines(canvas, contour, name in CLOSED_GROUPS, colour, max(1, round(unit)), cv2.LINE_AA, _SHIFT)
    radius = max(1, round(1.3 * min(unit, box.width / 120) * 2**_SHIFT))
    for x, y in points.tolist():
        cv2.circle(canvas, (x, y), radius, _WHITE, cv2.FILLED, cv2.LINE_AA, _SHIFT)


def _draw_label(canvas, text, corner, unit, background, *, above):
    """Write text on a filled rectangle that starts at `corner` (x, y), moved and shrunk until it lies inside."""
    height, width = canvas.shape[:2]
    scale, thickness, margin = 0.55 * unit, max(1, round(1.2 * unit)), max(1, round(4 * unit))
    (text_width, text_height), below = cv2.getTextSize(text, _FONT, scale, thickness)
    fitting = (width - 2 * margin) / text_width
    if fitting < 1:
        scale *= max(fitting, 0.01)
        (text_width, text_height), below = cv2.getTextSize(text, _FONT, scale, thickness)
    label_width, label_height = text_width + 2 * margin, text_height + below + 2 * margin
    left = int(np.clip(round(corner[0]), 0, max(0, width - label_width)))
    top = int(np.clip(round(corner[1]) - (label_height if above else 0), 0, max(0, height - label_height)))
    cv2.rectangle(canvas, (left, top), (left + label_width - 1, top + label_height - 1), background, cv2.FILLED)
    ink = _BLACK if np.dot(background, (0.299, 0.587, 0.114)) > 110 else _WHITE
    baseline = (left + margin, top + margin + text_height)
    cv2.putText(canvas, text, baseline, _FONT, scale, ink, thickness, cv2.LINE_AA)
