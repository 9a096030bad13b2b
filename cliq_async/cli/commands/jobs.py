"""`cliq jobs`: show the journals of bulk jobs."""

import json
from pathlib import Path
from typing import Any, Final

import attrs
import click

from cliq_async.bulk.journal_reader import JournalSummary, read_journal, read_outcomes
from cliq_async.cli.group import Group
from cliq_async.cli.options import journal_type, json_option
from cliq_async.cli.outputs.console import echo, echo_json, table
from cliq_async.cli.outputs.streams import stdout_failed
from cliq_async.cli.text import REPORT_COLUMNS, clean, csv_line, guarded, verbatim

__all__ = ["jobs"]

_COUNTS: Final = ("delivered", "failed", "unknown", "skipped", "under_way", "waiting")


@click.group(cls=Group)
def jobs() -> None:
    """Show the journals of bulk jobs, running or not."""


@jobs.command(
    short_help="Show the progress of a job, and who was not reached.",
    epilog=verbatim(
        """
Examples:
  cliq jobs show news.journal
  cliq jobs show news.journal --outcomes csv > not-reached.csv
  cliq jobs show news.journal --outcomes jsonl --all > all_recipients.jsonl
  cliq jobs show news.journal --json
  cliq jobs show redis://localhost:6379/0/news
"""
    ),
)
@click.argument("journal", type=journal_type, metavar="FILE|URL")
@click.option(
    "--outcomes",
    type=click.Choice(["csv", "jsonl"]),
    help="List the recipients who were not reached, instead of the summary.",
)
@click.option("--all", "all_recipients", is_flag=True, help="With --outcomes: list all recipients.")
@json_option
def show(*, journal: Path | str, outcomes: str | None, all_recipients: bool, as_json: bool) -> None:
    """Show the progress of the job with this journal, without disturbing the job if it runs.

    If the program was killed, recipients of requests in flight become unknown when the job resumes.
    """
    if outcomes is not None and as_json:
        raise click.UsageError("give either --outcomes or --json")
    if outcomes is not None:
        _print_outcomes(journal, outcomes, all_recipients=all_recipients)
        return
    if all_recipients:
        raise click.UsageError("--all needs --outcomes")
    summary = read_journal(journal)
    if as_json:
        echo_json(attrs.asdict(summary))
    else:
        _print(summary)


def _print(summary: JournalSummary) -> None:
    rows: list[tuple[str, str]] = [
        (name, clean(summary.job.get(name, ""))) for name in ("kind", "bot", "quota", "batch_size")
    ]
    counts: dict[str, int] = {name: getattr(summary, name) for name in _COUNTS}
    rows += [(name.replace("_", " "), f"{number:,}") for name, number in counts.items()]
    table(rows, free=(1,))


def _print_outcomes(journal: Path | str, form: str, *, all_recipients: bool) -> None:
    if form == "csv":
        echo(csv_line(REPORT_COLUMNS))
    for outcome in read_outcomes(journal, delivered=all_recipients):
        if stdout_failed():
            return
        for each in outcome.ids:
            values = (each, outcome.status, outcome.code, outcome.reason)
            if form == "csv":
                echo(csv_line(guarded(value or "") for value in values))
            else:
                row: dict[str, Any] = dict(zip(REPORT_COLUMNS, values, strict=True))
                echo(json.dumps(row, ensure_ascii=False))
