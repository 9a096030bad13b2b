"""Recipients from a file of `cliq subscribers sync`: the subscribers of the bot that sends."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from typing import Any, BinaryIO, Final, TypeVar

import click

from cliq_async.cli.errors import USAGE, CliError, describe
from cliq_async.errors import SyncError
from cliq_async.sync.reader import SubscriberReader

__all__ = ["MAGIC", "SyncedList", "is_database"]

MAGIC: Final = b"SQLite format 3\x00"
"""The first bytes of every SQLite database."""

_CHUNK: Final = 1000
_COLUMN: Final = "user_id"
_COLUMNS: Final = (_COLUMN, "name", "email_id")

T = TypeVar("T")


def is_database(file: BinaryIO) -> bool:
    """Return whether a newly opened file is an SQLite database; its position stays at the start."""
    try:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return False
        start = file.read(len(MAGIC))
        file.seek(0)
    except OSError:  # reported by the next read
        return False
    return start == MAGIC


class SyncedList:
    """The subscribers of the command's BOT, or of all bots if the command has no BOT.

    People who have unsubscribed are left out. A thread reads the file, so that the event loop is
    not blocked.

    Args:
        path: The file.
        column: The value of `--column`.

    Raises:
        CliError: The file is not a synced list, or has no complete list of that bot.
    """

    def __init__(self, path: str, column: str | None) -> None:
        if column not in {None, _COLUMN}:
            message = f"the ids of a synced list are in {_COLUMN}: leave out --column"
            raise CliError(f"{path}: {message}", USAGE)
        context = click.get_current_context(silent=True)
        self._bot: str | None = None if context is None else context.params.get("bot")
        self._reader = _translate_errors(lambda: SubscriberReader(path))
        try:
            _translate_errors(lambda: self._reader.check(self._bot))
        except CliError:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    async def start(self) -> int:
        """Count the subscribers."""
        return await asyncio.to_thread(_translate_errors, lambda: self._reader.count(self._bot))

    async def ids(self) -> AsyncIterator[str]:
        """Iterate over the ids of the subscribers."""
        async for each in _in_chunks(self._reader.ids(self._bot)):
            yield each

    async def rows(self) -> AsyncIterator[dict[str, Any]]:
        """Iterate over the subscribers as rows by column."""
        async for each in _in_chunks(self._reader.rows(self._bot, departed=False)):
            yield {name: getattr(each, name) for name in _COLUMNS}


async def _in_chunks(items: Iterator[T]) -> AsyncIterator[T]:
    while chunk := await asyncio.to_thread(_translate_errors, lambda: list(islice(items, _CHUNK))):
        for each in chunk:
            yield each


def _translate_errors(function: Callable[[], T]) -> T:
    try:
        return function()
    except SyncError as error:
        raise CliError(describe(error), USAGE) from None
