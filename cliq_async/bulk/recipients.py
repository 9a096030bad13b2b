"""Batches of recipients, read lazily from the user's iterable, and the filter for their ids."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from typing import Any, Final, Protocol, cast

from cliq_async.bulk.batch import Batch
from cliq_async.errors import Unquoted, ValidationError, abbreviate
from cliq_async.models.identifiers import check_not_a_table, user_ids_field

__all__ = ["BatchReader", "BatchSource", "RecipientFilter", "normalize_excluded", "stream"]

_END: Final = object()
_MAX_ITEM_CHARS: Final = 100
_FIRST: Final = 100
"""The number of items after which reading ends if none is an id: it is the wrong column or file."""
_EXAMPLES: Final = 3
_YIELD_EVERY: Final = 100
"""The number of items after which other tasks get a turn."""
_FLUSH_EVERY: Final = 500
"""The number of skipped items after which reading waits until they are written."""


class BatchSource(Protocol):
    """A source of batches: the same recipients always make the same batches."""

    @property
    def left(self) -> int | None:
        """The number of batches to come; None if it is not known."""
        ...

    async def prepare(self) -> None:
        """Prepare the source. Called before the first batch is read.

        Raises:
            ValidationError: A message breaks a limit.
            Exception: The underlying iterable raised this.
        """
        ...

    async def next(self, size: int | None = None) -> Batch | None:
        """Return the next batch, or None at the end.

        Args:
            size: The size of the batch in an earlier run, if it was not full.

        Raises:
            Exception: The underlying iterable raised this. `rest` returns the recipients read so
                far.
        """
        ...

    def rest(self) -> Batch | None:
        """Return the recipients that are read but not yet in a batch, as one batch."""
        ...

    async def close(self) -> None:
        """Close the underlying iterable."""
        ...


class RecipientFilter:
    """A filter that accepts valid recipients and skips other items.

    Args:
        skip: Called with each skipped item: its number, its text, and the reason.
        flush: Waits until skipped items are written, so that they do not pile up.
        dedupe: Skip repeated ids. Takes memory for each id.
        exclude: Ids to skip, as `normalize_excluded` returns them.
    """

    def __init__(
        self,
        on_skip: Callable[[int, str, str], None],
        *,
        flush: Callable[[], Awaitable[None]] | None = None,
        dedupe: bool = False,
        exclude: frozenset[str] = frozenset(),
    ) -> None:
        self._on_skip = on_skip
        self._flush = flush
        self._skipped = 0
        self._seen: set[str] | None = set() if dedupe else None
        self._exclude = exclude
        self._number = 0
        self._accepted = False
        self._examples: list[str] = []

    def accept(self, item: object) -> str | None:
        """Return the recipient's id, or None if the item is skipped.

        Raises:
            ValidationError: None of the first hundred items is an id.
        """
        self._number += 1
        try:
            # In a tuple, a list is not taken for several ids.
            recipient = user_ids_field(item if isinstance(item, str) else (cast("str", item),))
        except ValidationError as error:
            text = item.strip() if isinstance(item, str) else repr(abbreviate(item))
            self._skip(text[:_MAX_ITEM_CHARS], f"not an id: {error.limit}")
            self._check_first(text)
            return None
        self._accepted = True
        if self._exclude and recipient.casefold() in self._exclude:
            self._skip(recipient, "excluded")
            return None
        if self._seen is not None:
            normalized = recipient.casefold()
            if normalized in self._seen:
                self._skip(recipient, "repeated")
                return None
            self._seen.add(normalized)
        return recipient

    async def pause(self) -> None:
        """Wait until skipped items are written, once every 500 of them. Call it after each."""
        if self._flush is not None and self._skipped % _FLUSH_EVERY == 0:
            await self._flush()

    def _check_first(self, text: str) -> None:
        if self._accepted:
            return
        self._examples = [*self._examples, text][:_EXAMPLES]
        if self._number == _FIRST:
            given = Unquoted(", ".join(repr(abbreviate(each)) for each in self._examples) + ", …")
            raise ValidationError("to", f"ids, but the first {_FIRST} items are not", given)

    def _skip(self, item: str, reason: str) -> None:
        self._skipped += 1
        self._on_skip(self._number, item, reason)


class BatchReader:
    """A source of batches that all have the same content.

    Args:
        to: The recipients' ids.
        batch_size: The number of recipients in a full batch.
        recipient_filter: Accepts or skips recipients.

    Raises:
        ValidationError: `to` is not an iterable of ids.
    """

    left = None

    def __init__(
        self,
        to: Iterable[Any] | AsyncIterable[Any],
        batch_size: int,
        recipient_filter: RecipientFilter,
    ) -> None:
        self._items = stream(to)
        self._batch_size = batch_size
        self._filter = recipient_filter
        self._pending: list[str] = []
        self._position = 0

    async def prepare(self) -> None:
        """See `BatchSource.prepare`: nothing is read ahead."""

    async def next(self, size: int | None = None) -> Batch | None:
        """See `BatchSource.next`."""
        while len(self._pending) < (size or self._batch_size):
            item = await anext(self._items, _END)
            if item is _END:
                break
            if (recipient := self._filter.accept(item)) is None:
                await self._filter.pause()
            else:
                self._pending.append(recipient)
        return self.rest()

    def rest(self) -> Batch | None:
        """See `BatchSource.rest`."""
        if not self._pending:
            return None
        batch = Batch(tuple(self._pending), self._position)
        self._position += 1
        self._pending.clear()
        return batch

    async def close(self) -> None:
        """See `BatchSource.close`."""
        await self._items.aclose()


def normalize_excluded(ids: Iterable[str | int]) -> frozenset[str]:
    """Normalize excluded ids for case-insensitive comparison.

    Raises:
        ValidationError: `ids` is not an iterable of ids.
    """
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
        raise ValidationError("exclude", "an iterable of ids", ids)
    try:
        return frozenset(user_ids_field((each,)).casefold() for each in ids)
    except ValidationError as error:
        raise ValidationError("exclude", error.limit, error.given) from None


def stream(items: object) -> AsyncGenerator[object, None]:
    """Iterate over any iterable asynchronously, with turns for other tasks in between.

    Raises:
        ValidationError: `items` is not an iterable, or is a str or bytes.
    """
    if isinstance(items, str | bytes) or not isinstance(items, Iterable | AsyncIterable):
        raise ValidationError("to", "an iterable of ids", items)
    check_not_a_table("to", items)
    return _stream(items)


async def _stream(items: Iterable[object] | AsyncIterable[object]) -> AsyncGenerator[object, None]:
    if isinstance(items, AsyncIterable):
        number = 0
        async for item in items:
            yield item
            number += 1
            if number % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
        return
    for number, item in enumerate(items, 1):
        yield item
        if number % _YIELD_EVERY == 0:
            await asyncio.sleep(0)  # between items: a cancellation here loses none
