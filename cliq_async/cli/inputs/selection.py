"""Whom a job goes to: the recipients of a file, or the first of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs

from cliq_async.cli.inputs.recipient_file import Form, RecipientFile

__all__ = ["RecipientSelection"]


@attrs.frozen(kw_only=True)
class RecipientSelection:
    """What `--to`, `--column`, `--format` and `--limit` say.

    Attributes:
        path: A file's path, or `-` for standard input.
        column: The column that holds the ids, or None.
        form: What the file is, or None for what its name says.
        limit: How many of them, from the first on; None for all.
        rows: Whether the whole rows are wanted, and not the ids alone.
    """

    path: str
    column: str | None
    form: Form | None
    limit: int | None
    rows: bool

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[tuple[str, int | None, AsyncIterator[Any]]]:
        """The recipients' source in words, how many there are if that is known, and they.

        Raises:
            Failure: They cannot be read.
        """
        with RecipientFile(self.path, self.column, self.form) as recipients:
            total = await recipients.start()
            if self.limit is not None and total is not None:
                total = min(total, self.limit)
            items = recipients.rows() if self.rows else aiter(recipients)
            yield recipients.name, total, self._first(items)

    def count(self) -> int | None:
        """How many there are; None if that takes reading a stream to its end.

        Not inside an event loop.

        Raises:
            Failure: They cannot be read.
        """
        return asyncio.run(self._count()) if Path(self.path).is_file() else None

    async def _count(self) -> int | None:
        async with self.opened() as (_, total, _items):
            return total

    async def _first(self, items: AsyncIterator[Any]) -> AsyncIterator[Any]:
        number = 0
        async for each in items:
            yield each
            number += 1
            if number == self.limit:
                return
