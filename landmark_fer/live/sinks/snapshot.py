"""Snapshot: one frame kept as an annotated image, and beside it, as JSON, everything that was seen in it."""

import contextlib
import json
import math
from pathlib import Path

import cv2

from landmark_fer.core.errors import SinkError
from landmark_fer.live.sinks.base import wall_time

_DIGITS = 6


def write_snapshot(folder, frame, image, seen, *, facts=None):
    """Write a image and its answers under names that are made of the frame's wall time and never overwrite.

    Parameters
    ----------
    folder : path-like
        Made if it is not there.
    frame : Frame
    image : ndarray of shape (height, width, 3), uint8
        RGB, annotated.
    seen : sequence of RecognizedFace
    facts : dict, optional
        What the answers were made with, as from `log_facts`.

    Returns
    -------
    Path
        Of the image, a PNG; the JSON has the same name but for its suffix.

    Raises
    ------
    SinkError
        If they cannot be written; nothing is left behind then.
    """
    folder = Path(folder)
    _, png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    described = json.dumps(describe(frame, seen, facts=facts), indent=1, allow_nan=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _write_pair(folder, f"snapshot-{wall_time(frame.wall_s).replace(':', '-')}", png, described)
    except OSError as error:
        raise SinkError(f"snapshot in {folder} cannot be written ({error.strerror}); give another folder") from error


def describe(frame, seen, *, facts=None):
    """Return a frame's answers as a dictionary that JSON can hold.

    Parameters
    ----------
    frame : Frame
    seen : sequence of RecognizedFace
    facts : dict, optional

    Returns
    -------
    dict
        ``frame``, ``time_s``, ``wall_time``, ``made_with`` (the facts), and ``faces``: for each ``track_id``, ``box``
        (x, y, width, height), ``detector_score``, ``landmarks`` (68 pairs, x before y, pixels), the answer that is
        shown (``expression``, ``confidence``, ``probabilities``), the answer to this frame alone (``raw``), and the
        other model's (``versus``), null where there is none.
    """
    height, width = frame.image.shape[:2]
    return {
        "frame": frame.index,
        "time_s": round(frame.time_s, 3),
        "wall_time": wall_time(frame.wall_s),
        "image": {"width": width, "height": height},
        "made_with": facts,
        "faces": [_face(face) for face in seen],
    }


def _face(face):
    shown = face.recognition.face
    return {
        "track_id": face.track_id,
        "box": {side: round(float(getattr(shown.box, side)), 2) for side in ("x", "y", "width", "height")},
        "detector_score": round(float(shown.detector_score), _DIGITS) if math.isfinite(shown.detector_score) else None,
        "landmarks": [[round(x, 2), round(y, 2)] for x, y in shown.landmarks.tolist()],
        **_prediction(face.recognition),
        "raw": _prediction(face.raw),
        "versus": None if face.versus is None else _prediction(face.versus),
    }


def _prediction(recognition):
    return {
        "expression": recognition.expression,
        "confidence": round(float(recognition.confidence), _DIGITS),
        "probabilities": {name: round(float(value), _DIGITS) for name, value in recognition.probabilities.items()},
    }


def _write_pair(folder, name, png, described):
    """Write both files under the first name that neither has, and return the image's path."""
    number = 1
    while True:
        image = folder / (f"{name}.png" if number == 1 else f"{name}-{number}.png")
        number += 1
        predictions = image.with_suffix(".json")
        with contextlib.ExitStack() as made:
            try:
                with open(image, "xb") as file:
                    made.callback(image.unlink, missing_ok=True)
                    file.write(png)
                with open(predictions, "x", encoding="utf-8", newline="\n") as file:
                    made.callback(predictions.unlink, missing_ok=True)
                    file.write(described)
            except FileExistsError:
                continue
            made.pop_all()
            return image
