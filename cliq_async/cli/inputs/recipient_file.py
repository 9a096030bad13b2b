"""Recipients from a file or standard input: lines, CSV, JSON, a synced list, or a report."""

from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import PurePath
from typing import Any, Final, Literal, Self

import click

from cliq_async.cli.errors import CliError
from cliq_async.cli.inputs.json_rows import MAX_ARRAY_CHARS, json_items
from cliq_async.cli.inputs.lines import Lines
from cliq_async.cli.inputs.rows import CsvRows
from cliq_async.cli.inputs.synced_list import SyncedList
from cliq_async.cli.text import REPORT_COLUMNS, unguarded

__all__ = ["FORMS", "Form", "RecipientFile", "form_from_name"]

Form = Literal["lines", "csv", "jsonl"]

FORMS: Final[tuple[Form, ...]] = ("lines", "csv", "jsonl")

_BY_EXTENSION: Final[dict[str, Form]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "jsonl",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_DEFAULT_COLUMN: Final = "user_id"
_LIKELY_COLUMNS: Final = ("user_id", "zuid", "userid", "id", "email_id", "email")
_SENDABLE: Final = frozenset({"left", "failed"})
"""The statuses of recipients who have not got the message."""
_SENT: Final = frozenset({"delivered", "unknown"})
_STATUSES: Final = _SENDABLE | _SENT | {"skipped"}


def form_from_name(path: str) -> Form | None:
    """Return the form of a file by its extension; None if that says nothing."""
    return _BY_EXTENSION.get(PurePath(path).suffix.lower())


class RecipientFile:
    """The recipients of a file, as a context manager. Iterate once, after `start`.

    Blank lines, byte order marks and all kinds of line ends are ignored; UTF-16 is recognized. So
    are JSON, and a file of `cliq subscribers sync`, by their first bytes.

    Of a report of a job, as `--report` and `cliq jobs show` write it, only those are taken who were
    left or failed: the others have got the message, or may have. It is known by its columns, to
    which a spreadsheet may have added others.

    Args:
        path: The file's path, or `-` for standard input.
        column: The column with the ids; by default `user_id`, if there is one. None for one id per
            line.
        form: The form of the file. By default its extension or its first character decides; else
            it is CSV if there is a column.
        delimiter: The character between the cells of CSV; None to find it out.
        excluding: Take of a report the recipients who may have got the message or were excluded.

    Attributes:
        name: The name of the file in messages.
        column: The column with the ids, or None.
        columns: The columns, as far as they are known.

    Raises:
        CliError: The file cannot be opened.
    """

    def __init__(
        self,
        path: str,
        column: str | None,
        form: Form | None = None,
        delimiter: str | None = None,
        *,
        excluding: bool = False,
    ) -> None:
        self.column = column
        self.columns: tuple[str, ...] = ()
        self._given_column = column or REPORT_COLUMNS[0]
        self._given_form = form or form_from_name(path)
        self._form: Form = self._given_form or ("lines" if column is None else "csv")
        self._lines = Lines(path)
        self.name = self._lines.name
        self._csv = CsvRows(self._lines, delimiter)
        self._excluding = excluding
        self._is_array = False
        self._is_report = False
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

    @property
    def line(self) -> int | None:
        """The number of the last line read; None if a line says nothing of the recipient."""
        return None if self._list is not None or self._is_array else self._lines.number

    def error(self, message: str) -> CliError:
        """Build an error that names the file and the line."""
        return self._lines.error(message, self.line)

    def no_ids(self, examples: object) -> CliError:
        """Build an error for a file that does not begin with ids, with the likely column."""
        if self.column is None or not self.columns:
            return self._lines.error(f"it does not begin with ids: {examples}")
        others = {each.casefold(): each for each in self.columns if each != self.column}
        likely = next((others[each] for each in _LIKELY_COLUMNS if each in others), None)
        names = ", ".join(self.columns)
        advice = f"did you mean {likely}?" if likely else f"the columns are: {names}"
        return self._lines.error(f"column {self.column!r} holds no ids: {examples}; {advice}")

    async def start(self) -> int | None:
        """Find out the form, read the header, if there is one, and count the recipients.

        Returns:
            The number of ids; None for a stream, which can be read only once.

        Raises:
            CliError: The file cannot be read, or it has no such column.
        """
        if self._list is not None:
            return await self._list.start()
        if self._form == "lines" and not self._lines.is_regular:
            return None  # without waiting for its first line
        await self._find_form()
        await self._read_header()
        if not self._lines.is_regular:
            return None
        total = 0
        async for _ in self:
            total += 1
        if self._is_report and not self._excluding:
            self.name = f"{self.name} (only statuses left and failed)"
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
                return self._csv_rows()
            case "jsonl":
                return self._json_objects()

    async def _find_form(self) -> None:
        first = await self._lines.first_character()
        if self._given_form is None and first in {"{", "["}:
            self._form = "jsonl"
        self._is_array = self._form == "jsonl" and first == "["
        if self._is_array:
            self._lines.longest = MAX_ARRAY_CHARS

    async def _read_header(self) -> None:
        if self._form != "csv":
            return
        header = await self._csv.read_header(self.column or _DEFAULT_COLUMN)
        if not header:
            raise self._lines.error("it is empty: there are no columns and no rows")
        self._look_at(header)
        names = ", ".join(header)
        if self.column is None:
            raise click.UsageError(f"{self.name}: choose the --column with the ids: {names}")
        if header.count(self.column) != 1:
            count = "more than one" if self.column in header else "no"
            raise self._lines.error(
                f"{count} column {self.column!r}; the columns are: {names} "
                f"({self._csv.describe_delimiter()})"
            )

    def _look_at(self, columns: Iterable[str]) -> None:
        """See if the columns are those of a report, and choose the one with the ids."""
        self.columns = tuple(columns)
        names = frozenset(self.columns)
        self._is_report = names.issuperset(REPORT_COLUMNS)
        if self._is_report:
            self.column = REPORT_COLUMNS[0]  # whatever that of the first list was
        elif self.column is None and _DEFAULT_COLUMN in names:
            self.column = _DEFAULT_COLUMN

    def _is_taken(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row is among the recipients, which not all rows of a report are."""
        if not self._is_report:
            return True
        status = str(row.get("status", "")).strip().casefold()
        if status not in _STATUSES:
            known = ", ".join(sorted(_STATUSES))
            raise self.error(f"{status!r} is not a status of a report: {known}")
        if not self._excluding:
            return status in _SENDABLE
        return status in _SENT or row.get("reason") == "excluded"

    def _row(self, row: dict[str, Any], identifier: Any) -> dict[str, Any]:
        """Return a row; of a report with the id in the column that the first list had."""
        return row | {self._given_column: identifier} if self._is_report else row

    async def _plain_ids(self) -> AsyncIterator[Any]:
        if not self._lines.is_regular:
            await self._find_form()
            if self._form == "jsonl":
                async for item in self._json_ids():
                    yield item
                return
        async for line in self._lines:
            if identifier := line.strip():
                yield identifier

    async def _csv_ids(self) -> AsyncIterator[str]:
        header, index = self._csv.header, self._csv.header.index(self.column or "")
        async for row in self._csv.cells():
            cell = row[index].strip() if index < len(row) else ""
            if not self._is_report:
                yield cell
            elif self._is_taken(dict(zip(header, row, strict=False))):
                yield unguarded(cell)

    async def _csv_rows(self) -> AsyncIterator[dict[str, Any]]:
        async for row in self._csv.rows():
            if self._is_taken(row):
                yield self._row(row, unguarded(row.get("id", "")))

    async def _json_ids(self) -> AsyncIterator[Any]:
        is_first = True
        async for item in json_items(self._lines):
            if not isinstance(item, dict):
                yield item
                continue
            if is_first:
                self._look_at(item)
                is_first = False
            if self.column is None:
                names = ", ".join(map(str, item)) or "none"
                raise click.UsageError(f"{self.name}: choose the --column with the ids: {names}")
            if self._is_taken(item):
                yield item.get(self.column, "")

    async def _json_objects(self) -> AsyncIterator[dict[str, Any]]:
        is_first = True
        async for item in json_items(self._lines):
            if not isinstance(item, dict):
                raise self.error("a template needs columns, but this is not a JSON object")
            if is_first:
                self._look_at(item)
                is_first = False
            if self._is_taken(item):
                yield self._row(item, item.get("id", ""))
