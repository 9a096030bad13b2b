"""`cliq bots create` and `cliq bots update`, and the options that both take."""

from base64 import b64encode
from pathlib import Path
from typing import Any, Final, get_args

import click

from cliq_async.cli.errors import USAGE, CliError, cli_field_names
from cliq_async.cli.inputs.bounded import MAX_IMAGE_BYTES, read_bounded
from cliq_async.cli.lookup import bot_lookup
from cliq_async.cli.options import (
    ConnectionOptions,
    combine,
    connection_options,
    json_option,
    max_wait_option,
    repeated_values,
)
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
_shared: Final = combine(
    click.option(
        "--team",
        "team_ids",
        type=int,
        multiple=True,
        metavar="ID",
        help="A team's id. Up to 4 times; changing the teams needs --scope team.",
    ),
    click.option(
        "--execution-url", metavar="URL", help="The URL that receives a webhook bot's events."
    ),
    click.option(
        "--status-message",
        "status_messages",
        multiple=True,
        metavar="TEXT",
        help="A text under the bot's name. Up to 10 times.",
    ),
    click.option(
        "--participation",
        "channel_participation",
        type=click.Choice(get_args(Participation)),
        multiple=True,
        help="What the bot may do in channels. Can be repeated.",
    ),
    click.option("--calls/--no-calls", default=None, help="Allow the bot to call people, or not."),
    click.option(
        "--image",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="The avatar.",
    ),
)


@click.command(
    short_help="Create a bot.",
    epilog=verbatim(
        """
Examples:
  cliq bots create "Ops Bot" --description "Reports incidents"
  cliq bots create "Team Bot" --description "For the team" --team 7134
  cliq bots create "Hook Bot" --description "Runs elsewhere" \\
      --execution-type webhook --execution-url https://example.com/cliq
"""
    ),
)
@click.argument("name")
@click.option("--description", required=True, metavar="TEXT", help="The purpose of the bot.")
@click.option(
    "--execution-type",
    type=click.Choice(get_args(ExecutionType)),
    help="Where its handlers run: in Cliq, or at --execution-url.",
)
@click.option(
    "--scope",
    type=click.Choice(get_args(Scope)),
    help="Who can use the bot: by default team with --team, else organization.",
)
@_shared
@max_wait_option
@json_option
@connection_options
def create(
    *, max_wait: float, as_json: bool, connection: ConnectionOptions, **options: Any
) -> None:
    """Create a bot called NAME, and show the id and the unique name that Cliq assigns."""
    with cli_field_names(name="NAME", **_NAMES):
        new = NewBot(**_fields(options))
    bot = connection.run(lambda client: client.bots.create(new), max_wait_s=max_wait)
    if not bot.id:
        echo_err("warning: the bot was created, but the answer has no id: see `cliq bots list`")
    if as_json:
        echo_json(bot.to_dict())
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
  cliq bots update supportbot --name "Help Desk"
  cliq bots update supportbot --status-message Hello --status-message Busy
  cliq bots update 53719000001878011 --calls --no-participation
"""
    ),
)
@click.argument("bot")
@click.option("--name", metavar="NAME", help="The display name; the unique name stays.")
@click.option("--description", metavar="TEXT", help="The purpose of the bot.")
@click.option("--scope", type=click.Choice(get_args(Scope)), help="Who can use the bot.")
@_shared
@click.option("--no-status-messages", is_flag=True, help="Remove all status messages.")
@click.option("--no-participation", is_flag=True, help="Remove all participation.")
@max_wait_option
@json_option
@connection_options
def update(
    *,
    bot: str,
    no_status_messages: bool,
    no_participation: bool,
    max_wait: float,
    as_json: bool,
    connection: ConnectionOptions,
    **options: Any,
) -> None:
    """Change the given fields of a bot; a repeatable option replaces all former values."""
    fields = _fields(
        options, no_status_messages=no_status_messages, no_participation=no_participation
    )
    if all(value is None for value in fields.values()):
        raise click.UsageError("nothing to change: give --name, --description or another option")
    with cli_field_names(name="--name", bot_id="BOT", **_NAMES):
        changes = BotChanges(**fields)
        changed = bot_lookup(connection, max_wait).by_id(
            bot, lambda client, bot_id: client.bots.update(bot_id, changes)
        )
    if as_json:
        echo_json(changed.to_dict())
    else:
        echo(f"updated: {clean(bot)}")


def _fields(
    options: dict[str, Any], *, no_status_messages: bool = False, no_participation: bool = False
) -> dict[str, Any]:
    """Convert options to the fields of a model; None for an option that was not given."""
    calls, image = options.pop("calls"), options.pop("image")
    return options | {
        "team_ids": options["team_ids"] or None,
        "status_messages": repeated_values(
            options["status_messages"], "--no-status-messages", none=no_status_messages
        ),
        "channel_participation": repeated_values(
            options["channel_participation"], "--no-participation", none=no_participation
        ),
        "calls": None if calls is None else ("enabled" if calls else "disabled"),
        "image": None if image is None else _base64(image),
    }


def _base64(path: Path) -> str:
    try:
        return b64encode(read_bounded(path, MAX_IMAGE_BYTES)).decode()
    except OSError as error:
        raise CliError(f"{path}: {error.strerror}", USAGE) from None
