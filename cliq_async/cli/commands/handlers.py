"""`cliq handlers`: list, show, create, change and delete the handlers of a bot."""

from typing import Any

import click

from cliq_async.cli.commands.handlers_edit import (
    TYPES_HELP,
    create,
    handler_id,
    handler_type,
    update,
)
from cliq_async.cli.errors import USAGE, CliError, cli_field_names
from cliq_async.cli.group import Group
from cliq_async.cli.lookup import bot_lookup
from cliq_async.cli.options import (
    ConnectionOptions,
    connection_options,
    json_option,
    max_wait_option,
    yes_option,
)
from cliq_async.cli.outputs.bot_tables import format_sub_actions, print_handler, print_handlers
from cliq_async.cli.outputs.console import echo, echo_err, echo_json, is_terminal, stdout_bytes
from cliq_async.cli.prompts import confirm, require_terminal
from cliq_async.cli.text import clean, clean_lines, verbatim
from cliq_async.models.bot import Bot
from cliq_async.models.function import FunctionHandler
from cliq_async.models.handler import Handler

__all__ = ["handlers", "print_script"]


@click.group(cls=Group)
def handlers() -> None:
    """List, show, create, change and delete the handlers of a bot.

    BOT is a bot's unique name or its id, as `cliq bots list` shows them.
    """


@click.command(
    "list",
    epilog=verbatim(
        """
Examples:
  cliq handlers list supportbot
  cliq handlers list 53719000001878011 --json
"""
    ),
)
@click.argument("bot")
@max_wait_option
@json_option
@connection_options
def list_handlers(
    *, bot: str, max_wait: float, as_json: bool, connection: ConnectionOptions
) -> None:
    """List the handlers of a bot."""
    with cli_field_names(bot_id="BOT"):
        found: Bot = bot_lookup(connection, max_wait).read(bot)
    if as_json:
        echo_json([handler.to_dict() for handler in found.handlers])
    elif found.handlers:
        print_handlers(found.handlers)
    else:
        echo_err("no handlers")


@click.command(
    epilog=verbatim(
        """
Examples:
  cliq handlers get supportbot message
  cliq handlers get supportbot message --script-only > message.dg
  cliq handlers get supportbot menu --handler-id 53719000001878017 --json
""",
        TYPES_HELP,
    ),
)
@click.argument("bot")
@handler_type
@handler_id
@click.option("--script-only", is_flag=True, help="Print only the script.")
@max_wait_option
@json_option
@connection_options
def get(
    *,
    bot: str,
    type: Any,  # noqa: A002 - the API's word
    handler_id: str | None,
    script_only: bool,
    max_wait: float,
    as_json: bool,
    connection: ConnectionOptions,
) -> None:
    """Show a handler, with its script or its permissions."""
    if script_only and as_json:
        raise click.UsageError("give either --script-only or --json")
    with cli_field_names(bot_id="BOT", handler_id="--handler-id"):
        handler = bot_lookup(connection, max_wait).by_id(
            bot, lambda client, bot_id: client.handlers.get(bot_id, type, handler_id=handler_id)
        )
    if as_json:
        echo_json(handler.to_dict())
    elif script_only:
        print_script(handler)
    else:
        print_handler(
            handler,
            ("id", handler.id),
            ("name", handler.name),
            ("icon", handler.icon),
            ("position", "" if handler.position is None else str(handler.position)),
            ("sub-actions", format_sub_actions(handler.sub_actions)),
        )


@click.command(
    epilog=verbatim(
        """
Examples:
  cliq handlers delete supportbot mention
  cliq handlers delete supportbot menu --handler-id 53719000001878017 --yes
""",
        TYPES_HELP,
    ),
)
@click.argument("bot")
@handler_type
@handler_id
@yes_option
@max_wait_option
@connection_options
def delete(
    *,
    bot: str,
    type: Any,  # noqa: A002 - the API's word
    handler_id: str | None,
    yes: bool,
    max_wait: float,
    connection: ConnectionOptions,
) -> None:
    """Delete a handler and its script permanently.

    Asks for confirmation unless --yes is given; any answer other than yes ends with exit 1.
    """
    given, lookup = bot, bot_lookup(connection, max_wait)
    with cli_field_names(bot_id="BOT", handler_id="--handler-id"):
        if not yes:
            require_terminal()
            found: Bot = lookup.read(bot)
            confirm(_question(found, type, handler_id))
            given = found.id
        lookup.by_id(
            given,
            lambda client, bot_id: client.handlers.delete(bot_id, type, handler_id=handler_id),
        )
    echo(f"deleted: {type} of {clean(bot)}")


def _question(bot: Bot, kind: str, handler_id: str | None) -> str:
    matches = [
        handler
        for handler in bot.handlers
        if handler.type == kind and handler_id in (None, handler.id)
    ]
    if len(matches) > 1:
        names = ", ".join(f"{handler.id} ({handler.name})" for handler in matches)
        raise CliError(f"choose a --handler-id: {names}", USAGE)
    name = "".join(f" {clean(handler.name)}" for handler in matches if handler.name)
    return f"Delete the {kind}{name} of {clean(bot.name)} ({clean(bot.unique_name)}) permanently?"


def print_script(handler: Handler | FunctionHandler) -> None:
    """Print the script of a handler as it is, or made harmless for a terminal.

    Raises:
        CliError: The handler has no script.
    """
    if not handler.script:
        raise CliError(f"the {handler.type} has no script")
    if is_terminal():
        echo(clean_lines(handler.script))
    else:
        stdout = stdout_bytes()
        stdout.write(handler.script.encode())
        stdout.flush()


for _command in (list_handlers, get, create, update, delete):
    handlers.add_command(_command)
