"""The progress of a bulk job, shown on stderr."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import attrs
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cliq_async.bulk.report import BroadcastProgress
from cliq_async.cli.outputs.console import live
from cliq_async.cli.outputs.job_report import without_left
from cliq_async.cli.text import duration, moment
from cliq_async.client import CliqClient
from cliq_async.errors import CliqError
from cliq_async.quota.status import QuotaStatus

__all__ = ["Forecast", "Progress", "bar", "forecast"]

_LONG_S: Final = 1.0


def bar(done: float, total: float | None, right: str, *, label: str = "") -> Table:
    """Build a line with a progress bar, which pulses if there is no total."""
    grid = Table.grid(padding=(0, 1), expand=True)
    cells: list[RenderableType] = [Text(label)] if label else []
    for _ in cells:
        grid.add_column(no_wrap=True)
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    line = ProgressBar(total, min(done, total or done), animation_time=time.monotonic())
    grid.add_row(*cells, line, Text(right))
    return grid


@attrs.frozen
class Forecast:
    """The forecast for the rest of a job.

    Attributes:
        left_s: The shortest time that the quota allows for the rest.
        quota: The quota that the job spends.
    """

    left_s: float
    quota: QuotaStatus


async def forecast(
    client: CliqClient, endpoint: str, requests: int, *, headroom: int = 0
) -> Forecast:
    """Forecast how long the requests that are left take; see `CliqClient.estimate_s`."""
    left_s = await client.estimate_s(endpoint, requests, headroom=headroom)
    return Forecast(left_s, (await client.quota_status())[endpoint])


class Progress:
    """Follows a job and shows its progress.

    Args:
        total: The number of recipients; None if unknown.
        forecast: Forecasts the rest of the job, given the recipients left or None.
    """

    def __init__(
        self, total: int | None, forecast: Callable[[int | None], Awaitable[Forecast]]
    ) -> None:
        self._total = total
        self._forecast = forecast
        self._ahead: Forecast | None = None
        self._started = time.monotonic()
        self._first: BroadcastProgress | None = None
        self._ending: str | None = None
        self.now = BroadcastProgress()

    def update(self, now: BroadcastProgress) -> None:
        """Set the progress so far."""
        if self._first is None:  # the progress of earlier runs
            self._first, self._started = now, time.monotonic()
        self.now = without_left(now)

    def mark_stopping(self) -> None:
        """Show that the job is stopping early."""
        self._ending = "stopping"

    def finish(self, now: BroadcastProgress) -> None:
        """Set the final progress."""
        self.now = without_left(now)
        self._ending = ""

    @asynccontextmanager
    async def display(self, *, transient: bool = False) -> AsyncIterator[None]:
        """Show the progress while the body runs; `transient` erases it from a terminal."""
        async with live(self._show, self._line, before=self._update_forecast, transient=transient):
            yield

    async def _update_forecast(self) -> None:
        left = None if self._total is None else self._total - self.now.done
        with suppress(CliqError):  # the job itself reports the error
            self._ahead = await self._forecast(left)

    def _counts(self) -> str:
        now = self.now
        return (
            f"delivered {now.delivered:,}  failed {now.failed:,}  unknown {now.unknown:,}  "
            f"requests {now.requests:,}  lockouts {now.lockouts:,}"
        )

    def _status(self) -> str:
        left_s = 0.0 if self._ahead is None else self._ahead.left_s
        if self._total is None:
            progress = f"{duration(time.monotonic() - self._started)} so far"
            ahead = f"next in {duration(left_s)}" if left_s >= _LONG_S else ""
        else:
            progress = f"{self.now.done / self._total if self._total else 1.0:.0%}"
            ahead = f"{duration(left_s)} left" if self.now.done < self._total else ""
        return "  ".join(filter(None, (progress, ahead if self._ending is None else self._ending)))

    def _rate(self) -> str:
        passed_s = time.monotonic() - self._started
        if self._first is None or passed_s < _LONG_S:
            return ""
        return f"{60 * (self.now.delivered - self._first.delivered) / passed_s:,.0f} recipients/min"

    def _quota(self) -> str:
        if self._ahead is None or self._ending is not None:
            return ""
        quota = self._ahead.quota
        if quota.locked_until is not None:
            return f"locked until {moment(quota.locked_until)}"
        if quota.next_token_at is not None:
            return f"window spent until {moment(quota.next_token_at)}"
        return f"window {quota.free} of {quota.capacity} free"

    def _pace(self) -> str:
        return "  ".join(filter(None, (self._rate(), self._quota())))

    def _show(self) -> RenderableType:
        lines = [Text(each) for each in (self._counts(), self._pace()) if each]
        return Group(bar(self.now.done, self._total, self._status()), *lines)

    def _line(self) -> str:
        return "  ".join(filter(None, (self._counts(), self._status(), self._pace())))
