"""`cliq jobs`: journals looked into."""

import csv
import json
import sys
from pathlib import Path
from typing import Any, Final

import attrs
import click

from cliq_async.bulk.journal_reader import JournalSummary, read_journal, read_outcomes
from cliq_async.cli.group import Group
from cliq_async.cli.options import as_json
from cliq_async.cli.outputs.console import echo, echo_json, table
from cliq_async.cli.text import clean, verbatim

__all__ = ["jobs"]

_COUNTS: Final = ("delivered", "failed", "unknown", "skipped", "under_way", "waiting")
_HEADER: Final = ("id", "status", "code", "reason")


@click.group(cls=Group)
def jobs() -> None:
    """Look into the journals of broadcasts, running or not."""


@jobs.command(
    short_help="Show how far a job is, and who was not reached.",
    epilog=verbatim(
        """
Examples:
  cliq jobs show news.journal
  cliq jobs show news.journal --outcomes csv > not-reached.csv
  cliq jobs show news.journal --outcomes jsonl --all > everybody.jsonl
  cliq jobs show news.journal --json
"""
    ),
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--outcomes",
    type=click.Choice(["csv", "jsonl"]),
    help="Those who were not delivered to, a line each, instead of the summary.",
)
@click.option("--all", "everybody", is_flag=True, help="With --outcomes: everybody, a line each.")
@as_json
def show(*, file: Path, outcomes: str | None, everybody: bool, as_json: bool) -> None:
    """Show what the journal FILE says; it disturbs no job that runs.

    Whoever is under way when the program has died counts as unknown once it is started again.
    """
    if outcomes is not None and as_json:
        raise click.UsageError("--outcomes and --json exclude each other")
    if outcomes is not None:
        _print_outcomes(file, outcomes, everybody=everybody)
        return
    if everybody:
        raise click.UsageError("--all is for --outcomes")
    summary = read_journal(file)
    if as_json:
        echo_json(attrs.asdict(summary))
    else:
        _print(summary)


def _print(summary: JournalSummary) -> None:
    told: list[tuple[str, str]] = [
        (name, clean(summary.job.get(name, ""))) for name in ("kind", "bot", "quota", "batch_size")
    ]
    counts: dict[str, int] = {name: getattr(summary, name) for name in _COUNTS}
    told += [(name.replace("_", " "), f"{number:,}") for name, number in counts.items()]
    table(told)


def _print_outcomes(file: Path, form: str, *, everybody: bool) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if form == "csv":
        writer.writerow(_HEADER)
    for outcome in read_outcomes(file, delivered=everybody):
        for each in outcome.ids:
            values = (each, outcome.status, outcome.code, outcome.reason)
            if form == "csv":
                writer.writerow(["" if value is None else value for value in values])
            else:
                row: dict[str, Any] = dict(zip(_HEADER, values, strict=True))
                echo(json.dumps(row, ensure_ascii=False))
