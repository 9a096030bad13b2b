"""The chart's data: windows, deliveries and locks, in a bounded number of points."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cliq_async.bulk.report import BroadcastProgress
from cliq_async.cli.outputs.timeline import Timeline
from cliq_async.hooks import LockDetails, RequestDetails


@pytest.fixture
def line(clock):
    return Timeline("send_message", 60.0, lambda: clock.now)


def request(line, *, endpoint="send_message", outcome: Any = "done"):
    details = RequestDetails(
        endpoint=endpoint, method="POST", status=200, outcome=outcome, took_s=0.1
    )
    line.hooks.on_request(details)


def progress(line, delivered):
    line.record_progress(BroadcastProgress(delivered=delivered))


def test_requests_count_for_a_window(line, clock):
    progress(line, 0)
    for _ in range(50):
        request(line)
    request(line, endpoint="list_bots")
    request(line, outcome="unsent")
    progress(line, 5000)
    clock.now += 61
    request(line)
    progress(line, 5100)
    assert line.peak == line.points[0].requests == 50
    assert [each.requests for each in line.points[1:30]] == [50] * 29
    assert line.points[30].requests == 1
    assert [each.delivered for each in line.points] == [5000] * 30 + [5100]
    assert (line.first, line.took_s, line.width_s) == (0, 61, 2)


def test_points_of_a_long_job_are_few(line, clock):
    for number in range(3_000):
        request(line)
        progress(line, number)
        clock.now += 13
    assert line.width_s * len(line.points) >= 3_000 * 13 - 13
    assert len(line.points) <= 360
    assert {each.requests for each in line.points} == {5}
    delivered = [each.delivered for each in line.points]
    assert delivered == sorted(delivered)
    assert delivered[-1] == 2_999


def test_the_chart_begins_with_those_of_earlier_runs(line, clock):
    clock.now += 5
    progress(line, 700)
    assert (line.first, line.points[-1].delivered) == (700, 700)
    assert line.points[0].delivered == 700


def test_locks(line, clock):
    clock.now += 10
    until = datetime.now(UTC) + timedelta(seconds=600)
    details = {"owner": "default", "until": until, "capacity": 40, "threshold": 50}
    line.hooks.on_lock(LockDetails(endpoint="send_message", **details))
    line.hooks.on_lock(LockDetails(endpoint="list_bots", **details))
    assert line.locks == [(10, pytest.approx(610, abs=5))]
