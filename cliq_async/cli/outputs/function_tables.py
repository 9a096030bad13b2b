"""Functions as tables."""

from collections.abc import Sequence

from cliq_async.cli.outputs.bot_tables import print_fields
from cliq_async.cli.outputs.console import echo_err, table
from cliq_async.cli.text import clean
from cliq_async.models.function import Function

__all__ = ["print_function", "print_functions"]


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
    header = ("id", "name", "type", "execution type", "status", "handlers")
    table(rows, header=header, free=(5,), spare=(3, 4))


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


def _types(function: Function) -> str:
    return ", ".join(handler.type for handler in function.handlers)
