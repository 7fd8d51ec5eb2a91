"""Requests and responses of the web server: bodies, images, and JSON with its OpenAPI schema."""

import asyncio
import base64
import io
import re
import warnings
from typing import Literal

import cv2
from PIL import Image
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from landmark_fer.core.errors import DataError
from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.drawing.details import describe
from landmark_fer.drawing.panels import PANEL_FORMS, heat_image
from landmark_fer.live.web.limits import RefusedError
from landmark_fer.perception.images import read_image

IMAGE_TYPES = ("image/jpeg", "image/png")
FORM_TYPE = "multipart/form-data"
FORMATS = ("JPEG", "PNG")
WATCH_SIDE = 960  # longer side of the images that watchers get, in pixels
HEAT_SIDE = 96  # of heat maps, in pixels

EXTRAS = {"details": "details", "explain": "explanation"}
"""Fields of `FaceResponse` that a client gets if it asks for them, by the words that ask for them."""

_FORM_BYTES = 4096
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
_FILE = re.compile(rb"^content-disposition:[^\r\n]*;\s*filename\*?=", re.IGNORECASE | re.MULTILINE)
_JPEG_QUALITY = 80
_PIXEL_DECIMALS = 2

SCHEMA_ADDRESS = "#/components/schemas/{model}"
_BINARY = {"type": "string", "format": "binary"}
OPENAPI_BODY = {
    "required": True,
    "content": {
        **{media_type: {"schema": _BINARY} for media_type in IMAGE_TYPES},
        FORM_TYPE: {"schema": {"type": "object", "properties": {"image": _BINARY}, "required": ["image"]}},
    },
}


async def read_image_body(request, limits):
    """Return the encoded image in the body of a request: the body itself, or the first file of a form.

    Raises
    ------
    RefusedError
        With status 408 (too slow), 413 (too long), 415 (wrong type) or 422 (a form without a file).
    """
    content_type = request.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in (*IMAGE_TYPES, FORM_TYPE):
        types = f"{', '.join(IMAGE_TYPES)} or {FORM_TYPE}"
        raise RefusedError(415, f"the body must be of type {types}, got {media_type[:80] or 'none'!r}")
    content = await _read_body(request, limits.frame_bytes, limits.body_s)
    return _first_file(content, content_type) if media_type == FORM_TYPE else content


async def read_short_body(request, limits):
    """Return the body of a request, at most 4,096 bytes.

    Raises
    ------
    RefusedError
        With status 408 (too slow) or 413 (too long).
    """
    return await _read_body(request, _FORM_BYTES, limits.body_s)


async def _read_body(request, max_bytes, seconds):
    try:
        async with asyncio.timeout(seconds):
            return await _read_at_most(request, max_bytes)
    except TimeoutError as error:
        raise RefusedError(408, f"the body must arrive within {seconds:g} seconds") from error
    except ClientDisconnect as error:
        raise RefusedError(408, "the body must arrive whole, and the connection was closed before") from error


async def _read_at_most(request, max_bytes):
    """Return a body of at most `max_bytes`. A body whose header announces more is not read at all."""
    announced = request.headers.get("content-length", "0")
    content = bytearray()
    if not announced.isdecimal() or int(announced) <= max_bytes:
        async for chunk in request.stream():
            content += chunk
            if len(content) > max_bytes:
                break
        else:
            return bytes(content)
    raise RefusedError(413, f"the body must have at most {max_bytes:,} bytes; reduce the image first")


def _first_file(content, content_type):
    """Return the first file in a multipart body (RFC 7578)."""
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise RefusedError(422, "the form's content type must name its boundary, and does not")
    boundary = (match[1] or match[2]).encode("latin-1")
    for part in (b"\r\n" + content).split(b"\r\n--" + boundary)[1:]:
        head, _, body = part.partition(b"\r\n\r\n")
        if _FILE.search(head):
            return body
    raise RefusedError(422, "the form must hold a file, and holds none; send the image as 'image'")


def decode(content, *, max_pixels):
    """Return the image in a JPEG or PNG file, shape (height, width, 3), uint8, RGB.

    Parameters
    ----------
    content : bytes
    max_pixels : int

    Raises
    ------
    RefusedError
        With status 413 if there are too many pixels, 422 if it is not an image or a damaged one.
    """
    width, height = _size_in_header(content)
    if width * height > max_pixels:
        raise RefusedError(
            413, f"the image must have at most {max_pixels:,} pixels, got {width} x {height}; reduce it first"
        )
    try:
        return read_image(content, name="the image")
    except DataError as error:
        raise RefusedError(422, str(error)) from error


def encode(image, *, longer_side=WATCH_SIDE):
    """Return an RGB image as the bytes of a JPEG, reduced to `longer_side`."""
    factor = longer_side / max(image.shape[:2])
    if factor < 1:
        size = [max(1, round(side * factor)) for side in (image.shape[1], image.shape[0])]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()


def _size_in_header(content):
    """Return (width, height) from the header of a JPEG or PNG file; no other format is opened."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns about sizes; the limit here is stricter
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                return image.size
    except Image.DecompressionBombError as error:
        raise RefusedError(413, "the image has far too many pixels; reduce it first") from error
    except Exception as error:  # Pillow raises many types of exception for damaged headers
        raise RefusedError(
            422, f"the image must be a {' or '.join(FORMATS)} file, and is none that can be read"
        ) from error


class BoxResponse(BaseModel):
    """Bounding box of a face in pixels of the image; it may extend beyond the edge."""

    x: float
    y: float
    width: float
    height: float


class CueResponse(BaseModel):
    """A facial cue that supports the explained expression or contradicts it."""

    words: str = Field(description="The cue compared with a neutral face, such as 'mouth open'.")
    contribution: float = Field(description="Its share in the log odds of the expression; negative if it contradicts.")


class ExplanationResponse(BaseModel):
    """Why a face is predicted to show an expression."""

    expression: str = Field(description="What is explained; the most probable expression if the prediction is none.")
    title: str = Field(description="A heading, such as 'why happy'; it names the members of an ensemble.")
    text: str = Field(description="The explanation in one sentence.")
    cues: list[CueResponse] = Field(description="At most five, the largest contribution first.")
    heat: str | None = Field(
        description="JPEG in base64 of the aligned face, orange where it supports the expression, blue where it "
        "contradicts; null if the model reads landmarks only."
    )


class FaceResponse(BaseModel):
    """Position and predicted expression of one face."""

    track_id: int = Field(description="Number of the face, from 1; constant over the frames of one camera.")
    box: BoxResponse
    landmarks: list[tuple[float, float]] = Field(description="68 points (iBUG 300-W), x before y, in pixels.")
    expression: str = Field(description=f"The most probable expression, or '{UNCERTAIN}'.")
    label: str = Field(description="What to show: the expression, two that are close, or why there is none.")
    reason: str | None = Field(description="Why the face cannot be read, such as 'too dark'; null if it can.")
    likeliest: str = Field(description="The most probable expression, whatever its probability.")
    confidence: float = Field(description="Probability of the most probable expression, 0 to 1.")
    probabilities: dict[str, float] = Field(description="Probability of each expression; the sum is 1.")
    baseline: Literal["auto", "key", "file"] | None = Field(
        description="Origin of the neutral baseline that the prediction is given; null without one."
    )
    details: dict[str, str] | None = Field(
        description="Pose (degrees), quality and measurements as text, by name, as key d of the window shows them; "
        "null unless asked for."
    )
    explanation: ExplanationResponse | None = Field(
        description="The latest of this face; null unless asked for, before the first, and for a face with a reason."
    )


class ImageResponse(BaseModel):
    """The faces in an image."""

    width: int = Field(description="Width of the image in pixels.")
    height: int = Field(description="Height of the image in pixels.")
    milliseconds: float = Field(description="Time on the server from the image's arrival to this response.")
    faces: list[FaceResponse] = Field(description="Empty if no face was detected.")


class WatchResponse(ImageResponse):
    """One frame of the server's source, in the JSON message of the WebSocket /v1/watch."""

    frame: int = Field(description="Number of the frame, from 1; missing numbers were not sent to this client.")
    time_s: float = Field(description="Time of the frame in the source, in seconds from its start.")
    ended: str | None = Field(
        default=None, description="Only in the last message: why no other frame follows. The other fields repeat."
    )


class HealthResponse(BaseModel):
    """The state of the server."""

    status: Literal["ok"]
    version: str
    classes: list[str] = Field(description="The expressions that the model predicts.")
    visitors: int = Field(description="Cameras and watchers that are connected now.")
    source: str | None = Field(description="The source that can be watched.")


class ErrorResponse(BaseModel):
    """The reason why a request was refused."""

    detail: str


def position_response(track_id, face):
    """Return the track, box and landmarks of a face as JSON values, the first fields of `FaceResponse`."""
    sides = ("x", "y", "width", "height")
    return {
        "track_id": int(track_id),
        "box": {side: round(float(getattr(face.box, side)), _PIXEL_DECIMALS) for side in sides},
        "landmarks": [[round(float(x), _PIXEL_DECIMALS), round(float(y), _PIXEL_DECIMALS)] for x, y in face.landmarks],
    }


def parse_extras(words):
    """Return the words that ask for `EXTRAS` as a frozenset, or None if there is another word."""
    return frozenset(words) if EXTRAS.keys() >= set(words) else None


def without_extras(response, extras):
    """Return the JSON values of an `ImageResponse` with only those `EXTRAS` that a client asked for."""
    hidden = {field: None for word, field in EXTRAS.items() if word not in extras}
    return {**response, "faces": [{**face, **hidden} for face in response["faces"]]}


def explanation_response(explanation, chip):
    """Return an `Explanation` as the JSON values of `ExplanationResponse`; its heat map lies on the grey chip."""
    heat = explanation.heat
    return {
        "expression": explanation.expression,
        "title": explanation.title,
        "text": explanation.text,
        "cues": [
            {"words": cue.words, "contribution": round(float(cue.contribution), 4)}
            for cue in explanation.notable[: PANEL_FORMS[0].n_cues]
        ],
        "heat": None if heat is None else base64.b64encode(encode(heat_image(chip, heat, HEAT_SIDE))).decode(),
    }


def face_response(face, image_shape, *, details=False, explanation=None):
    """Return a `RecognizedFace` in an image of a shape as the JSON values of `FaceResponse`."""
    recognition = face.recognition
    return {
        **position_response(face.track_id, recognition.face),
        "expression": recognition.expression,
        "label": recognition.label,
        "reason": recognition.reason,
        "likeliest": recognition.likeliest,
        "confidence": round(float(recognition.confidence), 4),
        "probabilities": {name: round(float(value), 4) for name, value in recognition.probabilities.items()},
        "baseline": face.baseline_origin,
        "details": dict(describe(recognition.face, image_shape)) if details else None,
        "explanation": explanation,
    }


def image_response(image, faces, *, seconds, details=False, explanations=None):
    """Return a list of `RecognizedFace` in an image as the JSON values of `ImageResponse`.

    Parameters
    ----------
    image : ndarray of shape (height, width, ...)
    faces : list of RecognizedFace
    seconds : float
    details : bool, default=False
    explanations : dict of int to dict, optional
        Values of `explanation_response` by track id.
    """
    explanations = explanations or {}
    return {
        "width": int(image.shape[1]),
        "height": int(image.shape[0]),
        "milliseconds": round(1000 * seconds, 1),
        "faces": [
            face_response(face, image.shape, details=details, explanation=explanations.get(face.track_id))
            for face in faces
        ],
    }
