"""People in videos: what is rarer there than among the images of models, and mouths that speak.

The images that models learn from were searched by words for emotions. In videos, and most of all while people speak,
other expressions are frequent: the odds of a prediction are multiplied accordingly. While a mouth opens and closes as
in talking, its opening is no evidence. The factors, and what they were chosen on: docs/decisions/0034-labels.md.
"""

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np

from landmark_fer.core.expressions import UNCERTAIN
from landmark_fer.core.geometry import interocular_distance
from landmark_fer.recognition.cues import CUES, TYPICAL, counterfactual_landmarks, cue_values
from landmark_fer.recognition.explanation import warp_face

SWING = 0.05  # inter-ocular distances by which the mouth opens or closes in one movement; a still mouth has 0.03
MOVEMENTS = 4  # within WINDOW_S: two syllables; a mouth that opens once and closes has two
WINDOW_S = 1.5
PAUSE_S = 0.8  # without a movement, after which speech has ended

VIDEO_ODDS = {"angry": 1 / 2, "fear": 1 / 4}
"""Factors of odds in every video. Fear is 14 % of FER2013, and 3 % of the utterances of MELD."""
SPEECH_ODDS = {"neutral": 5.0, "happy": 2.0, "angry": 1 / 4, "disgust": 1 / 4, "fear": 1 / 8}
"""The same for a face that speaks: most are neutral, a smile is read from corners of the lips, which stay, and what is
seen of the others is mostly the mouth."""

_OPENINGS = [index for index, cue in enumerate(CUES) if cue.name in ("mouth_opening", "jaw")]


class SpeechDetector:
    """Detects how surely the face of a track speaks, by alternating movements of the mouth."""

    def __init__(self):
        self._mouths = {}

    def update(self, track_id, landmarks, *, time_s):
        """Return how surely the face speaks.

        Parameters
        ----------
        track_id : int
        landmarks : ndarray of shape (68, 2)
        time_s : float
            Time of the frame in seconds.

        Returns
        -------
        float
            From 0 to 1: a third for each movement after the first, so that the first syllables count in part. A
            pause ends it.
        """
        return self._mouths.setdefault(track_id, _Mouth()).update(mouth_opening(landmarks), time_s)

    def keep_only(self, track_ids):
        """Remove all tracks but these."""
        self._mouths = {track_id: self._mouths[track_id] for track_id in track_ids if track_id in self._mouths}


class _Mouth:
    """Times of a mouth's movements: turns of its opening by `SWING` or more."""

    def __init__(self):
        self.extreme, self.direction, self.turns, self.speaks = None, 0, [], False

    def update(self, opening, time_s):
        if self.extreme is None or (opening - self.extreme) * self.direction > 0:
            self.extreme = opening
        elif abs(opening - self.extreme) >= SWING:
            self.extreme, self.direction = opening, 1 if opening > self.extreme else -1
            self.turns.append(time_s)
        self.turns = [turn_s for turn_s in self.turns if 0 <= time_s - turn_s <= WINDOW_S]
        recent = bool(self.turns) and time_s - self.turns[-1] <= PAUSE_S
        self.speaks = recent and (self.speaks or len(self.turns) >= MOVEMENTS)
        return 1.0 if self.speaks else recent * (len(self.turns) - 1) / (MOVEMENTS - 1)


def mouth_opening(landmarks):
    """Return the gap between the lips in inter-ocular distances, for landmarks of shape (68, 2)."""
    gaps = landmarks[61:64] - landmarks[67:64:-1]
    gap = sum(math.hypot(*each) for each in gaps.tolist()) / len(gaps)
    return gap / (float(interocular_distance(landmarks)) or 1.0)


def with_closed_mouth(face, *, fields, crop_margin=0.0):
    """Return a face as it would look with its mouth closed and its jaw raised, as far as they are open.

    Parameters
    ----------
    face, fields, crop_margin
        As for `explanation.counterfactual_faces`.

    Returns
    -------
    Face
    """
    landmarks = np.asarray(face.landmarks, dtype=np.float64)
    if interocular_distance(landmarks) == 0:  # a misplaced face, which has no scale
        return face
    # Each of the two moves other landmarks than the other, and does not change its value.
    moves = counterfactual_landmarks(landmarks, _OPENINGS) - landmarks
    is_open = cue_values(landmarks)[_OPENINGS] > TYPICAL[0, _OPENINGS]
    landmarks = landmarks + moves[is_open].sum(axis=0)
    return warp_face(face, landmarks, fields=fields, crop_margin=crop_margin)


def with_video_odds(probabilities, classes, speech):
    """Return probabilities with the odds that expressions have in videos.

    Parameters
    ----------
    probabilities : ndarray of shape (k,)
    classes : sequence of str
    speech : float
        How surely the face speaks, from 0 to 1: the factors go from `VIDEO_ODDS` to `SPEECH_ODDS`.

    Returns
    -------
    ndarray of shape (k,)
        Its sum is 1.
    """
    values = probabilities * _factors(tuple(classes), speech)
    return values / values.sum()


@lru_cache
def _factors(classes, speech):
    """Return the factor of the odds of each class, shape (k,)."""
    video, spoken = (np.array([odds.get(name, 1.0) for name in classes]) for odds in (VIDEO_ODDS, SPEECH_ODDS))
    return video ** (1 - speech) * spoken**speech


def in_video(recognition, speech, *, threshold):
    """Return the recognition of a face in a video.

    Parameters
    ----------
    recognition : Recognition
        The model's, given the person's baseline where there is one.
    speech : float
        As for `with_video_odds`.
    threshold : float
        Of the recognizer.

    Returns
    -------
    Recognition
        Its probabilities have the odds of videos; `without_baseline` stays the model's.
    """
    classes = tuple(recognition.probabilities)
    values = with_video_odds(np.array(list(recognition.probabilities.values())), classes, speech)
    best = int(values.argmax())
    certain = values[best] >= threshold and recognition.reason is None
    return replace(
        recognition,
        expression=classes[best] if certain else UNCERTAIN,
        confidence=float(values[best]),
        probabilities=dict(zip(classes, values.tolist(), strict=True)),
    )
