"""Small valid files of every format that is read."""

import io
import zipfile

import numpy as np

from landmark_fer.core.expressions import FERPLUS_COLUMNS
from landmark_fer.datasets.geometry_table import table_path


def smooth_image(width=40, height=30):
    """A smooth RGB image, which every format compresses with little loss."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 8, columns * 6, (rows + columns) * 3], axis=2).astype(np.uint8)


def encoded(image, kind, **options):
    """The content of an image file."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def csv_rows(n=4, side=48):
    """A csv in the layout of FER2013."""
    pixels = [" ".join(map(str, (np.arange(side * side) * (row + 3) // 7 % 256).tolist())) for row in range(n)]
    lines = [f"{row % 7},{each},{'Training' if row else 'PublicTest'}" for row, each in enumerate(pixels)]
    return "\n".join(["emotion,pixels,Usage", *lines, ""]).encode()


def votes_rows(n=4):
    """Votes in the layout of FER+."""
    header = ",".join(["Usage", "Image name", *FERPLUS_COLUMNS])
    rows = [f"Training,fer{row:07}.png,4,0,0,1,3,2,0,0,0,0" for row in range(n)]
    return "\n".join([header, *rows, ""]).encode()


def zipped(files, **options):
    """The content of a zip with files by name."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def small_table(n=6):
    """The content of a geometry table of a few faces."""
    with np.load(table_path(), allow_pickle=False) as file:
        table = {name: file[name] for name in file.files}
    faces = len(table["row"])
    part = {name: value[..., :n] if value.ndim and value.shape[-1] == faces else value for name, value in table.items()}
    contents = []
    for save in (np.savez, np.savez_compressed):
        stream = io.BytesIO()
        save(stream, **part)
        contents.append(stream.getvalue())
    return contents


def identity_graph():
    """Return a small ONNX model with one identity operator; only its file format matters."""
    dimension = b"\x0a\x02\x08\x03"
    value = b"\x0a\x01x\x12" + bytes([len(dimension) + 6]) + b"\x0a" + bytes([len(dimension) + 4]) + b"\x08\x01\x12"
    value += bytes([len(dimension)]) + dimension
    graph = b"\x5a" + bytes([len(value)]) + value + b"\x62" + bytes([len(value)]) + value
    return b"\x08\x08\x3a" + bytes([len(graph)]) + graph
