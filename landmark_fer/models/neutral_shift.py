"""Probabilities given a person's neutral face: how far a face moved from it decides, and not the average face.

People differ at rest: the log-odds of happy to neutral of one person's neutral face lie 1.4 nats (standard deviation)
from those of another's, and those of one person's views 0.2. A slight smile of a person with a stern neutral face
therefore stays on the neutral side for the average face, although it is far from this person's own. The rule, and what
else was tried, with figures: docs/decisions/0033-personal-baseline.md.
"""

import numpy as np

from landmark_fer.core.errors import InputError
from landmark_fer.core.probabilities import softmax

MARGIN = 1.0
"""Log-odds in nats: a face this far above the neutral face is as probably happy as neutral, and no expression is
predicted for the neutral face itself with more than ``exp(-MARGIN)`` times the share of neutral and happy."""
SLOPE = 2.0
"""Log-odds given the neutral face for each nat from there; over 1, as one person's neutral faces vary less than those
of all people."""
EARLIEST = -3.5
"""Log-odds of happy to neutral of the earliest face that is as probably happy as neutral, however far below them the
neutral face is: while a person talks and turns, they vary by more than `MARGIN`, and these faces show no smile."""
STILL = 0.05
"""Inter-ocular distances by which a closed mouth may be open farther than that of the neutral face; landmarks vary."""
PER_OPENING = 20.0
"""Nats by which the even point rises for each further inter-ocular distance, up to 0, where it is without a neutral
face: the teeth and lips of a mouth that speaks look like a smile next to those of a closed one."""
FLOOR = 1e-6
"""Smallest probability whose logarithm is taken."""

NEUTRAL, SHIFTED = "neutral", "happy"


def check_neutral(classes):
    """Raise InputError if a model of some classes does not predict neutral, which baselines need."""
    if NEUTRAL not in classes:
        raise InputError(f"a baseline needs a model that predicts {NEUTRAL}, got {', '.join(classes)}; use another")


def log_probabilities(probabilities):
    """Return the logarithms of probabilities of at least `FLOOR`, same shape."""
    return np.log(np.maximum(probabilities, FLOOR))


def given_neutral_face(probabilities, neutral, classes, *, opened=0.0):
    """Return probabilities given the person's neutral face.

    Two things change. The odds of happy to neutral are those of the shift from the neutral face: 1 at `MARGIN` nats,
    not before `EARLIEST`, and steeper by `SLOPE`; together the two keep their share. A mouth that is open farther than
    in the neutral face raises this even point. An expression that the neutral face itself was read as, or nearly, is
    reduced as far as it takes for the neutral face to be read as neutral. The odds of all other expressions to each
    other stay, because their shifts could not be measured.

    Parameters
    ----------
    probabilities : ndarray of shape (..., k)
        Calibrated, columns in the order of `classes`.
    neutral : ndarray of shape (k,) or (..., k)
        `log_probabilities` of the same model for the person's neutral face.
    classes : sequence of str
    opened : float or ndarray of shape (...), default=0
        Mouth opening less that of the neutral face, in inter-ocular distances.

    Returns
    -------
    ndarray of shape (..., k)
        Rows sum to 1. The probabilities themselves where the classes lack neutral.
    """
    classes = list(classes)
    if NEUTRAL not in classes:
        return probabilities
    at = classes.index(NEUTRAL)
    logs, neutral = log_probabilities(probabilities), np.asarray(neutral)
    at_rest = neutral - neutral[..., at : at + 1]
    excess = np.maximum(at_rest + MARGIN, 0)
    excess[..., at] = 0
    if SHIFTED not in classes:
        return softmax(logs - excess)
    happy = classes.index(SHIFTED)
    excess[..., happy] = 0
    result = softmax(logs - excess)
    even = np.maximum(at_rest[..., happy] + MARGIN, EARLIEST)
    even = np.maximum(even, np.minimum(even + PER_OPENING * np.maximum(opened - STILL, 0), 0))
    shift = logs[..., happy] - logs[..., at] - even
    both = result[..., happy] + result[..., at]
    share = 1 / (1 + np.exp(-SLOPE * shift))
    result[..., happy], result[..., at] = both * share, both * (1 - share)
    return result
