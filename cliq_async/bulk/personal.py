"""Batches with personal content; recipients with equal content share requests.

All items are read, and all messages built and validated, before the first request. The batches
are spooled to a temporary file, so that memory does not grow with their number.
"""

import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from typing import IO, Any, Final

from cliq_async.bulk.batch import Batch
from cliq_async.bulk.recipients import RecipientFilter, stream
from cliq_async.errors import ValidationError

__all__ = ["PersonalContent", "PersonalSource"]

PersonalContent = tuple[object, bytes]
"""A recipient and their content, as JSON."""

_MAX_OPEN_RECIPIENTS: Final = 100_000
_MAX_OPEN_BYTES: Final = 1 << 24
_SPOOL_MEMORY_BYTES: Final = 1 << 20


class PersonalSource:
    """A source of batches with personal content.

    Args:
        to: The items from which recipients and their content are built.
        make: Returns the recipient and the content for an item.
        batch_size: The number of recipients in a full batch.
        recipient_filter: Accepts or skips recipients.

    Raises:
        ValidationError: `to` is not iterable.
    """

    def __init__(
        self,
        to: Iterable[Any] | AsyncIterable[Any],
        make: Callable[[Any], PersonalContent],
        batch_size: int,
        recipient_filter: RecipientFilter,
    ) -> None:
        self._items = stream(to)
        self._make = make
        self._groups = _ContentGroups(batch_size)
        self._filter = recipient_filter
        self._spool: IO[bytes] | None = None
        self._batches = 0
        self._position = 0

    @property
    def left(self) -> int | None:
        """See `BatchSource.left`."""
        return None if self._spool is None else self._batches - self._position

    async def prepare(self) -> None:
        """See `BatchSource.prepare`. Reads all items.

        Raises:
            ValidationError: A message breaks a limit or cannot be built.
            OSError: The temporary file cannot be written.
        """
        spool = self._spool = tempfile.SpooledTemporaryFile(_SPOOL_MEMORY_BYTES)  # noqa: SIM115 - closed by `close`
        await self._read(spool)
        spool.seek(0)

    async def next(self, size: int | None = None) -> Batch | None:  # noqa: ARG002 - the sizes depend on the content alone
        """See `BatchSource.next`."""
        if self._spool is None or self._position == self._batches:
            return None
        content, ids = self._spool.readline(), self._spool.readline()
        batch = Batch(tuple(ids.decode().rstrip().split(",")), self._position, content.rstrip())
        self._position += 1
        return batch

    def rest(self) -> None:
        """See `BatchSource.rest`: every item read is in a batch."""

    async def close(self) -> None:
        """See `BatchSource.close`."""
        if self._spool is not None:
            self._spool.close()
        await self._items.aclose()

    async def _read(self, spool: IO[bytes]) -> None:
        invalid = _InvalidItems()
        number = 0
        async for item in self._items:
            number += 1
            try:
                user_id, content = self._make(item)
            except ValidationError as error:
                invalid.add(number, error)
                continue
            except Exception as error:
                error.add_note(f"for item {number:,} of the recipients")
                raise
            recipient = self._filter.accept(user_id)
            if recipient is None:
                await self._filter.pause()
            elif not invalid.count:
                self._write(spool, self._groups.add(content, recipient))
        invalid.check()
        self._write(spool, self._groups.rest())

    def _write(self, spool: IO[bytes], groups: Iterable[tuple[bytes, list[str]]]) -> None:
        for content, ids in groups:
            self._batches += 1
            spool.write(content + b"\n" + ",".join(ids).encode() + b"\n")


class _ContentGroups:
    """Recipients grouped by content, until a group fills a request.

    If the open groups take too much memory, the least recently extended one is closed as it is.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._open: OrderedDict[bytes, list[str]] = OrderedDict()
        self._recipients = 0
        self._bytes = 0

    def add(self, content: bytes, recipient: str) -> Iterator[tuple[bytes, list[str]]]:
        """Add a recipient. Yields the groups that are closed by it."""
        ids = self._open.get(content)
        if ids is None:
            ids = self._open[content] = []
            self._bytes += len(content)
        else:
            self._open.move_to_end(content)
        ids.append(recipient)
        self._recipients += 1
        if len(ids) == self._size:
            yield self._close(content)
        while self._recipients > _MAX_OPEN_RECIPIENTS or self._bytes > _MAX_OPEN_BYTES:
            yield self._close(next(iter(self._open)))

    def rest(self) -> Iterator[tuple[bytes, list[str]]]:
        """Close and yield the groups that are not full, in the order of their last recipient."""
        while self._open:
            yield self._close(next(iter(self._open)))

    def _close(self, content: bytes) -> tuple[bytes, list[str]]:
        ids = self._open.pop(content)
        self._recipients -= len(ids)
        self._bytes -= len(content)
        return content, ids


class _InvalidItems:
    """The items for which no valid message can be built."""

    def __init__(self) -> None:
        self.count = 0
        self._first: tuple[int, ValidationError] | None = None

    def add(self, number: int, error: ValidationError) -> None:
        """Count an item, and keep the first error."""
        self.count += 1
        self._first = self._first or (number, error)

    def check(self) -> None:
        """Raise the first error, with the number of others, if there is one."""
        if self._first is None:
            return
        number, error = self._first
        others = f" (and {self.count - 1:,} more)" if self.count > 1 else ""
        raise ValidationError(f"row {number:,}{others}: {error.field}", error.limit, error.given)
