"""`cliq call`: call up to 10 people."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cliq_async.cli.errors import cli_field_names
from cliq_async.cli.inputs.json_file import json_file
from cliq_async.cli.lookup import bot_lookup
from cliq_async.cli.options import (
    ConnectionOptions,
    allow_unknown_option,
    connection_options,
    input_file,
    json_option,
    max_wait_option,
    text_type,
    to_option,
)
from cliq_async.cli.outputs.console import echo, echo_err, echo_json
from cliq_async.cli.text import clean, plural, verbatim
from cliq_async.models.call import Call
from cliq_async.models.parsing.call import actions_from

__all__ = ["call", "read_actions", "warn_missing"]


@click.command(
    short_help="Call up to 10 people and read a text to them.",
    epilog=verbatim(
        """
Examples:
  cliq call supportbot "The payment service is down" --to 55743307
  cliq call supportbot "Disk full on db-1" --to 55743307,55743310 --retry 2
  cliq call supportbot "Who can come?" --to 55743307 --actions actions.json
""",
        """
An actions file is a JSON array in the form of the API:
  [{"label": "On my way", "icon": "tick",
    "action": {"type": "invoke.function", "data": {"name": "acknowledge"}}}]
""",
    ),
)
@click.argument("bot")
@click.argument("text", type=text_type)
@to_option(required=True)
@click.option("--retry", type=click.IntRange(0, 3), help="Further attempts if a call is missed.")
@click.option("--loop", type=click.IntRange(1, 3), help="The number of times the text is read.")
@click.option(
    "--actions",
    type=input_file,
    metavar="FILE.json|-",
    help="Up to 5 buttons under the call, as JSON.",
)
@allow_unknown_option
@max_wait_option
@json_option
@connection_options
def call(
    *,
    bot: str,
    text: str,
    to: list[str],
    retry: int | None,
    loop: int | None,
    actions: Path | None,
    allow_unknown: bool,
    max_wait: float,
    as_json: bool,
    connection: ConnectionOptions,
) -> None:
    """Have BOT, given by its unique name or id, call up to 10 people and read TEXT to them.

    TEXT is - for standard input.

    Calls ring even if Do Not Disturb is on. They have to be enabled for the bot.
    """
    with cli_field_names(text="TEXT", user_ids="--to", actions="--actions", bot_unique_name="BOT"):
        request = Call(
            text,
            user_ids=to,
            retry=retry,
            loop=loop,
            **({} if actions is None else read_actions(actions, allow_unknown=allow_unknown)),
        )
        receipt = bot_lookup(connection, max_wait).by_name(
            bot, lambda client, name: client.calls.trigger(name, request)
        )
    called = receipt.user_ids
    warn_missing(called, to)
    if as_json:
        echo_json({"id": receipt.id, "user_ids": called})
        return
    echo(f"accepted: {clean(bot)} calls {plural(len(called), 'recipient')}")
    if receipt.id:
        echo(f"id {clean(receipt.id)}")


def read_actions(path: Path, *, allow_unknown: bool = False) -> dict[str, Any]:
    """Read the actions in a JSON file, as the field of a call that has them.

    Raises:
        CliError: The file cannot be read, or the actions are not in the form of the API.
    """
    with json_file(path) as data:
        return actions_from(data, allow_unknown=allow_unknown)


def warn_missing(reached: Sequence[str], recipients: Sequence[str]) -> None:
    """Print a warning if Cliq reports fewer recipients than the request had."""
    if len(reached) < (count := len(set(recipients))):
        echo_err(f"warning: Cliq reports only {len(reached):,} of {plural(count, 'recipient')}")
