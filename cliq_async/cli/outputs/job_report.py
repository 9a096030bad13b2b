"""The report of a bulk job as tables and as JSON, and the exit status of the job."""

from collections.abc import Iterable
from typing import Any, Final, TypeVar

import attrs

from cliq_async.bulk.job_log import EXPECTED_SKIPS
from cliq_async.bulk.report import BroadcastProgress, BulkReport, JournalStart, Outcome
from cliq_async.cli.errors import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    PARTLY,
    QUOTA,
    CliError,
    describe,
    exit_status_of,
)
from cliq_async.cli.outputs.console import echo, echo_err, echo_json, table
from cliq_async.cli.text import clean, duration, plural
from cliq_async.errors import JournalError

__all__ = ["exit_status", "how_to_go_on", "print_json", "print_report", "without_left"]

P = TypeVar("P", bound=BroadcastProgress)

_ROWS: Final = 20
_SHOWN_IDS: Final = 3


def without_left(now: P) -> P:
    """Count no recipients as failed whom a job without a journal left, as one with a journal."""
    return attrs.evolve(now, failed=now.failed - now.left, left=0) if now.left else now


def exit_status(report: BulkReport, interrupted: str) -> int:
    """Return the exit status of a job; `interrupted` is the reason that Ctrl-C gives for a stop."""
    if report.stopped == interrupted and report.error is None:
        return INTERRUPTED
    if report.error is not None and exit_status_of(report.error) == QUOTA:
        return QUOTA
    start = report.journal
    if report.stopped is None and start is not None and start.state == "finished":
        return FINISHED
    if report.stopped is None and not _missed_recipients(report):
        return 0
    if report.delivered or report.unknown:
        return PARTLY
    return report.error.status if isinstance(report.error, CliError) else FAILED


def _missed_recipients(report: BulkReport) -> bool:
    """Return whether a recipient who should have been reached was not."""
    if report.failed or report.unknown:
        return True
    try:
        return any(outcome.reason not in EXPECTED_SKIPS for outcome in report.outcomes)
    except JournalError:  # the report says so
        return True


def how_to_go_on(
    report: BulkReport, total: int | None, *, journal: bool, resend_unknown: bool
) -> str | None:
    """Return how a job that was stopped goes on, and with how many recipients; None if it does not.

    Args:
        report: The report of the job.
        total: The number of recipients; None if unknown.
        journal: True if the job has a journal.
        resend_unknown: True if the job sends to unknown recipients again.
    """
    if report.stopped is None or isinstance(report.error, JournalError):
        return None
    left = None if total is None else total - report.done
    if journal:
        if report.journal is None:  # stopped before the journal was read
            left = None
        elif left is not None and resend_unknown:
            left += report.unknown
        if left == 0:
            return None
        count = "the recipients" if left is None else plural(left, "recipient")
        return f"run the same command again to go on with {count} left"
    if report.error is not None:
        return None
    if left == 0:
        return None
    count = "the remaining recipients" if left is None else plural(left, "recipient")
    return (
        f"not sent to {count}: the same command begins again with the first one; with --journal "
        "FILE it would go on, and --report FILE.csv would list who is left"
    )


def _not_tried(report: BroadcastProgress, total: int | None) -> int | None:
    return None if total is None else max(0, total - report.done)


def print_json(report: BulkReport, total: int | None, took_s: float) -> None:
    """Print the whole report as one JSON object on stdout."""
    data: dict[str, Any] = {
        name: getattr(report, name)
        for name in ("delivered", "failed", "unknown", "skipped", "requests", "lockouts")
    }
    data["took_s"] = round(took_s, 3)
    data["not_tried"] = _not_tried(report, total)
    data["stopped"] = report.stopped
    data["journal"] = _journal_json(report.journal)
    try:
        data["outcomes"] = [
            {
                "status": "left" if each.left else each.status,
                "reason": each.reason,
                "code": each.code,
                "ids": each.ids,
            }
            for each in report.outcomes
        ]
    except JournalError as error:
        data["outcomes"] = None
        echo_err(_unlisted(error))
    echo_json(data)


def _journal_json(start: JournalStart | None) -> dict[str, Any] | None:
    if start is None:
        return None
    begun = None if start.begun is None else start.begun.isoformat()
    return {"state": start.state, "done": start.done, "begun": begun}


def print_report(report: BulkReport, total: int | None, took_s: float) -> None:
    """Print the report as tables on stdout, and the reason for an early end on stderr."""
    rows = [
        ("delivered", f"{report.delivered:,}"),
        ("failed", f"{report.failed:,}"),
        ("unknown", f"{report.unknown:,}"),
        ("skipped", f"{report.skipped:,}"),
        ("requests", f"{report.requests:,}"),
        ("lockouts", f"{report.lockouts:,}"),
        ("time", duration(took_s)),
    ]
    if not_tried := _not_tried(report, total):
        rows.insert(4, ("not tried", f"{not_tried:,}"))
    table(rows, right=(1,))
    try:
        groups = _group(each for each in report.outcomes if not each.left)
    except JournalError as error:
        groups = []
        echo_err(_unlisted(error))
    if groups:
        echo()
        header = ("outcome", "recipients", "ids", "reason")
        table(groups[:_ROWS], header=header, right=(1,), free=(2, 3))
        if len(groups) > _ROWS:
            echo(f"and {len(groups) - _ROWS:,} more; --json has all of them")
    if report.stopped is not None:
        echo_err(f"stopped: {clean(report.stopped)}")


def _unlisted(error: JournalError) -> str:
    return f"warning: the outcomes cannot be listed: {describe(error)}"


def _group(outcomes: Iterable[Outcome]) -> list[tuple[str, str, str, str]]:
    """Group outcomes by status and reason, in the order of the first outcome of each."""
    ids: dict[tuple[str, str], list[str]] = {}
    counts: dict[tuple[str, str], int] = {}
    for outcome in outcomes:
        key = (outcome.status, outcome.reason)
        counts[key] = counts.get(key, 0) + len(outcome.ids)
        shown = ids.setdefault(key, [])
        shown += outcome.ids[: _SHOWN_IDS - len(shown)]
    return [
        (
            status,
            f"{counts[status, reason]:,}",
            _sample(shown, counts[status, reason]),
            clean(reason),
        )
        for (status, reason), shown in ids.items()
    ]


def _sample(ids: list[str], count: int) -> str:
    more = ", …" if count > len(ids) else ""
    return ", ".join(clean(each) for each in ids) + more
