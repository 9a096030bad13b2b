"""The plan, the progress and the report of a bulk job."""

import reprlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Literal

import attrs

__all__ = ["BroadcastPlan", "BroadcastProgress", "BulkReport", "JournalStart", "Outcome"]

_shorten: Final = reprlib.Repr()
_shorten.maxtuple = 3  # there may be a hundred thousand
_shorten.maxother = 200


@attrs.frozen
class Outcome:
    """The outcome for some recipients.

    Attributes:
        ids: The recipients' ids.
        status: `failed`: not delivered. `unknown`: sent but not answered, so it may or may not
            have been delivered. `skipped`: not sent. `delivered`: accepted by Cliq.
        reason: The reason, in words. For skipped items: `repeated`, `excluded` or why the id is
            not valid. Empty for delivered ones.
        code: Cliq's error code, or None.
        left: True if they failed only because the job stopped: another job can send to them.
    """

    ids: tuple[str, ...]
    status: Literal["failed", "unknown", "skipped", "delivered"]
    reason: str
    code: str | None = None
    left: bool = attrs.field(default=False, kw_only=True)


@attrs.frozen
class JournalStart:
    """The state in which a run of a bulk job found its journal.

    Attributes:
        state: `new`: no recipient was in it. `resumed`: earlier runs began the job, and some
            recipients may be left. `finished`: no recipient was left, so this run sends nothing.
        done: The number of recipients whom earlier runs dealt with: delivered, failed or unknown.
            Unknown ones do not count if this run sends to them again.
        begun: The time at which the job began, in UTC; None if the journal does not say.
    """

    state: Literal["new", "resumed", "finished"]
    done: int = 0
    begun: datetime | None = None


@attrs.frozen
class BroadcastProgress:
    """The progress of a bulk job.

    With a journal, the counts of recipients include those of earlier runs.

    Attributes:
        delivered: The number of recipients whose message Cliq accepted.
        failed: The number of recipients not delivered to.
        unknown: The number of recipients whose request was not answered.
        skipped: The number of items not sent: repeated, excluded, or not a valid id.
        requests: The number of requests sent.
        lockouts: The number of locks that began during the job.
        left: The number of the failed who failed only because the job stopped. With a journal,
            they are in no count.
        journal: The state in which this run found its journal; None without one, or if the run
            stopped before that was known.
    """

    delivered: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0
    requests: int = 0
    lockouts: int = 0
    left: int = attrs.field(default=0, kw_only=True)
    journal: JournalStart | None = None

    @property
    def done(self) -> int:
        """The number of recipients that have been dealt with."""
        return self.delivered + self.failed + self.unknown + self.skipped


@attrs.frozen
class BulkReport(BroadcastProgress):
    """The report of a bulk job. Every recipient that was read is in one of the counts.

    With a journal, recipients that the next run will send to are in none of them.

    Attributes:
        outcomes: The failed, unknown and skipped recipients, with ids and reasons. Without a
            journal, a tuple without the repeated and excluded ids, which are only counted; with a
            journal, an iterable that reads all of them from the journal.
        stopped: The reason why the job stopped before its last recipient, with advice, or None.
        error: The exception that stopped the job, or None.
    """

    outcomes: Iterable[Outcome] = attrs.field(default=(), repr=_shorten.repr)
    stopped: str | None = None
    error: Exception | None = attrs.field(default=None, eq=False)


@attrs.frozen
class BroadcastPlan:
    """The plan of a bulk job, which sends nothing.

    Attributes:
        recipients: The number of recipients.
        skipped: The number of items that would be skipped.
        requests: The number of requests.
        first: The JSON bodies of the first requests, up to three.
    """

    recipients: int
    skipped: int
    requests: int
    first: tuple[dict[str, Any], ...] = ()
