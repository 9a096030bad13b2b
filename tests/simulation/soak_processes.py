"""Processes of a soak: what dies together when one is killed."""

import asyncio
from contextvars import ContextVar
from typing import Any

import attrs
from support import stores


@attrs.define(eq=False)
class Process:
    """Its client, store and tasks; once it is dead, they write nothing any more."""

    number: int
    store: Any = None
    client: Any = None
    dead: bool = False
    tasks: list[asyncio.Task[Any]] = attrs.Factory(list)


CURRENT: ContextVar[Process] = ContextVar("process")


class Inline(stores.Inline):
    """Does a file's work at once, unless its process was killed; in place of a thread."""

    def __init__(self, backend, _on_fork=None):
        super().__init__(backend)
        self.process = CURRENT.get()

    async def call(self, operation, *, retry_on_failure=False, patient=False):
        await asyncio.sleep(0)
        if self.process.dead:
            raise asyncio.CancelledError
        result = await super().call(operation)
        await asyncio.sleep(0)
        return result

    def submit(self, operation):
        if not self.process.dead:
            super().submit(operation)
