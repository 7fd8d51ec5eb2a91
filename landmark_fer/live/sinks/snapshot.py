"""Snapshots: one frame as an annotated image, and its faces and predictions as JSON."""

import contextlib
import json
import math
from pathlib import Path

import cv2

from landmark_fer.core.errors import SinkError
from landmark_fer.live.sinks.base import wall_time

_DIGITS = 6


def write_snapshot(folder, frame, image, faces, *, facts=None):
    """Write an annotated image and its predictions, under new names made of the frame's wall time.

    Parameters
    ----------
    folder : path-like
        Made if it does not exist.
    frame : Frame
    image : ndarray of shape (height, width, 3), uint8
        RGB, annotated.
    faces : sequence of RecognizedFace
    facts : dict, optional
        Versions and model, as from `log_facts`.

    Returns
    -------
    Path
        Path of the image, a PNG; the JSON file differs only in its suffix.

    Raises
    ------
    SinkError
        If they cannot be written; no file is left then.
    """
    folder = Path(folder)
    _, png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    text = json.dumps(describe(frame, faces, facts=facts), indent=1, allow_nan=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _write_pair(folder, f"snapshot-{wall_time(frame.wall_s).replace(':', '-')}", png, text)
    except OSError as error:
        raise SinkError(f"snapshot in {folder} cannot be written ({error.strerror}); give another folder") from error


def describe(frame, faces, *, facts=None):
    """Return a frame's faces and predictions as JSON values.

    Parameters
    ----------
    frame : Frame
    faces : sequence of RecognizedFace
    facts : dict, optional

    Returns
    -------
    dict
        ``frame``, ``time_s``, ``event``, ``wall_time``, ``image`` (its size), ``made_with`` (the facts) and ``faces``.
        Each face has ``track_id``, ``box`` (x, y, width, height), ``detector_score``, ``landmarks`` (68 pairs, x before
        y, pixels), the prediction shown (``expression``, ``label``, ``reason``, ``confidence``, ``probabilities``), the
        prediction from this frame alone and without a baseline (``raw``), that of the second model (``versus``, or
        None), the origin of the neutral baseline (``baseline``, or None) and whether the face was read in this frame
        (``located``) or waited for its turn: everything is then of an earlier frame, moved to where the face is.
    """
    height, width = frame.image.shape[:2]
    return {
        "frame": frame.index,
        "time_s": round(frame.time_s, 3),
        "event": frame.event,
        "wall_time": wall_time(frame.wall_s),
        "image": {"width": width, "height": height},
        "made_with": facts,
        "faces": [_face(face) for face in faces],
    }


def _face(face):
    located, score = face.recognition.face, face.recognition.face.detector_score
    return {
        "track_id": face.track_id,
        "box": {side: round(float(getattr(located.box, side)), 2) for side in ("x", "y", "width", "height")},
        "detector_score": round(float(score), _DIGITS) if math.isfinite(score) else None,
        "landmarks": [[round(x, 2), round(y, 2)] for x, y in located.landmarks.tolist()],
        **_prediction(face.recognition),
        "raw": _prediction(face.raw),
        "versus": None if face.versus is None else _prediction(face.versus),
        "baseline": face.baseline_origin,
        "located": face.located,
    }


def _prediction(recognition):
    return {
        "expression": recognition.expression,
        "label": recognition.label,
        "reason": recognition.reason,
        "confidence": round(float(recognition.confidence), _DIGITS),
        "probabilities": {name: round(float(value), _DIGITS) for name, value in recognition.probabilities.items()},
    }


def _write_pair(folder, name, png, text):
    """Write both files under the first name that is free for both, and return the image's path."""
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
                    file.write(text)
            except FileExistsError:
                continue
            made.pop_all()
            return image
