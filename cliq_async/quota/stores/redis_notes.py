"""Notes on a Redis server, a key a note."""

from typing import Any

from cliq_async.quota.stores.records import Note
from cliq_async.quota.stores.redis_scripts import AnyStep, NoteStep
from cliq_async.quota.stores.threaded import SharedStore

__all__ = ["RedisNotes"]


class RedisNotes(SharedStore[AnyStep]):
    """Notes on a server; see `Notes`."""

    async def read_note(self, name: str) -> Note | None:
        """See `Notes.read_note`."""
        asked_at = self.clock()  # the server looked after that, so the note is gone the sooner

        def done(answer: dict[str, Any]) -> Note | None:
            return Note(answer["text"], asked_at + answer["left_s"]) if answer["found"] else None

        note: Note | None = await self._worker.ask(NoteStep("read", name, done=done))
        return note

    async def claim_note(self, name: str, text: str, *, until: float) -> bool:
        """See `Notes.claim_note`."""
        step = NoteStep("claim", name, text, until, lambda answer: answer["done"])
        claimed: bool = await self._worker.ask(step)
        return claimed

    def put_note(self, name: str, text: str, *, until: float) -> None:
        """See `Notes.put_note`."""
        self._worker.tell(NoteStep("put", name, text, until))

    def drop_note(self, name: str, text: str) -> None:
        """See `Notes.drop_note`."""
        self._worker.tell(NoteStep("drop", name, text))
