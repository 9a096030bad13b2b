"""Rows out of lines: of CSV with a header, or of JSON Lines."""

import csv
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from cliq_async.cli.inputs.lines import Lines

__all__ = ["CsvRows", "json_rows"]


_MOST_LINES: Final = 1_000
"""Of one row."""


class _OpenQuoteError(Exception):
    """The lines so far end inside quotes."""


class CsvRows:
    """The rows below a header. Blank ones are passed over.

    Args:
        lines: The lines.

    Attributes:
        header: The names of the columns, once it was read.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.header: list[str] = []

    async def read_header(self) -> list[str]:
        """Read the names of the columns: the first row.

        Raises:
            Failure: It is no CSV.
        """
        self.header = [name.strip() for name in await self._row() or []]
        return self.header

    async def cells(self) -> AsyncIterator[list[str]]:
        """The cells of the rows, which may be more or fewer than there are columns.

        Raises:
            Failure: It is no CSV.
        """
        while (row := await self._row()) is not None:
            yield row

    async def rows(self) -> AsyncIterator[dict[str, Any]]:
        """The rows by column, without the cells that are empty or in a column without a name.

        Raises:
            Failure: It is no CSV, two columns have the same name, or a row is too long.
        """
        header = self.header
        for twice in (name for name in header if name and header.count(name) > 1):
            raise self._lines.fault(f"more than one column {twice!r}")
        async for row in self.cells():
            if len(row) > len(header):
                what = f"{len(row)} cells above line {self._lines.number + 1}, and {len(header)}"
                raise self._lines.fault(f"{what} columns: is a cell with a comma not in quotes?")
            cells = zip(header, row, strict=False)
            yield {name: cell for name, cell in cells if name and cell.strip()}

    async def _row(self) -> list[str] | None:
        """The next row that is not blank; None at the end."""
        pending: list[str] = []
        async for line in self._lines:
            pending.append(line + "\n")
            try:
                row = next(csv.reader(_feed(pending), strict=True))
            except _OpenQuoteError:
                if len(pending) < _MOST_LINES:
                    continue
                raise self._lines.fault(
                    f"the quotes that line {self._first(pending)} opens are not closed within "
                    f"{_MOST_LINES:,} lines"
                ) from None
            except csv.Error as error:
                raise self._lines.fault(f"not CSV in line {self._lines.number}: {error}") from None
            pending.clear()
            if any(cell.strip() for cell in row):
                return row
        if pending:
            raise self._lines.fault(
                f"the quotes that line {self._first(pending)} opens are never closed"
            )
        return None

    def _first(self, pending: list[str]) -> int:
        return self._lines.number - len(pending) + 1


def _feed(lines: list[str]) -> Iterator[str]:
    yield from lines
    raise _OpenQuoteError


async def json_rows(lines: Lines) -> AsyncIterator[dict[str, Any]]:
    """The objects of JSON Lines. Blank lines are passed over.

    Raises:
        Failure: A line is no JSON object.
    """
    async for line in lines:
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise lines.fault(f"not JSON in line {lines.number}: {error}") from None
        if not isinstance(row, dict):
            raise lines.fault(f"no JSON object in line {lines.number}")
        yield row
