"""A simulated disk under a journal: awaited writes are durable, any part of the rest may be."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from cliq_async.bulk.journal import Journal
from cliq_async.bulk.journal_file import JournalFile


class Disk:
    """A stand-in for a journal's thread that runs its operations in order, but late.

    Args:
        journal: The journal whose thread this replaces.
        written: Called when all records so far are durable.
    """

    def __init__(self, journal: Journal, written: Callable[[], None]) -> None:
        self.file = cast("JournalFile", journal._store)
        self.written = written
        self.waiting: list[Any] = []
        self.dead = False
        self.safe = 0

    @property
    def log(self) -> Path:
        return self.file.path.with_name(self.file.path.name + "-wal")

    async def call(self, step, *, retry_on_failure=False):
        await asyncio.sleep(0)
        if self.dead:
            raise asyncio.CancelledError
        results = self.file.run([*self.waiting, step])
        self.waiting.clear()
        self.safe = self.log.stat().st_size if self.log.exists() else 0
        self.written()
        await asyncio.sleep(0)
        if isinstance(results[-1], Exception):
            raise results[-1]
        return results[-1]

    def submit(self, step):
        self.waiting.append(step)

    def flush(self):
        """Write pending operations, as if to the page cache only."""
        if self.waiting and not self.dead:
            self.file.run(self.waiting)
            self.waiting.clear()

    async def call_all(self, steps):
        return [await self.call(step) for step in steps]

    async def close(self):
        if not self.dead:
            self.file.close()

    def crash(self, copy: Path, *, share: float, spoiled: str) -> None:
        """Stop writing, and copy the file as it is found after the crash.

        Args:
            copy: The path of the copy; its log goes beside it.
            share: The share of the log's tail, which is not durable, that is kept.
            spoiled: The damage to the end of the log: cut, zeros, twice or flipped.
        """
        self.dead = True
        path = self.file.path
        if path.exists():
            shutil.copy(path, copy)
        if self.log.exists():
            log, safe = self.log.read_bytes(), self.safe
            kept = log[: safe + int(share * (len(log) - safe))]
            tail = kept[safe:]
            match spoiled:
                case "zeros":
                    kept += b"\0" * 500
                case "twice":
                    kept += (tail or kept)[-4120:]
                case "flipped" if tail:
                    place = safe + len(tail) // 2
                    kept = kept[:place] + bytes([kept[place] ^ 0x55]) + kept[place + 1 :]
            copy.with_name(copy.name + "-wal").write_bytes(kept)
