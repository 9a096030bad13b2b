"""Lines from a file or standard input.

Read in pieces, as the job goes on, without ever blocking the event loop on a pipe.
"""

import asyncio
import codecs
import io
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Final

from cliq_async.cli.errors import USAGE, CliError
from cliq_async.cli.inputs.synced_list import MAGIC, is_database

__all__ = ["Lines"]

_PIECE: Final = 1 << 16
_LONGEST: Final = 1 << 20
"""Characters of a line: more than the largest request."""


class Lines:
    """The lines of a file, without their ends; a byte order mark is passed over.

    Args:
        path: The file's path, or `-` for standard input.

    Attributes:
        name: The file, in words.
        number: The number of the last line that was read; the first one is 1.

    Raises:
        Failure: It cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self.name = "standard input" if path == "-" else path
        self.number = 0
        self._path = path
        self._file = self._open()
        self._fd = _descriptor(self._file)
        self._lines = self._read_lines()

    def __aiter__(self) -> AsyncIterator[str]:
        """Go on where it was."""
        return self._lines

    @property
    def is_database(self) -> bool:
        """Whether it is a file of SQLite; only before the first line."""
        return self._path != "-" and is_database(self._file)

    @property
    def is_regular(self) -> bool:
        """Whether it can be read twice."""
        return (
            self._path != "-" and self._fd is not None and stat.S_ISREG(os.fstat(self._fd).st_mode)
        )

    def restart(self) -> None:
        """Begin again. Only of a regular file."""
        self._file.seek(0)
        self.number = 0
        self._lines = self._read_lines()

    def close(self) -> None:
        """Close the file."""
        if self._path != "-":
            self._file.close()

    def fault(self, what: str) -> CliError:
        """What is wrong with the file."""
        return CliError(f"{self.name}: {what}", USAGE)

    async def _read_lines(self) -> AsyncIterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        universal = io.IncrementalNewlineDecoder(decoder, translate=True)
        rest = ""
        while True:
            piece = await self._piece()
            if piece.startswith(MAGIC):
                raise self.fault("a database; give its name instead")
            try:
                text = universal.decode(piece, final=not piece)
            except UnicodeDecodeError:
                raise self.fault(f"not UTF-8, somewhere after line {self.number}") from None
            *lines, rest = (rest + text).split("\n")
            for line in lines:
                self.number += 1
                yield line
            if len(rest) > _LONGEST:
                raise self.fault(f"line {self.number + 1} is longer than {_LONGEST:,} characters")
            if not piece:
                break
        if rest:
            self.number += 1
            yield rest

    async def _piece(self) -> bytes:
        if self._fd is None:
            return self._file.read(_PIECE)
        await _readable(self._fd)
        try:
            return os.read(self._fd, _PIECE)
        except OSError as error:
            raise self.fault(error.strerror or str(error)) from None

    def _open(self) -> BinaryIO:
        if self._path == "-":
            if sys.stdin is None:  # started with it closed
                raise self.fault("it is closed")
            return sys.stdin.buffer
        try:
            return Path(self._path).open("rb", buffering=0)
        except OSError as error:
            raise self.fault(error.strerror or str(error)) from None


def _descriptor(file: BinaryIO) -> int | None:
    try:
        return file.fileno()
    except OSError:  # it only looks like a file
        return None


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
