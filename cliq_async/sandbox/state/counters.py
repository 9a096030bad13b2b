"""Counts of what each person got."""

from collections import Counter
from collections.abc import Iterable

__all__ = ["DeliveryCounter"]


class DeliveryCounter:
    """How many of something each person got, by the user on whose behalf it was sent."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}

    def add(self, user: str, zuids: Iterable[str]) -> None:
        """Record that each of these people got one."""
        self._counts.setdefault(user, Counter()).update(zuids)

    def counts(self, user: str | None = None) -> Counter[str]:
        """How many each ZUID got, of all users or of one."""
        total: Counter[str] = Counter()
        for owner, counts in self._counts.items():
            if user is None or user == owner:
                total.update(counts)
        return total
