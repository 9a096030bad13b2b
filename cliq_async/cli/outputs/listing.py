"""Listings read to their end, with a sign of life on stderr where that takes long."""

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
"""What a page holds at the most."""

PATIENCE_S: Final = 1.0
"""What takes less needs no sign of life on a terminal."""

T = TypeVar("T")


class Counter:
    """Counts what came, and shows it.

    Args:
        noun: What one of them is called.
    """

    def __init__(self, noun: str) -> None:
        self.count = 0
        self._noun = noun
        self._started = time.monotonic()
        self._waited = False

    def __str__(self) -> str:
        return plural(self.count, self._noun)

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Show it while the body runs; a terminal forgets it afterwards."""
        async with live(self._show, self._line, before=self._patience, transient=True):
            yield

    async def _patience(self) -> None:
        if not self._waited:
            self._waited = True
            await asyncio.sleep(PATIENCE_S)

    def _line(self) -> str:
        return f"{self}, {duration(time.monotonic() - self._started)} so far"

    def _show(self) -> RenderableType:
        return bar(self.count, None, self._line())


def page_size(limit: int | None) -> int:
    """How many to ask for at once where `limit` are wanted in all."""
    return PAGE if limit is None else min(limit, PAGE)


async def collect(items: AsyncIterator[T], noun: str, limit: int | None) -> list[T]:
    """The first `limit` items of a listing, or all of them."""
    counter = Counter(noun)
    found: list[T] = []
    async with counter.shown():
        async for item in items:
            found.append(item)
            counter.count += 1
            if counter.count == limit:
                break
    return found
