"""`cliq handlers create` and `cliq handlers update`, and the options that both take."""

import sys
from collections.abc import Sequence
from typing import Any, Final, get_args

import click

from cliq_async.cli.errors import USAGE, CliError, cli_field_names
from cliq_async.cli.inputs.bounded import read_bounded
from cliq_async.cli.lookup import bot_lookup
from cliq_async.cli.options import (
    ConnectionOptions,
    Option,
    combine,
    connection_options,
    json_option,
    max_wait_option,
    repeated_values,
)
from cliq_async.cli.outputs.console import echo, echo_json
from cliq_async.cli.text import clean, verbatim
from cliq_async.models.handler import (
    HANDLER_TYPES,
    Handler,
    HandlerChanges,
    NewHandler,
    Permission,
    SubAction,
)

__all__ = [
    "TYPES_HELP",
    "create",
    "handler_id",
    "handler_type",
    "handler_type_argument",
    "read_script",
    "script_option",
    "types_help",
    "update",
]

_SUFFIX: Final = "_handler"
_NAMES: Final = {
    "bot_id": "BOT",
    "type": "TYPE",
    "handler_id": "--handler-id",
    "script": "--script",
    "permissions": "--permission",
    "name": "--name",
    "icon": "--icon",
    "sub_actions": "--sub-action",
}


def types_help(types: Sequence[str]) -> str:
    """Return the paragraph of a command's help that lists the types of handlers."""
    return f"TYPE is one of these, with or without the suffix _handler:\n  {', '.join(types)}"


TYPES_HELP: Final = types_help(HANDLER_TYPES)


class _Type(click.Choice[str]):
    """A handler type, with or without its suffix."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the type with its suffix."""
        if isinstance(value, str) and value + _SUFFIX in self.choices:
            value += _SUFFIX
        return super().convert(value, param, ctx)


def handler_type_argument(types: Sequence[str]) -> Option:
    """Return the argument TYPE for one of these types of handlers."""
    return click.argument("type", type=_Type(types), metavar="TYPE")


handler_type: Final = handler_type_argument(HANDLER_TYPES)

handler_id: Final = click.option(
    "--handler-id", metavar="ID", help="The menu action, if there are several."
)

script_option: Final = click.option(
    "--script",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    metavar="FILE|-",
    help="The Deluge script; - for standard input.",
)

_shared: Final = combine(
    script_option,
    click.option(
        "--permission",
        "permissions",
        type=click.Choice(sorted(get_args(Permission))),
        multiple=True,
        help="The data that a webhook bot receives. Can be repeated.",
    ),
    click.option("--no-permissions", is_flag=True, help="Send no data to a webhook bot."),
    click.option("--name", metavar="TEXT", help="The name of a menu action."),
    click.option(
        "--icon", metavar="NAME/HEX", help="The icon of a menu action, such as wand/627282."
    ),
    click.option(
        "--sub-action",
        "sub_actions",
        multiple=True,
        metavar="NAME[:NAME/HEX]",
        help="An entry below a menu action, and its icon. Up to 5 times.",
    ),
)


@click.command(
    short_help="Create a handler.",
    epilog=verbatim(
        """
Examples:
  cliq handlers create supportbot message --script message.dg
  cliq handlers create supportbot menu --script - --name Tickets \\
      --icon wand/627282 --sub-action Open:wand/627282 --sub-action Close
  cliq handlers create supportbot mention --permission user --permission chat
""",
        TYPES_HELP,
    ),
)
@click.argument("bot")
@handler_type
@_shared
@max_wait_option
@json_option
@connection_options
def create(
    *,
    bot: str,
    type: Any,  # noqa: A002 - the API's word
    max_wait: float,
    as_json: bool,
    connection: ConnectionOptions,
    **options: Any,
) -> None:
    """Create a handler: with a script for a Deluge bot, with permissions for a webhook bot."""
    given = _fields(options)
    if given["script"] is None and given["permissions"] is None:
        raise click.UsageError("give --script, --permission or --no-permissions")
    with cli_field_names(**_NAMES):
        new = NewHandler(type, **given)
        handler = bot_lookup(connection, max_wait).by_id(
            bot, lambda client, bot_id: client.handlers.create(bot_id, new)
        )
    _print("created", bot, handler, as_json=as_json)


@click.command(
    short_help="Change a handler.",
    epilog=verbatim(
        """
Examples:
  cliq handlers update supportbot message --script message.dg
  cliq handlers update supportbot menu --handler-id 5371900001 --name Help
  cliq handlers update supportbot mention --no-permissions
""",
        TYPES_HELP,
    ),
)
@click.argument("bot")
@handler_type
@handler_id
@_shared
@click.option("--no-sub-actions", is_flag=True, help="Remove all sub-actions.")
@max_wait_option
@json_option
@connection_options
def update(
    *,
    bot: str,
    type: Any,  # noqa: A002 - the API's word
    handler_id: str | None,
    no_sub_actions: bool,
    max_wait: float,
    as_json: bool,
    connection: ConnectionOptions,
    **options: Any,
) -> None:
    """Change the given fields of a handler; a repeatable option replaces all former values."""
    given = _fields(options, no_sub_actions=no_sub_actions)
    if all(value is None for value in given.values()):
        raise click.UsageError("nothing to change: give --script, --permission or another option")
    with cli_field_names(**_NAMES):
        changes = HandlerChanges(**given)
        handler = bot_lookup(connection, max_wait).by_id(
            bot,
            lambda client, bot_id: client.handlers.update(
                bot_id, type, changes, handler_id=handler_id
            ),
        )
    _print("updated", bot, handler, as_json=as_json)


def _fields(options: dict[str, Any], *, no_sub_actions: bool = False) -> dict[str, Any]:
    """Convert options to the fields of a model; None for an option that was not given."""
    permissions = repeated_values(
        options["permissions"], "--no-permissions", none=options.pop("no_permissions")
    )
    actions = repeated_values(options["sub_actions"], "--no-sub-actions", none=no_sub_actions)
    if options["script"] is not None and permissions is not None:
        raise click.UsageError("give either --script or permissions: a bot takes one of them")
    script = options["script"]
    return options | {
        "script": None if script is None else read_script(script),
        "permissions": permissions,
        "sub_actions": None if actions is None else [_sub_action(each) for each in actions],
    }


def read_script(path: str) -> str:
    """Read a script from a file, or from standard input for `-`.

    Raises:
        CliError: It cannot be read, or is not UTF-8.
    """
    name = "standard input" if path == "-" else path
    if path == "-" and sys.stdin is None:  # closed before the start
        raise CliError(f"{name}: the stream is closed", USAGE)
    try:
        # As bytes, to keep line ends.
        content = read_bounded(path)
        return content.decode("utf-8-sig")
    except OSError as error:
        raise CliError(f"{name}: {error.strerror}", USAGE) from None
    except UnicodeDecodeError:
        raise CliError(f"{name}: not UTF-8", USAGE) from None


def _sub_action(text: str) -> SubAction:
    name, colon, icon = text.rpartition(":")
    return SubAction(name, icon=icon) if colon else SubAction(text)


def _print(verb: str, bot: str, handler: Handler, *, as_json: bool) -> None:
    if as_json:
        echo_json(handler.to_dict())
        return
    echo(f"{verb}: {clean(handler.type)} of {clean(bot)}")
    if handler.id:
        echo(f"id {clean(handler.id)}")
