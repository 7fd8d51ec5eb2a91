"""What the person sees: example faces, hints and the screen."""

import textwrap
import unicodedata
from functools import cache

import cv2
import numpy as np

from landmark_fer.collect.director import COUNTDOWN, DONE, RECORDING
from landmark_fer.core.geometry import interocular_distance
from landmark_fer.core.landmarks import CLOSED_GROUPS, GROUPS
from landmark_fer.live.drawing.charts import shade
from landmark_fer.live.drawing.layout import Rectangle
from landmark_fer.live.drawing.text import COLOURS, DIM, INK, PAPER, text_size, write
from landmark_fer.live.drawing.text import RECORDING as RED
from landmark_fer.live.sources.demo_person import FACE_CENTRE, Person, to_layer
from landmark_fer.live.sources.demo_textures import AT_REST

SIDE = 230  # pixels of the image

HINTS = {
    "neutral": "relax your face, lips together",
    "happy": "smile broadly, up to the eyes",
    "surprise": "brows up, eyes wide, mouth open",
    "sad": "corners of the mouth down, inner brows up",
    "angry": "brows down and together, lips pressed",
    "disgust": "wrinkle your nose, upper lip up",
    "fear": "brows up and together, lips drawn wide",
    "contempt": "one corner of the mouth up",
}

# What the demo clip can show already, as its own amounts.
_AMOUNTS = {
    "happy": {"corners_up": 1.0},
    "surprise": {"mouth_open": 1.0, "brows_up": 0.8},
    "sad": {"corners_down": 1.0},
    "fear": {"mouth_open": 0.35},
}

# What is added to that: how far points move, in inter-ocular distances, away from the midline, and down.
_MOVES = {
    "angry": (
        ((21, 22), -0.12, 0.19), ((20, 23), -0.08, 0.17), ((19, 24), -0.03, 0.11), ((18, 25), 0.0, 0.04),
        ((37, 38, 43, 44), 0.0, 0.035), ((40, 41, 46, 47), 0.0, -0.03), ((48, 54), -0.04, 0.03),
        ((50, 51, 52), 0.0, 0.03), ((56, 57, 58), 0.0, -0.04),
    ),
    "disgust": (
        ((31, 32, 33, 34, 35), 0.04, -0.11), ((50, 51, 52), 0.0, -0.16), ((49, 53), 0.02, -0.09),
        ((61, 62, 63), 0.0, -0.08), ((65, 66, 67), 0.0, -0.06), ((48, 54), 0.02, 0.04), ((21, 22), -0.05, 0.10),
        ((20, 23), -0.03, 0.09), ((19, 24), 0.0, 0.06), ((37, 38, 43, 44), 0.0, 0.03), ((40, 41, 46, 47), 0.0, -0.04),
    ),
    "fear": (
        ((21, 22), -0.06, -0.20), ((20, 23), -0.03, -0.17), ((19, 24), 0.0, -0.12), ((18, 25), 0.0, -0.06),
        ((37, 38, 43, 44), 0.0, -0.06), ((40, 41, 46, 47), 0.0, 0.02), ((48, 54), 0.12, 0.06), ((60, 64), 0.10, 0.06),
        ((49, 53, 55, 59), 0.06, 0.02),
    ),
}  # fmt: skip
_ONE_SIDED = {"contempt": (((54, 64), 0.09, -0.13), ((53, 55), 0.06, -0.09), ((63, 65), 0.03, -0.03))}


def example(expression):
    """Return a image of the demo's face showing an expression, shape (230, 230, 3), uint8, RGB."""
    layer = _Actor(_moves_of(expression)).layer(_AMOUNTS.get(expression, {}))
    x, y = np.round(to_layer(FACE_CENTRE)).astype(int) - (SIDE // 2, SIDE // 2 - 8)
    part = layer[y : y + SIDE, x : x + SIDE].astype(np.float32)
    return (part[..., :3] + (1 - part[..., 3:] / 255) * (208, 200, 193)).clip(0, 255).astype(np.uint8)


class _Actor(Person):
    """The demo's person, some of whose landmarks move further than the clip's actions take them."""

    def __init__(self, moves):
        super().__init__()
        self._moves = moves

    def _maps(self, target, names):
        target = target.copy()
        target[: len(self._moves)] += self._moves
        return super()._maps(target, names)


def _moves_of(expression):
    """Return how far each landmark moves, shape (68, 2), in pixels of the photograph."""
    moves, away = np.zeros_like(AT_REST), np.sign(AT_REST[:, 0] - FACE_CENTRE[0])
    for members, outward, down in (*_MOVES.get(expression, ()), *_ONE_SIDED.get(expression, ())):
        members = list(members)
        moves[members] = np.column_stack([outward * away[members], np.full(len(members), down)])
    return moves * float(interocular_distance(AT_REST))


HEIGHT, PANEL, FOOT = 540, 270, 78  # of the image, of the panel beside it, and of the lines below it
_MARGIN, _LETTERS = 16, 17
_SHIFT = 4  # binary digits of a pixel's fraction in OpenCV's drawing functions

_KEYS = "space: begin, wait, go on    s: later    u: undo the last take    q: leave"


def draw_screen(image, followed, shown, *, where, subject, n_faces=0):
    """Return what is on the screen while takes are recorded.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
        RGB. It is shown as a mirror does.
    followed : list of (int, Face)
    shown : Shown
    where : str
        The folder that takes go to.
    subject : str
    n_faces : int, default=0
        Of this subject, that are kept so far.

    Returns
    -------
    ndarray of shape (618, width, 3), uint8
        RGB.
    """
    scale = HEIGHT / image.shape[0]
    width = max(320, round(image.shape[1] * scale))
    video = np.ascontiguousarray(cv2.resize(image, (width, HEIGHT), interpolation=cv2.INTER_LINEAR)[:, ::-1])
    for number, face in followed:
        _draw_face(video, face, scale, chosen=number == shown.number, recording=shown.stage == RECORDING)
    _draw_stage(video, shown, n_faces_seen=len(followed))
    canvas = np.full((HEIGHT + FOOT, width + PANEL, 3), PAPER, np.uint8)
    canvas[:HEIGHT, :width] = video
    _draw_panel(canvas, width, shown)
    foot = [
        (_KEYS, INK),
        (f"{subject}: {n_faces} faces kept in {where}; nothing is sent anywhere", DIM),
        ("kept: the face in grey, 80 x 80, and 68 points; --delete removes it", DIM),
    ]
    for line, (text, ink) in enumerate(foot):
        _fitted(canvas, text, (_MARGIN, HEIGHT + 8 + 23 * line), 15, ink, canvas.shape[1] - 2 * _MARGIN)
    return canvas


def draw_notice(paragraphs, *, size=(960, 600)):
    """Return a screen of text with what to press, shape (height, width, 3), uint8, RGB."""
    canvas = np.full((size[1], size[0], 3), PAPER, np.uint8)
    for letters in (20, 18, 16, 14, 12):
        columns = int((size[0] - 4 * _MARGIN) / (0.5 * letters))
        lines = [line for text in paragraphs for line in (*textwrap.wrap(text, columns), "")]
        if (len(lines) + 4) * 1.4 * letters <= size[1]:
            break
    y = 2 * _MARGIN
    for text, ink in [("Before you are recorded", INK), ("", INK), *((line, DIM) for line in lines)]:
        _fitted(canvas, text, (2 * _MARGIN, y), letters, ink, size[0] - 4 * _MARGIN)
        y += round(1.4 * letters)
    _fitted(canvas, "enter: I agree        q: leave, nothing is kept", (2 * _MARGIN, y), letters + 2, INK, size[0])
    return canvas


def _draw_face(video, face, scale, *, chosen, recording):
    """Draw the contours of a face onto the mirrored video: bright where it is the one that is recorded."""
    xy = face.landmarks * scale * (-1, 1) + (video.shape[1] - 1, 0)
    xy = np.round(xy * 2**_SHIFT).astype(np.int32)
    colour = (RED if recording else INK) if chosen else (110, 110, 110)
    for name, members in GROUPS.items():
        cv2.polylines(video, [xy[list(members)][:, None]], name in CLOSED_GROUPS, colour, 1, cv2.LINE_AA, _SHIFT)


def _draw_stage(video, shown, *, n_faces_seen):
    """Write into the video what goes on: a number that counts down, a bar that fills."""
    height, width = video.shape[:2]
    if shown.stage == COUNTDOWN:
        _centred(video, f"{int(np.ceil(shown.left_s)) or 1}", 4, 90, INK)
    if shown.stage == RECORDING:
        video[-14:] = (60, 60, 60)
        video[-14:, : round(shown.share * width)] = RED
        _ground(video, "recording: hold it", 14, 24, RED)
    if shown.waits and shown.stage != DONE:
        _ground(video, "press space to begin", height - 140, 30, INK)
    notes = ["no face is seen: come closer, more light"] if not n_faces_seen else []
    notes += ["several faces: the bright one is recorded"] if n_faces_seen > 1 else []
    for line, text in enumerate([*notes, *filter(None, [shown.message])]):
        _ground(video, text, height - 52 - 30 * line, 16, INK)


def _draw_panel(canvas, left, shown):
    """Draw what is asked for beside the video: the word, a face that shows it, how, why, how much is left."""
    if shown.stage == DONE:
        _paragraph(canvas, "All takes are there. Thank you. q leaves, u undoes the last take.", left, _MARGIN, 20, INK)
        return
    ask = shown.ask
    write(canvas, ask.expression, (left + _MARGIN, 10), 34, COLOURS[ask.expression])
    x, y = left + (PANEL - SIDE) // 2, 58
    canvas[y : y + SIDE, x : x + SIDE] = _example(ask.expression)
    y = _paragraph(canvas, HINTS[ask.expression], left, y + SIDE + 10, _LETTERS, INK) + 8
    y = _paragraph(canvas, f"round {ask.round}; {shown.n_left} to go", left, y, 15, DIM) + 8
    if ask.reason:
        _paragraph(canvas, f"Asked for because {ask.reason}.", left, y, 14, DIM)


@cache
def _example(expression):
    return example(expression)


def _paragraph(canvas, text, left, y, letters, ink):
    """Write text in lines into the panel; return where the next line goes."""
    for line in textwrap.wrap(text, int((PANEL - 2 * _MARGIN) / (0.5 * letters))):
        _fitted(canvas, line, (left + _MARGIN, y), letters, ink, PANEL - 2 * _MARGIN)
        y += round(1.3 * letters)
    return y


def _fitted(canvas, text, corner, letters, ink, width):
    """Write a line of text, smaller where it would be wider than it may."""
    while text and letters > 8 and text_size(text, letters)[0] > width:
        letters -= 1
    if text:
        write(canvas, _plain(text), corner, letters, ink)


def _plain(text):
    """Return text without the accents that the letters of a image lack."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def _centred(video, text, y, letters, ink):
    write(video, text, ((video.shape[1] - text_size(text, letters)[0]) // 2, y), letters, ink)


def _ground(video, text, y, letters, ink):
    """Write a line in the middle of the video, on a dark ground."""
    while letters > 8 and text_size(text, letters)[0] > video.shape[1] - 2 * _MARGIN:
        letters -= 1
    width, height = text_size(text, letters)
    shade(video, Rectangle((video.shape[1] - width) // 2 - 10, y - 4, width + 20, height + 8), 0.2)
    _centred(video, text, y, letters, (255, 255, 255) if ink == RED else ink)
