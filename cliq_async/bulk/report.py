"""What became of a bulk job's recipients."""

from collections.abc import Iterable
from typing import Literal

import attrs

__all__ = ["BroadcastProgress", "BroadcastReport", "Outcome"]


@attrs.frozen
class Outcome:
    """Recipients who were not delivered to, and why.

    Attributes:
        ids: Who.
        status: `failed`: not delivered. `unknown`: sent and not answered, so delivered or not.
            `skipped`: not even tried.
        reason: Why, in words.
        code: Cliq's error code, where there is one.
    """

    ids: tuple[str, ...]
    status: Literal["failed", "unknown", "skipped"]
    reason: str
    code: str | None = None


@attrs.frozen
class BroadcastProgress:
    """How far a broadcast is.

    Attributes:
        delivered: Recipients accepted in a 2xx.
        failed: Recipients not delivered to.
        unknown: Recipients whose request was not answered.
        skipped: Recipients not tried: repeated, or not an id.
        requests: Requests that have left.
        lockouts: Locks that began meanwhile.
    """

    delivered: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0
    requests: int = 0
    lockouts: int = 0

    @property
    def done(self) -> int:
        """Recipients whose end is known."""
        return self.delivered + self.failed + self.unknown + self.skipped


@attrs.frozen
class BroadcastReport(BroadcastProgress):
    """What became of a broadcast. Every recipient that was read is in one of the counts.

    Attributes:
        outcomes: The failed, the unknown and the invalid ones, with ids and reasons. A tuple, in
            which repeated ids are only counted; with a journal, whatever is iterated is read from
            there.
        stopped: Why the job ended before its last recipient, or None.
        error: The exception that stopped it, if one did.
    """

    outcomes: Iterable[Outcome] = ()
    stopped: str | None = None
    error: Exception | None = attrs.field(default=None, eq=False)
