"""Batches: recipients who share a request, and the budget for bisecting a refused batch."""

import hashlib

import attrs

__all__ = ["Batch", "SplitBudget"]


@attrs.define(eq=False)
class SplitBudget:
    """The remaining number of requests for bisecting a refused batch."""

    left: int


@attrs.frozen(eq=False)
class Batch:
    """Recipients who share a request.

    Attributes:
        ids: The recipients' ids.
        position: Its place in the stream of batches; None for a part of a batch that was split.
        content: Its own content, as JSON; empty if all batches have the same content.
        key: Its number in the job log; 0 if it has none yet.
        budget: The budget for splitting it further; None if it comes from no split.
    """

    ids: tuple[str, ...]
    position: int | None = None
    content: bytes = b""
    key: int = 0
    budget: SplitBudget | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def digest(self) -> bytes:
        """Return a hash of the recipients and their content."""
        sha256 = hashlib.sha256(self.content)
        for user_id in self.ids:
            sha256.update(b"\n" + user_id.encode("utf-8", "surrogatepass"))
        return sha256.digest()[:16]

    def halves(self, budget: int) -> "tuple[Batch, Batch] | None":
        """Split the batch, and take two requests from its budget.

        Args:
            budget: The budget of a batch that does not come from a split.

        Returns:
            The halves; None if there is one recipient only, or the budget is spent.
        """
        split_budget = self.budget or SplitBudget(budget)
        if len(self.ids) == 1 or split_budget.left < 2:  # noqa: PLR2004 - a request for each half
            return None
        split_budget.left -= 2
        middle = len(self.ids) // 2
        first, second = self.ids[:middle], self.ids[middle:]
        return self.part(first, split_budget), self.part(second, split_budget)

    def part(self, ids: tuple[str, ...], budget: SplitBudget | None = None) -> "Batch":
        """Return a batch of some of the recipients."""
        return attrs.evolve(self, ids=ids, position=None, key=0, budget=budget)
