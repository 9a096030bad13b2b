"""Recipients from the file of a subscriber sync: those who subscribe to the bot that sends."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from typing import Any, BinaryIO, Final, TypeVar

import click

from cliq_async.cli.errors import USAGE, CliError
from cliq_async.errors import SyncError
from cliq_async.sync.reader import SubscriberReader

__all__ = ["MAGIC", "RecipientTable", "is_database"]

MAGIC: Final = b"SQLite format 3\x00"
"""How each file of SQLite begins."""

_PIECE: Final = 1000
_COLUMN: Final = "user_id"
_COLUMNS: Final = (_COLUMN, "name", "email_id")

T = TypeVar("T")


def is_database(file: BinaryIO) -> bool:
    """Whether a file that was just opened is one of SQLite's. It is then still at its beginning."""
    try:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return False
        found = file.read(len(MAGIC))
        file.seek(0)
    except OSError:  # whoever reads on will say so
        return False
    return found == MAGIC


class RecipientTable:
    """Those who subscribe to the running command's BOT, or to any bot if it has none.

    Whoever has left is not among them. Another thread reads, so that no event loop waits.

    Args:
        path: The file.
        column: What `--column` says.

    Raises:
        Failure: It is not a sync's, or has no whole list of that bot.
    """

    def __init__(self, path: str, column: str | None) -> None:
        if column not in {None, _COLUMN}:
            text = f"{path}: recipients of a synced list go by {_COLUMN}; leave --column out"
            raise CliError(text, USAGE)
        context = click.get_current_context(silent=True)
        self._bot: str | None = None if context is None else context.params.get("bot")
        self._reader = _failing(lambda: SubscriberReader(path))
        try:
            _failing(lambda: self._reader.check(self._bot))
        except CliError:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    async def start(self) -> int:
        """How many there are."""
        return await asyncio.to_thread(_failing, lambda: self._reader.count(self._bot))

    async def ids(self) -> AsyncIterator[str]:
        """Their ids."""
        async for each in _in_pieces(self._reader.ids(self._bot)):
            yield each

    async def rows(self) -> AsyncIterator[dict[str, Any]]:
        """What is known of them, by column."""
        async for each in _in_pieces(self._reader.rows(self._bot, departed=False)):
            yield {name: getattr(each, name) for name in _COLUMNS}


async def _in_pieces(found: Iterator[T]) -> AsyncIterator[T]:
    while piece := await asyncio.to_thread(_failing, lambda: list(islice(found, _PIECE))):
        for each in piece:
            yield each


def _failing(step: Callable[[], T]) -> T:
    try:
        return step()
    except SyncError as error:
        raise CliError(str(error), USAGE) from None
