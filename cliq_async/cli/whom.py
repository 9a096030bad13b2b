"""Whom a broadcast goes to: the recipients of a file, or the first of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs

from cliq_async.cli.recipients import RecipientFile

__all__ = ["Whom"]


@attrs.frozen
class Whom:
    """What `--to`, `--column` and `--limit` say.

    Attributes:
        path: A file's path, or `-` for standard input.
        column: The CSV column that holds the ids, or None.
        limit: How many of them, from the first on; None for all.
    """

    path: str
    column: str | None
    limit: int | None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[tuple[str, int | None, AsyncIterator[str]]]:
        """The recipients' source in words, how many there are if that is known, and they.

        Raises:
            Failure: They cannot be read.
        """
        with RecipientFile(self.path, self.column) as recipients:
            total = await recipients.start()
            if self.limit is not None and total is not None:
                total = min(total, self.limit)
            yield recipients.name, total, self._first(recipients)

    async def count(self) -> int | None:
        """How many there are; None if that takes reading a stream to its end."""
        if self.path == "-":
            return None
        async with self.opened() as (_, total, _ids):
            return total

    async def _first(self, recipients: RecipientFile) -> AsyncIterator[str]:
        number = 0
        async for each in recipients:
            if self.limit is not None and number >= self.limit:
                return
            number += 1
            yield each
