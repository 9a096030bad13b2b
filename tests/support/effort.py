"""The number of examples of the random tests: half of it by default, ATTACK=50 times as many."""

import os

from hypothesis import HealthCheck, settings

TIMES = float(os.environ.get("ATTACK", "0.5"))


def tries(number: int, **options) -> settings:
    """Return settings for this many examples, multiplied by ATTACK."""
    health = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    examples = max(1, round(number * TIMES))
    return settings(max_examples=examples, deadline=None, suppress_health_check=health, **options)
