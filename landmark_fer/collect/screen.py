"""The screen of a collecting session in a window: video, prompt and privacy notice."""

import textwrap
import unicodedata

import cv2
import numpy as np

from landmark_fer.collect.examples import HINTS, SIDE, example_image
from landmark_fer.collect.take_controller import COUNTDOWN, DONE, RECORDING
from landmark_fer.core.landmarks import CLOSED_GROUPS, GROUPS
from landmark_fer.drawing.charts import shade
from landmark_fer.drawing.layout import Rectangle
from landmark_fer.drawing.text import COLOURS, DIM, INK, PAPER, text_size, write
from landmark_fer.drawing.text import RECORDING as RED

VIDEO_HEIGHT, PANEL_WIDTH, FOOTER_HEIGHT = 540, 270, 78  # pixels
_MARGIN, _FONT_SIZE, _MIN_FONT_SIZE = 16, 17, 8
_SHIFT = 4  # fractional bits of coordinates in OpenCV's drawing functions
_GREY, _WHITE = (110, 110, 110), (255, 255, 255)

_KEYS = "space: begin, wait, go on    s: later    u: undo the last take    q: leave"


def draw_screen(image, followed, state, *, folder, subject, n_faces=0):
    """Return the screen of a session.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
        RGB. It is shown mirrored.
    followed : list of (int, Face)
    state : SessionState
    folder : str
        The collection's folder.
    subject : str
    n_faces : int, default=0
        Number of the subject's faces that are stored.

    Returns
    -------
    ndarray of shape (618, width, 3), uint8
        RGB.
    """
    scale = VIDEO_HEIGHT / image.shape[0]
    width = max(320, round(image.shape[1] * scale))
    video = np.ascontiguousarray(cv2.resize(image, (width, VIDEO_HEIGHT), interpolation=cv2.INTER_LINEAR)[:, ::-1])
    for track_id, face in followed:
        colour = RED if state.stage == RECORDING else INK
        _draw_face(video, face, scale, colour if track_id == state.track_id else _GREY)
    _draw_stage(video, state, n_faces=len(followed))
    canvas = np.full((VIDEO_HEIGHT + FOOTER_HEIGHT, width + PANEL_WIDTH, 3), PAPER, np.uint8)
    canvas[:VIDEO_HEIGHT, :width] = video
    _draw_prompt(canvas, width, state)
    footer = [
        (_KEYS, INK),
        (f"{subject}: {n_faces} faces stored in {folder}; nothing is sent anywhere", DIM),
        ("stored: the face in grey, 80 x 80, and 68 points; --delete removes it", DIM),
    ]
    for line, (text, colour) in enumerate(footer):
        corner = (_MARGIN, VIDEO_HEIGHT + 8 + 23 * line)
        _write_fitted(canvas, text, corner, 15, colour, canvas.shape[1] - 2 * _MARGIN)
    return canvas


def draw_notice(paragraphs, *, size=(960, 600)):
    """Return a screen with the privacy notice and the keys to agree or leave, shape (height, width, 3), uint8, RGB."""
    canvas = np.full((size[1], size[0], 3), PAPER, np.uint8)
    for font_size in (20, 18, 16, 14, 12):
        columns = int((size[0] - 4 * _MARGIN) / (0.5 * font_size))
        lines = [line for text in paragraphs for line in (*textwrap.wrap(text, columns), "")]
        if (len(lines) + 4) * 1.4 * font_size <= size[1]:
            break
    y = 2 * _MARGIN
    for text, colour in [("Before you are recorded", INK), ("", INK), *((line, DIM) for line in lines)]:
        _write_fitted(canvas, text, (2 * _MARGIN, y), font_size, colour, size[0] - 4 * _MARGIN)
        y += round(1.4 * font_size)
    keys = "enter: I agree        q: leave, nothing is stored"
    _write_fitted(canvas, keys, (2 * _MARGIN, y), font_size + 2, INK, size[0])
    return canvas


def _draw_face(video, face, scale, colour):
    """Draw the landmark contours of a face onto the mirrored video."""
    xy = face.landmarks * scale * (-1, 1) + (video.shape[1] - 1, 0)
    xy = np.round(xy * 2**_SHIFT).astype(np.int32)
    for name, members in GROUPS.items():
        cv2.polylines(video, [xy[list(members)][:, None]], name in CLOSED_GROUPS, colour, 1, cv2.LINE_AA, _SHIFT)


def _draw_stage(video, state, *, n_faces):
    """Draw the countdown, the progress bar, and messages onto the video."""
    height, width = video.shape[:2]
    if state.stage == COUNTDOWN:
        _write_centred(video, f"{int(np.ceil(state.left_s)) or 1}", 4, 90, INK)
    if state.stage == RECORDING:
        video[-14:] = (60, 60, 60)
        video[-14:, : round(state.share * width)] = RED
        _write_on_shade(video, "recording: hold it", 14, 24, _WHITE)
    if state.waiting and state.stage != DONE:
        _write_on_shade(video, "press space to begin", height - 140, 30, INK)
    messages = ["no face detected: come closer, add light"] if not n_faces else []
    messages += ["several faces: the bright one is recorded"] if n_faces > 1 else []
    messages += [state.message] if state.message else []
    for line, text in enumerate(messages):
        _write_on_shade(video, text, height - 52 - 30 * line, 16, INK)


def _draw_prompt(canvas, left, state):
    """Draw the expression to show into the panel next to the video: name, example, hint, takes left, reason."""
    if state.stage == DONE:
        _write_paragraph(
            canvas, "All takes are recorded. Thank you. q leaves, u undoes the last take.", left, _MARGIN, 20, INK
        )
        return
    take = state.take
    write(canvas, take.expression, (left + _MARGIN, 10), 34, COLOURS[take.expression])
    x, y = left + (PANEL_WIDTH - SIDE) // 2, 58
    canvas[y : y + SIDE, x : x + SIDE] = example_image(take.expression)
    y = _write_paragraph(canvas, HINTS[take.expression], left, y + SIDE + 10, _FONT_SIZE, INK) + 8
    y = _write_paragraph(canvas, f"round {take.round}; {state.n_left} to go", left, y, 15, DIM) + 8
    if take.reason:
        _write_paragraph(canvas, f"Next because {take.reason}.", left, y, 14, DIM)


def _write_paragraph(canvas, text, left, y, font_size, colour):
    """Write wrapped text into the panel and return the y of the next line."""
    for line in textwrap.wrap(text, int((PANEL_WIDTH - 2 * _MARGIN) / (0.5 * font_size))):
        _write_fitted(canvas, line, (left + _MARGIN, y), font_size, colour, PANEL_WIDTH - 2 * _MARGIN)
        y += round(1.3 * font_size)
    return y


def _write_fitted(canvas, text, corner, font_size, colour, width):
    """Write a line of text, in a smaller font if it is wider than `width`."""
    if text:
        write(canvas, _without_accents(text), corner, _fitted_size(text, font_size, width), colour)


def _write_on_shade(video, text, y, font_size, colour):
    """Write a centred line on a dark background."""
    font_size = _fitted_size(text, font_size, video.shape[1] - 2 * _MARGIN)
    width, height = text_size(text, font_size)
    shade(video, Rectangle((video.shape[1] - width) // 2 - 10, y - 4, width + 20, height + 8), 0.2)
    _write_centred(video, text, y, font_size, colour)


def _write_centred(video, text, y, font_size, colour):
    write(video, text, ((video.shape[1] - text_size(text, font_size)[0]) // 2, y), font_size, colour)


def _fitted_size(text, font_size, width):
    while font_size > _MIN_FONT_SIZE and text_size(text, font_size)[0] > width:
        font_size -= 1
    return font_size


def _without_accents(text):
    """Return text without accents, which OpenCV's fonts lack."""
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
