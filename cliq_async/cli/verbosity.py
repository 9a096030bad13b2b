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


class _StderrHandler(logging.Handler):
    """Prints log records on stderr, above a live display."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record, with the traceback of the user's code if there is one."""
        # Late: `cliq --help` prints no record.
        from cliq_async.cli.outputs.console import echo_err  # noqa: PLC0415

        echo_err(f"{record.levelname.lower()}: {clean(record.getMessage())}")
        if record.exc_info:
            echo_err(clean_lines(_formatter.formatException(record.exc_info)))


def _listen(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's call
    root = ctx.find_root()
    if "handler" not in root.meta:
        root.meta["handler"] = handler = _StderrHandler()
        before = _log.level
        _log.addHandler(handler)
        _log.setLevel(logging.WARNING)
        root.call_on_close(lambda: _log.removeHandler(handler))
        root.call_on_close(lambda: _log.setLevel(before))
    if value:
        _log.setLevel(logging.INFO)


def verbose_option(command: Command) -> Command:
    """Add `-v`, which prints what the package logs."""
    return click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=_listen,
        help="Print more on stderr.",
    )(command)
