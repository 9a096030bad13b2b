"""Subscribers out of the file of a sync, as they were at one moment, in bounded memory."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import attrs

from cliq_async.errors import SyncError
from cliq_async.models.subscriber import Subscriber

if TYPE_CHECKING:
    from cliq_async.storage.sqlite import Connection

__all__ = ["SubscriberReader", "SyncedSubscriber", "read_subscribers"]

_FIELDS: Final = 'bot, user_id, name, email_id, first_seen, last_seen, "left"'
_PRESENT: Final = '"left" IS NULL'


@attrs.frozen(kw_only=True)
class SyncedSubscriber(Subscriber):
    """A subscriber as the file of a sync knows them. The moments are in UTC.

    Attributes:
        bot: The bot, as it was called when it was synced.
        first_seen: When a sync saw them first.
        last_seen: When a sync saw them last. An incremental one sees only what has changed.
        left: When a sync found out that they had left; None if they are there.
    """

    bot: str
    first_seen: datetime
    last_seen: datetime
    left: datetime | None = None


def read_subscribers(
    path: str | os.PathLike[str], bot: str | None = None, *, departed: bool = False
) -> Iterator[SyncedSubscriber]:
    """Who subscribes to a bot, out of the file of a sync, as it is when the first one is read.

    Example:
        ```python
        people = read_subscribers("people.db", "supportbot")
        await client.broadcast("supportbot", "Hello", (user.user_id for user in people))
        ```

    Args:
        path: The file.
        bot: The bot, as it was called when it was synced; None for all bots.
        departed: Whether to give those who have left, too.

    Yields:
        In the order of their ids. Of all bots, each user once, as the last sync saw them; with
        `departed`, once for each bot.

    Raises:
        SyncError: The file cannot be read, or the bot is not in it, or its first sync has not
            come to its end.
    """
    with SubscriberReader(path) as reader:
        reader.check(bot)
        yield from reader.rows(bot, departed=departed)


class SubscriberReader:
    """The file of a sync, to read from, as a context manager. Every call blocks.

    Args:
        path: The file.

    Raises:
        SyncError: It cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        from cliq_async.sync.table import FORMAT  # noqa: PLC0415 - it brings SQLite

        self._kind = FORMAT
        self._path = Path(path)
        self._conn: Connection = FORMAT.read(self._path)
        self._conn.execute("BEGIN")  # what is read from now on is of one moment

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with suppress(Exception):
            self._conn.close()

    def check(self, bot: str | None) -> None:
        """Check that the list of a bot, or of all bots, is there and whole.

        Raises:
            SyncError: It is not.
        """
        with self._kind.translate_errors(self._path):
            rows = self._conn.execute("SELECT bot, synced_at FROM bot ORDER BY bot").fetchall()
        whole = dict(rows)
        if bot is not None and bot not in whole:
            known = ", ".join(whole) or "nobody"
            raise SyncError(
                f"{self._path} has no subscribers of {bot}, but of {known}; bots go by the name "
                "that they were synced under"
            )
        for name, synced_at in rows:
            if synced_at is None and bot in {None, name}:
                raise SyncError(
                    f"{self._path} has only the first subscribers of {name}: its first sync has "
                    "not come to its end; sync it again, which goes on where it was"
                )

    def count(self, bot: str | None) -> int:
        """How many users subscribe to a bot, or to any."""
        query = f"SELECT count(DISTINCT user_id) FROM subscriber WHERE {_where(bot)}"  # noqa: S608 - our own
        with self._kind.translate_errors(self._path):
            return int(self._conn.execute(query, _values(bot)).fetchone()[0])

    def ids(self, bot: str | None) -> Iterator[str]:
        """The ids of those who subscribe to a bot, or to any, each once."""
        query = f"SELECT DISTINCT user_id FROM subscriber WHERE {_where(bot)} ORDER BY user_id"  # noqa: S608 - our own
        return (user_id for (user_id,) in self._stream(query, bot))

    def rows(self, bot: str | None, *, departed: bool) -> Iterator[SyncedSubscriber]:
        """See `read_subscribers`."""
        if departed:
            where = "TRUE" if bot is None else "bot = ?"
            query = f"SELECT {_FIELDS} FROM subscriber WHERE {where} ORDER BY bot, user_id"  # noqa: S608 - our own
        elif bot is None:
            # With max, SQLite takes the other columns from the same row.
            query = (
                f"SELECT {_FIELDS}, max(last_seen) FROM subscriber "  # noqa: S608 - our own
                f"WHERE {_PRESENT} GROUP BY user_id ORDER BY user_id"
            )
        else:
            query = f"SELECT {_FIELDS} FROM subscriber WHERE {_where(bot)} ORDER BY user_id"  # noqa: S608 - our own
        for of, user_id, name, email_id, first, last, left, *_ in self._stream(query, bot):
            yield SyncedSubscriber(
                user_id=user_id,
                name=name,
                email_id=email_id,
                bot=of,
                first_seen=datetime.fromisoformat(first),
                last_seen=datetime.fromisoformat(last),
                left=None if left is None else datetime.fromisoformat(left),
            )

    def _stream(self, query: str, bot: str | None) -> Iterator[tuple[Any, ...]]:
        with self._kind.translate_errors(self._path):
            for row in self._conn.execute(query, _values(bot)):  # noqa: UP028 - that closes a cursor whose file may be closed
                yield row


def _where(bot: str | None) -> str:
    return _PRESENT if bot is None else f"bot = ? AND {_PRESENT}"


def _values(bot: str | None) -> tuple[str, ...]:
    return () if bot is None else (bot,)
