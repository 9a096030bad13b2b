"""Notes in the memory of this process."""

import threading

from cliq_async.quota.stores.base import Clock
from cliq_async.quota.stores.records import Note

__all__ = ["MemoryNotes"]


class MemoryNotes:
    """Notes in the memory of this process; see `Notes`. No method ever waits."""

    clock: Clock

    def __init__(self) -> None:
        self._notes: dict[str, Note] = {}
        self._notes_lock = threading.RLock()  # what the garbage collector closes may drop one

    async def read_note(self, name: str) -> Note | None:
        """See `Notes.read_note`."""
        with self._notes_lock:
            return self._standing(name)

    async def claim_note(self, name: str, text: str, *, until: float) -> bool:
        """See `Notes.claim_note`."""
        with self._notes_lock:
            note = self._standing(name)
            if note is not None and note.text != text:
                return False
            self._notes[name] = Note(text, until)
            return True

    def put_note(self, name: str, text: str, *, until: float) -> None:
        """See `Notes.put_note`."""
        with self._notes_lock:
            self._notes[name] = Note(text, until)

    def drop_note(self, name: str, text: str) -> None:
        """See `Notes.drop_note`."""
        with self._notes_lock:
            note = self._notes.get(name)
            if note is not None and note.text == text:
                del self._notes[name]

    def _standing(self, name: str) -> Note | None:
        note = self._notes.get(name)
        if note is not None and note.until <= self.clock():
            del self._notes[name]
            return None
        return note
