"""Lines of a file or of standard input, in chunks, without blocking the event loop on a pipe."""

import asyncio
import io
import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from cliq_async.cli.errors import USAGE, CliError
from cliq_async.cli.inputs.bounded import STDIN, source_name
from cliq_async.cli.inputs.encoding import (
    TextDecoder,
    describe_error,
    foreign_kind,
    lines_before,
)
from cliq_async.cli.inputs.synced_list import MAGIC, is_database

__all__ = ["Lines"]

_CHUNK: Final = 1 << 16
_HTML: Final = b"<!doctype html"
_LONGEST: Final = 1 << 20
"""The longest line, in characters: more than the largest request."""


class Lines:
    """The lines of a file, without line ends and without a byte order mark.

    Args:
        path: The file's path, or `-` for standard input.

    Attributes:
        name: The name of the file in messages.
        number: The number of the last line read, from 1.
        longest: The longest line, in characters.

    Raises:
        CliError: The file cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self.name = source_name(path)
        self.number = 0
        self.longest = _LONGEST
        self._path = path
        self._file = self._open()
        self._fd = _descriptor(self._file)
        self._ahead: bytes | None = None
        self._lines = self._read_lines()

    def __aiter__(self) -> AsyncIterator[str]:
        """Iterate over the lines that are left."""
        return self._lines

    @property
    def is_database(self) -> bool:
        """True if the file is an SQLite database; only valid before the first line is read."""
        return self._path != STDIN and is_database(self._file)

    @property
    def is_regular(self) -> bool:
        """True if the file can be read twice."""
        return (
            self._path != STDIN
            and self._fd is not None
            and stat.S_ISREG(os.fstat(self._fd).st_mode)
        )

    async def first_character(self) -> str:
        """Return the first character that is not a space; empty if the file begins with spaces.

        Only valid before the first line is read.
        """
        self._ahead = await self._read_chunk()
        with suppress(UnicodeDecodeError):  # reported with its line
            return TextDecoder().decode(self._ahead).lstrip()[:1]
        return ""

    def restart(self) -> None:
        """Go back to the first line of a regular file."""
        self._file.seek(0)
        self._ahead = None
        self.number = 0
        self._lines = self._read_lines()

    def close(self) -> None:
        """Close the file."""
        if self._path != STDIN:
            self._file.close()

    def error(self, message: str, line: int | None = None) -> CliError:
        """Build an error that names the file, and a line of it."""
        where = self.name if line is None else f"{self.name} line {line}"
        return CliError(f"{where}: {message}", USAGE)

    async def _read_lines(self) -> AsyncIterator[str]:
        universal = io.IncrementalNewlineDecoder(TextDecoder(), translate=True)
        rest, is_first = "", True
        while True:
            chunk = await self._read_chunk() if self._ahead is None else self._ahead
            self._ahead = None
            if is_first:
                self._check_text(chunk)
            is_first = False
            try:
                text = universal.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                number = self.number + 1 + lines_before(error)
                advice = ", in Excel as `CSV UTF-8`"
                raise self.error(describe_error(error) + advice, number) from None
            *lines, rest = (rest + text).split("\n")
            for line in lines:
                self.number += 1
                yield line
            if len(rest) > self.longest:
                raise self.error(
                    f"longer than {self.longest:,} characters: check that this is a list",
                    self.number + 1,
                )
            if not chunk:
                break
        if rest:
            self.number += 1
            yield rest

    def _check_text(self, start: bytes) -> None:
        if start.startswith(MAGIC):
            raise self.error("this is a database: pass its path instead")
        if kind := foreign_kind(start):
            raise self.error(f"this is {kind}")
        if start.lstrip()[: len(_HTML)].lower() == _HTML:
            raise self.error("this is an HTML page: name a list, such as a report in CSV")

    async def _read_chunk(self) -> bytes:
        if self._fd is None:
            return self._file.read(_CHUNK)
        await _wait_readable(self._fd)
        try:
            return os.read(self._fd, _CHUNK)
        except OSError as error:
            raise self.error(error.strerror or str(error)) from None

    def _open(self) -> BinaryIO:
        if self._path == STDIN:
            if sys.stdin is None:  # closed before the start
                raise self.error("the stream is closed")
            return sys.stdin.buffer
        try:
            return Path(self._path).open("rb", buffering=0)
        except OSError as error:
            raise self.error(error.strerror or str(error)) from None


def _descriptor(file: BinaryIO) -> int | None:
    try:
        return file.fileno()
    except OSError:  # a replacement stream without a descriptor
        return None


async def _wait_readable(fd: int) -> None:
    """Wait until the descriptor has data or is at its end."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def set_ready() -> None:
        if not ready.done():
            ready.set_result(None)

    try:
        loop.add_reader(fd, set_ready)
    except (NotImplementedError, PermissionError):
        await asyncio.sleep(0)  # a regular file, or a system without readers
        return
    try:
        await ready
    finally:
        loop.remove_reader(fd)
