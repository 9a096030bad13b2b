"""`cliq functions`: list, show, create, change and delete functions and their handlers."""

from typing import Any, Final

import click

from cliq_async.cli.commands.functions_edit import (
    FUNCTION_TYPES_HELP,
    create,
    create_handler,
    function_handler_type,
    update,
    update_handler,
)
from cliq_async.cli.commands.handlers import print_script
from cliq_async.cli.errors import cli_field_names
from cliq_async.cli.group import Group
from cliq_async.cli.lookup import function_lookup
from cliq_async.cli.options import (
    ConnectionOptions,
    connection_options,
    json_option,
    max_wait_option,
    yes_option,
)
from cliq_async.cli.outputs.bot_tables import print_handler
from cliq_async.cli.outputs.console import echo, echo_json
from cliq_async.cli.outputs.function_tables import (
    print_function,
    print_functions,
)
from cliq_async.cli.outputs.listing import collect, page_size
from cliq_async.cli.prompts import confirm, require_terminal
from cliq_async.cli.text import clean, verbatim
from cliq_async.models.function import Function

__all__ = ["functions"]

_NAMES: Final = {"function_id": "FUNCTION"}


@click.group(cls=Group)
def functions() -> None:
    """Manage the functions that buttons and forms run.

    FUNCTION is a function's name or its id, as `cliq functions list` shows them.
    """


@click.command(
    "list",
    epilog=verbatim(
        """
Examples:
  cliq functions list
  cliq functions list --limit 10 --json
"""
    ),
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="The most functions to list.")
@json_option
@connection_options
def list_functions(*, limit: int | None, as_json: bool, connection: ConnectionOptions) -> None:
    """List your functions, with their ids and handlers."""
    listed = connection.run(
        lambda client: collect(client.functions.iter(limit=page_size(limit)), "function", limit)
    )
    if as_json:
        echo_json([function.to_dict() for function in listed])
    else:
        print_functions(listed)


@click.command(
    epilog=verbatim(
        """
Examples:
  cliq functions get approve
  cliq functions get 53719000002124011 --json
"""
    ),
)
@click.argument("function")
@max_wait_option
@json_option
@connection_options
def get(*, function: str, max_wait: float, as_json: bool, connection: ConnectionOptions) -> None:
    """Show a function."""
    with cli_field_names(**_NAMES):
        found: Function = function_lookup(connection, max_wait).read(function)
    if as_json:
        echo_json(found.to_dict())
    else:
        print_function(found)


@click.command(
    epilog=verbatim(
        """
Examples:
  cliq functions delete approve
  cliq functions delete 53719000002124011 --yes
"""
    ),
)
@click.argument("function")
@yes_option
@max_wait_option
@connection_options
def delete(*, function: str, yes: bool, max_wait: float, connection: ConnectionOptions) -> None:
    """Delete a function and its handlers permanently.

    Buttons and forms that invoke it stop working. Asks for confirmation unless --yes is given; any
    answer other than yes ends with exit 1.
    """
    given, lookup = function, function_lookup(connection, max_wait)
    with cli_field_names(**_NAMES):
        if not yes:
            require_terminal()
            found: Function = lookup.read(function)
            confirm(f"Delete the function {clean(found.name)} permanently?")
            given = found.id
        lookup.by_id(given, lambda client, function_id: client.functions.delete(function_id))
    echo(f"deleted: {clean(function)}")


@click.command(
    epilog=verbatim(
        """
Examples:
  cliq functions get-handler approve button
  cliq functions get-handler approve button --script-only > approve.dg
""",
        FUNCTION_TYPES_HELP,
    ),
)
@click.argument("function")
@function_handler_type
@click.option("--script-only", is_flag=True, help="Print only the script.")
@max_wait_option
@json_option
@connection_options
def get_handler(
    *,
    function: str,
    type: Any,  # noqa: A002 - the API's word
    script_only: bool,
    max_wait: float,
    as_json: bool,
    connection: ConnectionOptions,
) -> None:
    """Show a handler of a function, and its script or permissions."""
    if script_only and as_json:
        raise click.UsageError("give either --script-only or --json")
    with cli_field_names(**_NAMES):
        handler = function_lookup(connection, max_wait).by_id(
            function, lambda client, function_id: client.functions.get_handler(function_id, type)
        )
    if as_json:
        echo_json(handler.to_dict())
    elif script_only:
        print_script(handler)
    else:
        print_handler(handler, ("function", handler.function_id))


@click.command(
    epilog=verbatim(
        """
Examples:
  cliq functions delete-handler feedback form_change
  cliq functions delete-handler feedback form_change --yes
""",
        FUNCTION_TYPES_HELP,
    ),
)
@click.argument("function")
@function_handler_type
@yes_option
@max_wait_option
@connection_options
def delete_handler(
    *,
    function: str,
    type: Any,  # noqa: A002 - the API's word
    yes: bool,
    max_wait: float,
    connection: ConnectionOptions,
) -> None:
    """Delete a handler of a function and its script permanently.

    Asks for confirmation unless --yes is given; any answer other than yes ends with exit 1.
    """
    given, lookup = function, function_lookup(connection, max_wait)
    with cli_field_names(**_NAMES):
        if not yes:
            require_terminal()
            found: Function = lookup.read(function)
            confirm(f"Delete the {type} of {clean(found.name)} permanently?")
            given = found.id
        lookup.by_id(
            given, lambda client, function_id: client.functions.delete_handler(function_id, type)
        )
    echo(f"deleted: {type} of {clean(function)}")


for _command in (
    list_functions,
    get,
    create,
    update,
    delete,
    get_handler,
    create_handler,
    update_handler,
    delete_handler,
):
    functions.add_command(_command)
