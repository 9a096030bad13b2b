"""The end of a caller's wait for a store, which may hang."""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

from cliq_async.errors import CliqError, QuotaStoreError
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.memory import MemoryStore

__all__ = ["STORE_PATIENCE_S", "answer_by", "no_answer"]

T = TypeVar("T")

STORE_PATIENCE_S: Final = 0.25
"""The time that the store has for an answer, even if a caller's own time is up. Real seconds."""


def no_answer(within_s: float, consequence: str = "nothing was sent") -> QuotaStoreError:
    """Return the error for a store that did not answer.

    Args:
        within_s: The time that it had, in real seconds.
        consequence: What became of the request.
    """
    return QuotaStoreError(f"the quota store did not answer within {within_s:.3g} s; {consequence}")


async def answer_by(
    deadline: float | None,
    store: QuotaStore,
    answer: Awaitable[T],
    *,
    consequence: str = "nothing was sent",
) -> T:
    """Await a store's answer, until a deadline.

    The operation is cancelled then, so a caller that takes a token has to end it as never sent.

    Args:
        deadline: The end of the caller's budget, on the store's clock; None for no end.
        store: The store.
        answer: Its answer.
        consequence: What the error says of the request.

    Raises:
        QuotaStoreError: There was no answer in time, or the store failed.
    """
    scope, budget_s = None, 0.0
    try:
        if deadline is None or isinstance(store, MemoryStore):  # which answers at once
            return await answer
        budget_s = max(STORE_PATIENCE_S, deadline - store.clock())
        scope = asyncio.timeout(budget_s)
        async with scope:
            return await answer
    except CliqError:
        raise
    except Exception as error:
        if isinstance(error, TimeoutError) and scope is not None and scope.expired():
            raise no_answer(budget_s, consequence) from None
        text = f"the quota store failed: {type(error).__name__}"  # a store of the user's
        raise QuotaStoreError(text) from error
