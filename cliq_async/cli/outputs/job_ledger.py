"""The recipients of a job with their outcomes, in a temporary file: any number, and grouped."""

import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Final, Self

import attrs

from cliq_async.bulk.report import Outcome
from cliq_async.cli.errors import CliError
from cliq_async.errors import ValidationError
from cliq_async.models.identifiers import user_ids_field

__all__ = ["Group", "JobLedger"]

_SCHEMA: Final = """
CREATE TABLE item (number INTEGER PRIMARY KEY, id TEXT, key TEXT, valid INTEGER);
CREATE TABLE outcome (id TEXT, status TEXT, code TEXT, reason TEXT);
CREATE TABLE done (key TEXT PRIMARY KEY, times INTEGER) WITHOUT ROWID;
"""
_LEFT: Final = """
INSERT INTO outcome
SELECT id, 'left', '', '' FROM (
    SELECT *, row_number() OVER (PARTITION BY key ORDER BY number) AS nth FROM item
    WHERE valid OR number > :read
) LEFT JOIN done USING (key)
WHERE CASE WHEN :once OR NOT valid THEN times IS NULL AND (nth = 1 OR NOT valid)
      WHEN :rows THEN times IS NULL ELSE nth > coalesce(times, 0) END
ORDER BY number
"""
_MIXED: Final = """
INSERT INTO outcome
SELECT min(id), 'unknown', '', :reason FROM item JOIN done USING (key)
WHERE valid GROUP BY key HAVING count(*) > times
"""
_MIXED_REASON: Final = "has several messages, and some were sent: it is not known which"


@attrs.frozen
class Group:
    """The recipients with the same outcome.

    Attributes:
        status: `left`, or a status of an `Outcome`.
        code: Cliq's error code; may be empty.
        reason: The reason; may be empty.
        count: The number of recipients.
    """

    status: str
    code: str
    reason: str
    count: int


class JobLedger:
    """The recipients of a job, and what became of them. A context manager.

    Args:
        column: The column with the ids if the items are rows, each with its own message.
        dedupe: True if the job sends once to an id that occurs twice.
        exclude: The ids that the job leaves out, as `normalize_excluded` returns them.
    """

    def __init__(
        self, *, column: str | None = None, dedupe: bool = False, exclude: frozenset[str]
    ) -> None:
        self._column = column
        self._dedupe = dedupe
        self._exclude = exclude
        self._read = 0
        self._digest = 0  # of the values that were read
        self._conn = sqlite3.connect("", isolation_level=None)  # deleted by SQLite at the end
        self._conn.executescript(_SCHEMA + "BEGIN;")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._conn.close()

    async def record(self, items: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Yield items, and record the recipient of each."""
        async for each in items:
            value = self._value(each)
            self._read += 1
            self._digest = hash((self._digest, str(value)))
            self._add(value)
            yield each

    async def settle(self, outcomes: Iterable[Outcome], items: AsyncIterator[Any] | None) -> None:
        """Record the outcomes of the job, and find out who is left.

        Args:
            outcomes: The outcomes of all recipients whom the job has dealt with.
            items: The items once more, for those that the job has not read; None if that is not
                possible. (Its own iterator may have ended with the task that read it.)

        Raises:
            CliError: The items cannot be read, or they are others than before.
        """
        (read,) = self._conn.execute("SELECT coalesce(max(number), 0) FROM item").fetchone()
        for each in outcomes:
            self._conn.executemany(
                "INSERT INTO outcome VALUES (?, ?, ?, ?)",
                [(_text(i), each.status, each.code or "", _text(each.reason)) for i in each.ids],
            )
            if each.status != "skipped":  # of one that is repeated, the first may be left
                self._conn.executemany(
                    "INSERT INTO done VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1",
                    [(self._key(i),) for i in each.ids],
                )
        try:
            if items is not None:
                await self._add_unread(items)
        finally:
            if self._column is not None and not self._dedupe:
                self._conn.execute(_MIXED, {"reason": _MIXED_REASON})
            values = {"read": read, "once": self._dedupe, "rows": self._column is not None}
            self._conn.execute(_LEFT, values)

    def groups(self) -> list[Group]:
        """Return the recipients grouped by outcome: open ones first."""
        rows = self._conn.execute(
            "SELECT status, code, reason, count(*) FROM outcome GROUP BY status, code, reason "
            "ORDER BY instr('left failed unknown skipped delivered', status), count(*) DESC, reason"
        )
        return [Group(*row) for row in rows]

    def ids(self, group: Group) -> Iterator[str]:
        """Iterate over the recipients of a group."""
        rows = self._conn.execute(
            "SELECT id FROM outcome WHERE status = ? AND code = ? AND reason = ? ORDER BY rowid",
            (group.status, group.code, group.reason),
        )
        return (row[0] for row in rows)

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """Iterate over the recipients with status, code and reason, in the order of the job."""
        return self._conn.execute("SELECT * FROM outcome ORDER BY rowid")

    def count(self, status: str) -> int:
        """Return the number of recipients with a status."""
        query = "SELECT count(*) FROM outcome WHERE status = ?"
        return int(self._conn.execute(query, (status,)).fetchone()[0])

    async def _add_unread(self, items: AsyncIterator[Any]) -> None:
        number = digest = 0
        async for each in items:
            value = self._value(each)
            if number == self._read and digest != self._digest:
                break
            number += 1
            if number > self._read:
                self._add(value)
            else:
                digest = hash((digest, str(value)))
        if number < self._read or (number == self._read and digest != self._digest):
            raise CliError("the list has changed since the job read it")

    def _value(self, item: Any) -> Any:
        return item if self._column is None else item.get(self._column, "")

    def _add(self, value: Any) -> None:
        try:
            recipient, valid = user_ids_field(value if isinstance(value, str) else (value,)), True
        except ValidationError:
            recipient, valid = _text(str(value).strip()), False
        key = self._key(recipient)
        if not valid or recipient.casefold() not in self._exclude:
            self._conn.execute("INSERT INTO item VALUES (NULL, ?, ?, ?)", (recipient, key, valid))

    def _key(self, recipient: str) -> str:
        return recipient.casefold() if self._dedupe else recipient


def _text(text: str) -> str:
    """Return a text that can be stored: without half characters."""
    return text.encode("utf-8", "replace").decode()
