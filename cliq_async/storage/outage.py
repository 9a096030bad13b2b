"""The outage of a resource that a thread works on: noticed once, so that not each caller waits."""

from collections.abc import Callable
from time import monotonic
from typing import Final

from cliq_async.errors import CliqError

__all__ = ["SLOW_S", "Outage"]

SLOW_S: Final = 0.75
"""A batch without an answer for this many real seconds makes callers that come later fail."""
_FRESH_S: Final = 2.0
"""How long a failure is believed without another look, as when the thread has ended."""


class Outage:
    """The outage of a resource. The thread notes what happens, and callers ask for it.

    Args:
        error: The exception for a caller.

    Attributes:
        failure: The last failure, if there was no success since.
    """

    def __init__(self, error: Callable[[str], CliqError]) -> None:
        self.failure: Exception | None = None
        self._error = error
        self._failed_at = 0.0
        self._began_at: float | None = None  # the running batch
        self._abandoned = False

    def begin(self) -> None:
        """Note that the resource is asked now."""
        self._abandoned = False
        self._began_at = monotonic()

    def end(self) -> bool:
        """Note that the resource is not asked any longer. Return whether that was slow."""
        began_at, self._began_at = self._began_at, None
        return began_at is not None and monotonic() - began_at >= SLOW_S

    def note(self, failure: Exception | None) -> None:
        """Note that the resource has failed, or answered."""
        self.failure, self._failed_at = failure, monotonic()

    def abandon(self) -> None:
        """Note that a caller has left without an answer."""
        self._abandoned = True

    def as_error(self) -> CliqError | None:
        """Return the error for a caller that had better not wait; None if there is no outage."""
        began_at, failure, now = self._began_at, self.failure, monotonic()
        if began_at is not None and self._abandoned and now - began_at >= SLOW_S:
            return self._error(f"the store has not answered for {now - began_at:.0f} s")
        if failure is not None and (began_at is not None or now - self._failed_at < _FRESH_S):
            return self._error(str(failure))
        return None
