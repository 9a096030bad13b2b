"""The soak, for a moment: `make soak` runs it for ten minutes."""

from collections import Counter

import pytest
from simulation.soak import one_episode


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_twenty_minutes_of_anything_at_random_locks_nobody_out_and_loses_nobody(kind):
    counts: Counter[str] = Counter()
    one_episode("short", kind, 0.3, counts)
    assert counts["requests"] > 50
    assert counts["cancelled"] > 5
