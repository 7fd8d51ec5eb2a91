"""Artifacts to fuzz: files damaged, exchanged or removed, with and without matching hashes."""

import hashlib
import json
import shutil

import numpy as np

from landmark_fer.artifact.artifact import CARD_NAME, load_artifact
from landmark_fer.artifact.manifest import MANIFEST_NAME
from landmark_fer.artifact.probe import TOLERANCE, manifest_probe
from landmark_fer.live.sinks.logs import log_facts
from landmark_fer.recognition.recognizer import Recognizer
from tests.accidents.mutations import damaged, damaged_text, damaged_values

ORDER = ("joblib", "skops", "onnx", "network", "ensemble")
FILES = {"joblib": "model.joblib", "skops": "model.skops", "onnx": "model.onnx", "network": "model.onnx"}
FILES |= {"ensemble": "ensemble.json"}
MEMBERS = {"ensemble": ("model.joblib", "model.onnx")}
"""Files of members, whose hashes are in the ensemble's file."""


class Artifacts:
    """Artifacts of a format, damaged.

    Parameters
    ----------
    folder : Path
        With the whole artifacts in ``whole``, a folder a format; all or some of `ORDER`.
    kind : str
        The format.
    """

    def __init__(self, folder, kind):
        self.whole = {each: _contents(folder / "whole" / each) for each in ORDER if (folder / "whole" / each).is_dir()}
        self.kind, self.path = kind, folder / "damaged"
        artifact = load_artifact(folder / "whole" / kind)
        self._predictor = artifact.predictor
        self.records, self.predictions = manifest_probe(artifact.predictor, artifact.manifest)
        self.classes = artifact.classes

    def case(self, random):
        """Return the files of the damaged folder; None stands for a folder in place of a file."""
        files, model = dict(self.whole[self.kind]), FILES[self.kind]
        member = random.choice(MEMBERS.get(self.kind, (model,)))
        damage = random.randrange(6)
        if damage <= 1:  # the model; and then its hash in the manifest, too, as whoever means it would
            name = random.choice((model, member))
            if name.endswith(".json") and random.random() < 0.8:
                files[name] = json.dumps(damaged_values(json.loads(files[name]), random)).encode(
                    "utf-8", "surrogatepass"
                )
            else:
                files[name] = damaged(files[name], random, [self.whole[each][FILES[each]] for each in self.whole])
            if damage:
                _admit(files, name, model)
        elif damage == 2:
            files[MANIFEST_NAME] = damaged_text(files[MANIFEST_NAME], random)
        elif damage == 3:
            values = damaged_values(json.loads(files[MANIFEST_NAME]), random)
            files[MANIFEST_NAME] = json.dumps(values).encode("utf-8", "surrogatepass")
        elif damage == 4:  # another artifact's file in its place
            other = random.choice([each for each in self.whole if each != self.kind])
            name = random.choice((member, MANIFEST_NAME))
            files[name] = self.whole[other][FILES[other] if name == member else MANIFEST_NAME]
            if random.random() < 0.5 and name == member:
                _admit(files, member, model)
        else:
            name = random.choice((model, member, MANIFEST_NAME, CARD_NAME))
            files[name] = random.choice((b"", None, b"\x00" * 100))
        return files

    def read(self, files):
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()
        for name, content in files.items():
            if content is None:
                (self.path / name).mkdir()
            else:
                (self.path / name).write_bytes(content)
        artifact = load_artifact(self.path)
        recognizer = Recognizer(artifact)
        log_facts(artifact, source="fuzzing")
        same_format = artifact.manifest["model"]["format"] == self.kind  # a member with its own manifest is an artifact
        if same_format and set(artifact.classes) == set(self.classes):
            _, predictions = manifest_probe(artifact.predictor, artifact.manifest)
            order = [artifact.classes.index(name) for name in self.classes]
            assert np.abs(predictions[:, order] - self.predictions).max() <= 2 * TOLERANCE, "other answers"
        image = np.zeros((96, 96, 3), np.uint8)
        assert recognizer.recognize(image) == []
        faces = [recognizer.extractor.extract_crop(image)]
        (prediction,) = recognizer.recognize_faces(faces)
        assert abs(sum(prediction.probabilities.values()) - 1) < 1e-3


def _contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.suffix != ".keras"}


def _admit(files, name, model):
    """Update the hash of a file where it is recorded: of a member in the ensemble, of the model in the manifest."""
    if name != model:
        ensemble = json.loads(files[model])
        for member in ensemble["members"]:
            if member["file"] == name:
                member["sha256"] = hashlib.sha256(files[name]).hexdigest()
        files[model] = json.dumps(ensemble).encode()
    manifest = json.loads(files[MANIFEST_NAME])
    manifest["model"]["sha256"] = hashlib.sha256(files[model]).hexdigest()
    files[MANIFEST_NAME] = json.dumps(manifest).encode()


ARTIFACT_TARGETS = {f"artifact-{kind}": lambda folder, kind=kind: Artifacts(folder, kind) for kind in ORDER}
