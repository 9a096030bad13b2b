"""The reader of journals: a job's summary and outcomes, whether the job is running or not."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import attrs

from cliq_async.bulk.report import Outcome

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


def read_journal(path: str | os.PathLike[str]) -> JournalSummary:
    """Return the summary of a journal. Its job may be running.

    Raises:
        JournalError: The journal does not exist or cannot be read.
    """
    # Imported when needed: a program without a journal does not load SQLite.
    from cliq_async.bulk.journal_file import FORMAT, status_totals  # noqa: PLC0415

    place = Path(path)
    conn = FORMAT.read(place)
    try:
        with FORMAT.translate_errors(place):
            job = dict(conn.execute("SELECT name, value FROM job"))
            totals = status_totals(conn)
            (skipped,) = conn.execute("SELECT count(*) FROM skipped").fetchone()
    finally:
        conn.close()
    totals["under_way"] = totals.pop("sending", 0)
    return JournalSummary(job=job, skipped=skipped, **totals)


@attrs.frozen
class JournalOutcomes(Iterable[Outcome]):
    """A job's outcomes, read from the journal on each iteration.

    Attributes:
        path: The journal.
        delivered: True if the delivered recipients are included.
    """

    path: Path
    delivered: bool = False

    def __iter__(self) -> Iterator[Outcome]:
        from cliq_async.bulk.journal_file import FORMAT, iter_outcomes  # noqa: PLC0415

        with FORMAT.translate_errors(self.path):
            conn = FORMAT.read(self.path)
            try:
                yield from iter_outcomes(conn, delivered=self.delivered)
            finally:
                conn.close()

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
        path: The job's journal.
        delivered: Include the recipients who were delivered to.

    Returns:
        An iterable that can be iterated any number of times. Each iteration reads the journal, one
        row at a time.

    Raises:
        JournalError: On iteration, if the journal does not exist or cannot be read.
    """
    return JournalOutcomes(Path(path), delivered)
