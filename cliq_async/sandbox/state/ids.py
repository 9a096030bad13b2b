"""Ids that are given out once."""

from collections.abc import Iterable
from typing import Final, Self

import attrs

__all__ = ["Ids"]

_STEP: Final = 1000


@attrs.define
class Ids:
    """Ascending numbers, most of them left out.

    Attributes:
        next: The one that is given out next.
    """

    next: int

    @classmethod
    def starting_after(cls, ids: Iterable[str]) -> Self:
        """Numbers above all of these."""
        return cls(max(map(int, ids)) + _STEP)

    def allocate(self) -> str:
        """The next one, as digits."""
        given = self.next
        self.next += _STEP
        return str(given)
