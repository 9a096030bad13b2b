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
from cliq_async.cli.options import (
    ConnectionOptions,
    connection_options,
    json_option,
    max_wait_option,
    yes_option,
)
from cliq_async.cli.outputs.bot_tables import model_to_dict, print_handler
from cliq_async.cli.outputs.console import echo, echo_json
from cliq_async.cli.outputs.function_tables import (
    print_function,
    print_functions,
)
from cliq_async.cli.outputs.listing import collect, page_size
from cliq_async.cli.prompts import confirm, require_terminal
from cliq_async.cli.text import clean, verbatim

__all__ = ["functions"]

_NAMES: Final = {"function_id": "FUNCTION_ID"}


@click.group(cls=Group)
def functions() -> None:
    """Manage the functions that buttons and forms run.

    FUNCTION_ID is the id that `cliq functions list` shows.
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
        echo_json([model_to_dict(function) for function in listed])
    else:
        print_functions(listed)


@click.command(
    epilog=verbatim(
        """
Examples:
  cliq functions get 53719000002124011
  cliq functions get 53719000002124011 --json
"""
    ),
)
@click.argument("function_id")
@max_wait_option
@json_option
@connection_options
def get(*, function_id: str, max_wait: float, as_json: bool, connection: ConnectionOptions) -> None:
    """Show a function."""
    with cli_field_names(**_NAMES):
        function = connection.run(
            lambda client: client.functions.get(function_id), max_wait_s=max_wait
        )
    if as_json:
        echo_json(model_to_dict(function))
    else:
        print_function(function)


@click.command(
    epilog=verbatim(
        """
Examples:
  cliq functions delete 53719000002124011
  cliq functions delete 53719000002124011 --yes
"""
    ),
)
@click.argument("function_id")
@yes_option
@max_wait_option
@connection_options
def delete(*, function_id: str, yes: bool, max_wait: float, connection: ConnectionOptions) -> None:
    """Delete a function and its handlers permanently.

    Buttons and forms that invoke it stop working. Asks for confirmation unless --yes is given; any
    answer other than yes ends with exit 1.
    """
    with cli_field_names(**_NAMES):
        if not yes:
            require_terminal()
            function = connection.run(
                lambda client: client.functions.get(function_id), max_wait_s=max_wait
            )
            confirm(f"Delete the function {clean(function.name)} permanently?")
        connection.run(lambda client: client.functions.delete(function_id), max_wait_s=max_wait)
    echo(f"deleted: {clean(function_id)}")


@click.command(
    epilog=verbatim(
        """
Examples:
  cliq functions get-handler 53719000002124011 button
  cliq functions get-handler 53719000002124011 button --script-only > approve.dg
""",
        FUNCTION_TYPES_HELP,
    ),
)
@click.argument("function_id")
@function_handler_type
@click.option("--script-only", is_flag=True, help="Print only the script.")
@max_wait_option
@json_option
@connection_options
def get_handler(
    *,
    function_id: str,
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
        handler = connection.run(
            lambda client: client.functions.get_handler(function_id, type), max_wait_s=max_wait
        )
    if as_json:
        echo_json(model_to_dict(handler))
    elif script_only:
        print_script(handler)
    else:
        print_handler(handler, ("function", handler.function_id))


@click.command(
    epilog=verbatim(
        """
Examples:
  cliq functions delete-handler 53719000002124011 form_change
  cliq functions delete-handler 53719000002124011 form_change --yes
""",
        FUNCTION_TYPES_HELP,
    ),
)
@click.argument("function_id")
@function_handler_type
@yes_option
@max_wait_option
@connection_options
def delete_handler(
    *,
    function_id: str,
    type: Any,  # noqa: A002 - the API's word
    yes: bool,
    max_wait: float,
    connection: ConnectionOptions,
) -> None:
    """Delete a handler of a function and its script permanently.

    Asks for confirmation unless --yes is given; any answer other than yes ends with exit 1.
    """
    with cli_field_names(**_NAMES):
        if not yes:
            require_terminal()
            function = connection.run(
                lambda client: client.functions.get(function_id), max_wait_s=max_wait
            )
            confirm(f"Delete the {type} of {clean(function.name)} permanently?")
        connection.run(
            lambda client: client.functions.delete_handler(function_id, type), max_wait_s=max_wait
        )
    echo(f"deleted: {type} of {clean(function_id)}")


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
