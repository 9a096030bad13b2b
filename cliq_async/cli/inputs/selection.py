"""The recipients of a bulk job, read from a file and optionally limited."""

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
    """The values of `--to`, `--column`, `--format`, `--delimiter` and `--limit`.

    Attributes:
        path: A file's path, or `-` for standard input.
        column: The column with the ids, or None.
        form: The form of the file; None if its name decides.
        delimiter: The character between the cells of CSV; None to find it out.
        limit: The number of recipients to take; None for all.
        rows: True to read whole rows, False to read ids.
    """

    path: str
    column: str | None
    form: Form | None
    delimiter: str | None = None
    limit: int | None
    rows: bool

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[str, int | None, AsyncIterator[Any]]]:
        """Open the file. Yields its name, the number of recipients if known, and the recipients.

        Raises:
            CliError: The file cannot be read.
        """
        with RecipientFile(self.path, self.column, self.form, self.delimiter) as recipients:
            total = await recipients.start()
            if self.limit is not None and total is not None:
                total = min(total, self.limit)
            items = recipients.rows() if self.rows else aiter(recipients)
            yield recipients.name, total, self._limited(items)

    def count(self) -> int | None:
        """Count the recipients; None for a stream, which can be read only once.

        Not inside an event loop.

        Raises:
            CliError: The file cannot be read.
        """
        return asyncio.run(self._count()) if Path(self.path).is_file() else None

    async def _count(self) -> int | None:
        async with self.open() as (_, total, _items):
            return total

    async def _limited(self, items: AsyncIterator[Any]) -> AsyncIterator[Any]:
        number = 0
        async for each in items:
            yield each
            number += 1
            if number == self.limit:
                return
