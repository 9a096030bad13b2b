"""Following a call from outside, and stopping it."""

from cliq_async.quota.token import Token

__all__ = ["StoppedError", "Watch"]


class Watch:
    """Lets somebody outside follow a call.

    Attributes:
        token: The last token that the call took.
        requests: How many requests have left.
        lockouts: How many of them began a lock.
        lost: Whether the last request left and nothing says what became of it.
        stopped: Set it to have nothing more sent: what is on the wire is the last.
    """

    __slots__ = ("lockouts", "lost", "requests", "stopped", "token")

    def __init__(self) -> None:
        self.token: Token | None = None
        self.requests = 0
        self.lockouts = 0
        self.lost = False
        self.stopped = False

    @property
    def in_flight(self) -> bool:
        """Whether a request has left and its end is not known."""
        return self.token is not None and self.token.sent and not self.token.ended


class StoppedError(Exception):
    """Whoever watches the call wants nothing more sent. What was sent so far did not happen."""
