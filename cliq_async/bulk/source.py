"""Recipients read from whatever the user has, as batches. Reads no further than it is asked."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from typing import Final, cast

from cliq_async.bulk.batch import Batch
from cliq_async.errors import ValidationError
from cliq_async.models.checks import shown
from cliq_async.models.recipients import user_ids_field

__all__ = ["Recipients", "Source", "stream"]

Recipients = Iterable[str | int] | AsyncIterable[str | int]

_END: Final = object()
_SHOWN_CHARS: Final = 100
_BREATHER: Final = 1000
"""Items from a plain iterable, after which other tasks get a turn."""


class Source:
    """Batches of recipients, who all are sent the same.

    Args:
        to: The recipients' ids.
        batch_size: How many share a request.
        dedupe: Skip ids that came before. Costs memory for each id.
        skip: Told of each item that is skipped: its number, what it was, and why.

    Raises:
        ValidationError: `to` is not an iterable of ids.
    """

    def __init__(
        self,
        to: Recipients,
        *,
        batch_size: int,
        dedupe: bool,
        skip: Callable[[int, str, str], None],
    ) -> None:
        if isinstance(to, str | bytes) or not isinstance(to, Iterable | AsyncIterable):
            raise ValidationError("to", "an iterable of ids", to)
        self._items = stream(to)
        self._batch_size = batch_size
        self._seen: set[str] | None = set() if dedupe else None
        self._skip = skip
        self._pending: list[str] = []
        self._number = 0
        self._position = 0

    async def next(self) -> Batch | None:
        """The next batch, or None at the end.

        Raises:
            Exception: What `to` raised. `rest` then has what was read and is in no batch.
        """
        while len(self._pending) < self._batch_size:
            item = await anext(self._items, _END)
            if item is _END:
                break
            self._number += 1
            if (recipient := self._accept(item)) is not None:
                self._pending.append(recipient)
        return self.rest()

    def rest(self) -> Batch | None:
        """What was read and is in no batch yet, as one."""
        if not self._pending:
            return None
        batch = Batch(tuple(self._pending), self._position)
        self._position += 1
        self._pending.clear()
        return batch

    async def close(self) -> None:
        """Let go of what is read from."""
        await self._items.aclose()

    def _accept(self, item: object) -> str | None:
        if isinstance(item, str):
            item = item.strip()  # the lines of a file
        try:
            recipient = user_ids_field((cast("str", item),))  # one, and not several in a list
        except ValidationError as error:
            given = item if isinstance(item, str) else repr(shown(item))
            self._skip(self._number, given[:_SHOWN_CHARS], f"not an id: {error.limit}")
            return None
        if self._seen is not None:
            if recipient in self._seen:
                self._skip(self._number, recipient, "repeated")
                return None
            self._seen.add(recipient)
        return recipient


async def stream(items: "Iterable[object] | AsyncIterable[object]") -> AsyncGenerator[object, None]:
    """Any iterable as an asynchronous one, with turns for other tasks in between."""
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
        return
    for number, item in enumerate(items, 1):
        yield item
        if number % _BREATHER == 0:
            await asyncio.sleep(0)  # not while an item is held, which a cancellation would lose
