"""The end of a caller's wait for a store, which may hang."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, TypeVar

from cliq_async.errors import CliqError, QuotaStoreError
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.memory import MemoryStore

__all__ = ["STORE_PATIENCE_S", "LastLook", "answer_by", "no_answer"]

T = TypeVar("T")

STORE_PATIENCE_S: Final = 0.25
"""The time that the store has for an answer, even if a caller's own time is up. Real seconds."""

_LATE_S: Final = 0.005
_LAST_LOOK_S: Final = 0.05
_TURNS: Final = 10


class LastLook:
    """A last look at what has come in, before a callback says that nothing has.

    An event loop that stood still runs its timers before it has read an answer that was there in
    time. It gets some turns, and if it is late, a moment for the store's thread as well.

    Args:
        due: When the running loop was to get here, on its clock.
        callback: Called after the look.
    """

    def __init__(self, due: float, callback: Callable[[], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._callback = callback
        self._handle: asyncio.Handle
        if self._loop.time() - due > _LATE_S:
            self._handle = self._loop.call_later(_LAST_LOOK_S, self._turn, _TURNS)
        else:
            self._turn(_TURNS)

    def cancel(self) -> None:
        """Do not call the callback."""
        self._handle.cancel()

    def _turn(self, left: int) -> None:
        if left:
            self._handle = self._loop.call_soon(self._turn, left - 1)
        else:
            self._callback()


class _TimeLimit:
    """A time limit on the body of an `async with`, with a last look before it cancels.

    It then raises a `TimeoutError`.

    Args:
        limit_s: The limit, in real seconds.
    """

    def __init__(self, limit_s: float) -> None:
        self._scope = asyncio.timeout(None)
        self._loop = asyncio.get_running_loop()
        due = self._loop.time() + limit_s
        self._pending: asyncio.Handle | LastLook = self._loop.call_at(due, self._look, due)

    @property
    def expired(self) -> bool:
        """True if it has cancelled the body."""
        return self._scope.expired()

    def _look(self, due: float) -> None:
        self._pending = LastLook(due, lambda: self._scope.reschedule(self._loop.time()))

    async def __aenter__(self) -> None:
        await self._scope.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pending.cancel()
        await self._scope.__aexit__(kind, error, trace)


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
        scope = _TimeLimit(budget_s)
        async with scope:
            return await answer
    except CliqError:
        raise
    except Exception as error:
        if isinstance(error, TimeoutError) and scope is not None and scope.expired:
            raise no_answer(budget_s, consequence) from None
        text = f"the quota store failed: {type(error).__name__}"  # a store of the user's
        raise QuotaStoreError(text) from error
