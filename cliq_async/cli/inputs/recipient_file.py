"""Recipients from a file or standard input.

One id a line, a column of a CSV file, a key of JSON Lines, or the file of a sync.
"""

from collections.abc import AsyncIterator
from pathlib import PurePath
from typing import Any, Final, Literal, Self

import click

from cliq_async.cli.errors import CliError
from cliq_async.cli.inputs.lines import Lines
from cliq_async.cli.inputs.rows import CsvRows, json_rows
from cliq_async.cli.inputs.synced_list import RecipientTable

__all__ = ["FORMS", "Form", "RecipientFile", "form_of"]

Form = Literal["lines", "csv", "jsonl"]

FORMS: Final[tuple[Form, ...]] = ("lines", "csv", "jsonl")

_BY_ENDING: Final[dict[str, Form]] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def form_of(path: str) -> Form:
    """What a file is by its ending."""
    return _BY_ENDING.get(PurePath(path).suffix.lower(), "lines")


class RecipientFile:
    """Recipients, as a context manager. Iterate once after `start`.

    Blank lines are passed over; so are a byte order mark and every kind of line end. A file of
    `cliq subscribers sync` is known by how it begins.

    Args:
        path: The file's path, or `-` for standard input.
        column: The column that holds the ids; None if there is one id a line.
        form: What it is. By default what its ending says; else CSV if there is a column.

    Raises:
        Failure: It cannot be opened.
    """

    def __init__(self, path: str, column: str | None, form: Form | None = None) -> None:
        self._column = column
        by_ending = form_of(path)
        if by_ending == "lines" and column is not None:
            by_ending = "csv"
        self._form: Form = form or by_ending
        self._lines = Lines(path)
        self.name = self._lines.name
        self._csv = CsvRows(self._lines)
        self._table: RecipientTable | None = None
        if self._lines.is_database:
            self._lines.close()  # closing it later would take away the locks that SQLite has
            self._table = RecipientTable(path, column)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._table is not None:
            self._table.close()
        self._lines.close()

    def fault(self, what: str) -> CliError:
        """What is wrong with the file."""
        return self._lines.fault(what)

    async def start(self) -> int | None:
        """Read the header, if there is one, and count the recipients, if that is possible.

        Returns:
            How many ids there are; None if that takes reading a stream to its end.

        Raises:
            Failure: It cannot be read, or there is no such column.
        """
        if self._table is not None:
            return await self._table.start()
        await self._begin()
        if not self._lines.is_regular:
            return None
        total = 0
        async for _ in self:
            total += 1
        self._lines.restart()
        await self._begin()
        return total

    def __aiter__(self) -> AsyncIterator[Any]:
        """The ids. What is none goes on, to be reported as no id."""
        if self._table is not None:
            return self._table.ids()
        match self._form:
            case "lines":
                return self._plain_ids()
            case "csv":
                return self._csv_ids()
            case "jsonl":
                return self._json_ids()

    def rows(self) -> AsyncIterator[dict[str, Any]]:
        """The rows by column.

        Raises:
            UsageError: There are no columns.
            Failure: It cannot be read.
        """
        if self._table is not None:
            return self._table.rows()
        match self._form:
            case "lines":
                raise click.UsageError(
                    f"{self.name}: a template needs columns: of CSV or JSON Lines, see --format"
                )
            case "csv":
                return self._csv.rows()
            case "jsonl":
                return json_rows(self._lines)

    async def _begin(self) -> None:
        if self._form != "csv":
            return
        header = await self._csv.read_header()
        names = ", ".join(header) or "none"
        if self._column is None:
            raise click.UsageError(f"{self.name}: which --column? There are: {names}")
        if header.count(self._column) != 1:
            found = "more than one" if self._column in header else "no"
            raise self._lines.fault(f"{found} column {self._column!r}; there are: {names}")

    async def _plain_ids(self) -> AsyncIterator[str]:
        async for line in self._lines:
            if found := line.strip():
                yield found

    async def _csv_ids(self) -> AsyncIterator[str]:
        place = self._csv.header.index(self._column or "")
        async for row in self._csv.cells():
            yield row[place].strip() if place < len(row) else ""

    async def _json_ids(self) -> AsyncIterator[Any]:
        async for row in json_rows(self._lines):
            if self._column is None:
                names = ", ".join(map(str, row)) or "none"
                raise click.UsageError(f"{self.name}: which --column? There are: {names}")
            yield row.get(self._column, "")
