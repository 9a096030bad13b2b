"""Looking into a journal, whether its job runs or not."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import attrs

from cliq_async.bulk.report import Outcome

__all__ = ["JournalOutcomes", "JournalSummary", "read_journal", "read_outcomes"]


@attrs.frozen(kw_only=True)
class JournalSummary:
    """How far a job is.

    Attributes:
        job: What it is: its kind, bot, quota, batch size and a digest of its message.
        delivered: Recipients accepted by Cliq.
        failed: Recipients not delivered to.
        unknown: Recipients who may or may not have been reached.
        skipped: Items that were no recipients, or repeated.
        under_way: Recipients whose request was being sent when it was looked at, or when the
            program died; the next run counts them as unknown.
        waiting: Recipients of a batch that was split, who are yet to be sent to.
    """

    job: Mapping[str, str]
    delivered: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0
    under_way: int = 0
    waiting: int = 0


def read_journal(path: str | os.PathLike[str]) -> JournalSummary:
    """What a journal says, read without disturbing its job.

    Raises:
        JournalError: There is none, or it cannot be read.
    """
    # Imported when needed: a program without a journal does not load SQLite.
    from cliq_async.bulk.journal_file import FORMAT, totals_in  # noqa: PLC0415

    place = Path(path)
    conn = FORMAT.read(place)
    try:
        with FORMAT.translate_errors(place):
            job = dict(conn.execute("SELECT name, value FROM job"))
            totals = totals_in(conn)
            (skipped,) = conn.execute("SELECT count(*) FROM skipped").fetchone()
    finally:
        conn.close()
    totals["under_way"] = totals.pop("sending", 0)
    return JournalSummary(job=job, skipped=skipped, **totals)


@attrs.frozen
class JournalOutcomes(Iterable[Outcome]):
    """What became of whom: read from the journal each time it is looked through.

    Attributes:
        path: The journal.
        delivered: Whether those who were delivered to are among them.
    """

    path: Path
    delivered: bool = False

    def __iter__(self) -> Iterator[Outcome]:
        from cliq_async.bulk.journal_file import FORMAT, outcomes_in  # noqa: PLC0415

        with FORMAT.translate_errors(self.path):
            conn = FORMAT.read(self.path)
            try:
                yield from outcomes_in(conn, delivered=self.delivered)
            finally:
                conn.close()

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None


def read_outcomes(path: str | os.PathLike[str], *, delivered: bool = False) -> Iterable[Outcome]:
    """What became of a job's recipients, whether it runs or not.

    Example:
        ```python
        for outcome in read_outcomes("news.journal"):
            print(outcome.status, outcome.code, outcome.reason, outcome.ids)
        ```

    Args:
        path: Its journal.
        delivered: Whether those who were delivered to are to be among them.

    Returns:
        Something to iterate over, as often as one likes; it reads the journal each time, and needs
        no memory.

    Raises:
        JournalError: There is no journal, or it cannot be read; when it is iterated over.
    """
    return JournalOutcomes(Path(path), delivered)
