"""Rows parsed from lines: CSV with a header, or JSON Lines."""

import csv
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from cliq_async.cli.inputs.lines import Lines

__all__ = ["CsvRows", "json_rows"]

_MAX_LINES: Final = 1_000
"""The most lines that one row can span."""
_MAX_CHARS: Final = 1 << 20
"""The most characters of one row."""


class _OpenQuoteError(Exception):
    """The lines read so far end inside quotes."""


class CsvRows:
    """The rows of a CSV file below its header, without blank rows.

    Args:
        lines: The lines.

    Attributes:
        header: The names of the columns; empty until it is read.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.header: list[str] = []

    async def read_header(self) -> list[str]:
        """Read the names of the columns from the first row.

        Raises:
            CliError: It is not CSV.
        """
        self.header = [name.strip() for name in await self._next_row() or []]
        return self.header

    async def cells(self) -> AsyncIterator[list[str]]:
        """Iterate over the cells of the rows; a row may have more or fewer cells than columns.

        Raises:
            CliError: It is not CSV.
        """
        while (row := await self._next_row()) is not None:
            yield row

    async def rows(self) -> AsyncIterator[dict[str, Any]]:
        """Iterate over the rows by column, without empty cells and unnamed columns.

        Raises:
            CliError: It is not CSV, two columns have the same name, or a row is too long.
        """
        header = self.header
        for name in header:
            if name and header.count(name) > 1:
                raise self._lines.error(f"more than one column {name!r}")
        async for row in self.cells():
            if len(row) > len(header):
                counts = f"{len(row)} cells for {len(header)} columns"
                raise self._lines.error(
                    f"{counts} in line {self._lines.number}: put cells with commas in quotes"
                )
            cells = zip(header, row, strict=False)
            yield {name: cell for name, cell in cells if name and cell.strip()}

    async def _next_row(self) -> list[str] | None:
        """Read the next row that is not blank; None at the end."""
        pending: list[str] = []
        length = 0
        async for line in self._lines:
            pending.append(line + "\n")
            length += len(line)
            try:
                row = next(csv.reader(_feed(pending), strict=True))
            except _OpenQuoteError:
                if len(pending) < _MAX_LINES and length <= _MAX_CHARS:
                    continue
                raise self._lines.error(
                    f"the quotes that line {self._first_line(pending)} opens are not closed within "
                    f"{_MAX_LINES:,} lines or {_MAX_CHARS:,} characters"
                ) from None
            except csv.Error as error:
                raise self._lines.error(f"not CSV in line {self._lines.number}: {error}") from None
            pending.clear()
            length = 0
            if any(cell.strip() for cell in row):
                return row
        if pending:
            raise self._lines.error(
                f"the quotes that line {self._first_line(pending)} opens are never closed"
            )
        return None

    def _first_line(self, pending: list[str]) -> int:
        return self._lines.number - len(pending) + 1


def _feed(lines: list[str]) -> Iterator[str]:
    yield from lines
    raise _OpenQuoteError


async def json_rows(lines: Lines) -> AsyncIterator[dict[str, Any]]:
    """Iterate over the objects of JSON Lines, and skip blank lines.

    Raises:
        CliError: A line is not a JSON object.
    """
    async for line in lines:
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise lines.error(f"not JSON in line {lines.number}: {error}") from None
        if not isinstance(row, dict):
            raise lines.error(f"not a JSON object in line {lines.number}")
        yield row
