"""Lines of a file or of standard input, in chunks, without blocking the event loop on a pipe."""

import asyncio
import io
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Final

from cliq_async.cli.errors import USAGE, CliError
from cliq_async.cli.inputs.encoding import TextDecoder
from cliq_async.cli.inputs.synced_list import MAGIC, is_database

__all__ = ["Lines"]

_CHUNK: Final = 1 << 16
_LONGEST: Final = 1 << 20
"""The longest line, in characters: more than the largest request."""
_SAVE_AS: Final = "save it as UTF-8, in Excel as `CSV UTF-8`"


class Lines:
    """The lines of a file, without line ends and without a byte order mark.

    Args:
        path: The file's path, or `-` for standard input.

    Attributes:
        name: The name of the file in messages.
        number: The number of the last line read, from 1.

    Raises:
        CliError: The file cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self.name = "standard input" if path == "-" else path
        self.number = 0
        self._path = path
        self._file = self._open()
        self._fd = _descriptor(self._file)
        self._lines = self._read_lines()

    def __aiter__(self) -> AsyncIterator[str]:
        """Iterate over the lines that are left."""
        return self._lines

    @property
    def is_database(self) -> bool:
        """True if the file is an SQLite database; only valid before the first line is read."""
        return self._path != "-" and is_database(self._file)

    @property
    def is_regular(self) -> bool:
        """True if the file can be read twice."""
        return (
            self._path != "-" and self._fd is not None and stat.S_ISREG(os.fstat(self._fd).st_mode)
        )

    def restart(self) -> None:
        """Go back to the first line of a regular file."""
        self._file.seek(0)
        self.number = 0
        self._lines = self._read_lines()

    def close(self) -> None:
        """Close the file."""
        if self._path != "-":
            self._file.close()

    def error(self, message: str) -> CliError:
        """Build an error that names the file."""
        return CliError(f"{self.name}: {message}", USAGE)

    async def _read_lines(self) -> AsyncIterator[str]:
        universal = io.IncrementalNewlineDecoder(TextDecoder(), translate=True)
        rest = ""
        while True:
            chunk = await self._read_chunk()
            if chunk.startswith(MAGIC):
                raise self.error("this is a database: pass its path instead")
            try:
                text = universal.decode(chunk, final=not chunk)
            except UnicodeDecodeError:
                raise self.error(f"not UTF-8 after line {self.number}: {_SAVE_AS}") from None
            *lines, rest = (rest + text).split("\n")
            for line in lines:
                self.number += 1
                yield line
            if len(rest) > _LONGEST:
                raise self.error(
                    f"line {self.number + 1} is longer than {_LONGEST:,} characters: check that "
                    "this is a list"
                )
            if not chunk:
                break
        if rest:
            self.number += 1
            yield rest

    async def _read_chunk(self) -> bytes:
        if self._fd is None:
            return self._file.read(_CHUNK)
        await _wait_readable(self._fd)
        try:
            return os.read(self._fd, _CHUNK)
        except OSError as error:
            raise self.error(error.strerror or str(error)) from None

    def _open(self) -> BinaryIO:
        if self._path == "-":
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
