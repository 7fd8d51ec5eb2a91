"""Results of recognition: the prediction for one face, and tables of many."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from landmark_fer.core.errors import InputError
from landmark_fer.core.expressions import UNCERTAIN, in_order
from landmark_fer.core.records import Face
from landmark_fer.recognition.face_fields import field_values

if TYPE_CHECKING:
    import numpy as np
    import pandas

    from landmark_fer.core.types import AnyImage
    from landmark_fer.perception.pose import Pose
    from landmark_fer.recognition.baseline import Baseline
    from landmark_fer.recognition.explanation import Explanation
    from landmark_fer.recognition.thumbnails import Thumbnail


CLOSE = 0.2
"""Lead in probability below which two expressions are named: the second is then right in one of three faces."""


def close_second(probabilities, expression):
    """Return the most probable other expression if its probability is within `CLOSE`, else None."""
    others = {name: value for name, value in probabilities.items() if name != expression}
    second = max(others, key=others.__getitem__, default=None)
    is_close = second is not None and abs(probabilities.get(expression, 1.0) - others[second]) <= CLOSE
    return second if is_close else None


@dataclass(frozen=True, eq=False)
class Recognition:
    """The prediction for one face.

    Attributes
    ----------
    face : Face
    expression : str
        The most probable expression, or `UNCERTAIN` below the recognizer's threshold or where there is a reason.
    confidence : float
        Probability of the most probable expression.
    probabilities : dict of str to float
        One for each of the model's classes, in the order of `EXPRESSIONS`; they sum to 1.
    without_baseline : dict of str to float, or None
        The probabilities without the person's `Baseline`; None where none was used.
    thumbnail : Thumbnail or None
        The image of the face, at most 320 pixels a side; None where frames of a video were read.
    reason : str or None
        Why the face cannot be read, a member of `recognition.reasons.REASONS` such as "turned away"; None if it can.
    """

    face: Face
    expression: str
    confidence: float
    probabilities: dict[str, float]
    without_baseline: dict[str, float] | None = None
    thumbnail: "Thumbnail | None" = None
    reason: str | None = None
    _explainer: Any = field(default=None, compare=False)  # from a Recognition to an Explanation
    _second: Any = field(default=..., compare=False)  # the second name in a video; in an image it follows from the rest

    @property
    def likeliest(self) -> str:
        """The most probable expression, also below the threshold."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def label(self) -> str:
        """What to show: "happy", "happy or sad" (the expression first) where two are within `CLOSE`, or why none is.

        In a video both are named once they have been close for 0.2 s, or 0.25 s with much smoothing.
        """
        if self.expression == UNCERTAIN:
            return self.reason or UNCERTAIN
        second = close_second(self.probabilities, self.expression) if self._second is ... else self._second
        return self.expression if second in (None, self.expression) else f"{self.expression} or {second}"

    @property
    def plain_probabilities(self) -> dict[str, float]:
        """The probabilities without a `Baseline`, whether one was used or not."""
        return self.probabilities if self.without_baseline is None else self.without_baseline

    @property
    def pose(self) -> "Pose":
        """The `Pose` of the head: yaw, pitch and roll in degrees."""
        from landmark_fer.perception.pose import head_pose

        return head_pose(self.face.landmarks)

    def explain(self) -> "Explanation":
        """Return the `Explanation` of the prediction (see `recognition.explanation`).

        Raises
        ------
        InputError
            If the recognition was not made by a Recognizer, or was pickled.
        """
        if self._explainer is None:
            raise InputError(
                "a recognition is explained by the model that made it, and this one has none; "
                "take it from a Recognizer, or give explain(artifact, recognition) both"
            )
        return self._explainer(self)

    def draw(self, image: "AnyImage", *, options: Any = None, blur: str | None = None) -> "np.ndarray":
        """Return an image with the face's box and label, and its probabilities as bars if there is room next to it.

        Parameters
        ----------
        image : ndarray, PIL.Image.Image, path-like, bytes or binary file
            The image of the face, as for `Recognizer.recognize`; not changed.
        options : OverlayOptions, optional
            What else is drawn; by default no landmarks.
        blur : {"faces", "eyes"}, optional
            Blurs the face, or a band over its eyes, before anything is drawn. Other faces stay as they are.

        Returns
        -------
        ndarray of shape (height, width, 3), uint8
            RGB. The result can be given to another recognition's `draw`.

        Raises
        ------
        InputError
            If `image` or `blur` is none of these.
        DataError
            If a file cannot be read.
        """
        from landmark_fer.drawing.blur import blur_faces
        from landmark_fer.drawing.overlay import draw_frame
        from landmark_fer.drawing.overlay_options import OverlayOptions
        from landmark_fer.perception.images import as_array, to_rgb

        options = options or OverlayOptions(landmarks=False)
        pixels = to_rgb(as_array(image))
        if blur is not None:
            pixels = blur_faces(pixels, [self.face], blur)
        return draw_frame(pixels, [RecognizedFace(None, self, raw=self)], options=options)

    def to_dict(self) -> dict[str, Any]:
        """Return the recognition as JSON values: box, prediction, landmarks, score.

        Returns
        -------
        dict
            ``box`` has x, y, width and height in pixels; ``landmarks`` are 68 pairs of x and y in pixels;
            ``expression``, ``label``, ``reason``, ``confidence`` and ``probabilities`` are the attributes of that name;
            ``detector_score`` is None where no detector saw the face, and ``without_baseline`` (probabilities) where
            no baseline was used.
        """
        box, face = self.face.box, self.face
        return {
            "box": {side: float(getattr(box, side)) for side in ("x", "y", "width", "height")},
            "expression": self.expression,
            "label": self.label,
            "reason": self.reason,
            "confidence": float(self.confidence),
            "probabilities": {name: float(value) for name, value in self.probabilities.items()},
            "without_baseline": self.without_baseline,
            "landmarks": face.landmarks.astype(float).tolist(),
            "detector_score": float(face.detector_score) if face.detected else None,
        }

    def __repr__(self):
        box = self.face.box
        place = f"{box.width:.0f}x{box.height:.0f} at {box.x:.0f}, {box.y:.0f}"
        return f"<Recognition: {self.expression} ({self.likeliest} {self.confidence:.0%}), face {place}>"

    def _repr_html_(self):
        """Return the thumbnail with box, label and bars for Jupyter, or None, with which Jupyter shows the text."""
        if self.thumbnail is None:
            return None
        from landmark_fer.recognition.thumbnails import html_image, show_face

        return html_image(show_face(self), f"{self.expression} {self.confidence:.0%}")

    def __getstate__(self):
        return self.__dict__ | {"_explainer": None}  # a pickled recognition does not hold its model


@dataclass(frozen=True, eq=False)
class RecognizedFace:
    """A face of a frame with its track number and predictions.

    Attributes
    ----------
    track_id : int or None
        Counted from 1; the same from frame to frame. None for a face without a number.
    recognition : Recognition
        The prediction that is shown and logged, smoothed over time where smoothing is on.
    raw : Recognition
        The model's prediction from this frame alone.
    versus : Recognition or None
        The second model's prediction, where two models are compared.
    baseline : Baseline or None
        The neutral baseline that the prediction is given, and the second model's where it has one; None without.
    baseline_origin : str or None
        ``key`` (recorded on request), ``file`` (given) or ``auto`` (found in the calm faces of the track).
    located : bool
        Whether the face was located in this frame. Otherwise everything is of an earlier frame, and `recognition` is
        moved to where the face is expected: more than two faces before a camera take turns.
    """

    track_id: int | None
    recognition: Recognition
    raw: Recognition
    versus: Recognition | None = None
    baseline: "Baseline | None" = None
    baseline_origin: str | None = None
    located: bool = True

    def moved(self, right: float, down: float) -> "RecognizedFace":
        """Return the face as it is expected in a later frame, moved by so many pixels."""
        recognition = replace(self.recognition, face=self.recognition.face.moved(right, down))
        return replace(self, recognition=recognition, located=False)


def to_frame(
    recognitions: Iterable[Recognition], *, fields: Sequence[str] = (), image_shape: tuple[int, ...] | None = None
) -> "pandas.DataFrame":
    """Return recognitions as a table with one row for each face, with the column names of the log.

    Parameters
    ----------
    recognitions : iterable of Recognition
    fields : sequence of str
        Groups of further columns; keys of `FIELD_GROUPS`.
    image_shape : tuple of int, optional
        Height and width of their image, for the group ``quality``.

    Returns
    -------
    pandas.DataFrame
        ``x, y, width, height`` in pixels, ``expression``, ``confidence``, each class's probability, ``label``,
        ``reason`` (empty text without one), then the groups.

    Raises
    ------
    InputError
        If a group is unknown.
    """
    import pandas as pd

    recognitions = list(recognitions)
    classes = in_order({name for each in recognitions for name in each.probabilities})
    rows = []
    for each in recognitions:
        box = each.face.box
        row: dict[str, Any] = {side: float(getattr(box, side)) for side in ("x", "y", "width", "height")}
        row |= {"expression": each.expression, "confidence": float(each.confidence)}
        row |= {name: each.probabilities.get(name, 0.0) for name in classes}
        row |= {"label": each.label, "reason": each.reason or ""}
        rows.append(row | field_values(each.face, fields, image_shape))
    columns = ["x", "y", "width", "height", "expression", "confidence", *classes, "label", "reason"]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
