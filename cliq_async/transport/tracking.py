"""Following a call from outside, and stopping it."""

from collections.abc import Awaitable, Callable

from cliq_async.quota.token import Token

__all__ = ["CallTracker", "StoppedError"]


class CallTracker:
    """Lets somebody outside follow a call.

    Attributes:
        token: The last token that the call took.
        requests: How many requests have left.
        lockouts: How many of them began a lock.
        lost: Whether the last request left and nothing says what became of it.
        stopped: Set it to have nothing more sent: what is on the wire is the last.
        before_send: Awaited when a request is about to leave, its token in hand. If it raises, the
            request does not leave, and the call raises that.
    """

    __slots__ = ("before_send", "cancelled", "lockouts", "outcome_unknown", "requests", "token")

    def __init__(self) -> None:
        self.token: Token | None = None
        self.requests = 0
        self.lockouts = 0
        self.outcome_unknown = False
        self.cancelled = False
        self.before_send: Callable[[], Awaitable[None]] | None = None

    @property
    def in_flight(self) -> bool:
        """Whether a request has left and its end is not known."""
        return self.token is not None and self.token.sent and not self.token.ended


class StoppedError(Exception):
    """Whoever watches the call wants nothing more sent. What was sent so far did not happen."""
