"""Lines, JSON, tables and a live display: everything that commands print.

Results go to stdout, everything else to stderr. A failure to write ends no command: see `streams`.
On a stream that is not a terminal there are no colors and no boxes, and nothing moves. Rich is
imported only for a terminal, since it takes as long to import as a short command takes to run.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click

from cliq_async.cli.outputs.tables import TableLayout, wrap

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = [
    "echo",
    "echo_err",
    "echo_json",
    "echo_prose",
    "err",
    "is_err_terminal",
    "is_live",
    "is_terminal",
    "live",
    "stdout_bytes",
    "table",
]

REFRESH_S: Final = 0.2
PLAIN_EVERY_S: Final = 5.0
"""The interval of progress lines on a stream that is not a terminal."""


_FORCING: Final = ("FORCE_COLOR", "TTY_COMPATIBLE")
"""Variables by which rich treats any stream as a terminal."""


@cache
def out() -> "Console":
    """Return the console of stdout."""
    return _console()


@cache
def err() -> "Console":
    """Return the console of stderr."""
    return _console(stderr=True)


def _console(**options: Any) -> "Console":
    from rich.console import Console  # noqa: PLC0415

    return Console(highlight=False, markup=False, emoji=False, **options)


def _may_be_terminal(stream: Any) -> bool:
    """Return False if rich would say that a stream is not a terminal, without importing it."""
    if any(os.environ.get(name) for name in _FORCING):
        return True
    with suppress(ValueError):  # the stream is closed
        return stream is not None and bool(stream.isatty())
    return False


def echo(text: str = "") -> None:
    """Print a line of the result on stdout."""
    click.echo(text)


def echo_prose(text: str, indent: int = 0) -> None:
    """Print a line of the result, which a terminal shows with breaks between words.

    Args:
        text: The line.
        indent: The indent of its further lines.
    """
    click.echo(_fitted(text, sys.stdout, indent))


def stdout_bytes() -> BinaryIO:
    """Return stdout as a stream of bytes.

    Raises:
        OSError: Stdout was closed before the command started.
    """
    if sys.stdout is None:
        raise OSError("standard output is closed")
    return sys.stdout.buffer


def echo_json(data: object) -> None:
    """Print the result as JSON on stdout."""
    click.echo(json.dumps(data, indent=2))


def echo_err(text: str) -> None:
    """Print a line on stderr, above a live display, on a terminal with breaks between words."""
    text = _fitted(text, sys.stderr)
    if is_live():
        err().print(text, soft_wrap=True)
        return
    click.echo(text, err=True)


def _fitted(text: str, stream: Any, indent: int = 0) -> str:
    if not _may_be_terminal(stream):
        return text
    try:
        width = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):  # rich was told to take a file for a terminal
        width = 0
    return "\n".join(wrap(text, width, indent)) if width else text


def table(
    rows: Iterable[Sequence[str]],
    *,
    header: Sequence[str] = (),
    right: Sequence[int] = (),
    free: Sequence[int] = (),
    spare: Sequence[int] = (),
) -> None:
    """Print a table on stdout, without its empty columns.

    Args:
        rows: The cells.
        header: The names of the columns; none for a table of names and values.
        right: The indexes of the columns that are aligned to the right.
        free: The indexes of the columns of free text, which may wrap between words.
        spare: The indexes of the columns that a narrow terminal does not show.
    """
    layout = TableLayout([tuple(row) for row in rows], header, right, free, spare)
    if not layout.rows:
        return
    if is_terminal():
        out().print(layout, crop=False)
        return
    for line in layout.lines():
        echo(line)


def is_terminal() -> bool:
    """Return whether stdout is a terminal."""
    return _may_be_terminal(sys.stdout) and out().is_terminal


def is_err_terminal() -> bool:
    """Return whether someone may be reading stderr on a terminal. Does not import rich."""
    return _may_be_terminal(sys.stderr)


def is_live() -> bool:
    """Return whether stderr is a terminal that can show a live display."""
    if not _may_be_terminal(sys.stderr):
        return False
    return err().is_terminal and not err().is_dumb_terminal


@asynccontextmanager
async def live(
    show: "Callable[[], RenderableType]",
    line: Callable[[], str],
    *,
    before: Callable[[], Awaitable[object]] | None = None,
    transient: bool = False,
) -> AsyncIterator[None]:
    """Show a live display on stderr while the body runs.

    Args:
        show: Builds what a terminal shows.
        line: Builds a line with the same content, printed at intervals if stderr is not a terminal.
        before: Awaited before `show` or `line` is called.
        transient: True to erase the display from a terminal at the end.
    """
    before = before or _nothing
    display = _refresh(show, before, transient) if is_live() else _print_lines(line, before)
    task = asyncio.create_task(display)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _nothing() -> None:
    pass


async def _refresh(
    show: "Callable[[], RenderableType]",
    before: Callable[[], Awaitable[object]],
    transient: bool,  # noqa: FBT001 - private, and called once
) -> None:
    from rich.live import Live  # noqa: PLC0415

    with Live(
        console=err(), auto_refresh=False, redirect_stdout=False, transient=transient
    ) as display:
        try:
            while True:
                await before()
                display.update(show(), refresh=True)
                await asyncio.sleep(REFRESH_S)
        finally:
            display.update(show())  # the final state


async def _print_lines(line: Callable[[], str], before: Callable[[], Awaitable[object]]) -> None:
    printed = ""
    while True:
        await asyncio.sleep(PLAIN_EVERY_S)
        await before()
        if line() != printed:
            printed = line()
            echo_err(printed)
