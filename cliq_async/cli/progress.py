"""How far a broadcast is, on stderr."""

import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cliq_async.bulk.report import BroadcastProgress
from cliq_async.cli.output import duration, live
from cliq_async.errors import CliqError

__all__ = ["Progress", "bar"]

_LONG_S: Final = 1.0


def bar(done: float, total: float | None, right: str, *, label: str = "") -> Table:
    """A line with a bar; without a total it shows that something moves."""
    grid = Table.grid(padding=(0, 1), expand=True)
    cells: list[RenderableType] = [Text(label)] if label else []
    for _ in cells:
        grid.add_column(no_wrap=True)
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    line = ProgressBar(total, min(done, total or done), animation_time=time.monotonic())
    grid.add_row(*cells, line, Text(right))
    return grid


class Progress:
    """Follows a broadcast and shows it.

    Args:
        total: How many recipients there are; None if nobody knows.
        batch_size: Recipients in a request.
        shortest_s: How long the quota makes a number of requests take, at the least.
    """

    def __init__(
        self,
        total: int | None,
        batch_size: int,
        shortest_s: Callable[[int], Awaitable[float]],
    ) -> None:
        self._total = total
        self._batch_size = batch_size
        self._shortest_s = shortest_s
        self._left_s = 0.0
        self._started = time.monotonic()
        self._ending: str | None = None
        self.now = BroadcastProgress()

    def update(self, now: BroadcastProgress) -> None:
        """Take in how far it is."""
        self.now = now

    def stopping(self) -> None:
        """Take in that it will not go on to the end."""
        self._ending = "stopping"

    def ended(self, now: BroadcastProgress) -> None:
        """Take in how far it came."""
        self.now = now
        self._ending = ""

    @asynccontextmanager
    async def shown(self, *, transient: bool = False) -> AsyncIterator[None]:
        """Show it while the body runs; a terminal forgets it if it is transient."""
        async with live(self._show, self._line, before=self._estimate, transient=transient):
            yield

    async def _estimate(self) -> None:
        # Without a total, the next request is all there is to foresee.
        requests = 1
        if self._total is not None:
            requests = math.ceil((self._total - self.now.done) / self._batch_size)
        with suppress(CliqError):  # the job itself will say so
            self._left_s = await self._shortest_s(requests)

    def _counts(self) -> str:
        now = self.now
        return (
            f"delivered {now.delivered:,}  failed {now.failed:,}  unknown {now.unknown:,}  "
            f"requests {now.requests:,}  lockouts {now.lockouts:,}"
        )

    def _right(self) -> str:
        if self._total is None:
            far = f"{duration(time.monotonic() - self._started)} so far"
            ahead = f"next in {duration(self._left_s)}" if self._left_s >= _LONG_S else ""
        else:
            far = f"{self.now.done / self._total if self._total else 1.0:.0%}"
            ahead = f"{duration(self._left_s)} left" if self.now.done < self._total else ""
        return "  ".join(filter(None, (far, ahead if self._ending is None else self._ending)))

    def _show(self) -> RenderableType:
        return Group(bar(self.now.done, self._total, self._right()), Text(self._counts()))

    def _line(self) -> str:
        return f"{self._counts()}  {self._right()}"
