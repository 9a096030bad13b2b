"""`cliq subscribers sync`: keep a file in sync with the subscribers of bots."""

from typing import Any, Final

import attrs
import click

from cliq_async.cli.errors import PARTLY, cli_field_names, describe, exit_status_of
from cliq_async.cli.lookup import bot_lookup
from cliq_async.cli.options import (
    ConnectionOptions,
    connection_options,
    extension_key_option,
    json_option,
)
from cliq_async.cli.outputs.console import echo_err, echo_json, table
from cliq_async.cli.outputs.listing import Counter
from cliq_async.cli.text import clean, plural, verbatim
from cliq_async.client import CliqClient
from cliq_async.sync.report import BotSync, SyncProgress, SyncReport
from cliq_async.sync.sync import sync_subscribers

__all__ = ["sync"]

_COUNTS: Final = ("new", "changed", "left", "present", "pages")


@click.command(
    short_help="Keep a file in sync with the subscribers of bots.",
    epilog=verbatim(
        """
Examples:
  cliq subscribers sync supportbot --into people.db
  cliq subscribers sync supportbot opsbot --into people.db --full

Message the subscribers in such a file, or export them:
  cliq broadcast supportbot --to people.db --text "Hello"
  cliq subscribers export --from people.db --output people.csv
"""
    ),
)
@click.argument("bots", metavar="BOT...", nargs=-1, required=True)
@click.option(
    "--into",
    required=True,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="An SQLite file; created if it does not exist.",
)
@click.option("--full", is_flag=True, help="Read all subscribers again, to find out who has left.")
@extension_key_option
@json_option
@connection_options
def sync(
    *,
    bots: tuple[str, ...],
    into: str,
    full: bool,
    extension_key: str | None,
    as_json: bool,
    connection: ConnectionOptions,
) -> None:
    """Write the subscribers of each BOT to a file, or update it with the changes.

    BOT is the bot's unique name or its id; the file has each bot under its unique name. The first
    sync reads all subscribers, later ones only new and changed ones; only --full finds out who has
    left. An interrupted sync resumes.
    """
    lookup = bot_lookup(connection)
    with cli_field_names(bot="BOT"):
        names = [lookup.name(bot) for bot in bots]
    progress = _Progress(len(names))

    async def work(client: CliqClient) -> SyncReport:
        async with progress.display():
            return await sync_subscribers(
                client,
                names,
                into,
                full=full,
                extension_key=extension_key,
                on_progress=progress.update,
            )

    with cli_field_names(bot="BOT"):
        report = connection.run(work)
    if as_json:
        echo_json([_to_dict(each) for each in report.bots])
    else:
        _print(report)
    for bot, error in report.errors.items():
        echo_err(f"error: {clean(bot)}: {describe(error)}")
    click.get_current_context().exit(_status(report))


class _Progress(Counter):
    """The progress of a sync."""

    def __init__(self, bots: int) -> None:
        super().__init__("subscriber")
        self._now = SyncProgress(bots)

    def __str__(self) -> str:
        pages = plural(self._now.pages, "page")
        text = f"{super().__str__()} in {pages}"
        if self._now.bots == 1:
            return text
        return f"{text}, {self._now.done:,} of {self._now.bots:,} bots done"

    def update(self, now: SyncProgress) -> None:
        """Set the progress so far."""
        self._now = now
        self.count = now.subscribers


def _print(report: SyncReport) -> None:
    rows = [
        (clean(each.bot), each.kind or "", *(f"{getattr(each, name):,}" for name in _COUNTS))
        for each in report.bots
        if each.error is None
    ]
    if rows:
        table(rows, header=("bot", "sync", *_COUNTS), right=range(2, 2 + len(_COUNTS)))


def _to_dict(bot: BotSync) -> dict[str, Any]:
    return attrs.asdict(bot) | {"error": None if bot.error is None else str(bot.error)}


def _status(report: SyncReport) -> int:
    errors = list(report.errors.values())
    if not errors:
        return 0
    return PARTLY if len(errors) < len(report.bots) else exit_status_of(errors[0])
