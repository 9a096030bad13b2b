"""The commands of `cliq functions` that create and change, and the options that they share."""

from typing import Any, Final, get_args

import click

from cliq_async.cli.commands.handlers_edit import (
    handler_type_argument,
    read_script,
    script_option,
    types_help,
)
from cliq_async.cli.errors import cli_field_names
from cliq_async.cli.lookup import function_lookup
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
from cliq_async.models.bot import ExecutionType
from cliq_async.models.function import (
    FUNCTION_HANDLER_TYPES,
    FunctionChanges,
    FunctionHandler,
    FunctionHandlerChanges,
    FunctionPermission,
    FunctionType,
    NewFunction,
    NewFunctionHandler,
)

__all__ = [
    "FUNCTION_TYPES_HELP",
    "create",
    "create_handler",
    "function_handler_type",
    "update",
    "update_handler",
]

FUNCTION_TYPES_HELP: Final = types_help(FUNCTION_HANDLER_TYPES)

function_handler_type: Final = handler_type_argument(FUNCTION_HANDLER_TYPES)

_NAMES: Final = {
    "function_id": "FUNCTION",
    "description": "--description",
    "function_type": "--type",
    "execution_type": "--execution-type",
    "execution_url": "--execution-url",
    "script": "--script",
    "permissions": "--permission",
}

_url_option: Final = click.option(
    "--execution-url", metavar="URL", help="The URL that receives a webhook function's events."
)
_logic: Final = combine(
    script_option,
    click.option(
        "--permission",
        "permissions",
        type=click.Choice(sorted(get_args(FunctionPermission))),
        multiple=True,
        help="The data that a webhook function receives. Can be repeated.",
    ),
    click.option("--no-permissions", is_flag=True, help="Send no data to a webhook function."),
)


@click.command(
    short_help="Create a function.",
    epilog=verbatim(
        """
Examples:
  cliq functions create approve --description "Approves it" --type button
  cliq functions create feedback --description "Takes feedback" --type form \\
      --execution-type webhook --execution-url https://example.com/cliq
"""
    ),
)
@click.argument("name")
@click.option("--description", required=True, metavar="TEXT", help="The purpose of the function.")
@click.option(
    "--type",
    "function_type",
    required=True,
    type=click.Choice(get_args(FunctionType)),
    help="What runs the function. It never changes.",
)
@click.option(
    "--execution-type",
    type=click.Choice(get_args(ExecutionType)),
    help="Where its handlers run: in Cliq, or at --execution-url.",
)
@_url_option
@max_wait_option
@json_option
@connection_options
def create(
    *, max_wait: float, as_json: bool, connection: ConnectionOptions, **options: Any
) -> None:
    """Create a function called NAME, and show the id that Cliq assigns."""
    with cli_field_names(name="NAME", **_NAMES):
        new = NewFunction(**options)
    function = connection.run(lambda client: client.functions.create(new), max_wait_s=max_wait)
    if not function.id:
        echo_err(
            "warning: the function was created, but the answer has no id: see `cliq functions list`"
        )
    if as_json:
        echo_json(function.to_dict())
        return
    echo(f"created: {clean(new.name)}")
    if function.id:
        echo(f"id {clean(function.id)}")


@click.command(
    short_help="Change a function.",
    epilog=verbatim(
        """
Examples:
  cliq functions update approve --name approve_expense
  cliq functions update approve --execution-url https://example.com/new
"""
    ),
)
@click.argument("function")
@click.option("--name", metavar="NAME", help="The name by which buttons and forms invoke it.")
@click.option("--description", metavar="TEXT", help="The purpose of the function.")
@_url_option
@max_wait_option
@json_option
@connection_options
def update(
    *,
    function: str,
    max_wait: float,
    as_json: bool,
    connection: ConnectionOptions,
    **options: Any,
) -> None:
    """Change the given fields of a function."""
    if all(value is None for value in options.values()):
        raise click.UsageError("nothing to change: give --name, --description or --execution-url")
    with cli_field_names(name="--name", **_NAMES):
        changes = FunctionChanges(**options)
        changed = function_lookup(connection, max_wait).by_id(
            function, lambda client, function_id: client.functions.update(function_id, changes)
        )
    if as_json:
        echo_json(changed.to_dict())
    else:
        echo(f"updated: {clean(function)}")


@click.command(
    short_help="Create a handler of a function.",
    epilog=verbatim(
        """
Examples:
  cliq functions create-handler approve button --script approve.dg
  cliq functions create-handler feedback form_submit --permission user
""",
        FUNCTION_TYPES_HELP,
    ),
)
@click.argument("function")
@function_handler_type
@_logic
@max_wait_option
@json_option
@connection_options
def create_handler(
    *,
    function: str,
    type: Any,  # noqa: A002 - the API's word
    max_wait: float,
    as_json: bool,
    connection: ConnectionOptions,
    **options: Any,
) -> None:
    """Create a handler: with a script, or with permissions for a webhook function."""
    given = _logic_fields(options)
    with cli_field_names(type="TYPE", **_NAMES):
        new = NewFunctionHandler(type, **given)
        handler = function_lookup(connection, max_wait).by_id(
            function, lambda client, function_id: client.functions.create_handler(function_id, new)
        )
    _print("created", handler, as_json=as_json)


@click.command(
    short_help="Change a handler of a function.",
    epilog=verbatim(
        """
Examples:
  cliq functions update-handler approve button --script approve.dg
  cliq functions update-handler feedback form_submit --no-permissions
""",
        FUNCTION_TYPES_HELP,
    ),
)
@click.argument("function")
@function_handler_type
@_logic
@max_wait_option
@json_option
@connection_options
def update_handler(
    *,
    function: str,
    type: Any,  # noqa: A002 - the API's word
    max_wait: float,
    as_json: bool,
    connection: ConnectionOptions,
    **options: Any,
) -> None:
    """Change the script of a handler, or the permissions; they replace the former ones."""
    given = _logic_fields(options)
    with cli_field_names(type="TYPE", **_NAMES):
        changes = FunctionHandlerChanges(**given)
        handler = function_lookup(connection, max_wait).by_id(
            function,
            lambda client, function_id: client.functions.update_handler(function_id, type, changes),
        )
    _print("updated", handler, as_json=as_json)


def _logic_fields(options: dict[str, Any]) -> dict[str, Any]:
    """Convert options to the fields of a handler, of which one is None."""
    script = options["script"]
    permissions = repeated_values(
        options["permissions"], "--no-permissions", none=options["no_permissions"]
    )
    if script is not None and permissions is not None:
        raise click.UsageError("give either --script or permissions: a function takes one of them")
    if script is None and permissions is None:
        raise click.UsageError("give --script, --permission or --no-permissions")
    return {
        "script": None if script is None else read_script(script),
        "permissions": permissions,
    }


def _print(verb: str, handler: FunctionHandler, *, as_json: bool) -> None:
    if as_json:
        echo_json(handler.to_dict())
    else:
        echo(f"{verb}: {clean(handler.type)} of {clean(handler.function_id)}")
