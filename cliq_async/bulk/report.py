"""What became of a bulk job's recipients."""

from collections.abc import Iterable
from typing import Any, Literal

import attrs

__all__ = ["BroadcastPlan", "BroadcastProgress", "BulkReport", "Outcome"]


@attrs.frozen
class Outcome:
    """What became of some recipients.

    Attributes:
        ids: Who.
        status: `failed`: not delivered. `unknown`: sent and not answered, so delivered or not.
            `skipped`: not even tried. `delivered`: accepted by Cliq.
        reason: Why, in words; `skipped` ones are `repeated`, `excluded` or no ids. Empty for those
            who were delivered to.
        code: Cliq's error code, where there is one.
    """

    ids: tuple[str, ...]
    status: Literal["failed", "unknown", "skipped", "delivered"]
    reason: str
    code: str | None = None


@attrs.frozen
class BroadcastProgress:
    """How far a broadcast is.

    Attributes:
        delivered: Recipients accepted in a 2xx.
        failed: Recipients not delivered to.
        unknown: Recipients whose request was not answered.
        skipped: Recipients not tried: repeated, excluded, or not an id.
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
class BulkReport(BroadcastProgress):
    """What became of a broadcast. Every recipient that was read is in one of the counts.

    But with a journal, those whom the next run will send to are in none.

    Attributes:
        outcomes: The failed, the unknown and the skipped ones, with ids and reasons. A tuple, in
            which repeated and excluded ids are only counted; with a journal, whatever is iterated
            is read from there.
        stopped: Why the job ended before its last recipient and what may help, or None.
        error: The exception that stopped it, if one did.
    """

    outcomes: Iterable[Outcome] = ()
    stopped: str | None = None
    error: Exception | None = attrs.field(default=None, eq=False)


@attrs.frozen
class BroadcastPlan:
    """What a broadcast would send.

    Attributes:
        recipients: Those who would be sent to.
        skipped: Those who would not.
        requests: How many requests it takes.
        first: The JSON bodies of the first requests, at most three.
    """

    recipients: int
    skipped: int
    requests: int
    first: tuple[dict[str, Any], ...] = ()
