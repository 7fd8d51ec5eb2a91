"""The laws of the label: it says what the probabilities say."""

from landmark_fer.core.expressions import UNCERTAIN

RISES_S = 0.3  # how long an expression may be over the threshold while uncertain is shown
LEAD = 0.1  # of the likeliest over the one named, at most


def check_laws(times, shown, threshold):
    """Check that the label of each frame follows the probabilities and the threshold, as shown.

    Parameters
    ----------
    times : iterable of float
    shown : iterable of Recognition
        Of one track. Those with a reason may name no expression.
    threshold : float
    """
    over_since = None
    for time_s, one in zip(times, shown, strict=True):
        likeliest = max(one.probabilities.values())
        if one.expression == UNCERTAIN:
            over = likeliest >= threshold and one.reason is None
            over_since = None if not over else (time_s if over_since is None else over_since)
            assert over_since is None or time_s - over_since < RISES_S
        else:
            over_since = None
            assert one.probabilities[one.expression] >= max(threshold, likeliest - LEAD - 1e-9)
            assert one.confidence == one.probabilities[one.expression]
