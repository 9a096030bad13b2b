"""The reader of journals: a job's summary and outcomes, whether the job is running or not."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import attrs

from cliq_async.bulk.report import Outcome

if TYPE_CHECKING:
    from cliq_async.bulk.journal_store import JournalPlace

__all__ = ["JournalOutcomes", "JournalSummary", "read_journal", "read_outcomes"]


@attrs.frozen(kw_only=True)
class JournalSummary:
    """The progress of a job.

    Attributes:
        job: The job's kind, bot, quota, batch size and a digest of its message.
        delivered: The number of recipients whose message Cliq accepted.
        failed: The number of recipients not delivered to.
        unknown: The number of recipients who may or may not have been reached.
        skipped: The number of items that were not valid ids, excluded or repeated.
        under_way: The number of recipients whose request was in flight when the journal was read,
            or when the program died; the next run counts them as unknown.
        waiting: The number of recipients of split batches who are still to be sent to.
    """

    job: Mapping[str, str]
    delivered: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0
    under_way: int = 0
    waiting: int = 0

    @classmethod
    def from_totals(
        cls, job: Mapping[str, str], totals: Mapping[str, int], skipped: int
    ) -> "JournalSummary":
        """Return the summary for the number of recipients by status."""
        return cls(
            job=job,
            delivered=totals.get("delivered", 0),
            failed=totals.get("failed", 0),
            unknown=totals.get("unknown", 0),
            skipped=skipped,
            under_way=totals.get("sending", 0),
            waiting=totals.get("waiting", 0),
        )


def read_journal(path: str | os.PathLike[str]) -> JournalSummary:
    """Return the summary of a journal, given its file or its URL. Its job may be running.

    Raises:
        JournalError: The journal does not exist or cannot be read.
        ValidationError: The URL does not name a journal on a server.
    """
    # Imported when needed: a program without a journal loads neither SQLite nor Redis.
    from cliq_async.bulk.journal_store import RedisPlace, parse_place  # noqa: PLC0415

    place = parse_place(path)
    if isinstance(place, RedisPlace):
        from cliq_async.bulk import journal_redis  # noqa: PLC0415

        return journal_redis.read_summary(place)
    from cliq_async.bulk import journal_file  # noqa: PLC0415

    return journal_file.read_summary(place)


@attrs.frozen
class JournalOutcomes(Iterable[Outcome]):
    """A job's outcomes, read from the journal on each iteration.

    Attributes:
        place: The place of the journal.
        delivered: True if the delivered recipients are included.
    """

    place: "JournalPlace"
    delivered: bool = False

    def __iter__(self) -> Iterator[Outcome]:
        from cliq_async.bulk.journal_store import RedisPlace  # noqa: PLC0415

        if isinstance(self.place, RedisPlace):
            from cliq_async.bulk import journal_redis  # noqa: PLC0415

            yield from journal_redis.read_outcomes(self.place, delivered=self.delivered)
        else:
            from cliq_async.bulk import journal_file  # noqa: PLC0415

            yield from journal_file.read_outcomes(self.place, delivered=self.delivered)

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None


def read_outcomes(path: str | os.PathLike[str], *, delivered: bool = False) -> Iterable[Outcome]:
    """Return the outcomes of a job's recipients. The job may be running.

    Example:
        ```python
        for outcome in read_outcomes("news.journal"):
            print(outcome.status, outcome.code, outcome.reason, outcome.ids)
        ```

    Args:
        path: The job's journal: a file, or the URL of one on a Redis server.
        delivered: Include the recipients who were delivered to.

    Returns:
        An iterable that can be iterated any number of times. Each iteration reads the journal, one
        row at a time.

    Raises:
        JournalError: On iteration, if the journal does not exist or cannot be read.
        ValidationError: The URL does not name a journal on a server.
    """
    from cliq_async.bulk.journal_store import parse_place  # noqa: PLC0415

    return JournalOutcomes(parse_place(path), delivered)
