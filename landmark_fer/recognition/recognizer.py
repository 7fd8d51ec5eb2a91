"""Recognizer: from a picture to recognitions, with the extractor that the model was fitted with."""

import logging
from dataclasses import replace

from landmark_fer.face.records import Recognition, stack
from landmark_fer.models.contract import predict_in_order
from landmark_fer.perception.extraction import ExtractorSettings, FaceExtractor
from landmark_fer.perception.predictor_file import find_predictor, sha256_of

_LOG = logging.getLogger(__name__)


class Recognizer:
    """Reads the expressions of the faces in pictures.

    Parameters
    ----------
    artifact : Artifact
        As from `load_artifact`. The extractor is rebuilt from its manifest.
    detector : str, optional
        Another detector than the artifact's; a name in `DETECTORS`.
    predictor : path-like, optional
        File of the 68-point shape predictor, as for `find_predictor`.

    Raises
    ------
    InputError
        If the artifact's manifest asks for an extractor that there is not.
    DependencyError
        If the shape predictor is missing.
    """

    def __init__(self, artifact, *, detector=None, predictor=None):
        settings = ExtractorSettings.from_dict(artifact.manifest["extractor"])
        if detector is not None:
            settings = replace(settings, detector=detector)
        self.artifact = artifact
        self.extractor = FaceExtractor(settings, predictor=predictor)
        trained_on = artifact.manifest.get("shape_predictor_sha256")
        if trained_on and sha256_of(find_predictor(predictor)) != trained_on:
            _LOG.warning("the model was fitted with another shape predictor; it may do worse than its card says")

    @property
    def classes(self):
        """The expressions that the model tells apart, in the order of `EXPRESSIONS`."""
        return self.artifact.classes

    def recognize(self, picture):
        """Return what the faces of a picture show, the clearest face first; an empty list where there is none.

        Parameters
        ----------
        picture : ndarray of shape (height, width, 3) in RGB or (height, width), uint8

        Returns
        -------
        list of Recognition
        """
        return self.recognize_faces(self.extractor.extract(picture))

    def recognize_faces(self, faces):
        """Return one Recognition for each `Face` of a list, in its order."""
        records = stack(faces, chip_size=self.extractor.settings.chip_size)
        probabilities = predict_in_order(self.artifact.predictor, records, self.classes)
        return [self._recognition(face, row) for face, row in zip(faces, probabilities, strict=True)]

    def _recognition(self, face, probabilities):
        best = int(probabilities.argmax())
        return Recognition(
            face=face,
            expression=self.classes[best],
            confidence=float(probabilities[best]),
            probabilities=dict(zip(self.classes, probabilities.tolist(), strict=True)),
        )
