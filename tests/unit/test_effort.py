"""Each random test makes more examples when it is asked to: ATTACK=50 reaches all of them."""

import re
from pathlib import Path

from hypothesis import settings
from support.effort import TIMES, tries

TESTS = Path(__file__).parents[1]


def test_number_of_examples_is_multiplied():
    assert settings().max_examples == 50 * TIMES
    assert tries(3).max_examples == 3 * TIMES


def test_random_tests_choose_their_number_by_tries():
    own = [TESTS / "support" / "effort.py", Path(__file__)]
    chosen = [
        str(path.relative_to(TESTS))
        for path in TESTS.rglob("*.py")
        if path not in own and re.search(r"hypothesis import .*settings", path.read_text())
    ]
    assert chosen == []
