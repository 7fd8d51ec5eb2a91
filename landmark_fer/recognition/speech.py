"""Speech: while a mouth opens and closes as in talking, its opening is no evidence of an expression."""

import numpy as np

from landmark_fer.core.geometry import interocular_distance
from landmark_fer.recognition.cues import CUES, TYPICAL, counterfactual_landmarks, cue_values
from landmark_fer.recognition.explanation import warp_face

SWING = 0.05  # inter-ocular distances by which the mouth opens or closes in one movement; a still mouth has 0.03
MOVEMENTS = 4  # within WINDOW_S: two syllables; a mouth that opens once and closes has two
WINDOW_S = 1.5
PAUSE_S = 0.8  # without a movement, after which speech has ended
# Factors of odds in a face that speaks. Most are neutral, and a smile is read from corners of the lips, which stay;
# what is seen of the others is mostly the mouth. In FER2013 17 % are neutral, and 25 % happy.
ODDS = {"neutral": 9.0, "happy": 3.0}

_OPENINGS = [index for index, cue in enumerate(CUES) if cue.name in ("mouth_opening", "jaw")]


class SpeechDetector:
    """Detects whether the face of a track speaks, by alternating movements of the mouth."""

    def __init__(self):
        self._mouths = {}

    def update(self, track_id, landmarks, *, time_s):
        """Return whether the face speaks.

        Parameters
        ----------
        track_id : int
        landmarks : ndarray of shape (68, 2)
        time_s : float
            Time of the frame in seconds.

        Returns
        -------
        bool
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
        return self.speaks


def mouth_opening(landmarks):
    """Return the gap between the lips in inter-ocular distances, for landmarks of shape (68, 2)."""
    gap = np.linalg.norm(landmarks[61:64] - landmarks[67:64:-1], axis=1).mean()
    return float(gap) / (float(interocular_distance(landmarks)) or 1.0)


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
    for index in _OPENINGS:
        if cue_values(landmarks)[index] > TYPICAL[0, index]:
            landmarks = counterfactual_landmarks(landmarks)[index]
    return warp_face(face, landmarks, fields=fields, crop_margin=crop_margin)


def with_speech_odds(probabilities, classes):
    """Return probabilities of shape (k,) for a face that speaks, multiplied by `ODDS` and normalized."""
    weights = np.array([ODDS.get(name, 1.0) for name in classes])
    return probabilities * weights / (probabilities * weights).sum()
