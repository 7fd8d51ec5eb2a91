"""A network as tutorials have it: OpenCV's Haar cascade, the box as it stands in the image, no landmarks.

    python -m landmark_fer.fit --data fer2013.csv.gz --models relu_vgg_box --epochs 30 --out OUT
    python -m benchmarks.peers --data fer2013.csv.gz --network OUT

Needs NumPy and OpenCV alone; OpenCV runs the network, sooner than the tutorials' frameworks do. A cascade's box shows
what a image of FER2013 does, which was cut out by one, so the network gets both alike: whole, or less of them where
it was trained on less.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
from reporting import report

BOX = (0.06, 0.10, 0.90)
"""Left, top and side of the detector's box, around which a margin is, in a image of FER2013 with sides of 1."""

SCALE_FACTOR, MIN_NEIGHBOURS = 1.3, 5  # of the cascade, as the tutorials have them


def answerer(folder):
    """Return the function from a square grey face to the name of its expression.

    Parameters
    ----------
    folder : path-like
        Of a network's artifact, with model.onnx and model.json.

    Raises
    ------
    SystemExit
        If it is none, or the network reads aligned chips.
    """
    try:
        about = json.loads((Path(folder) / "model.json").read_text(encoding="utf-8"))
        network = cv2.dnn.readNetFromONNX(str(Path(folder) / "model.onnx"))
    except (OSError, ValueError, cv2.error) as error:
        sys.exit(f"--network must be a network's artifact, got {folder} ({error}); fit --models relu_vgg_box makes one")
    wanted = about["input"]
    if wanted["image"] != "crop":
        sys.exit(f"--network must read the detector's box, and {folder} reads aligned chips; fit --models relu_vgg_box")

    def prediction(face):
        part = seen_part(face, wanted.get("margin", 0.0))
        area = cv2.INTER_AREA if len(part) > wanted["side"] else cv2.INTER_LINEAR
        image = cv2.resize(part, (wanted["side"], wanted["side"]), interpolation=area)
        network.setInput(scaled(image, wanted))
        return about["classes"][int(network.forward().argmax())]

    return prediction


def seen_part(face, margin):
    """Return the part of a square face that a network with a margin around the detector's box was trained on."""
    share = min(1.0, (1 + 2 * margin) * BOX[2])
    left, top = (min(max(edge + (BOX[2] - share) / 2, 0.0), 1 - share) for edge in BOX[:2])
    side = len(face)
    first_row, first_column, length = round(top * side), round(left * side), round(share * side)
    return face[first_row : first_row + length, first_column : first_column + length]


def scaled(image, wanted):
    """Return a image of bytes as a network reads it, one in a batch."""
    values = image.astype(np.float32)
    scaling = wanted.get("scaling", "standardised")
    if scaling == "standardised":
        values = (values - values.mean()) / max(float(values.std()), 1.0)
    elif scaling == "0..1":
        values /= 255
    elif scaling == "-1..1":
        values = values / 127.5 - 1
    axis = 2 if wanted.get("layout", "NHWC") == "NHWC" else 0
    return np.repeat(np.expand_dims(values, axis), wanted.get("channels", 1), axis=axis)[None]


def make(_):
    """Return what answers to a frame and to a cropped face."""
    cv2.setNumThreads(1)
    of_face = answerer(sys.argv[2])
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")

    def of_frame(frame):
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        boxes = cascade.detectMultiScale(grey, SCALE_FACTOR, MIN_NEIGHBOURS)
        predictions = [of_face(grey[top : top + height, left : left + width]) for left, top, width, height in boxes]
        return predictions[0] if predictions else None

    return of_frame, of_face


if __name__ == "__main__":
    report(make)
