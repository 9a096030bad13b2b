"""`cliq bots pull`: write bots that exist into `cliq.toml`."""

import click

from cliq_async.cli.bot_project import open_project, print_reading
from cliq_async.cli.options import ConnectionOptions, connection_options, max_wait_option
from cliq_async.cli.outputs.console import echo, echo_err
from cliq_async.cli.text import clean, verbatim
from cliq_async.client import CliqClient
from cliq_async.deploy.pull import PulledBot, pull_bots, write_bots
from cliq_async.storage.atomic import ensure_writable

__all__ = ["pull"]


@click.command(
    short_help="Write bots that exist into cliq.toml.",
    epilog=verbatim(
        """
Examples:
  cliq bots pull supportbot
  cliq bots pull supportbot 53719000001879011
  cliq bots pull --all
"""
    ),
)
@click.argument("bots", metavar="[BOT]...", nargs=-1)
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="All bots that people have made, without those in cliq.toml.",
)
@max_wait_option
@connection_options
def pull(
    *, bots: tuple[str, ...], every: bool, max_wait: float, connection: ConnectionOptions
) -> None:
    """Write each BOT into the current folder's cliq.toml, and its scripts into files.

    BOT is an id, a unique name or a name. Afterwards `cliq bots plan` shows no changes. Files that
    exist are never overwritten, and what cliq.toml already says stays as it is.
    """
    if bool(bots) == every:
        raise click.UsageError("name a BOT or several, or give --all")
    project = open_project(connection)
    ensure_writable(project.path)
    project.lock.check_writable()

    async def work(client: CliqClient) -> list[PulledBot]:
        return await pull_bots(client, bots, described=project.tables, on_reading=print_reading)

    pulled = connection.run(work, max_wait_s=max_wait)
    if not pulled:
        echo_err("no bots to pull: cliq.toml describes them all")
        return
    for name in write_bots(project.path, project.lock, pulled):
        echo(f"wrote   {clean(name)}")
    for bot in pulled:
        echo(f"pulled  {clean(bot.key)}")
        for reason in bot.export.left_out:
            echo_err(f"warning: {clean(bot.key)}: left out {clean(reason)}")
