"""Messages of the web application: JSON, images, request bodies."""

import asyncio
import io
import re
import warnings
from typing import Literal

import cv2
from PIL import Image
from pydantic import BaseModel, Field

from landmark_fer.core.errors import DataError
from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.live.web.limits import RefusedError
from landmark_fer.perception.images import read_image

IMAGE_TYPES = ("image/jpeg", "image/png")
FORM_TYPE = "multipart/form-data"

_FORM_BYTES = 4096  # of the form that takes the token
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
_FILE = re.compile(rb"^content-disposition:[^\r\n]*;\s*filename\*?=", re.IGNORECASE | re.MULTILINE)

_BINARY = {"schema": {"type": "string", "format": "binary"}}
OPENAPI_BODY = {
    "required": True,
    "content": {
        **dict.fromkeys(IMAGE_TYPES, _BINARY),
        FORM_TYPE: {
            "schema": {
                "type": "object",
                "properties": {"image": {"type": "string", "format": "binary"}},
                "required": ["image"],
            }
        },
    },
}


async def read_body(request, limits, *, form=False):
    """Return the image in a request's body, or the bytes of a short form.

    Parameters
    ----------
    request : Request
    limits : Limits
    form : bool, default=False
        Whether the body is the form that takes the token.

    Raises
    ------
    RefusedError
        With status 408 (too slow), 413 (too long), 415 (of another type) or 422 (a form without a file).
    """
    most = _FORM_BYTES if form else limits.frame_bytes
    full_type = request.headers.get("content-type", "")
    kind = full_type.partition(";")[0].strip().lower()
    if not form and kind not in (*IMAGE_TYPES, FORM_TYPE):
        raise RefusedError(
            415, f"the body must be of type {', '.join(IMAGE_TYPES)} or {FORM_TYPE}, got {kind[:80] or 'none'!r}"
        )
    try:
        async with asyncio.timeout(limits.body_s):
            content = await _within(request, most)
    except TimeoutError as error:
        raise RefusedError(408, f"the body must come within {limits.body_s:g} seconds") from error
    return _first_file(content, full_type) if kind == FORM_TYPE else content


async def _within(request, most):
    """Return a body that is not longer than `most` bytes; one that is announced to be is not even begun."""
    announced = request.headers.get("content-length", "0")
    content = bytearray()
    if not announced.isdecimal() or int(announced) <= most:
        async for chunk in request.stream():
            content += chunk
            if len(content) > most:
                break
        else:
            return bytes(content)
    raise RefusedError(413, f"the body must have at most {most:,} bytes; reduce the image first")


def _first_file(content, full_type):
    """Return the first file in a multipart body (RFC 7578)."""
    found = _BOUNDARY.search(full_type)
    if found is None:
        raise RefusedError(422, "the form's content type must name its boundary, and does not")
    boundary = (found[1] or found[2]).encode("latin-1")
    for part in (b"\r\n" + content).split(b"\r\n--" + boundary)[1:]:
        head, _, body = part.partition(b"\r\n\r\n")
        if _FILE.search(head):
            return body
    raise RefusedError(422, "the form must hold a file, and holds none; send the image as 'image'")


FORMATS = ("JPEG", "PNG")
SHOWN_SIDE = 960  # of a watched image, pixels

_QUALITY = 80


def decode(content, *, most_pixels):
    """Return the image in some bytes, shape (height, width, 3), uint8, RGB.

    Parameters
    ----------
    content : bytes
        A JPEG or PNG file.
    most_pixels : int

    Raises
    ------
    RefusedError
        With status 413 if there are too many pixels, 422 if it is no image or a damaged one.
    """
    width, height = _size(content)
    if width * height > most_pixels:
        raise RefusedError(
            413, f"the image must have at most {most_pixels:,} pixels, got {width} x {height}; reduce it first"
        )
    try:
        return read_image(content, name="the image")
    except DataError as error:
        raise RefusedError(422, str(error)) from error


def encode(image, *, longest_side=SHOWN_SIDE):
    """Return an RGB image as the bytes of a JPEG, reduced to `longest_side`."""
    factor = longest_side / max(image.shape[:2])
    if factor < 1:
        size = [max(1, round(side * factor)) for side in (image.shape[1], image.shape[0])]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, content = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return content.tobytes()


def _size(content):
    """Return (width, height) by the header of a JPEG or PNG; other formats are not even tried."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own size warning: the rule here is stricter
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                return image.size
    except Image.DecompressionBombError as error:
        raise RefusedError(413, "the image has far too many pixels; reduce it first") from error
    except Exception as error:  # damaged headers make Pillow raise nearly anything
        raise RefusedError(
            422, f"the image must be a {' or '.join(FORMATS)} file, and is none that can be read"
        ) from error


_PLACES = 2  # decimals of a pixel


class BoxResponse(BaseModel):
    """Where the face is, in pixels of the image; it may reach over the edge."""

    x: float
    y: float
    width: float
    height: float


class FaceResponse(BaseModel):
    """What one face shows."""

    track_id: int = Field(description="Counted from 1; the same from frame to frame of one camera.")
    box: BoxResponse
    landmarks: list[tuple[float, float]] = Field(description="68 points (iBUG 300-W), x before y, in pixels.")
    expression: str = Field(description=f"The most probable expression, or '{UNCERTAIN}'.")
    likeliest: str = Field(description="The most probable expression, however improbable.")
    confidence: float = Field(description="Probability of the most probable expression, 0 to 1.")
    probabilities: dict[str, float] = Field(description="Of each expression; they sum to 1.")


class ImageResponse(BaseModel):
    """What a image shows."""

    width: int
    height: int
    milliseconds: float = Field(description="Between the image's arrival and this answer, on the server.")
    faces: list[FaceResponse] = Field(description="Empty where there is no face.")


class HealthResponse(BaseModel):
    """Whether the server is up, and what it runs."""

    status: Literal["ok"]
    version: str
    classes: list[str] = Field(description="The expressions that are told apart.")
    visitors: int = Field(description="Cameras and watchers that are here now.")
    source: str | None = Field(description="What can be watched.")


class ErrorResponse(BaseModel):
    """Why there is no answer."""

    detail: str


def place_response(number, face):
    """Return which face it is and where, the first of `FaceResponse`'s plain values."""
    return {
        "track_id": int(number),
        "box": {name: round(float(getattr(face.box, name)), _PLACES) for name in ("x", "y", "width", "height")},
        "landmarks": [[round(float(x), _PLACES), round(float(y), _PLACES)] for x, y in face.landmarks],
    }


def face_response(seen):
    """Return a `RecognizedFace` as `FaceResponse`'s plain values."""
    response = seen.recognition
    return {
        **place_response(seen.track_id, response.face),
        "expression": response.expression,
        "likeliest": response.likeliest,
        "confidence": round(float(response.confidence), 4),
        "probabilities": {name: round(float(value), 4) for name, value in response.probabilities.items()},
    }


def image_response(image, seen, *, seconds):
    """Return the faces seen in a image as `ImageResponse`'s plain values."""
    return {
        "width": int(image.shape[1]),
        "height": int(image.shape[0]),
        "milliseconds": round(1000 * seconds, 1),
        "faces": [face_response(face) for face in seen],
    }
