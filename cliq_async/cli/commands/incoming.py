"""`cliq incoming`: send parameters to a bot's incoming webhook handler."""

from pathlib import Path

import click

from cliq_async.cli.commands.call import warn_missing
from cliq_async.cli.errors import cli_field_names
from cliq_async.cli.inputs.json_file import json_file
from cliq_async.cli.lookup import bot_lookup
from cliq_async.cli.options import (
    ConnectionOptions,
    connection_options,
    extension_key_option,
    input_file,
    json_option,
    max_wait_option,
    to_option,
)
from cliq_async.cli.outputs.console import echo, echo_json
from cliq_async.cli.text import clean, plural, verbatim
from cliq_async.models.incoming import check_parameters

__all__ = ["incoming"]


def _pairs(
    _ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for each in values:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"there is no NAME= in {each!r}")
        if name in pairs:
            raise click.BadParameter(f"{name!r} is given twice")
        pairs[name] = value
    return pairs


@click.command(
    short_help="Send parameters to a bot's incoming webhook handler.",
    epilog=verbatim(
        """
Examples:
  cliq incoming supportbot status=failed branch=main
  cliq incoming supportbot status=failed --to 55743307,ann@example.com
  cliq incoming supportbot --json-params build.json status=failed
"""
    ),
)
@click.argument("bot")
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]...", callback=_pairs)
@click.option(
    "--json-params",
    type=input_file,
    metavar="FILE.json|-",
    help="Parameters as a JSON object of texts; NAME=VALUE takes precedence.",
)
@to_option()
@extension_key_option
@max_wait_option
@json_option
@connection_options
def incoming(
    *,
    bot: str,
    parameters: dict[str, str],
    json_params: Path | None,
    to: list[str],
    extension_key: str | None,
    max_wait: float,
    as_json: bool,
    connection: ConnectionOptions,
) -> None:
    """Send parameters to the incoming webhook handler of BOT, given by its unique name or id.

    The handler decides what to do with them. At most 50, of up to 10,000 characters each.
    """
    if json_params is not None:
        with json_file(json_params) as given, cli_field_names(parameters=""):
            parameters = check_parameters(given) | parameters
    with cli_field_names(bot_unique_name="BOT", user_ids="--to", parameters="parameter"):
        receipt = bot_lookup(connection, max_wait).by_name(
            bot,
            lambda client, name: client.messages.send_incoming(
                name, parameters, user_ids=to, extension_key=extension_key
            ),
        )
    reached = receipt.user_ids
    warn_missing(reached, to)
    if as_json:
        echo_json({"user_ids": reached})
    else:
        count = f", {plural(len(reached), 'recipient')} reached" if reached else ""
        echo(f"accepted: {clean(bot)}{count}")
