"""Counters of deliveries by user and recipient."""

from collections import Counter
from collections.abc import Iterable

__all__ = ["DeliveryCounter"]


class DeliveryCounter:
    """The number of messages or calls for each recipient, by the user who sent them."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}

    def add(self, user: str, zuids: Iterable[str]) -> None:
        """Count one delivery to each of these people."""
        self._counts.setdefault(user, Counter()).update(zuids)

    def counts(self, user: str | None = None) -> Counter[str]:
        """Return the number of deliveries by ZUID, from all users or from one."""
        total: Counter[str] = Counter()
        for owner, counts in self._counts.items():
            if user is None or user == owner:
                total.update(counts)
        return total
