"""`cliq bots create` and `cliq bots update`: what a bot can be given."""

from base64 import b64encode
from pathlib import Path
from typing import Any, Final, get_args

import click

from cliq_async.cli.errors import USAGE, CliError, cli_field_names
from cliq_async.cli.options import ConnectionOptions, all_of, as_json, connection, max_wait, several
from cliq_async.cli.outputs.bot_tables import plain_bot
from cliq_async.cli.outputs.console import echo, echo_err, echo_json
from cliq_async.cli.text import clean, verbatim
from cliq_async.models.bot import BotChanges, ExecutionType, NewBot, Participation, Scope

__all__ = ["create", "update"]

_NAMES: Final = {
    "description": "--description",
    "execution_type": "--execution-type",
    "execution_url": "--execution-url",
    "scope": "--scope",
    "team_ids": "--team",
    "status_messages": "--status-message",
    "channel_participation": "--participation",
    "image": "--image",
}
_shared: Final = all_of(
    click.option("--scope", type=click.Choice(get_args(Scope)), help="Whom it is for."),
    click.option(
        "--team",
        "team_ids",
        type=int,
        multiple=True,
        metavar="ID",
        help="A team's id, for --scope team. Up to 4 times.",
    ),
    click.option("--execution-url", metavar="URL", help="Where a webhook bot's events go."),
    click.option(
        "--status-message",
        "status_messages",
        multiple=True,
        metavar="TEXT",
        help="A text under its name. Up to 10 times.",
    ),
    click.option(
        "--participation",
        "channel_participation",
        type=click.Choice(get_args(Participation)),
        multiple=True,
        help="What it may do in channels. Can be repeated.",
    ),
    click.option("--calls/--no-calls", default=None, help="Whether it may call people."),
    click.option(
        "--image",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Its avatar.",
    ),
)


@click.command(
    short_help="Make a bot.",
    epilog=verbatim(
        """
Examples:
  cliq bots create "Ops Bot" --description "Tells what is on fire"
  cliq bots create "Team Bot" --description "For us" --scope team --team 7134
  cliq bots create "Hook Bot" --description "Elsewhere" --execution-type webhook \\
      --execution-url https://example.com/cliq
"""
    ),
)
@click.argument("name")
@click.option("--description", required=True, metavar="TEXT", help="What it is for.")
@click.option(
    "--execution-type",
    type=click.Choice(get_args(ExecutionType)),
    help="Where its handlers run: in Cliq, or at --execution-url.",
)
@_shared
@max_wait
@as_json
@connection
def create(
    *, max_wait: float, as_json: bool, connection: ConnectionOptions, **options: Any
) -> None:
    """Make a bot called NAME, and show the id and the unique name that Cliq gives it."""
    with cli_field_names(name="NAME", **_NAMES):
        new = NewBot(**_fields(options))
    bot = connection.run(lambda client: client.bots.create(new), max_wait_s=max_wait)
    if not bot.id:
        echo_err("warning: made, but the answer could not be read: see `cliq bots list`")
    if as_json:
        echo_json(plain_bot(bot))
        return
    echo(f"created: {clean(new.name)}")
    if bot.id:
        echo(f"id {clean(bot.id)}")
        echo(f"unique_name {clean(bot.unique_name)}")


@click.command(
    short_help="Change a bot.",
    epilog=verbatim(
        """
Examples:
  cliq bots update 53719000001878011 --name "Help Desk"
  cliq bots update 53719000001878011 --status-message Hello --status-message "At work"
  cliq bots update 53719000001878011 --calls --no-participation
"""
    ),
)
@click.argument("bot_id")
@click.option("--name", metavar="NAME", help="Its display name; the unique name stays.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@_shared
@click.option("--no-status-messages", is_flag=True, help="Take all status messages away.")
@click.option("--no-participation", is_flag=True, help="Take all participation away.")
@max_wait
@as_json
@connection
def update(
    *,
    bot_id: str,
    no_status_messages: bool,
    no_participation: bool,
    max_wait: float,
    as_json: bool,
    connection: ConnectionOptions,
    **options: Any,
) -> None:
    """Change what is given of a bot; what can be repeated replaces all there was."""
    fields = _fields(
        options, no_status_messages=no_status_messages, no_participation=no_participation
    )
    if all(value is None for value in fields.values()):
        raise click.UsageError("nothing to change: give --name, --description or another option")
    with cli_field_names(name="--name", bot_id="BOT_ID", **_NAMES):
        changes = BotChanges(**fields)
        bot = connection.run(
            lambda client: client.bots.update(bot_id, changes), max_wait_s=max_wait
        )
    if as_json:
        echo_json(plain_bot(bot))
    else:
        echo(f"updated: {clean(bot_id)}")


def _fields(
    options: dict[str, Any], *, no_status_messages: bool = False, no_participation: bool = False
) -> dict[str, Any]:
    """The fields of a model from the options; None where an option was not given."""
    calls, image = options.pop("calls"), options.pop("image")
    return options | {
        "team_ids": options["team_ids"] or None,
        "status_messages": several(
            options["status_messages"], "--no-status-messages", none=no_status_messages
        ),
        "channel_participation": several(
            options["channel_participation"], "--no-participation", none=no_participation
        ),
        "calls": None if calls is None else ("enabled" if calls else "disabled"),
        "image": None if image is None else _base64(image),
    }


def _base64(path: Path) -> str:
    try:
        return b64encode(path.read_bytes()).decode()
    except OSError as error:
        raise CliError(f"{path}: {error.strerror}", USAGE) from None
