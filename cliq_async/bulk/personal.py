"""Batches of recipients who are not all sent the same: whose messages are equal share requests.

All of it is read, and every message made and checked, before the first request. The batches wait
in a temporary file meanwhile, so that a million messages need no memory.
"""

import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from typing import IO, Any, Final

from cliq_async.bulk.batch import Batch
from cliq_async.bulk.recipients import RecipientFilter, stream
from cliq_async.errors import ValidationError

__all__ = ["Made", "PersonalSource"]

Made = tuple[object, bytes]
"""A recipient, and the content that is theirs, as JSON."""

_MOST_OPEN: Final = 100_000
_MOST_OPEN_BYTES: Final = 1 << 24
_IN_MEMORY: Final = 1 << 20


class PersonalSource:
    """Batches of recipients with their content.

    Args:
        to: Items, of which each makes a recipient and what they are sent.
        make: Makes them.
        batch_size: How many share a request.
        intake: Says who is a recipient.

    Raises:
        ValidationError: `to` is not iterable.
    """

    def __init__(
        self,
        to: Iterable[Any] | AsyncIterable[Any],
        make: Callable[[Any], Made],
        batch_size: int,
        intake: RecipientFilter,
    ) -> None:
        self._items = stream(to)
        self._make = make
        self._groups = _ContentGroups(batch_size)
        self._intake = intake
        self._spool: IO[bytes] | None = None
        self._batches = 0
        self._position = 0

    @property
    def left(self) -> int | None:
        """See `BatchSource.left`."""
        return None if self._spool is None else self._batches - self._position

    async def prepare(self) -> None:
        """See `BatchSource.prepare`: reads everything.

        Raises:
            ValidationError: Some messages break a limit, or cannot be made.
            OSError: There is no room for them.
        """
        spool = self._spool = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by `close`
        await self._read(spool)
        spool.seek(0)

    async def next(self, size: int | None = None) -> Batch | None:  # noqa: ARG002 - always the same
        """See `BatchSource.next`."""
        if self._spool is None or self._position == self._batches:
            return None
        content, ids = self._spool.readline(), self._spool.readline()
        batch = Batch(tuple(ids.decode().rstrip().split(",")), self._position, content.rstrip())
        self._position += 1
        return batch

    def rest(self) -> None:
        """See `BatchSource.rest`: there is nothing in between."""

    async def close(self) -> None:
        """See `BatchSource.close`."""
        if self._spool is not None:
            self._spool.close()
        await self._items.aclose()

    async def _read(self, spool: IO[bytes]) -> None:
        wrong = _InvalidItems()
        number = 0
        async for item in self._items:
            number += 1
            try:
                given, content = self._make(item)
            except ValidationError as error:
                wrong.add(number, error)
                continue
            except Exception as error:
                error.add_note(f"for item {number:,} of the recipients")
                raise
            recipient = self._intake.accept(given)
            if recipient is None:
                await self._intake.pause()
            elif not wrong.count:
                self._write(spool, self._groups.add(content, recipient))
        wrong.check()
        self._write(spool, self._groups.rest())

    def _write(self, spool: IO[bytes], groups: Iterable[tuple[bytes, list[str]]]) -> None:
        for content, ids in groups:
            self._batches += 1
            spool.write(content + b"\n" + ",".join(ids).encode() + b"\n")


class _ContentGroups:
    """Recipients of the same content, until there are enough of them for a request.

    Should the contents be so many that they would take too much memory, the group that has waited
    longest for another recipient goes as it is.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._open: OrderedDict[bytes, list[str]] = OrderedDict()
        self._recipients = 0
        self._bytes = 0

    def add(self, content: bytes, recipient: str) -> Iterator[tuple[bytes, list[str]]]:
        """Add a recipient; returns the groups that are to go now."""
        ids = self._open.get(content)
        if ids is None:
            ids = self._open[content] = []
            self._bytes += len(content)
        else:
            self._open.move_to_end(content)
        ids.append(recipient)
        self._recipients += 1
        if len(ids) == self._size:
            yield self._taken(content)
        while self._recipients > _MOST_OPEN or self._bytes > _MOST_OPEN_BYTES:
            yield self._taken(next(iter(self._open)))

    def rest(self) -> Iterator[tuple[bytes, list[str]]]:
        """The groups that have not enough, in the order of their last recipient."""
        while self._open:
            yield self._taken(next(iter(self._open)))

    def _taken(self, content: bytes) -> tuple[bytes, list[str]]:
        ids = self._open.pop(content)
        self._recipients -= len(ids)
        self._bytes -= len(content)
        return content, ids


class _InvalidItems:
    """Items of which no message can be made."""

    def __init__(self) -> None:
        self.count = 0
        self._first: tuple[int, ValidationError] | None = None

    def add(self, number: int, error: ValidationError) -> None:
        """Note one."""
        self.count += 1
        self._first = self._first or (number, error)

    def check(self) -> None:
        """Raise the first one's error, with the number of others, if there was one."""
        if self._first is None:
            return
        number, error = self._first
        others = f" (and {self.count - 1:,} more)" if self.count > 1 else ""
        raise ValidationError(f"row {number:,}{others}: {error.field}", error.limit, error.given)
