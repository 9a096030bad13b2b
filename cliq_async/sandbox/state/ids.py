"""The generator of unique ids."""

from collections.abc import Iterable
from typing import Final, Self

import attrs

__all__ = ["Ids"]

_STEP: Final = 1000


@attrs.define
class Ids:
    """A generator of ascending numbers with gaps.

    Attributes:
        next: The next id.
    """

    next: int

    @classmethod
    def starting_after(cls, ids: Iterable[str]) -> Self:
        """Create a generator of ids above all of these."""
        return cls(max(map(int, ids)) + _STEP)

    def allocate(self) -> str:
        """Return the next id, a string of digits."""
        allocated = self.next
        self.next += _STEP
        return str(allocated)
