"""The lines that end a command whose options or arguments are wrong."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from cliq_async.cli.errors import USAGE
from cliq_async.cli.text import clean
from cliq_async.errors import suggest

__all__ = ["usage_errors"]

_NO_FILE: Final = re.compile(r"\w+ ('.*') does not exist\.")
_NO_CHOICE: Final = re.compile(r"(.+) is not one of .*", re.DOTALL)
_NO_RANGE: Final = re.compile(r"(.+) is not in the range .*")
_NO_NUMBER: Final = re.compile(r"(.+) is not a valid (integer|float)\b.*", re.DOTALL)
_EXTRA: Final = re.compile(r"Got unexpected extra arguments? \((.*)\)")
_NO_VALUE: Final = re.compile(r"Option '(.+)' requires an argument\.")


@contextmanager
def usage_errors() -> Iterator[None]:
    """End the command with `error: …` and its usage on stderr if click finds the body's call wrong.

    Raises:
        Exit: Click found it wrong.
    """
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        from cliq_async.cli.outputs.console import echo_err  # noqa: PLC0415 - late, for the start

        echo_err(f"error: {clean(_describe(error))}")
        if error.ctx is not None:
            pieces = [error.ctx.command_path, *error.ctx.command.collect_usage_pieces(error.ctx)]
            echo_err(f"usage: {' '.join(pieces)}; see --help")
        raise click.exceptions.Exit(USAGE) from None


def _describe(error: click.UsageError) -> str:
    match error:
        case click.exceptions.NoSuchOption():
            return f"there is no option {error.option_name}{_hint(error.option_name, error.ctx)}"
        case click.MissingParameter():
            return f"{_name(error)} is missing"
        case click.BadParameter():
            return f"{_name(error)}: {_describe_value(error)}"
    message = error.format_message()
    if (extra := _EXTRA.fullmatch(message)) is not None:
        return f"unexpected argument: {extra[1]}"
    if (option := _NO_VALUE.fullmatch(message)) is not None:
        return f"{option[1]} needs a value"
    return _plain(message)


def _hint(option: str, ctx: click.Context | None) -> str:
    if ctx is None:
        return ""
    known = [name for parameter in ctx.command.get_params(ctx) for name in parameter.opts]
    hint = suggest(option.lstrip("-"), [name[2:] for name in known if name.startswith("--")])
    close = hint.removeprefix("did you mean ")
    return "" if close == hint else f"; did you mean --{close}"


def _name(error: click.BadParameter) -> str:
    if isinstance(error.param_hint, str):
        return error.param_hint.strip("'")
    if error.param is None:
        return "usage"
    if isinstance(error.param, click.Option):
        return max(error.param.opts, key=len)
    name = (error.param.name or "").upper()
    return name if error.param.metavar is None else error.param.metavar.strip("[].")


def _describe_value(error: click.BadParameter) -> str:
    message, kind = error.message, None if error.param is None else error.param.type
    if (given := _NO_CHOICE.fullmatch(message)) is not None and isinstance(kind, click.Choice):
        names = [str(choice) for choice in kind.choices]
        hint = suggest(given[1].strip("'"), names)
        also = f"; {hint}" if hint.endswith("?") else ""
        return f"one of {', '.join(names)}, got {given[1]}{also}"
    if (given := _NO_RANGE.fullmatch(message)) is not None:
        return f"{_describe_range(kind)}, got {given[1]}"
    if (given := _NO_NUMBER.fullmatch(message)) is not None:
        number = "a whole number" if given[2] == "integer" else "a number"
        return f"{number}, got {given[1]}"
    if (given := _NO_FILE.fullmatch(message)) is not None:
        return f"there is no file {given[1]}"
    return _plain(message)


def _describe_range(kind: object) -> str:
    low, high = getattr(kind, "min", None), getattr(kind, "max", None)
    if low is not None and high is not None:
        return f"{low:,} to {high:,}"
    if low is not None:
        return f"more than {low:,}" if getattr(kind, "min_open", False) else f"{low:,} or more"
    return f"{high:,} or less"


def _plain(message: str) -> str:
    """Return a message of click's without its capital and its period."""
    first = message[:1] if message[1:2].isupper() else message[:1].lower()
    return first + message[1:].removesuffix(".")
