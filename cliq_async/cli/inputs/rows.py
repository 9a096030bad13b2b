"""Rows of CSV with a header, parsed from lines."""

import csv
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from cliq_async.cli.errors import CliError
from cliq_async.cli.inputs.lines import Lines

__all__ = ["CsvRows"]

_MAX_LINES: Final = 1_000
"""The most lines that one row can span."""
_MAX_CHARS: Final = 1 << 20
"""The most characters of one row."""
_DELIMITERS: Final = (",", ";", "\t")
_NAMES: Final = {",": "commas", ";": "semicolons", "\t": "tabs"}
_SEPARATOR: Final = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


class _OpenQuoteError(Exception):
    """The lines read so far end inside quotes."""


class CsvRows:
    """The rows of a CSV file below its header, without blank rows.

    Args:
        lines: The lines.
        delimiter: The character between cells; None to find it out by the header.

    Attributes:
        header: The names of the columns; empty until it is read.
        delimiter: The character between cells.
    """

    def __init__(self, lines: Lines, delimiter: str | None = None) -> None:
        self._lines = lines
        self._candidates = _DELIMITERS if delimiter is None else (delimiter,)
        self.header: list[str] = []
        self.delimiter = self._candidates[0]

    async def read_header(self, column: str | None) -> list[str]:
        """Read the names of the columns from the first row, and find out the delimiter.

        It is the first one with which there is the column; else the one with the most columns. A
        line `sep=;`, which Excel understands, names it.

        Args:
            column: A column that there should be, or None.

        Raises:
            CliError: It is not CSV.
        """
        pending: list[str] = []
        found: dict[str, list[str]] = {}
        async for line in self._lines:
            if not pending and (named := _SEPARATOR.fullmatch(line)) is not None:
                self._name_delimiter(named[1])
                continue
            pending.append(line + "\n")
            found, is_open = self._split_header(pending)
            if any(not any(names) for names in found.values()):
                pending.clear()  # a blank row
            elif not is_open or any(column in names for names in found.values()):
                break
        else:
            self._check_closed(pending)
        self.delimiter = next(
            (each for each, names in found.items() if column in names),
            max(found, key=lambda each: len(found[each]), default=self.delimiter),
        )
        self.header = found.get(self.delimiter, [])
        return self.header

    def _name_delimiter(self, delimiter: str) -> None:
        """Use the delimiter that the file names, unless an option names one."""
        if len(self._candidates) > 1:
            self._candidates, self.delimiter = (delimiter,), delimiter

    def _split_header(self, pending: list[str]) -> tuple[dict[str, list[str]], bool]:
        """Return the names of the columns by delimiter; True if some need more lines."""
        found: dict[str, list[str]] = {}
        is_open, failure, length = False, None, sum(map(len, pending))
        for each in self._candidates:
            try:
                row = self._parse(pending, each, length)
            except CliError as error:
                failure = error
                continue
            if row is None:
                is_open = True
            else:
                found[each] = [name.strip() for name in row]
        if failure is not None and not found and not is_open:
            raise failure
        return found, is_open

    def describe_delimiter(self) -> str:
        """Describe the delimiter that was found, and those that were tried."""
        others = [_noun(each) for each in self._candidates if each != self.delimiter]
        tried = f"; {' and '.join(others)} were tried, see --delimiter" if others else ""
        return f"separated by {_noun(self.delimiter)}{tried}"

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
            if any(cell.strip() for cell in row[len(header) :]):
                counts = f"{len(row)} cells for {len(header)} columns"
                advice = f"put cells with {_noun(self.delimiter)} in quotes"
                raise self._lines.error(f"{counts}: {advice}", self._lines.number)
            cells = zip(header, row, strict=False)
            yield {name: cell for name, cell in cells if name and cell.strip()}

    async def _next_row(self) -> list[str] | None:
        """Read the next row that is not blank; None at the end."""
        pending: list[str] = []
        length = 0
        async for line in self._lines:
            pending.append(line + "\n")
            length += len(line)
            row = self._parse(pending, self.delimiter, length)
            if row is None:
                continue
            pending.clear()
            length = 0
            if any(cell.strip() for cell in row):
                return row
        self._check_closed(pending)
        return None

    def _parse(self, pending: list[str], delimiter: str, length: int) -> list[str] | None:
        """Parse lines of a total length as a row; None if they end inside quotes."""
        try:
            return next(csv.reader(_feed(pending), strict=True, delimiter=delimiter))
        except _OpenQuoteError:
            if len(pending) < _MAX_LINES and length <= _MAX_CHARS:
                return None
            raise self._lines.error(
                f"its quotes are not closed within {_MAX_LINES:,} lines or {_MAX_CHARS:,} "
                'characters: close them, or write "" for a quote in a cell',
                self._first_line(pending),
            ) from None
        except csv.Error as error:
            raise self._lines.error(f"not CSV: {error}", self._lines.number) from None

    def _check_closed(self, pending: list[str]) -> None:
        if pending:
            raise self._lines.error(
                'its quotes are never closed: close them, or write "" for a quote in a cell',
                self._first_line(pending),
            )

    def _first_line(self, pending: list[str]) -> int:
        return self._lines.number - len(pending) + 1


def _noun(delimiter: str) -> str:
    return _NAMES.get(delimiter, repr(delimiter))


def _feed(lines: list[str]) -> Iterator[str]:
    yield from lines
    raise _OpenQuoteError
