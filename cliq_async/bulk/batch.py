"""Recipients who share a request."""

import hashlib

import attrs

__all__ = ["Batch", "SplitBudget"]


@attrs.define(eq=False)
class SplitBudget:
    """How many more requests may be spent on finding those for whom a batch was refused."""

    left: int


@attrs.frozen(eq=False)
class Batch:
    """Recipients who share a request.

    Attributes:
        ids: Who they are.
        position: Its place in the stream of batches; None for a part of one that was split.
        content: What they are sent, as JSON, where not all are sent the same.
        key: Its number in the record.
        budget: What may be spent on splitting it further; None if nothing was spent yet.
    """

    ids: tuple[str, ...]
    position: int | None = None
    content: bytes = b""
    key: int = 0
    budget: SplitBudget | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def digest(self) -> bytes:
        """Tells it from any other batch."""
        told = hashlib.sha256(self.content)
        for each in self.ids:
            told.update(b"\n" + each.encode("utf-8", "surrogatepass"))
        return told.digest()[:16]

    def halves(self, budget: int) -> "tuple[Batch, Batch] | None":
        """Its two halves, with what is left to spend; None if there are none, or nothing is left.

        Args:
            budget: What may be spent on a batch that was not split yet.
        """
        spending = self.budget or SplitBudget(budget)
        if len(self.ids) == 1 or spending.left < 2:  # noqa: PLR2004 - a request for each half
            return None
        spending.left -= 2
        middle = len(self.ids) // 2
        return self.part(self.ids[:middle], spending), self.part(self.ids[middle:], spending)

    def part(self, ids: tuple[str, ...], budget: SplitBudget | None = None) -> "Batch":
        """Some of its recipients."""
        return attrs.evolve(self, ids=ids, position=None, key=0, budget=budget)
