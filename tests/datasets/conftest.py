import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from landmark_fer.core.expressions import FER2013_CODES

SIDE = 48


@pytest.fixture(scope="session")
def faces():
    """Faces of Labeled Faces in the Wild in the size of FER2013, shape (20, 48, 48), uint8."""
    small = data.lfw_subset()[:20]
    enlarged = [cv2.resize(face.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for face in small]
    return (np.array(enlarged).clip(0, 1) * 255).astype(np.uint8)


@pytest.fixture(scope="session")
def labels(faces):
    return [FER2013_CODES[place % 7] for place in range(len(faces))]


def csv_text(faces, labels, usages, *, columns="emotion,pixels,Usage"):
    lines = [columns]
    for face, label, usage in zip(faces, labels, usages, strict=True):
        pixels = " ".join(map(str, face.ravel()))
        cells = {"emotion": str(FER2013_CODES.index(label)), "pixels": pixels, "Usage": usage}
        lines.append(",".join(cells[name.strip()] for name in columns.split(",")))
    return "\n".join(lines) + "\n"


def usages(n):
    return ["Training"] * (n - 6) + ["PublicTest"] * 3 + ["PrivateTest"] * 3


@pytest.fixture(scope="session")
def fer_csv(tmp_path_factory, faces, labels):
    """A csv in the layout of FER2013 with the test faces."""
    path = tmp_path_factory.mktemp("csv") / "fer2013.csv"
    path.write_text(csv_text(faces, labels, usages(len(faces))))
    return path


@pytest.fixture(scope="session")
def write_csv():
    return csv_text


@pytest.fixture(scope="session")
def write_images():
    """A function that writes {relative name: image} below a folder as PNG."""

    def write(folder, images):
        for name, image in images.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
        return folder

    return write


@pytest.fixture(scope="session")
def kaggle_folder(tmp_path_factory, faces, labels, write_images):
    """The same faces in the layout of Kaggle's FER2013 folders, PublicTest and PrivateTest merged into test/."""
    images = {}
    for place, (face, label, usage) in enumerate(zip(faces, labels, usages(len(faces)), strict=True)):
        top = "train" if usage == "Training" else "test"
        images[f"{top}/{label}/{usage}_{place + 90}.png"] = face
    return write_images(tmp_path_factory.mktemp("kaggle"), images)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def load(cache):
    """load_dataset in one process, quietly, into a cache of the tests' own."""
    from landmark_fer.datasets import load_dataset

    return lambda path, **options: load_dataset(path, **({"cache": cache, "jobs": 1, "progress": False} | options))


@pytest.fixture(scope="session")
def dataset(load, fer_csv):
    return load(fer_csv)
