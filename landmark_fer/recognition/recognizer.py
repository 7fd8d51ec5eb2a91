"""Recognizer: predicts the expressions of the faces in an image."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial

import numpy as np

from landmark_fer.artifact.artifact import Artifact, load_artifact
from landmark_fer.core.errors import InputError
from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.core.records import Face, stack
from landmark_fer.core.types import AnyImage, PathLike
from landmark_fer.evaluation.rejection import manifest_threshold
from landmark_fer.models.base import predict_in_order
from landmark_fer.perception import SMALLEST_FACE
from landmark_fer.perception.extraction import ExtractorSettings, FaceExtractor
from landmark_fer.perception.images import as_array
from landmark_fer.perception.predictor_file import find_predictor, sha256_of
from landmark_fer.recognition.baseline import Baseline, check_baseline
from landmark_fer.recognition.explanation import explain
from landmark_fer.recognition.reasons import reason_of
from landmark_fer.recognition.results import Recognition
from landmark_fer.recognition.speech import with_closed_mouth

_LOG = logging.getLogger(__name__)


class Recognizer:
    """Predicts the expressions of the faces in images, with the extractor that the model was fitted with.

    It can be pickled and copied together with its model. The shape predictor is read again from its file, which must
    exist where the recognizer is unpickled.

    Parameters
    ----------
    artifact : Artifact
        As from `load_artifact`. Its manifest has the settings of the extractor.
    detector : str, optional
        Name in `DETECTORS` of another detector than the artifact's.
    smallest_face : int, default=40
        Side of the smallest box to detect, in pixels, from 16. Faces as large as those that the model was fitted on are
        found as then; smaller ones are searched for in addition. In a video that is done while no larger face is
        followed.
    predictor : path-like, optional
        File of the 68-point shape predictor, as for `find_predictor`.
    reject : "fitted", float or None, default="fitted"
        Confidence below which the prediction is `UNCERTAIN`. "fitted" is the threshold that was selected when the model
        was fitted, or 0 if it has none. None is 0, with which an expression is always predicted.

    Attributes
    ----------
    threshold : float
        The confidence below which the prediction is `UNCERTAIN`.

    Raises
    ------
    InputError
        If the manifest has unknown settings of the extractor, `smallest_face` is out of its range, or `reject` is not
        a probability.
    ArtifactError
        If the threshold in the manifest is not a probability.
    DependencyError
        If the shape predictor is missing.
    """

    threshold: float
    artifact: Artifact
    extractor: FaceExtractor

    def __init__(
        self,
        artifact: Artifact,
        *,
        detector: str | None = None,
        smallest_face: int = SMALLEST_FACE,
        predictor: PathLike | None = None,
        reject: str | float | None = "fitted",
    ) -> None:
        self.threshold = _threshold(artifact.manifest, reject)
        settings = ExtractorSettings.from_dict(artifact.manifest["extractor"])
        if detector is not None:
            settings = replace(settings, detector=detector)
        self.artifact = artifact
        self._explainer = partial(explain, artifact)
        self.extractor = FaceExtractor(settings, predictor=predictor, smallest_face=smallest_face)
        fitted_with = artifact.manifest.get("shape_predictor_sha256")
        if fitted_with and sha256_of(find_predictor(predictor)) != fitted_with:
            _LOG.warning("the model was fitted with another shape predictor; it may score lower than its card reports")

    @property
    def model_id(self) -> str:
        """The SHA-256 of the model's file, by which a `Baseline` recognizes it."""
        return str(self.artifact.manifest["model"]["sha256"])

    @property
    def classes(self) -> tuple[str, ...]:
        """The expressions that the model predicts, in the order of `EXPRESSIONS`."""
        return self.artifact.classes

    def recognize(self, image: AnyImage, *, baseline: Baseline | None = None) -> list[Recognition]:
        """Return the recognitions of an image, ordered by the detector's score; an empty list if it has no face.

        Parameters
        ----------
        image : ndarray, PIL.Image.Image, path-like, bytes or binary file
            An array of shape (height, width, 3) in RGB or (height, width), uint8, or a file as for `read_image`.
        baseline : Baseline, optional
            That of the person, who must be the only one in the image.

        Returns
        -------
        list of Recognition
            Each has a `Thumbnail`, with which a notebook shows it.

        Raises
        ------
        InputError
            If `image` is none of these, or a baseline is none or of another model, or the image has several faces.
        DataError
            If a file cannot be read.
        """
        from landmark_fer.recognition.thumbnails import make_thumbnail  # live needs none

        if baseline is not None:
            check_baseline(baseline, self)
        image = as_array(image)
        faces = self.extractor.extract(image)
        if baseline is not None and len(faces) > 1:
            raise InputError(
                f"a baseline is of one person, and the image has {len(faces)} faces; "
                "crop it, or give recognize_faces a baseline for each face"
            )
        recognitions = self.recognize_faces(faces, baselines=[baseline] * len(faces), image_shape=image.shape)
        return [replace(each, thumbnail=make_thumbnail(image, each.face.box)) for each in recognitions]

    def recognize_faces(
        self,
        faces: Sequence[Face],
        *,
        baselines: Sequence[Baseline | None] | None = None,
        image_shape: tuple[int, ...] | None = None,
        speaking: Sequence[float] | None = None,
        mirrored: Sequence[bool] | None = None,
    ) -> list[Recognition]:
        """Return one Recognition for each `Face` of a list, in its order.

        Parameters
        ----------
        faces : sequence of Face
        baselines : sequence of Baseline or None, optional
            One for each face: that of its person, or None.
        image_shape : tuple of int, optional
            Height and width of their image, by which faces are seen to be cut off.
        speaking : sequence of float, optional
            How surely each face speaks, from 0 to 1: so far its open mouth is no evidence (see `recognition.speech`).
        mirrored : sequence of bool, optional
            For each face whether its mirror image is read instead of the face, by a network that averages over both;
            one takes half of the time. For videos, where it changes from frame to frame. By default both are read.
            It changes nothing for other models.

        Raises
        ------
        InputError
            If a baseline is none or of another model, or there is not one value for each face.
        """
        _check_lengths(faces, baselines=baselines, speaking=speaking, mirrored=mirrored)
        for baseline in baselines or ():
            if baseline is not None:
                check_baseline(baseline, self)
        settings = self.extractor.settings
        speaking = [0.0] * len(faces) if speaking is None else speaking
        views_of_faces = [self._views(face, share) for face, share in zip(faces, speaking, strict=True)]
        n_views = [len(views) for views in views_of_faces]
        views = [view for views in views_of_faces for view in views]
        records = stack([seen for seen, _ in views], chip_size=settings.chip_size, crop_size=settings.crop_size)
        sides = None if mirrored is None else np.repeat(np.asarray(mirrored, dtype=bool), n_views)
        weighted = predict_in_order(self.artifact.predictor, records, self.classes, mirrored=sides)
        weighted = iter([row * weight for row, (_, weight) in zip(weighted, views, strict=True)])
        probabilities = [next(weighted) if share in (0, 1) else next(weighted) + next(weighted) for share in speaking]
        rows = zip(faces, probabilities, baselines or [None] * len(faces), strict=True)
        return [self._recognition(*row, image_shape) for row in rows]

    def given_baseline(self, recognition: Recognition, baseline: Baseline, *, opened: float = 0.0) -> Recognition:
        """Return a recognition of this recognizer, given the neutral baseline of its person.

        Parameters
        ----------
        recognition : Recognition
            If a baseline was used for it, its probabilities without it count.
        baseline : Baseline
        opened : float, default=0
            As from `Baseline.opened`, for faces of a video, where mouths open to speak. 0 for photographs.

        Raises
        ------
        InputError
            If the baseline is of another model.
        """
        plain = np.array(list(recognition.plain_probabilities.values()))
        probabilities = baseline.apply(plain, self, opened=opened)
        expression, confidence = self._expression(probabilities, recognition.reason)
        return replace(
            recognition,
            expression=expression,
            confidence=confidence,
            probabilities=dict(zip(self.classes, probabilities.tolist(), strict=True)),
            without_baseline=dict(zip(self.classes, plain.tolist(), strict=True)),
        )

    def _expression(self, probabilities, reason):
        """Return the expression to show and its confidence."""
        best = int(probabilities.argmax())
        confidence = float(probabilities[best])
        return self.classes[best] if confidence >= self.threshold and not reason else UNCERTAIN, confidence

    def _views(self, face, speaking):
        """Return what the model sees of a face with weights: the face, and the face with its mouth closed."""
        views = []
        if speaking < 1:
            views.append((face, 1 - speaking))
        if speaking > 0:
            fields, margin = self.artifact.manifest["fields"], self.extractor.settings.crop_margin
            views.append((with_closed_mouth(face, fields=fields, crop_margin=margin), speaking))
        return views

    def _recognition(self, face, plain, baseline, image_shape):
        reason = reason_of(face, image_shape) if self.threshold > 0 else None
        expression, confidence = self._expression(plain, reason)
        recognition = Recognition(
            face=face,
            expression=expression,
            confidence=confidence,
            probabilities=dict(zip(self.classes, plain.tolist(), strict=True)),
            reason=reason,
            _explainer=self._explainer,
        )
        return recognition if baseline is None else self.given_baseline(recognition, baseline)


def recognize(image: AnyImage, *, baseline: Baseline | None = None) -> list[Recognition]:
    """Return the recognitions of an image by the bundled model, which is loaded once.

    Parameters
    ----------
    image : ndarray, PIL.Image.Image, path-like, bytes or binary file
    baseline : Baseline, optional
        Both as for `Recognizer.recognize`.

    Returns
    -------
    list of Recognition
        An empty list if no face is found.
    """
    return bundled_recognizer().recognize(image, baseline=baseline)


@cache
def bundled_recognizer() -> Recognizer:
    """Return the Recognizer of the bundled model, made once."""
    return Recognizer(load_artifact())


def _check_lengths(faces, **values):
    """Raise InputError unless each sequence that is given has one value for each face."""
    for name, of_faces in values.items():
        if of_faces is not None and len(of_faces) != len(faces):
            raise InputError(
                f"{name} must have one value for each face, got {len(of_faces)} for {len(faces)} faces; give all, or "
                "leave it out"
            )


def _threshold(manifest, reject):
    """Return the confidence below which the prediction is `UNCERTAIN`."""
    if reject == "fitted":
        reject = manifest_threshold(manifest)
    if reject is None:
        return 0.0
    if isinstance(reject, str | bool) or not 0 <= reject <= 1:
        raise InputError(f"reject must be 'fitted', None or a probability from 0 to 1, got {reject!r}; give another")
    return float(reject)
