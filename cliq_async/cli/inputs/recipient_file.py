"""Recipients from a file or standard input: lines, CSV, JSON Lines, or a synced list."""

from collections.abc import AsyncIterator
from pathlib import PurePath
from typing import Any, Final, Literal, Self

import click

from cliq_async.cli.errors import CliError
from cliq_async.cli.inputs.lines import Lines
from cliq_async.cli.inputs.rows import CsvRows, json_rows
from cliq_async.cli.inputs.synced_list import SyncedList

__all__ = ["FORMS", "Form", "RecipientFile", "form_from_name"]

Form = Literal["lines", "csv", "jsonl"]

FORMS: Final[tuple[Form, ...]] = ("lines", "csv", "jsonl")

_BY_EXTENSION: Final[dict[str, Form]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


def form_from_name(path: str) -> Form:
    """Return the form of a file by its extension."""
    return _BY_EXTENSION.get(PurePath(path).suffix.lower(), "lines")


class RecipientFile:
    """The recipients of a file, as a context manager. Iterate once, after `start`.

    Blank lines, byte order marks and all kinds of line ends are ignored; UTF-16 is recognized by
    its mark. So is a file of `cliq subscribers sync` by its first bytes.

    Args:
        path: The file's path, or `-` for standard input.
        column: The column with the ids; None for one id per line.
        form: The form of the file. By default its extension decides; else it is CSV if there is a
            column.
        delimiter: The character between the cells of CSV; None to find it out.

    Raises:
        CliError: The file cannot be opened.
    """

    def __init__(
        self,
        path: str,
        column: str | None,
        form: Form | None = None,
        delimiter: str | None = None,
    ) -> None:
        self._column = column
        by_extension = form_from_name(path)
        if by_extension == "lines" and column is not None:
            by_extension = "csv"
        self._form: Form = form or by_extension
        self._lines = Lines(path)
        self.name = self._lines.name
        self._csv = CsvRows(self._lines, delimiter)
        self._list: SyncedList | None = None
        if self._lines.is_database:
            self._lines.close()  # closed later, it would release the locks of SQLite
            self._list = SyncedList(path, column)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._list is not None:
            self._list.close()
        self._lines.close()

    def error(self, message: str) -> CliError:
        """Build an error that names the file."""
        return self._lines.error(message)

    async def start(self) -> int | None:
        """Read the header, if there is one, and count the recipients.

        Returns:
            The number of ids; None for a stream, which can be read only once.

        Raises:
            CliError: The file cannot be read, or it has no such column.
        """
        if self._list is not None:
            return await self._list.start()
        await self._read_header()
        if not self._lines.is_regular:
            return None
        total = 0
        async for _ in self:
            total += 1
        self._lines.restart()
        await self._read_header()
        return total

    def __aiter__(self) -> AsyncIterator[Any]:
        """Iterate over the ids, including values that are not valid ids: the job reports them."""
        if self._list is not None:
            return self._list.ids()
        match self._form:
            case "lines":
                return self._plain_ids()
            case "csv":
                return self._csv_ids()
            case "jsonl":
                return self._json_ids()

    def rows(self) -> AsyncIterator[dict[str, Any]]:
        """Iterate over the rows by column.

        Raises:
            UsageError: There are no columns.
            CliError: The file cannot be read.
        """
        if self._list is not None:
            return self._list.rows()
        match self._form:
            case "lines":
                raise click.UsageError(
                    f"{self.name}: a template needs columns: use CSV or JSON Lines, see --format"
                )
            case "csv":
                return self._csv.rows()
            case "jsonl":
                return json_rows(self._lines)

    async def _read_header(self) -> None:
        if self._form != "csv":
            return
        header = await self._csv.read_header(self._column)
        names = ", ".join(header) or "none"
        if self._column is None:
            raise click.UsageError(f"{self.name}: choose the --column with the ids: {names}")
        if header.count(self._column) != 1:
            count = "more than one" if self._column in header else "no"
            raise self._lines.error(
                f"{count} column {self._column!r}; the columns are: {names} "
                f"({self._csv.describe_delimiter()})"
            )

    async def _plain_ids(self) -> AsyncIterator[str]:
        async for line in self._lines:
            if identifier := line.strip():
                yield identifier

    async def _csv_ids(self) -> AsyncIterator[str]:
        index = self._csv.header.index(self._column or "")
        async for row in self._csv.cells():
            yield row[index].strip() if index < len(row) else ""

    async def _json_ids(self) -> AsyncIterator[Any]:
        async for row in json_rows(self._lines):
            if self._column is None:
                names = ", ".join(map(str, row)) or "none"
                raise click.UsageError(f"{self.name}: choose the --column with the ids: {names}")
            yield row.get(self._column, "")
