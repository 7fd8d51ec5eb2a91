"""What the server says, as plain values, and the same as a description for programs."""

from typing import Literal

from pydantic import BaseModel, Field

from landmark_fer.core.expressions import UNCERTAIN

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
    """Return a `SeenFace` as `FaceResponse`'s plain values."""
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
