"""Fuzzing targets: for each reader its valid files, their mutations, and the call that reads them."""

import gzip
import io
import itertools
import json
import struct
import zipfile
from types import SimpleNamespace

import cv2
import numpy as np
from PIL import Image

from landmark_fer.artifact.manifest import MANIFEST_NAME, read_manifest
from landmark_fer.artifact.network_files import read_network_file
from landmark_fer.collect.spans import read_spans
from landmark_fer.datasets import load_dataset, open_source
from landmark_fer.datasets.geometry_table import read_table, table_path
from landmark_fer.datasets.readers.ferplus import read_votes
from landmark_fer.features.measurements import MEASUREMENT_NAMES
from landmark_fer.models.networks.description import read_sidecar
from landmark_fer.perception.images import read_frames, read_image
from landmark_fer.recognition.baseline import FORMAT, FORMAT_VERSION, Baseline
from tests.accidents.artifacts import ARTIFACT_TARGETS
from tests.accidents.mutations import damaged, damaged_text, damaged_values
from tests.accidents.samples import csv_rows, encoded, identity_graph, small_table, smooth_image, votes_rows, zipped
from tests.models.networks.small_networks import hand_made_onnx, small_convolutions

ARTIFACTS = table_path().parents[1] / "artifacts"


class Files:
    """A target of valid files: their bytes are damaged, written to a path and read.

    Parameters
    ----------
    folder : Path
    name : str
        Of the file.
    seeds : sequence of bytes
    read : callable
        Takes the path.
    damage : callable
    """

    def __init__(self, folder, name, seeds, read, damage=damaged):
        self.path, self.seeds, self.damage, self._read = folder / name, list(seeds), damage, read

    def case(self, random):
        return self.damage(random.choice(self.seeds), random, self.seeds)

    def read(self, case):
        self.path.write_bytes(case)
        self._read(self.path)


class Values(Files):
    """A target of JSON files: their values or their bytes are damaged."""

    def case(self, random):
        seed = random.choice(self.seeds)
        if random.random() < 0.3:
            return damaged_text(seed, random, self.seeds)
        return json.dumps(damaged_values(json.loads(seed), random)).encode()


def images(kind, **options):
    """A target of image files of a format, read as bytes."""

    def make(folder):
        image = Image.fromarray(smooth_image())
        modes = {"JPEG": ("RGB", "L", "CMYK"), "WEBP": ("RGB", "RGBA"), "PPM": ("RGB", "L")}
        modes = modes.get(kind, ("RGB", "L", "P", "1"))
        seeds = [encoded(image.convert(mode), kind, **options) for mode in modes]
        target = Files(folder, "image", seeds, None)
        target.read = lambda case: _checked(read_image(case) if case else None)
        return target

    return make


def _checked(image):
    assert image is None or (image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3)


def wide_images(folder):
    """Images of more than eight bits a sample, as TIFF, PNG, PGM and PFM."""
    grey = smooth_image()[..., 0]
    wide = [grey.astype(np.uint16) * 16, np.dstack([grey] * 3).astype(np.uint16) * 16]
    floats = [grey.astype(np.float32) / 255, np.dstack([grey] * 3) / 255.0]
    seeds = [cv2.imencode(suffix, values)[1].tobytes() for suffix in (".png", ".tiff") for values in wide]
    seeds += [cv2.imencode(suffix, values)[1].tobytes() for suffix, values in zip((".pgm", ".ppm"), wide, strict=True)]
    seeds += [cv2.imencode(".tiff", values)[1].tobytes() for values in floats]
    seeds += [encoded(Image.fromarray(values), "TIFF", compression="tiff_lzw") for values in (wide[0], floats[0])]
    seeds += [b"Pf\n%d %d\n-1.0\n" % grey.shape[::-1] + floats[0].tobytes()]
    target = Files(folder, "image", seeds, None)
    target.read = lambda case: _checked(read_image(case) if case else None)
    return target


def moving_images(folder):
    """Animations, read with all frames."""
    frames = [Image.fromarray(np.roll(smooth_image(), 8 * index, axis=1)) for index in range(4)]
    options = {"save_all": True, "append_images": frames[1:], "duration": [40, 80, 120, 160]}
    seeds = [encoded(frames[0], kind, **options) for kind in ("GIF", "PNG", "WEBP")]
    seeds.append(encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:]))
    target = Files(folder, "image", seeds, None)

    def read(case):
        for frame in read_frames(case) if case else ():
            _checked(frame.pixels)

    target.read = read
    return target


def jpeg_with_exif(folder):
    """JPEG with damage only in the EXIF block: types, counts, offsets, and directories that point to themselves."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "maker" * 9, 72.0
    exif.get_ifd(0x8769).update({0x9003: "2026:11:21 00:00:00", 0x927C: bytes(range(64))})
    whole = encoded(Image.fromarray(smooth_image()), "JPEG")
    blocks = [exif.tobytes(), exif.tobytes().replace(b"MM", b"II", 1)]
    target = Files(folder, "image.jpg", blocks, None)

    def read(block):
        block = block[:65_000]
        _checked(read_image(whole[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + whole[2:]))

    target.read = read
    return target


def read_items(path):
    """Read all items of a data set, and their images as a worker reads them."""
    from landmark_fer.core.errors import DataError

    reader = open_source(path)
    reader.fingerprint()
    assert len(reader) >= 0
    for item in itertools.islice(reader.items(), 100):
        if item.problem is None and not isinstance(item.image, np.ndarray):
            try:
                read_image(item.image, name=item.name)
            except DataError:
                continue


def csv_files(folder):
    """FER2013's csv."""
    return Files(folder, "fer2013.csv", [csv_rows(), csv_rows(1, side=3)], read_items, damaged_text)


def packed_csv_files(folder):
    """FER2013's csv, compressed."""
    return Files(folder, "fer2013.csv.gz", [gzip.compress(csv_rows(), mtime=0)], read_items)


def zips(folder):
    """Zips of a csv, and of folders of images."""
    image = encoded(Image.fromarray(smooth_image(48, 48)), "PNG")
    jpeg = encoded(Image.fromarray(smooth_image(48, 48)), "JPEG")
    trees = {f"train/{name}/{row}.{kind}": content for row, (name, kind, content) in enumerate(
        [("happy", "png", image), ("sad", "jpg", jpeg), ("angry", "png", image)])}  # fmt: skip
    seeds = [zipped(trees), zipped({"fer2013.csv": csv_rows(2)}), zipped({"fer2013/fer2013.csv.gz": b"\x1f\x8b"})]
    return Files(folder, "faces.zip", seeds, read_items)


def tables(folder):
    """Geometry tables: damaged zips, and damaged arrays in a valid zip."""
    seeds = small_table()
    target = Files(folder, "table.npz", seeds, read_table)
    with zipfile.ZipFile(io.BytesIO(seeds[0])) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def case(random):
        if random.random() < 0.5:
            return damaged(random.choice(seeds), random, seeds)
        name = random.choice(sorted(members))
        return zipped(members | {name: damaged(members[name], random, list(members.values()))})

    target.case = case
    return target


def sidecars(folder):
    """Descriptions of networks."""
    described = {
        "input": {"side": 64, "image": "crop", "margin": 0.05, "scaling": "0..1", "layout": "NCHW"},
        "classes": ["neutral", "happy", "surprise"],
        "output": "scores",
        "mirrored": False,
    }
    seeds = [json.dumps(described).encode(), (ARTIFACTS / "cnn" / "model.json").read_bytes()]
    return Values(folder, "network.json", seeds, lambda path: read_sidecar(path.with_suffix(".onnx")))


def votes(folder):
    """FER+'s votes."""
    return Files(folder, "fer2013new.csv", [votes_rows()], read_votes, damaged_text)


def image_tables(folder):
    """Csv files of image paths or of pixels, with subjects."""
    paths = 'path;expression;subject;split\r\na.png;happy;ann;train\r\n"b\nc.png";Sadness;bob;test\r\n'.encode("utf-16")
    numbers = " ".join(map(str, range(16)))
    pixels = f'subject,expression,pixels\nann,happy,{numbers}\nbob,sad,"[{numbers.replace(" ", ", ")}]"\n'.encode()
    return Files(folder, "table.csv", [paths.decode("utf-16").encode(), pixels, paths], read_items)


def span_files(folder):
    """Spans of a video."""
    seeds = [
        b'start_s,end_s,expression,subject\n0,1.5,sad,\n2,3,Joy,"ann"\n',
        b"END_S\tstart_s\texpression\r1\t0\tsad\r",
    ]
    return Files(folder, "spans.csv", seeds, lambda path: read_spans(path, subject="ann"), damaged_text)


def manifests(folder):
    """Manifests of artifacts, read without their models."""
    seeds = [(ARTIFACTS / name / MANIFEST_NAME).read_bytes() for name in ("default", "cnn")]
    return Values(folder, MANIFEST_NAME, seeds, lambda path: read_manifest(path.parent))


def baselines(folder):
    """Neutral baselines of people."""
    measurements = dict.fromkeys(MEASUREMENT_NAMES, 0.25)
    models = {"0" * 64: {"happy": -3.0, "sad": -2.5, "neutral": -0.15}}
    content = {"format": FORMAT, "format_version": FORMAT_VERSION, "measurements": measurements, "models": models}
    content |= {"n_images": 40, "seconds": 2.0}
    target = Values(folder, "baseline.json", [json.dumps(content).encode()], None)

    def read(path):
        baseline = Baseline.load(path)
        baseline.save(path)
        assert Baseline.load(path) == baseline
        recognizer = SimpleNamespace(classes=("happy", "sad", "neutral"), model_id="0" * 64)
        probabilities = np.array([[0.2, 0.3, 0.5], [0.0, 0.0, 1.0]])
        if baseline.is_of(recognizer):
            np.testing.assert_allclose(baseline.apply(probabilities, recognizer).sum(axis=1), 1.0)
        assert np.isfinite(list(baseline.shift(np.zeros((68, 2)) + np.arange(136).reshape(68, 2)).values())).all()

    target._read = read
    return target


def graphs(folder):
    """Small ONNX files, opened and run once by onnxruntime; most damage is to the graph."""
    content = (ARTIFACTS / "cnn" / "model.onnx").read_bytes()
    seeds = [small_convolutions(), hand_made_onnx(), identity_graph(), content[:3000], content[-3000:]]
    return Files(folder, "network.onnx", [*seeds[:2] * 3, *seeds], read_network_file)


def loaded_tables(folder):
    """Geometry tables, loaded as the commands do, with some expressions selected."""
    target = tables(folder)
    target._read = lambda path: load_dataset(path, expressions=["happy", "sad"])
    return target


IMAGES = {
    kind.lower(): images(kind, **options)
    for kind, options in {
        "JPEG": {}, "PNG": {}, "WEBP": {}, "BMP": {}, "TIFF": {}, "GIF": {}, "PPM": {},
    }.items()
}  # fmt: skip
IMAGES |= {"wide": wide_images, "moving": moving_images}
IMAGES |= {"tiff-packed": images("TIFF", compression="tiff_lzw"), "progressive": images("JPEG", progressive=True)}

TARGETS = IMAGES | {
    "exif": jpeg_with_exif,
    "csv": csv_files,
    "csv.gz": packed_csv_files,
    "zip": zips,
    "npz": tables,
    "npz-as-data": loaded_tables,
    "sidecar": sidecars,
    "votes": votes,
    "tables": image_tables,
    "spans": span_files,
    "manifest": manifests,
    "baseline": baselines,
    "onnx": graphs,
    **ARTIFACT_TARGETS,
}
