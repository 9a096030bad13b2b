"""Listings read to their end, with a counter on stderr if that takes long."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from rich.console import RenderableType

from cliq_async.cli.outputs.console import live
from cliq_async.cli.outputs.progress import bar
from cliq_async.cli.text import duration, plural

__all__ = ["PAGE", "Counter", "collect", "page_size"]

PAGE: Final = 50
"""The largest page."""

PATIENCE_S: Final = 1.0
"""A listing that takes less shows no counter."""

T = TypeVar("T")


class Counter:
    """Counts the items of a listing, and shows the count.

    Args:
        noun: The singular name of an item.
    """

    def __init__(self, noun: str) -> None:
        self.count = 0
        self._noun = noun
        self._started = time.monotonic()
        self._waited = False

    def __str__(self) -> str:
        return plural(self.count, self._noun)

    @asynccontextmanager
    async def display(self) -> AsyncIterator[None]:
        """Show the count while the body runs, and erase it from a terminal afterwards."""
        async with live(self._show, self._line, before=self._delay_display, transient=True):
            yield

    async def _delay_display(self) -> None:
        if not self._waited:
            self._waited = True
            await asyncio.sleep(PATIENCE_S)

    def _line(self) -> str:
        return f"{self}, {duration(time.monotonic() - self._started)} so far"

    def _show(self) -> RenderableType:
        return bar(self.count, None, self._line())


def page_size(limit: int | None) -> int:
    """Return the page size for a listing of up to `limit` items."""
    return PAGE if limit is None else min(limit, PAGE)


async def collect(items: AsyncIterator[T], noun: str, limit: int | None) -> list[T]:
    """Collect the first `limit` items of a listing, or all of them."""
    counter = Counter(noun)
    collected: list[T] = []
    async with counter.display():
        async for item in items:
            collected.append(item)
            counter.count += 1
            if counter.count == limit:
                break
    return collected
