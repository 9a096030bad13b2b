"""The calls that bots made."""

import random
from collections import deque
from collections.abc import Iterable
from typing import Any, TypedDict
from uuid import UUID

__all__ = ["CallRecord", "Calls"]


class CallRecord(TypedDict):
    """A call, whoever was called: its id, the bot's unique name, the user's label, the body."""

    id: str
    bot: str
    user: str
    body: dict[str, Any]


class Calls:
    """The last calls; older ones are forgotten.

    Args:
        calls: The first ones.
        count: How many there were, forgotten ones included.
        seed: Decides their ids.
        most: How many are remembered.
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
        """How many there were."""
        return self._count

    def all(self) -> list[CallRecord]:
        """All that are remembered, the newest last."""
        return list(self._calls)

    def add(self, body: dict[str, Any], *, bot: str, user: str) -> str:
        """Remember a call and give it an id."""
        # Its own numbers for each call: ids do not come again after a restart.
        rng = random.Random(f"{self._seed}/calls/{self._count}")
        call_id = str(UUID(int=rng.getrandbits(128), version=4))
        self._calls.append({"id": call_id, "bot": bot, "user": user, "body": body})
        self._count += 1
        return call_id
