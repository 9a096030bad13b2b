"""Recipients read from whatever the user has, as batches. Reads no further than it is asked."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from typing import Any, Final, Protocol, cast

from cliq_async.bulk.batch import Batch
from cliq_async.errors import ValidationError, abbreviate
from cliq_async.models.identifiers import user_ids_field

__all__ = ["BatchReader", "BatchSource", "RecipientFilter", "excluded", "stream"]

_END: Final = object()
_SHOWN_CHARS: Final = 100
_YIELD_EVERY: Final = 100
"""Items after which other tasks get a turn."""
_FLUSH_EVERY: Final = 500
"""Items that are skipped, after which the reading waits until they are written down."""


class BatchSource(Protocol):
    """Where batches come from, always the same from the same recipients."""

    @property
    def left(self) -> int | None:
        """How many batches are to come, if that is known."""
        ...

    async def prepare(self) -> None:
        """Do what has to be done before the first batch.

        Raises:
            ValidationError: Something that is to be sent breaks a limit.
            Exception: What is read from has failed.
        """
        ...

    async def next(self, size: int | None = None) -> Batch | None:
        """The next batch, or None at the end.

        Args:
            size: How many recipients it had in an earlier run, if not as many as there may be.

        Raises:
            Exception: What is read from has failed. `rest` then has what is in no batch.
        """
        ...

    def rest(self) -> Batch | None:
        """What was read and is in no batch yet, as one."""
        ...

    async def close(self) -> None:
        """Let go of what is read from."""
        ...


class RecipientFilter:
    """Tells recipients from items that are to be skipped.

    Args:
        skip: Called with each skipped item: its number, its text, and the reason.
        flush: Waits until skipped items are written down, so that they never pile up.
        dedupe: Skip ids that came before. Costs memory for each id.
        exclude: Skip these ids, in the form that `excluded` returns.
    """

    def __init__(
        self,
        skip: Callable[[int, str, str], None],
        *,
        flush: Callable[[], Awaitable[None]] | None = None,
        dedupe: bool = False,
        exclude: frozenset[str] = frozenset(),
    ) -> None:
        self._on_skip = skip
        self._flush = flush
        self._skipped = 0
        self._seen: set[str] | None = set() if dedupe else None
        self._exclude = exclude
        self._number = 0

    def accept(self, item: object) -> str | None:
        """Return the recipient of the next item, or None if the item is to be skipped."""
        self._number += 1
        item = _stripped(item)
        try:
            recipient = user_ids_field((cast("str", item),))  # one, and not several in a list
        except ValidationError as error:
            given = item if isinstance(item, str) else repr(abbreviate(item))
            self._skip(given[:_SHOWN_CHARS], f"not an id: {error.limit}")
            return None
        if self._exclude and recipient.casefold() in self._exclude:
            self._skip(recipient, "excluded")
            return None
        if self._seen is not None:
            same = recipient.casefold()
            if same in self._seen:
                self._skip(recipient, "repeated")
                return None
            self._seen.add(same)
        return recipient

    async def pause(self) -> None:
        """Wait now and then until skipped items are written down; called after each of them."""
        if self._flush is not None and self._skipped % _FLUSH_EVERY == 0:
            await self._flush()

    def _skip(self, item: str, reason: str) -> None:
        self._skipped += 1
        self._on_skip(self._number, item, reason)


class BatchReader:
    """Batches of recipients, who all are sent the same.

    Args:
        to: The recipients' ids.
        batch_size: How many share a request.
        intake: Says who is a recipient.

    Raises:
        ValidationError: `to` is not an iterable of ids.
    """

    left = None

    def __init__(
        self, to: Iterable[Any] | AsyncIterable[Any], batch_size: int, intake: RecipientFilter
    ) -> None:
        self._items = stream(to)
        self._batch_size = batch_size
        self._intake = intake
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
            if (recipient := self._intake.accept(item)) is None:
                await self._intake.pause()
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


def _stripped(item: Any) -> Any:
    """Of the line of a file, the id."""
    return item.strip() if isinstance(item, str) else item


def excluded(ids: Iterable[str | int]) -> frozenset[str]:
    """Ids that nobody is to be sent to by, in whatever case they are written.

    Raises:
        ValidationError: It is not an iterable of ids.
    """
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
        raise ValidationError("exclude", "an iterable of ids", ids)
    try:
        return frozenset(user_ids_field((_stripped(each),)).casefold() for each in ids)
    except ValidationError as error:
        raise ValidationError("exclude", error.limit, error.given) from None


def stream(items: object) -> AsyncGenerator[object, None]:
    """Any iterable as an asynchronous one, with turns for other tasks in between.

    Raises:
        ValidationError: It is none, or a text.
    """
    if isinstance(items, str | bytes) or not isinstance(items, Iterable | AsyncIterable):
        raise ValidationError("to", "an iterable of ids", items)
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
            await asyncio.sleep(0)  # not while an item is held, which a cancellation would lose
