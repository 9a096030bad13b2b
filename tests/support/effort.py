"""How hard the random tests try: a little by default, as often as one likes with ATTACK=50."""

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("ATTACK", "1"))


def tries(number: int, **options) -> settings:
    """Settings for so many examples, multiplied by what the environment asks for."""
    health = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    return settings(
        max_examples=number * TIMES, deadline=None, suppress_health_check=health, **options
    )
