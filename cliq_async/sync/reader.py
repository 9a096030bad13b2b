"""Reader of a synced subscriber list: one consistent snapshot, in bounded memory."""

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
    """A subscriber in the file of a sync. Times are in UTC.

    Attributes:
        bot: The bot, under the name it was synced by.
        first_seen: Time of the first sync that listed the user.
        last_seen: Time of the last sync that listed the user. An incremental sync lists only users
            who have changed.
        left: Time of the sync that found that the user had left; None if the user still
            subscribes.
    """

    bot: str
    first_seen: datetime
    last_seen: datetime
    left: datetime | None = None


def read_subscribers(
    path: str | os.PathLike[str], bot: str | None = None, *, departed: bool = False
) -> Iterator[SyncedSubscriber]:
    """Yield the subscribers of a bot from the file of a sync, as of the first read.

    Example:
        ```python
        people = read_subscribers("people.db", "supportbot")
        await client.broadcast("supportbot", "Hello", (user.user_id for user in people))
        ```

    Args:
        path: The file.
        bot: The bot, under the name it was synced by; None for all bots.
        departed: True to include users who have left.

    Yields:
        Subscribers in the order of their ids. With all bots, each user comes once, as listed by the
        latest sync; with `departed`, once for each bot.

    Raises:
        SyncError: The file cannot be read, the bot is not in it, or its first sync has not
            finished.
    """
    with SubscriberReader(path) as reader:
        reader.check(bot)
        yield from reader.rows(bot, departed=departed)


class SubscriberReader:
    """A context manager that reads the file of a sync. Every call blocks.

    Args:
        path: The file.

    Raises:
        SyncError: The file cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        from cliq_async.sync.table import FORMAT  # noqa: PLC0415 - it imports SQLite

        self._format = FORMAT
        self._path = Path(path)
        self._conn: Connection = FORMAT.read(self._path)
        self._conn.execute("BEGIN")  # all later reads see the same snapshot

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with suppress(Exception):
            self._conn.close()

    def check(self, bot: str | None) -> None:
        """Check that the list of a bot, or of all bots, exists and is complete.

        Raises:
            SyncError: A list is missing or incomplete.
        """
        with self._format.translate_errors(self._path):
            rows = self._conn.execute("SELECT bot, synced_at FROM bot ORDER BY bot").fetchall()
        synced = dict(rows)
        if bot is not None and bot not in synced:
            known = ", ".join(synced) or "no bot"
            raise SyncError(
                f"{self._path} has no subscribers of {bot}; it has those of {known}. "
                "Name the bot as it was named in the sync"
            )
        for name, synced_at in rows:
            if synced_at is None and bot in {None, name}:
                raise SyncError(
                    f"{self._path} has only some of the subscribers of {name}: its first sync has "
                    "not finished; sync it again to resume"
                )

    def count(self, bot: str | None) -> int:
        """Return the number of subscribers of a bot, or of all bots."""
        query = f"SELECT count(DISTINCT user_id) FROM subscriber WHERE {_where(bot)}"  # noqa: S608 - our own SQL
        with self._format.translate_errors(self._path):
            return int(self._conn.execute(query, _values(bot)).fetchone()[0])

    def ids(self, bot: str | None) -> Iterator[str]:
        """Return the user ids of the subscribers of a bot, or of all bots, without duplicates."""
        query = f"SELECT DISTINCT user_id FROM subscriber WHERE {_where(bot)} ORDER BY user_id"  # noqa: S608 - our own SQL
        return (user_id for (user_id,) in self._stream(query, bot))

    def rows(self, bot: str | None, *, departed: bool) -> Iterator[SyncedSubscriber]:
        """Yield subscribers as `read_subscribers` does."""
        if departed:
            where = "TRUE" if bot is None else "bot = ?"
            query = f"SELECT {_FIELDS} FROM subscriber WHERE {where} ORDER BY bot, user_id"  # noqa: S608 - our own SQL
        elif bot is None:
            # With max(), SQLite takes the other columns from the same row.
            query = (
                f"SELECT {_FIELDS}, max(last_seen) FROM subscriber "  # noqa: S608 - our own SQL
                f"WHERE {_PRESENT} GROUP BY user_id ORDER BY user_id"
            )
        else:
            query = f"SELECT {_FIELDS} FROM subscriber WHERE {_where(bot)} ORDER BY user_id"  # noqa: S608 - our own SQL
        for row_bot, user_id, name, email_id, first, last, left, *_ in self._stream(query, bot):
            yield SyncedSubscriber(
                user_id=user_id,
                name=name,
                email_id=email_id,
                bot=row_bot,
                first_seen=datetime.fromisoformat(first),
                last_seen=datetime.fromisoformat(last),
                left=None if left is None else datetime.fromisoformat(left),
            )

    def _stream(self, query: str, bot: str | None) -> Iterator[tuple[Any, ...]]:
        with self._format.translate_errors(self._path):
            for row in self._conn.execute(query, _values(bot)):  # noqa: UP028 - `yield from` would close a cursor whose file may be closed
                yield row


def _where(bot: str | None) -> str:
    return _PRESENT if bot is None else f"bot = ? AND {_PRESENT}"


def _values(bot: str | None) -> tuple[str, ...]:
    return () if bot is None else (bot,)
