"""The recording of a bulk job for `--report`, and the writing of the report."""

import shutil
import sqlite3
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
from cliq_async.cli.inputs.bounded import source_name
from cliq_async.cli.inputs.selection import RecipientSelection
from cliq_async.cli.outputs.console import echo_err
from cliq_async.cli.outputs.job_ledger import JobLedger
from cliq_async.cli.outputs.report_files import ReportFiles, is_csv
from cliq_async.cli.outputs.report_page import ReportPage
from cliq_async.cli.outputs.timeline import Timeline
from cliq_async.cli.text import clean, plural
from cliq_async.endpoints import Limit
from cliq_async.errors import JournalError

__all__ = ["BulkRecorder"]

_STREAM_UNREAD: Final = "the rest of the stream was not read, and its recipients are left as well"


class BulkRecorder:
    """Records a job for its report. A context manager.

    A job without a journal gets a temporary one, so that the recipients delivered to need no
    memory. It is kept if a report could not be written.

    Args:
        bulk: The options of the job.
        endpoint: The name of the endpoint of its requests.
        limit: Its threshold.
        time_scale: The time scale of the server.

    Attributes:
        timeline: The requests and deliveries of this run.
        complete: True if all files of the report are written.
    """

    def __init__(self, bulk: BulkOptions, endpoint: str, limit: Limit, time_scale: float) -> None:
        self._bulk = bulk
        self._threshold = limit.threshold
        self._folder = Path(tempfile.mkdtemp(prefix="cliq-"))
        self._journal = bulk.journal or self._folder / "job.journal"
        self._ledger: JobLedger | None = None
        self.timeline = Timeline(endpoint, limit.window_s / time_scale)
        self.complete = False
        self._files = ReportFiles(bulk.report)
        self._left = 0
        self._unread: str | None = None
        self._written: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: object = None, error: object = None, *_: object) -> None:
        if self._ledger is not None:
            self._ledger.__exit__()
        if not self._is_kept or isinstance(error, CliError):  # nothing was sent
            shutil.rmtree(self._folder, ignore_errors=True)

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
    ) -> None:
        """Write the report. A failure is a line on stderr, since the job is done.

        Args:
            report: The report of the job.
            selection: The recipients, which are read again to find who is left.
            bot: The bot's unique name.
            verb: The verb of the job.
            stream: True if the recipients come from a stream, which cannot be read again.
        """
        if self._ledger is None:
            return
        self.timeline.record_progress(report)
        try:
            self._unread = await self._settle(self._ledger, report, None if stream else selection)
            self._left = self._ledger.count("left")
            page = ReportPage(
                bot=bot,
                source=source_name(self._bulk.to),
                verb=verb,
                report=report,
                timeline=self.timeline,
                threshold=self._threshold,
                unread=self._unread,
            )
            self._written = self._files.write(self._ledger, page.render)
            if self._unread is not None:
                echo_err(f"warning: the report does not list all who are left: {self._unread}")
        except (JournalError, sqlite3.Error) as error:
            echo_err(f"error: the report could not be written: {clean(error)}")
        self.complete = len(self._written) == len(self._bulk.report)

    @property
    def _is_kept(self) -> bool:
        """True if the temporary journal is all that knows of the recipients."""
        return self._ledger is not None and self._bulk.journal is None and not self.complete

    def how_to_go_on(self) -> str | None:
        """Return how a job without a journal of its own goes on; None if no one is left."""
        if self._is_kept:
            return (
                f"the record of the job is in {self._journal}: `cliq jobs show` shows it, and the "
                "same command with it as --journal goes on with those left"
            )
        if not self._left and self._unread is None:
            return None
        csv = next(filter(is_csv, self._written), None)
        if csv is None:
            advice = f"{self._written[0]} lists them; one in CSV could be given to --to"
        elif self._bulk.template or self._unread is not None:
            advice = f"the same command and --exclude {csv} with another --report goes on with them"
        else:
            advice = f"the same command with --to {csv} and another --report goes on with them"
        count = plural(self._left, "recipient")
        if self._unread is not None:
            count += " and those not listed"
        return f"not sent to {count}: {advice}"

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
            return str(error)
        return None
