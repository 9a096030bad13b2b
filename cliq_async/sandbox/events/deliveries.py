"""The record of deliveries: each event that was sent, and the answer to it."""

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import attrs
import msgspec

__all__ = ["Delivery", "DeliveryLog"]

E = TypeVar("E")

_KEPT_RESPONSE: Final = 65_536
_KEPT_BYTES: Final = 64 * 1024**2


def _shortened(body: bytes) -> bytes:
    return body[:_KEPT_RESPONSE]


@attrs.frozen(kw_only=True)
class Delivery:
    """An event and the answer to it.

    Attributes:
        id: A number, in the order of sending; 0 if no event was sent.
        bot: The bot's unique name.
        handler: The type of the handler, as the API names it.
        user: The ZUID of the person who caused the event.
        url: The execution URL.
        at: The time of sending, in milliseconds since 1970.
        body: The bytes that were sent.
        signature: The value of the header `X-Cliq-Signature`.
        fault: The injected fault; None without one.
        status: The HTTP status; None if there was no response on the connection.
        response: The first 64 KiB of the body that came back.
        answer: The answer that was taken, such as a message; None without one.
        late: True if the answer came by the `response_url`.
        took_s: The time until the answer, in seconds of the sandbox; None without one.
        error: The reason why there is no valid answer; None if there is one, or an empty one.
        skipped: The reason why no event was sent; None if one was.
        done: False while an answer can still come.
        shown: The ids of the chat's items that people see as the result.
    """

    id: int = 0
    bot: str
    handler: str
    user: str | None = None
    url: str = ""
    at: int = 0
    body: bytes = attrs.field(default=b"", repr=False)
    signature: str = attrs.field(default="", repr=False)
    fault: str | None = None
    status: int | None = None
    response: bytes = attrs.field(default=b"", repr=False, converter=_shortened)
    answer: Any = None
    late: bool = False
    took_s: float | None = None
    error: str | None = None
    skipped: str | None = None
    done: bool = True
    shown: tuple[str, ...] = ()

    @property
    def request(self) -> dict[str, Any]:
        """The event; empty if none was sent."""
        event: dict[str, Any] = msgspec.json.decode(self.body) if self.body else {}
        return event

    def summarize(self) -> dict[str, Any]:
        """Return the delivery as a list shows it."""
        names = ("id", "bot", "handler", "user", "at", "fault", "status", "late", "took_s")
        rest = ("error", "skipped", "done", "shown")
        return {name: getattr(self, name) for name in (*names, *rest)}

    def describe(self) -> dict[str, Any]:
        """Return the delivery with all its details, as JSON."""
        return self.summarize() | {
            "url": self.url,
            "request": self.request,
            "body": self.body.decode(errors="replace"),
            "signature": self.signature,
            "response": self.response.decode(errors="replace"),
            "answer": self.answer,
        }


class DeliveryLog(Generic[E]):
    """The most recent deliveries, each with the event it is of.

    Args:
        capacity: The number of deliveries to keep, if they have no more than 64 MiB in all.

    Attributes:
        revision: The number of changes so far.
    """

    def __init__(self, capacity: int = 1000) -> None:
        self.revision = 0
        self._capacity = capacity
        self._count = self._bytes = 0
        self._deliveries: dict[int, Delivery] = {}
        self._events: dict[int, E] = {}
        self._revisions: dict[int, int] = {}

    @property
    def count(self) -> int:
        """The number of deliveries ever made."""
        return self._count

    def all(self) -> tuple[Delivery, ...]:
        """Return the deliveries that are kept, the newest last."""
        return tuple(self._deliveries.values())

    def find(self, number: int) -> Delivery | None:
        """Return a delivery by its id; None if it is not kept."""
        return self._deliveries.get(number)

    def event(self, number: int) -> E | None:
        """Return the event of a delivery; None if it is not kept."""
        return self._events.get(number)

    def add(self, make: Callable[[int], Delivery], event: E) -> Delivery:
        """Store the delivery that a function makes from its id."""
        self._count += 1
        delivery = make(self._count)
        self._events[delivery.id] = event
        self._keep(delivery)
        return delivery

    def change(self, delivery: Delivery, **fields: Any) -> Delivery:
        """Return a delivery with other fields; the record has it, too, if it is still kept."""
        delivery = attrs.evolve(delivery, **fields)
        if delivery.id in self._deliveries:
            self._keep(delivery)
        return delivery

    def changed_since(self, revision: int) -> list[Delivery]:
        """Return the deliveries that were added or changed after a revision."""
        if revision >= self.revision:
            return []
        return [
            each for number, each in self._deliveries.items() if self._revisions[number] > revision
        ]

    def _keep(self, delivery: Delivery) -> None:
        """Store a delivery, and drop the oldest ones beyond the limits."""
        self.revision += 1
        self._revisions[delivery.id] = self.revision
        before = self._deliveries.get(delivery.id)
        self._bytes += _size(delivery) - (0 if before is None else _size(before))
        self._deliveries[delivery.id] = delivery
        while len(self._deliveries) > self._capacity or (
            self._bytes > _KEPT_BYTES and len(self._deliveries) > 1
        ):
            oldest = next(iter(self._deliveries))
            self._bytes -= _size(self._deliveries.pop(oldest))
            del self._events[oldest], self._revisions[oldest]


def _size(delivery: Delivery) -> int:
    return len(delivery.body) + len(delivery.response)
