"""The recording of a bulk job for `--report`, and the writing of the report."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Self

import attrs

from cliq_async.bulk.journal_reader import JournalOutcomes
from cliq_async.bulk.journal_store import parse_place
from cliq_async.bulk.recipients import normalize_excluded
from cliq_async.bulk.report import BroadcastProgress, BulkReport
from cliq_async.cli.bulk_options import BulkOptions
from cliq_async.cli.errors import CliError
from cliq_async.cli.inputs.selection import RecipientSelection
from cliq_async.cli.outputs.console import echo_err
from cliq_async.cli.outputs.job_ledger import JobLedger
from cliq_async.cli.outputs.report_files import ReportFiles
from cliq_async.cli.outputs.report_page import ReportPage
from cliq_async.cli.outputs.timeline import Timeline
from cliq_async.cli.text import clean
from cliq_async.endpoints import Limit
from cliq_async.errors import JournalError

__all__ = ["BulkRecorder"]

_STREAM_UNREAD: Final = "The rest of the stream was not read: its recipients are left as well."


class BulkRecorder:
    """Records a job for its report. A context manager.

    A job without a journal gets a temporary one, so that the recipients delivered to need no
    memory.

    Args:
        bulk: The options of the job.
        endpoint: The name of the endpoint of its requests.
        limit: Its threshold.
        time_scale: The time scale of the server.

    Attributes:
        timeline: The requests and deliveries of this run.
        left: The recipients left, by the report; None until it is written.
    """

    def __init__(self, bulk: BulkOptions, endpoint: str, limit: Limit, time_scale: float) -> None:
        self._bulk = bulk
        self._threshold = limit.threshold
        self._folder = tempfile.TemporaryDirectory(prefix="cliq-", ignore_cleanup_errors=True)
        self._journal = bulk.journal or Path(self._folder.name, "job.journal")
        self._ledger: JobLedger | None = None
        self.timeline = Timeline(endpoint, limit.window_s / time_scale)
        self.left: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._ledger is not None:
            self._ledger.__exit__()
        self._folder.cleanup()

    def options(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options of the job, with a journal and records of its progress."""
        self._ledger = JobLedger(
            column=self._bulk.selection.column if self._bulk.template else None,
            dedupe=self._bulk.dedupe,
            exclude=normalize_excluded(options["exclude"]),
        )
        update = options["on_progress"]

        def record(now: BroadcastProgress) -> None:
            self.timeline.record_progress(now)
            update(now)

        return options | {"journal": self._journal, "on_progress": record}

    def record(self, items: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Yield the items of the job, and record the recipient of each."""
        return items if self._ledger is None else self._ledger.record(items)

    def result(self, report: BulkReport) -> BulkReport:
        """Return the report of the job, which does not mention a temporary journal."""
        return attrs.evolve(report, journal=None) if self._bulk.journal is None else report

    async def write(
        self,
        report: BulkReport,
        selection: RecipientSelection,
        *,
        bot: str,
        verb: str,
        stream: bool,
    ) -> bool:
        """Write the report.

        Args:
            report: The report of the job.
            selection: The recipients, which are read again to find who is left.
            bot: The bot's unique name.
            verb: The verb of the job.
            stream: True if the recipients come from a stream, which cannot be read again.

        Returns:
            True if all files are written.
        """
        if self._ledger is None:
            return False
        self.timeline.record_progress(report)
        try:
            unread = await self._settle(self._ledger, report, None if stream else selection)
        except JournalError as error:
            echo_err(f"error: the report could not be written: {clean(error)}")
            return False
        self.left = self._ledger.count("left")
        page = ReportPage(
            bot=bot,
            source=self._bulk.to if selection.path != "-" else "standard input",
            verb=verb,
            report=report,
            timeline=self.timeline,
            threshold=self._threshold,
            unread=unread,
        )
        return ReportFiles(self._bulk.report).write(self._ledger, page.render)

    async def _settle(
        self, ledger: JobLedger, report: BulkReport, selection: RecipientSelection | None
    ) -> str | None:
        """Find out who is left. Returns the reason why not all are known, or None."""
        outcomes = JournalOutcomes(parse_place(self._journal), delivered=True)
        if report.stopped is None:
            await ledger.settle(outcomes, None)
            return None
        if selection is None:
            await ledger.settle(outcomes, None)
            return _STREAM_UNREAD
        try:
            async with selection.open() as (_, _total, items):
                await ledger.settle(outcomes, items)
        except CliError as error:
            return f"Not all who are left are listed: {error}"
        return None
