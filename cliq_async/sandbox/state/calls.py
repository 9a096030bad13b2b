"""Voice calls made by bots."""

import random
from collections import deque
from collections.abc import Iterable
from typing import Any, TypedDict
from uuid import UUID

__all__ = ["CallRecord", "Calls"]


class CallRecord(TypedDict):
    """A call: its id, the bot's unique name, the user's label, the body."""

    id: str
    bot: str
    user: str
    body: dict[str, Any]


class Calls:
    """The most recent calls.

    Args:
        calls: The initial calls.
        count: The number of calls ever made, including those no longer kept.
        seed: The seed of the call ids.
        capacity: The number of calls to keep.
    """

    def __init__(
        self,
        calls: Iterable[CallRecord] = (),
        *,
        count: int = 0,
        seed: int = 0,
        capacity: int = 100_000,
    ) -> None:
        self._calls = deque(calls, maxlen=capacity)
        self._count = count
        self._seed = seed

    @property
    def count(self) -> int:
        """The number of calls ever made."""
        return self._count

    def all(self) -> list[CallRecord]:
        """Return the calls that are kept, the newest last."""
        return list(self._calls)

    def last(self) -> CallRecord:
        """Return the newest call.

        Raises:
            IndexError: There are no calls.
        """
        return self._calls[-1]

    def add(self, body: dict[str, Any], *, bot: str, user: str) -> str:
        """Store a call and return its id."""
        # Seeded for each call, so that ids do not repeat after a restart.
        rng = random.Random(f"{self._seed}/calls/{self._count}")
        call_id = str(UUID(int=rng.getrandbits(128), version=4))
        self._calls.append({"id": call_id, "bot": bot, "user": user, "body": body})
        self._count += 1
        return call_id
