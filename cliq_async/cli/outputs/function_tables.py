"""Functions and their handlers as tables."""

from collections.abc import Sequence
from typing import Any

from cliq_async.cli.outputs.bot_tables import print_fields
from cliq_async.cli.outputs.console import echo, echo_err, table
from cliq_async.cli.text import clean, clean_lines
from cliq_async.models.function import Function, FunctionHandler
from cliq_async.models.serialization import unstructure

__all__ = ["function_to_dict", "print_function", "print_function_handler", "print_functions"]


def function_to_dict(model: Function | FunctionHandler) -> dict[str, Any]:
    """Convert a function or a handler to a dict, including undocumented fields."""
    fields = unstructure(model)
    extra: dict[str, Any] = fields.pop("extra", {})
    return fields | extra


def print_functions(functions: Sequence[Function]) -> None:
    """Print functions as a table."""
    if not functions:
        echo_err("no functions")
        return
    rows = [
        (
            clean(function.id),
            clean(function.name),
            clean(function.function_type),
            clean(function.execution_type),
            clean(function.status),
            clean(_types(function)),
        )
        for function in functions
    ]
    table(rows, header=("id", "name", "type", "execution type", "status", "handlers"))


def print_function(function: Function) -> None:
    """Print the fields of a function."""
    creator = function.creator
    print_fields(
        ("id", function.id),
        ("name", function.name),
        ("description", function.description),
        ("function type", function.function_type),
        ("execution type", function.execution_type),
        ("execution URL", function.execution_url),
        ("handlers", _types(function)),
        ("status", function.status),
        ("scope", function.scope),
        ("type", function.type),
        ("creator", "" if creator is None else f"{creator.name} ({creator.id})"),
    )


def print_function_handler(handler: FunctionHandler) -> None:
    """Print a handler of a function, with its script."""
    print_fields(
        ("handler", handler.type),
        ("function", handler.function_id),
        ("permissions", ", ".join(handler.permissions)),
        ("return type", handler.return_type),
        ("params", ", ".join(f"{each.param_name} {each.param_type}" for each in handler.params)),
    )
    if handler.script:
        echo()
        echo(clean_lines(handler.script))


def _types(function: Function) -> str:
    return ", ".join(handler.type for handler in function.handlers)
