"""The recipients of a bulk job, read from a file and optionally limited."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import attrs

from cliq_async.cli.errors import USAGE, CliError, describe
from cliq_async.cli.inputs.recipient_file import Form, RecipientFile
from cliq_async.errors import ValidationError

__all__ = ["RecipientSelection"]

_ROW: Final = re.compile(r"row [\d,]+( \(and [\d,]+ more\))?: ")


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
    _opened: list[RecipientFile] = attrs.field(factory=list, init=False, repr=False, eq=False)

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
            self._opened[:] = [recipients]
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

    @contextmanager
    def naming_lines(self, content: Any) -> Iterator[Any]:
        """Make an error in the message of a row name the file, and the line of the row if known.

        Args:
            content: The content of a job: a function of a row, or the same for all.

        Yields:
            The content that does so.

        Raises:
            CliError: The body raised the error.
        """
        if not callable(content):
            yield content
            return
        first: int | None = None
        make: Callable[[Any], Any] = content

        def noting(row: Any) -> Any:
            nonlocal first
            try:
                return make(row)
            except ValidationError:
                first = first or self._opened[0].line
                raise

        try:
            yield noting
        except ValidationError as error:
            found = _ROW.match(error.field)
            if found is None:
                raise
            where, text = self._opened[0].name, describe(error)
            if first is not None:
                where, text = f"{where} line {first}{found[1] or ''}", text[found.end() :]
            raise CliError(f"{where}: {text}", USAGE) from None

    @contextmanager
    def naming_column(self) -> Iterator[None]:
        """Make an error about items that are not ids name the file and its column.

        Raises:
            CliError: The body raised the error.
        """
        try:
            yield
        except ValidationError as error:
            if error.field != "to" or not self._opened:
                raise
            raise self._opened[0].no_ids(error.given) from None

    async def _limited(self, items: AsyncIterator[Any]) -> AsyncIterator[Any]:
        number = 0
        async for each in items:
            yield each
            number += 1
            if number == self.limit:
                return
