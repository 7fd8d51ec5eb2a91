"""A network as tutorials use it: OpenCV's Haar cascade, the box as it lies in the image, no landmarks.

    python -m landmark_fer.fit --data fer2013.csv.gz --models relu_vgg_box --epochs 30 --out OUT
    python -m benchmarks.peers --data fer2013.csv.gz --network OUT

onnxruntime runs the network, which is faster than the tutorials' frameworks. FER2013's images were cropped by a
cascade, so a cascade's box and such an image show the same part of a face. The network gets all of it, or less where
it was trained on less.
"""

import json
import sys
from pathlib import Path

import cv2
from reporting import report

from landmark_fer.core.errors import InputError
from landmark_fer.models.networks.description import NetworkDescription
from landmark_fer.models.networks.onnx_network import OnnxNetwork

BOX = (0.06, 0.10, 0.90)
"""Left, top and side of the detector's box in an image of FER2013 whose sides are 1."""

SCALE_FACTOR, MIN_NEIGHBOURS = 1.3, 5  # of the cascade, as in the tutorials


def load_network(folder):
    """Return the function from a square grey face to the name of its expression.

    Parameters
    ----------
    folder : path-like
        A network's artifact, with model.onnx and model.json.

    Raises
    ------
    SystemExit
        If the folder holds no such artifact, or the network reads aligned chips.
    """
    try:
        description = NetworkDescription.from_dict(json.loads((Path(folder) / "model.json").read_text("utf-8")))
        network = OnnxNetwork((Path(folder) / "model.onnx").read_bytes(), description)
    except (OSError, ValueError, InputError) as error:
        sys.exit(f"--network must be a network's artifact, got {folder} ({error}); fit --models relu_vgg_box makes one")
    side, margin = description.input.side, description.input.margin
    if description.input.image != "crop":
        sys.exit(f"--network must read the detector's box, and {folder} reads aligned chips; fit --models relu_vgg_box")

    def predict(face):
        part = cut_box(face, margin)
        interpolation = cv2.INTER_AREA if len(part) > side else cv2.INTER_LINEAR
        image = cv2.resize(part, (side, side), interpolation=interpolation)
        return description.classes[int(network.probabilities(image[None]).argmax())]

    return predict


def cut_box(face, margin):
    """Return the part of a square face that a network with this margin around the detector's box was trained on."""
    share = min(1.0, (1 + 2 * margin) * BOX[2])
    left, top = (min(max(edge + (BOX[2] - share) / 2, 0.0), 1 - share) for edge in BOX[:2])
    side = len(face)
    first_row, first_column, length = round(top * side), round(left * side), round(share * side)
    return face[first_row : first_row + length, first_column : first_column + length]


def make(_):
    """Return the functions that predict the expression of a frame and of a cropped face."""
    cv2.setNumThreads(1)
    predict_face = load_network(sys.argv[2])
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")

    def predict_frame(frame):
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        boxes = cascade.detectMultiScale(grey, SCALE_FACTOR, MIN_NEIGHBOURS)
        predictions = [
            predict_face(grey[top : top + height, left : left + width]) for left, top, width, height in boxes
        ]
        return predictions[0] if predictions else None

    return predict_frame, predict_face


if __name__ == "__main__":
    report(make)
