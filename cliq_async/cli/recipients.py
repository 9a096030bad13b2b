"""Recipients from a file or standard input: one id a line, a column of a CSV file, or a sync's.

Read in pieces, as the job goes on, without ever blocking the event loop on a pipe.
"""

import asyncio
import codecs
import csv
import io
import os
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import BinaryIO, Final, Self

import click

from cliq_async.cli.failures import USAGE, Failure
from cliq_async.cli.recipient_table import MAGIC, RecipientTable, is_database

__all__ = ["RecipientFile"]

_PIECE: Final = 1 << 16


class _OpenQuoteError(Exception):
    """The lines so far end inside quotes."""


class RecipientFile:
    """Recipients, as a context manager. Iterate once after `start`.

    Blank lines are passed over; so are a byte order mark and every kind of line end. A file of
    `cliq subscribers sync` is known by how it begins.

    Args:
        path: The file's path, or `-` for standard input.
        column: The CSV column that holds the ids; None if there is one id a line.

    Raises:
        Failure: It cannot be opened.
    """

    def __init__(self, path: str, column: str | None) -> None:
        self.name = "standard input" if path == "-" else path
        self._path = path
        self._column = column
        self._file = self._open()
        self._fd = _descriptor(self._file)
        self._index = 0
        self._number = 0
        self._lines = self._read_lines()
        self._table: RecipientTable | None = None
        if path != "-" and is_database(self._file):
            self._file.close()  # closing it later would take away the locks that SQLite has
            self._table = RecipientTable(path, column)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._table is not None:
            self._table.close()
        if self._path != "-":
            self._file.close()

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
        if self._path == "-" or self._fd is None or not stat.S_ISREG(os.fstat(self._fd).st_mode):
            return None
        total = 0
        async for _ in self:
            total += 1
        self._file.seek(0)
        self._number = 0
        self._lines = self._read_lines()
        await self._begin()
        return total

    def __aiter__(self) -> AsyncIterator[str]:
        if self._table is not None:
            return self._table.ids()
        return self._plain_ids() if self._column is None else self._column_ids()

    async def _begin(self) -> None:
        is_csv = self._path.lower().endswith(".csv")
        if self._column is None and not is_csv:
            return
        header = [name.strip() for name in await self._row() or []]
        names = ", ".join(header) or "none"
        if self._column is None:
            raise click.UsageError(f"{self.name}: which --column? There are: {names}")
        if header.count(self._column) != 1:
            found = "more than one" if self._column in header else "no"
            raise self._fault(f"{found} column {self._column!r}; there are: {names}")
        self._index = header.index(self._column)

    async def _plain_ids(self) -> AsyncIterator[str]:
        async for line in self._lines:
            if found := line.strip():
                yield found

    async def _column_ids(self) -> AsyncIterator[str]:
        while (row := await self._row()) is not None:
            # An empty cell in a row goes on, to be reported as no id.
            yield row[self._index].strip() if self._index < len(row) else ""

    async def _row(self) -> list[str] | None:
        """The next row that is not blank; None at the end."""
        pending: list[str] = []
        async for line in self._lines:
            pending.append(line + "\n")
            try:
                row = next(csv.reader(_feed(pending)))
            except _OpenQuoteError:
                continue
            except csv.Error as error:
                raise self._fault(f"not CSV in line {self._number}: {error}") from None
            pending.clear()
            if any(cell.strip() for cell in row):
                return row
        if pending:
            first = self._number - len(pending) + 1
            raise self._fault(f"the quotes that line {first} opens are never closed")
        return None

    async def _read_lines(self) -> AsyncIterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        universal = io.IncrementalNewlineDecoder(decoder, translate=True)
        rest = ""
        while True:
            piece = await self._piece()
            if piece.startswith(MAGIC):
                raise self._fault("a database; give its name instead")
            try:
                text = universal.decode(piece, final=not piece)
            except UnicodeDecodeError:
                raise self._fault(f"not UTF-8, somewhere after line {self._number}") from None
            *lines, rest = (rest + text).split("\n")
            for line in lines:
                self._number += 1
                yield line
            if not piece:
                break
        if rest:
            self._number += 1
            yield rest

    async def _piece(self) -> bytes:
        if self._fd is None:
            return self._file.read(_PIECE)
        await _readable(self._fd)
        try:
            return os.read(self._fd, _PIECE)
        except OSError as error:
            raise self._fault(error.strerror or str(error)) from None

    def _open(self) -> BinaryIO:
        if self._path == "-":
            if sys.stdin is None:  # started with it closed
                raise self._fault("it is closed")
            return sys.stdin.buffer
        try:
            return Path(self._path).open("rb", buffering=0)
        except OSError as error:
            raise self._fault(error.strerror or str(error)) from None

    def _fault(self, what: str) -> Failure:
        return Failure(f"{self.name}: {what}", USAGE)


def _descriptor(file: BinaryIO) -> int | None:
    try:
        return file.fileno()
    except OSError:  # it only looks like a file
        return None


def _feed(lines: list[str]) -> Iterator[str]:
    yield from lines
    raise _OpenQuoteError


async def _readable(fd: int) -> None:
    """Wait until there is something to read, or the end."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not ready.done():
            ready.set_result(None)

    try:
        loop.add_reader(fd, tell)
    except (NotImplementedError, PermissionError):
        await asyncio.sleep(0)  # a regular file, or no such thing on this system
        return
    try:
        await ready
    finally:
        loop.remove_reader(fd)
