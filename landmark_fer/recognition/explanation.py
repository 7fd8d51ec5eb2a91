"""Why a model answers what it answers: its own witness, from faces with one sign undone or one patch blurred.

The model is asked again about changed faces: with the mouth as open as a typical neutral face has it, with the brows as
low, and so on, landmarks and pixels alike. How much the answer loses is what the sign contributed. This holds for any
predictor, and says what the model goes by, not what the person feels, nor what would be right to go by.
"""

from dataclasses import asdict, dataclass, field

import numpy as np

from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.core.records import stack
from landmark_fer.models.contract import predict_in_order
from landmark_fer.recognition.counterfactuals import without_cues, without_patches
from landmark_fer.recognition.cues import CUES, TYPICAL, cue_values
from landmark_fer.recognition.occlusion import spread_over_chip

NOTABLE_SHIFT = 0.5
"""Under this many spreads from the typical value a sign is not named in the text."""

NOTABLE_CONTRIBUTION = 0.1
"""Under this contribution, too."""

_SURE = 1e-6  # probabilities are kept this far from 0 and 1, where log odds end


@dataclass(frozen=True)
class ShownCue:
    """What one facial sign says about an answer.

    Attributes
    ----------
    name : str
        Of the sign in `CUES`.
    words : str
        What the face shows against a typical neutral face: "mouth open".
    value, typical : float
        The measurement of this face and of a typical neutral face: inter-ocular distances, for brow slopes a ratio.
    shift : float
        Their difference in spreads of neutral faces, of which about two thirds lie within 1.
    contribution : float
        How much the log odds of the answer fall when the sign is undone; positive: it speaks for the answer. 0.7
        is a factor of two.
    """

    name: str
    words: str
    value: float
    typical: float
    shift: float
    contribution: float


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a face was given its expression, as far as the model's answers to changed faces tell.

    Attributes
    ----------
    expression : str
        The expression that is explained: the answer, or the likeliest one where the answer is `UNCERTAIN`.
    measurements : tuple of ShownCue
        The strongest contribution first.
    heat : ndarray of shape (S, S), float32, or None
        How much the log odds fall when that part of the chip is blurred; positive: it speaks for the answer. None
        where the model reads landmarks alone.
    """

    expression: str
    measurements: tuple
    heat: np.ndarray | None = field(default=None, repr=False)

    @property
    def notable(self):
        """The signs that are worth naming: unlike a typical neutral face's, and of weight for the answer."""
        return tuple(
            each
            for each in self.measurements
            if abs(each.shift) >= NOTABLE_SHIFT and abs(each.contribution) >= NOTABLE_CONTRIBUTION
        )

    @property
    def text(self):
        """The reasons in one sentence: ``mouth open (+2.3) and eyes wide (+1.1) speak for surprise``."""
        speaking = [each for each in self.notable if each.contribution > 0][:3]
        against = [each for each in self.notable if each.contribution < 0][:2]
        parts = [
            f"{_spoken(each)} {way} {self.expression}"
            for each, way in ((speaking, "for"), (against, "against"))
            if each
        ]
        return "; ".join(parts) or f"no single measurement speaks clearly for or against {self.expression}"

    def to_dict(self):
        """Return the explanation as plain values for a log; the heat image is left out."""
        plain = [
            {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(each).items()}
            for each in self.measurements
        ]
        return {"expression": self.expression, "text": self.text, "measurements": plain}


def explain(artifact, recognition):
    """Return why a model gives a face its expression.

    Parameters
    ----------
    artifact : Artifact
    recognition : Recognition
        Its `face` must have what the model reads. A smoothed one is explained by the model's answers to its face.

    Returns
    -------
    Explanation
    """
    face = recognition.face
    expression = recognition.likeliest if recognition.expression == UNCERTAIN else recognition.expression
    reads = {
        "fields": artifact.manifest["fields"],
        "crop_margin": artifact.manifest["extractor"].get("crop_margin", 0.0),
    }
    sees = "chip" in reads["fields"] or "crop" in reads["fields"]
    faces = [face, *without_cues(face, **reads), *(without_patches(face, **reads) if sees else [])]
    lost = _losses(artifact, faces, expression)
    heat = spread_over_chip(lost[len(CUES) :], chip_size=len(face.chip)).astype(np.float32) if sees else None
    return Explanation(expression, _shown_signs(face, lost[: len(CUES)]), heat)


def _shown_signs(face, contributions):
    values = cue_values(face.landmarks)
    shifts = (values - TYPICAL[0]) / TYPICAL[1]
    shown = [
        ShownCue(sign.name, sign.more if shift > 0 else sign.less, *map(float, numbers), float(shift), float(lost))
        for sign, *numbers, shift, lost in zip(CUES, values, TYPICAL[0], shifts, contributions, strict=True)
    ]
    return tuple(sorted(shown, key=lambda each: -abs(each.contribution)))


def _losses(artifact, faces, expression):
    """Return how much the log odds of an expression fall from the first face to each of the others."""
    records = stack(faces, chip_size=len(faces[0].chip), crop_size=faces[0].crop is not None and len(faces[0].crop))
    column = artifact.classes.index(expression)
    probability = predict_in_order(artifact.predictor, records, artifact.classes)[:, column].clip(_SURE, 1 - _SURE)
    odds = np.log(probability / (1 - probability))
    return odds[0] - odds[1:]


def _spoken(shown):
    """Return ``mouth open (+2.3) and eyes wide (+1.1) speak``."""
    *others, last = [f"{each.words} ({each.contribution:+.1f})" for each in shown]
    return f"{', '.join(others)} and {last} speak" if others else f"{last} speaks"
