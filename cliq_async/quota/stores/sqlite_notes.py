"""Notes in a SQLite store's file, a row a note."""

from collections.abc import Callable
from typing import Any, Final

from cliq_async.quota.stores.records import Note
from cliq_async.quota.stores.sqlite_ledger import Ledger
from cliq_async.quota.stores.threaded import SharedStore

__all__ = ["SqliteNotes"]

# A note of another start of the machine, or from ahead of the clock, is none: nobody knows how much
# time has passed since, and the process that left it is gone.
_READ: Final = (
    "SELECT text, until FROM note WHERE name = ? AND boot = ? AND written_at <= ? AND until > ?"
)
_WRITE: Final = "INSERT OR REPLACE INTO note VALUES (?, ?, ?, ?, ?)"
_DROP: Final = "DELETE FROM note WHERE name = ? AND text = ?"
_FORGET: Final = "DELETE FROM note WHERE boot <> ? OR written_at > ? OR until <= ?"


class SqliteNotes(SharedStore[Callable[[], Any]]):
    """Notes in a file; see `Notes`."""

    _ledger: Ledger

    async def read_note(self, name: str) -> Note | None:
        """See `Notes.read_note`."""
        note: Note | None = await self._worker.ask(lambda: self._read(name))
        return note

    async def claim_note(self, name: str, text: str, *, until: float) -> bool:
        """See `Notes.claim_note`."""

        def step() -> bool:
            note = self._read(name)
            if note is not None and note.text != text:
                return False
            self._write(name, text, until)
            return True

        claimed: bool = await self._worker.ask(step)
        return claimed

    def put_note(self, name: str, text: str, *, until: float) -> None:
        """See `Notes.put_note`."""
        self._worker.tell(lambda: self._write(name, text, until))

    def drop_note(self, name: str, text: str) -> None:
        """See `Notes.drop_note`."""
        self._worker.tell(lambda: self._ledger.conn.execute(_DROP, (name, text)))

    def _read(self, name: str) -> Note | None:
        now, boot = self.clock(), self._ledger.boot
        row = self._ledger.conn.execute(_READ, (name, boot, now, now)).fetchone()
        return None if row is None else Note(*row)

    def _write(self, name: str, text: str, until: float) -> None:
        now, boot = self.clock(), self._ledger.boot
        self._ledger.conn.execute(_FORGET, (boot, now, now))
        self._ledger.conn.execute(_WRITE, (name, boot, now, until, text))
