"""The `-v` option: which log records are printed."""

import logging
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from cliq_async.cli.text import clean, clean_lines

__all__ = ["verbose_option"]

Command = TypeVar("Command", bound=Callable[..., Any])

_log: Final = logging.getLogger("cliq_async")
_formatter: Final = logging.Formatter()
_bodies: Final = logging.getLogger("cliq_async.bodies")
_BODIES: Final = 2
"""How many `-v` it takes to see the bodies of requests and answers."""


class _StderrHandler(logging.Handler):
    """Prints log records on stderr, above a live display."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record, with the traceback of the user's code if there is one."""
        # Late: `cliq --help` prints no record.
        from cliq_async.cli.outputs.console import echo_err  # noqa: PLC0415

        echo_err(f"{record.levelname.lower()}: {clean(record.getMessage())}")
        if record.exc_info:
            echo_err(clean_lines(_formatter.formatException(record.exc_info)))


def _listen(ctx: click.Context, _parameter: click.Parameter, value: int) -> None:
    root = ctx.find_root()
    if "handler" not in root.meta:
        root.meta["handler"] = handler = _StderrHandler()
        root.meta["verbosity"] = 0
        before, bodies_before = _log.level, _bodies.level or logging.WARNING
        _log.addHandler(handler)
        _log.setLevel(logging.WARNING)
        root.call_on_close(lambda: _log.removeHandler(handler))
        root.call_on_close(lambda: _log.setLevel(before))
        root.call_on_close(lambda: _bodies.setLevel(bodies_before))
    root.meta["verbosity"] += value  # `cliq -v send -v` counts as two
    if root.meta["verbosity"]:
        _log.setLevel(logging.DEBUG)
    if root.meta["verbosity"] >= _BODIES:
        _bodies.setLevel(logging.DEBUG)


def verbose_option(command: Command) -> Command:
    """Add `-v`, which prints what the package logs, and `-vv`, which adds bodies."""
    return click.option(
        "-v",
        "--verbose",
        count=True,
        show_default=False,
        expose_value=False,
        callback=_listen,
        help="Print each request on stderr; with -vv, its body and the answer's as well.",
    )(command)
