"""Subscribers in a SQLite file, page by page. Every call blocks; a thread of its own makes them.

A page and the place where the next one begins are one transaction: whenever the program is
killed, the file says what was read, and where to go on.
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
    damaged_hint="move it aside with its -wal file, and sync into a new one",
)

_COLUMNS: Final = tuple(field.name for field in attrs.fields(BotState))
_READ_STATE: Final = f"SELECT {', '.join(_COLUMNS)} FROM bot WHERE bot = ?"  # noqa: S608 - our own names
_WRITE_STATE: Final = (
    f"INSERT OR REPLACE INTO bot ({', '.join(_COLUMNS)}) "  # noqa: S608 - our own names
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
    """The file that a sync writes. All methods but `claimed` are called within a step of `run`.

    Args:
        path: The file; made with its folder if there is none, readable by its owner alone.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(FORMAT, Path(os.path.realpath(path)))

    @contextmanager
    def lock(self, bot: str) -> Iterator[bool]:
        """Have a bot for oneself; False if a living program has it.

        A lock beside the file, which the system takes back from a program that dies. It only
        spares requests: without it, `write` lets one of two go on.
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
        """How far a bot is."""
        row = self.conn.execute(_READ_STATE, (bot,)).fetchone()
        return (
            BotState(bot=bot) if row is None else BotState(**dict(zip(_COLUMNS, row, strict=True)))
        )

    def count_present(self, bot: str) -> int:
        """How many subscribers a bot has."""
        query = 'SELECT count(*) FROM subscriber WHERE bot = ? AND "left" IS NULL'
        return int(self.conn.execute(query, (bot,)).fetchone()[0])

    def write(self, state: BotState, page: Page[Subscriber], now: str) -> BotState:
        """Write a page down; after the last one of a full sync, also who has left.

        Args:
            state: How far the bot was before.
            page: The page.
            now: The moment.

        Returns:
            How far the bot is now.

        Raises:
            OvertakenError: It is not as far as it was thought to be.
        """
        if self.state(state.bot).version != state.version:
            raise ConcurrentSyncError
        people = {each.user_id: each for each in page.data}
        added, changed = self._differences(state.bot, people)
        after = state.after(page.next_token, page.sync_token, added=added, changed=changed)
        self.conn.executemany(
            _WRITE_SUBSCRIBER,
            [
                (state.bot, each.user_id, each.name, each.email_id, now, now, after.version)
                for each in people.values()
            ],
        )
        if not after.is_under_way and after.kind == FULL:
            gone = self.conn.execute(
                'UPDATE subscriber SET "left" = ? WHERE bot = ? AND "left" IS NULL AND seen_by < ?',
                (now, state.bot, state.first),
            )
            after = attrs.evolve(after, departed=gone.rowcount)
        self.conn.execute(_WRITE_STATE, attrs.astuple(after))
        return after

    def _differences(self, bot: str, people: dict[str, Subscriber]) -> tuple[int, int]:
        """How many are new or back, and how many have changed."""
        marks = ", ".join("?" * len(people))
        query = (
            "SELECT user_id, name, email_id FROM subscriber "  # noqa: S608 - marks alone
            f'WHERE bot = ? AND "left" IS NULL AND user_id IN ({marks})'
        )
        changed = there = 0
        for user_id, name, email_id in self.conn.execute(query, (bot, *people)):
            there += 1
            changed += (people[user_id].name, people[user_id].email_id) != (name, email_id)
        return len(people) - there, changed
