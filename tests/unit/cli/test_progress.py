"""The progress of a job: a bar on a terminal, a line now and then elsewhere."""

import asyncio
from datetime import datetime, timedelta

import attrs

from cliq_async.bulk.report import BroadcastProgress
from cliq_async.cli.outputs import console as output
from cliq_async.cli.outputs.progress import Forecast, Progress
from cliq_async.cli.text import moment
from cliq_async.errors import QuotaStoreError
from cliq_async.quota.status import QuotaStatus


def a_status(**changes):
    return attrs.evolve(QuotaStatus(50, 50, 12, None, None, 0), **changes)


async def test_a_terminal_shows_a_bar_and_the_time_left(written):
    asked = []

    async def outlook(left):
        asked.append(left)
        return Forecast(90.0, a_status())

    progress = Progress(300, outlook)
    progress.update(BroadcastProgress(delivered=100, requests=1))
    async with progress.display():
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        output.echo_err("a line")
    shown = written.getvalue()
    assert asked == [200]
    assert "33%  1:30 min left" in shown
    assert "delivered 100  failed 0  unknown 0  requests 1  lockouts 0" in shown
    assert "window 12 of 50 free" in shown
    assert "a line" in shown


async def test_progress_without_a_total_and_without_a_store(written):
    async def broken(_left):
        raise QuotaStoreError

    for total in (None, 10, 0):
        progress = Progress(total, broken)
        async with progress.display():
            await asyncio.sleep(0)
    shown = written.getvalue()
    assert "so far" in shown
    assert "0%" in shown
    assert "100%" in shown


async def test_without_a_terminal_lines_come_now_and_then(monkeypatch, capsys):
    monkeypatch.setattr(output, "PLAIN_EVERY_S", 0.0)

    later = datetime.now().astimezone() + timedelta(hours=1)

    async def outlook(_left):
        return Forecast(3.0, a_status(free=0, next_token_at=later))

    progress = Progress(300, outlook)
    async with progress.display():
        for _ in range(9):
            await asyncio.sleep(0)
    line = "delivered 0  failed 0  unknown 0  requests 0  lockouts 0  0%  3.0 s left"
    assert capsys.readouterr() == ("", f"{line}  window spent until {moment(later)}\n")


async def test_progress_tells_the_rate_of_this_run_and_a_lock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("cliq_async.cli.outputs.progress.time.monotonic", lambda: now[0])
    until = datetime.now().astimezone() + timedelta(minutes=5)

    async def outlook(_left):
        return Forecast(300.0, a_status(free=0, next_token_at=until, locked_until=until))

    progress = Progress(30_000, outlook)
    now[0] += 50
    progress.update(BroadcastProgress(delivered=9_000))  # by earlier runs
    now[0] += 30
    progress.update(BroadcastProgress(delivered=11_500, failed=900, skipped=100, lockouts=1))
    await progress._update_forecast()
    assert progress._line().endswith(
        f"lockouts 1  42%  5:00 min left  5,000 recipients/min  locked until {moment(until)}"
    )


async def test_recipients_whom_a_stopped_job_left_are_not_shown_as_failed():
    async def outlook(_left):
        return Forecast(0.0, a_status())

    progress = Progress(10, outlook)
    progress.update(BroadcastProgress(delivered=2, failed=6, left=5))
    assert "delivered 2  failed 1  unknown 0" in progress._line()
    assert "30%" in progress._line()
