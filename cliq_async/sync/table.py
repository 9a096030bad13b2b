"""The SQLite file of a sync, written page by page. Every call blocks and runs in a worker thread.

A page and the token of the next one are written in one transaction: whenever the program is
killed, the file holds the pages read so far and the place to resume from.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import attrs
from filelock import FileLock, Timeout

from cliq_async.errors import SyncError
from cliq_async.models.page import Page
from cliq_async.models.subscriber import Subscriber
from cliq_async.storage.batched import BatchedFile
from cliq_async.storage.sqlite import SqliteFormat
from cliq_async.sync.state import FULL, BotState, ConcurrentSyncError

__all__ = ["FORMAT", "SubscriberTable"]

FORMAT: Final = SqliteFormat(
    noun="the list of subscribers",
    application_id=0x436C6953,  # "CliS"
    migrations=(
        """
        CREATE TABLE subscriber (
            bot TEXT NOT NULL,
            user_id TEXT NOT NULL,
            name TEXT NOT NULL,
            email_id TEXT NOT NULL,
            first_seen TEXT NOT NULL,
            last_seen TEXT NOT NULL,
            "left" TEXT,
            seen_by INTEGER NOT NULL,
            PRIMARY KEY (bot, user_id)
        ) WITHOUT ROWID;
        CREATE INDEX present ON subscriber (user_id) WHERE "left" IS NULL;
        CREATE TABLE bot (
            bot TEXT PRIMARY KEY,
            version INTEGER NOT NULL,
            sync_token TEXT,
            synced_at TEXT,
            kind TEXT NOT NULL,
            began TEXT NOT NULL,
            first INTEGER NOT NULL,
            next_token TEXT,
            new_token TEXT,
            added INTEGER NOT NULL,
            changed INTEGER NOT NULL,
            departed INTEGER NOT NULL
        ) WITHOUT ROWID;
        """,
    ),
    error=SyncError,
    unwritable_hint="name another place, or make this one writable",
    damaged_hint="move it aside with its -wal file, and sync into a new file",
)

_COLUMNS: Final = tuple(field.name for field in attrs.fields(BotState))
_READ_STATE: Final = f"SELECT {', '.join(_COLUMNS)} FROM bot WHERE bot = ?"  # noqa: S608 - our own column names
_WRITE_STATE: Final = (
    f"INSERT OR REPLACE INTO bot ({', '.join(_COLUMNS)}) "  # noqa: S608 - our own column names
    f"VALUES ({', '.join('?' * len(_COLUMNS))})"
)
_WRITE_SUBSCRIBER: Final = """
    INSERT INTO subscriber (bot, user_id, name, email_id, first_seen, last_seen, seen_by)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (bot, user_id) DO UPDATE SET
        name = excluded.name,
        email_id = excluded.email_id,
        last_seen = excluded.last_seen,
        "left" = NULL,
        seen_by = excluded.seen_by
"""


class SubscriberTable(BatchedFile):
    """The file that a sync writes. Call all methods except `lock` in an operation of `run`.

    Args:
        path: The file; created with its folder if it does not exist, readable only by its owner.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(FORMAT, Path(os.path.realpath(path)))

    @contextmanager
    def lock(self, bot: str) -> Iterator[bool]:
        """Acquire the lock for a bot. Yields False if another process holds it.

        It is a lock file next to the table; the system releases it when the process dies. It only
        saves requests: without it, `write` still lets just one of two syncs continue.
        """
        lock = FileLock(f"{self.path}.{bot}.lock", timeout=0, mode=0o600, is_singleton=False)
        with FORMAT.translate_errors(self.path), suppress(Timeout):
            lock.acquire()
        if not lock.is_locked:
            yield False
            return
        try:
            yield True
        finally:
            with suppress(OSError):
                Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()

    def state(self, bot: str) -> BotState:
        """Return the state of a bot's sync."""
        row = self.conn.execute(_READ_STATE, (bot,)).fetchone()
        return (
            BotState(bot=bot) if row is None else BotState(**dict(zip(_COLUMNS, row, strict=True)))
        )

    def count_present(self, bot: str) -> int:
        """Return the number of subscribers of a bot."""
        query = 'SELECT count(*) FROM subscriber WHERE bot = ? AND "left" IS NULL'
        return int(self.conn.execute(query, (bot,)).fetchone()[0])

    def write(self, state: BotState, page: Page[Subscriber], now: str) -> BotState:
        """Write a page. The last page of a full sync also marks the users who have left.

        Args:
            state: The state before the page.
            page: The page.
            now: The current time.

        Returns:
            The state after the page.

        Raises:
            ConcurrentSyncError: The stored state is not the given one.
        """
        if self.state(state.bot).version != state.version:
            raise ConcurrentSyncError
        subscribers = {each.user_id: each for each in page.data}
        added, changed = self._differences(state.bot, subscribers)
        advanced = state.advance(page.next_token, page.sync_token, added=added, changed=changed)
        self.conn.executemany(
            _WRITE_SUBSCRIBER,
            [
                (state.bot, each.user_id, each.name, each.email_id, now, now, advanced.version)
                for each in subscribers.values()
            ],
        )
        if not advanced.in_progress and advanced.kind == FULL:
            left = self.conn.execute(
                'UPDATE subscriber SET "left" = ? WHERE bot = ? AND "left" IS NULL AND seen_by < ?',
                (now, state.bot, state.first),
            )
            advanced = attrs.evolve(advanced, departed=left.rowcount)
        self.conn.execute(_WRITE_STATE, attrs.astuple(advanced))
        return advanced

    def _differences(self, bot: str, subscribers: dict[str, Subscriber]) -> tuple[int, int]:
        """Return the number of new or returning subscribers, and of changed ones."""
        placeholders = ", ".join("?" * len(subscribers))
        query = (
            "SELECT user_id, name, email_id FROM subscriber "  # noqa: S608 - only placeholders
            f'WHERE bot = ? AND "left" IS NULL AND user_id IN ({placeholders})'
        )
        changed = present = 0
        for user_id, name, email_id in self.conn.execute(query, (bot, *subscribers)):
            present += 1
            changed += (subscribers[user_id].name, subscribers[user_id].email_id) != (
                name,
                email_id,
            )
        return len(subscribers) - present, changed
