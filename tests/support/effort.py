"""The number of examples of the random tests, which ATTACK=50 multiplies by fifty."""

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("ATTACK", "1"))


def tries(number: int, **options) -> settings:
    """Return settings for this many examples, multiplied by ATTACK."""
    health = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    return settings(
        max_examples=number * TIMES, deadline=None, suppress_health_check=health, **options
    )


# For the tests that choose no number.
settings.register_profile("effort", max_examples=50 * TIMES, deadline=None)
settings.load_profile("effort")
