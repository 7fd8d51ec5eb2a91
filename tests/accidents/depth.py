"""Number of fuzzing cases: small by default, larger by an environment variable."""

import os

from hypothesis import HealthCheck, settings

DEPTH_VARIABLE = "LANDMARK_FER_FUZZ_DEPTH"


def depth():
    """Return the factor by which the number of cases is multiplied."""
    return float(os.environ.get(DEPTH_VARIABLE, "1"))


def examples(number):
    """Return Hypothesis settings for a number of examples, which are the same in each run unless `depth` exceeds 1."""
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    most = max(5, round(number * depth()))
    return settings(max_examples=most, deadline=None, derandomize=depth() == 1, suppress_health_check=checks)
