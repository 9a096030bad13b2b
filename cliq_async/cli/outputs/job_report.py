"""The end of a broadcast: its report in people's form and in machines', and the exit status."""

from collections.abc import Iterable
from typing import Any, Final

from cliq_async.bulk.job_log import EXPECTED_SKIPS
from cliq_async.bulk.report import BroadcastProgress, BulkReport, Outcome
from cliq_async.cli.errors import FAILED, INTERRUPTED, PARTLY, QUOTA, CliError, status_of
from cliq_async.cli.outputs.console import echo, echo_err, echo_json, table
from cliq_async.cli.text import clean, duration

__all__ = ["exit_status", "print_json", "print_report"]

_ROWS: Final = 20
_SHOWN_IDS: Final = 3


def exit_status(report: BulkReport, interrupted: str) -> int:
    """The exit status that a report stands for; `interrupted` is why Ctrl-C stops a job."""
    if report.stopped == interrupted and report.error is None:
        return INTERRUPTED
    if report.error is not None and status_of(report.error) == QUOTA:
        return QUOTA
    if report.stopped is None and not _missed(report):
        return 0
    if report.delivered or report.unknown:
        return PARTLY
    return report.error.status if isinstance(report.error, CliError) else FAILED


def _missed(report: BulkReport) -> bool:
    """Whether somebody was not reached who was to be."""
    if report.failed or report.unknown:
        return True
    return any(outcome.reason not in EXPECTED_SKIPS for outcome in report.outcomes)


def _untried(report: BroadcastProgress, total: int | None) -> int | None:
    return None if total is None else max(0, total - report.done)


def print_json(report: BulkReport, total: int | None, took_s: float) -> None:
    """The whole report as one JSON object on stdout."""
    data: dict[str, Any] = {
        name: getattr(report, name)
        for name in ("delivered", "failed", "unknown", "skipped", "requests", "lockouts")
    }
    data["took_s"] = round(took_s, 3)
    data["not_tried"] = _untried(report, total)
    data["stopped"] = report.stopped
    data["outcomes"] = [
        {"status": each.status, "reason": each.reason, "code": each.code, "ids": each.ids}
        for each in report.outcomes
    ]
    echo_json(data)


def print_report(report: BulkReport, total: int | None, took_s: float) -> None:
    """The report as tables on stdout, the reason for an early end on stderr."""
    rows = [
        ("delivered", f"{report.delivered:,}"),
        ("failed", f"{report.failed:,}"),
        ("unknown", f"{report.unknown:,}"),
        ("skipped", f"{report.skipped:,}"),
        ("requests", f"{report.requests:,}"),
        ("lockouts", f"{report.lockouts:,}"),
        ("time", duration(took_s)),
    ]
    if untried := _untried(report, total):
        rows.insert(4, ("not tried", f"{untried:,}"))
    table(rows, right=(1,))
    groups = _grouped(report.outcomes)
    if groups:
        echo()
        header = ("outcome", "recipients", "ids", "reason")
        table(groups[:_ROWS], header=header, right=(1,))
        if len(groups) > _ROWS:
            echo(f"and {len(groups) - _ROWS:,} more; --json has all of them")
    if report.stopped is not None:
        echo_err(f"stopped: {clean(report.stopped)}")


def _grouped(outcomes: Iterable[Outcome]) -> list[tuple[str, str, str, str]]:
    """Outcomes of the same kind and reason together, in the order of their first one."""
    ids: dict[tuple[str, str], list[str]] = {}
    counts: dict[tuple[str, str], int] = {}
    for outcome in outcomes:
        key = (outcome.status, outcome.reason)
        counts[key] = counts.get(key, 0) + len(outcome.ids)
        shown = ids.setdefault(key, [])
        shown += outcome.ids[: _SHOWN_IDS - len(shown)]
    return [
        (status, f"{counts[status, reason]:,}", _few(shown, counts[status, reason]), clean(reason))
        for (status, reason), shown in ids.items()
    ]


def _few(ids: list[str], count: int) -> str:
    more = ", …" if count > len(ids) else ""
    return ", ".join(clean(each, 40) for each in ids) + more
