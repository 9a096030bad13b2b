"""Times for people: local, with the time that is left or that has passed."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from cliq_async.cli.text import moment

NOW = datetime(2026, 3, 28, 12, 0, 0, 250_000, tzinfo=UTC)  # the day before Berlin's clocks change


@pytest.fixture(autouse=True)
def _berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.2, "13:00:01 (in 1 s)"),
        (45, "13:00:46 (in 45 s)"),
        (60, "13:01:01 (in 1 min)"),
        (600, "13:10:01 (in 10 min)"),
        (7_199, "15:00:00 (in 120 min)"),
        (3 * 3_600, "16:00:01 (in 3 h)"),
        (13 * 3_600, "2026-03-29 03:00 (in 13 h)"),
        (3 * 86_400, "2026-03-31 14:00 (in 3 days)"),
        (0, "13:00:00 (0 s ago)"),
        (-45, "12:59:15 (45 s ago)"),
        (-7_200, "11:00:00 (2 h ago)"),
        (-86_400, "2026-03-27 13:00 (24 h ago)"),
    ],
)
def test_a_moment_is_local_and_relative(seconds, shown):
    assert moment(NOW + timedelta(seconds=seconds), NOW) == shown


def test_a_moment_of_now_needs_no_present():
    assert moment(datetime.now(UTC) + timedelta(seconds=3_600)).endswith("(in 60 min)")
