"""What the commands print: plain lines, tables and one line that is kept up to date.

Results go to stdout, everything about the way there to stderr. Where the stream is not a
terminal, there is no colour, no box and nothing that moves.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import BinaryIO, Final

import click
from rich import box
from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table

__all__ = [
    "boxed",
    "echo",
    "echo_err",
    "echo_json",
    "err",
    "is_live",
    "is_terminal",
    "live",
    "stdout_bytes",
    "table",
]

REFRESH_S: Final = 0.2
PLAIN_EVERY_S: Final = 5.0
"""Where nothing can move: how often a line says how far it is."""


out: Final = Console(highlight=False, markup=False, emoji=False)
err: Final = Console(stderr=True, highlight=False, markup=False, emoji=False)


def echo(text: str = "") -> None:
    """A line of the result, on stdout at once."""
    click.echo(text)


def stdout_bytes() -> BinaryIO:
    """Stdout, for a result that stays as it is, to the byte.

    Raises:
        OSError: It was closed from the start.
    """
    if sys.stdout is None:
        raise OSError("standard output is closed")
    return sys.stdout.buffer


def echo_json(data: object) -> None:
    """The result as JSON, on stdout."""
    click.echo(json.dumps(data, indent=2))


def echo_err(text: str) -> None:
    """A line on stderr, above whatever moves there."""
    if is_live():
        err.print(text, soft_wrap=True)
        return
    with suppress(OSError):  # nobody listens, which is no reason to end a job half done
        click.echo(text, err=True)


def table(
    rows: Iterable[Sequence[str]], *, header: Sequence[str] = (), right: Sequence[int] = ()
) -> None:
    """A table on stdout.

    Args:
        rows: The cells.
        header: The columns' names; a table without any has no header.
        right: Which columns end at the right.
    """
    cells = [list(row) for row in rows]
    if is_terminal():
        out.print(boxed(cells, header, right))
        return
    lines = [list(header), *cells] if header else cells
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        echo("  ".join(padded).rstrip())


def boxed(
    rows: Sequence[Sequence[str]], header: Sequence[str] = (), right: Sequence[int] = ()
) -> Table:
    """A table for a terminal; takes what `table` takes."""
    made = Table(box=box.ROUNDED, show_header=bool(header), header_style="bold")
    for index in range(len(header or rows[0])):
        made.add_column(
            header[index] if header else "",
            justify="right" if index in right else "left",
            overflow="fold",
        )
    for row in rows:
        made.add_row(*row)
    return made


def is_terminal() -> bool:
    """Whether stdout is a terminal."""
    return out.is_terminal


def is_live() -> bool:
    """Whether stderr is a terminal on which something can move."""
    return err.is_terminal and not err.is_dumb_terminal


@asynccontextmanager
async def live(
    show: Callable[[], RenderableType],
    line: Callable[[], str],
    *,
    before: Callable[[], Awaitable[object]] | None = None,
    transient: bool = False,
) -> AsyncIterator[None]:
    """Keep something up to date on stderr while the body runs.

    Args:
        show: What a terminal shows.
        line: The same in a line, printed now and then where there is no terminal.
        before: Awaited before each of the two.
        transient: Whether a terminal forgets it at the end.
    """
    before = before or _nothing
    keep = _keep_moving(show, before, transient) if is_live() else _keep_printing(line, before)
    keeper = asyncio.create_task(keep)
    try:
        yield
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper


async def _nothing() -> None:
    pass


async def _keep_moving(
    show: Callable[[], RenderableType],
    before: Callable[[], Awaitable[object]],
    transient: bool,  # noqa: FBT001 - private, and called once
) -> None:
    with Live(
        console=err, auto_refresh=False, redirect_stdout=False, transient=transient
    ) as display:
        try:
            while True:
                await before()
                display.update(show(), refresh=True)
                await asyncio.sleep(REFRESH_S)
        finally:
            display.update(show())  # how it ended


async def _keep_printing(line: Callable[[], str], before: Callable[[], Awaitable[object]]) -> None:
    printed = ""
    while True:
        await asyncio.sleep(PLAIN_EVERY_S)
        await before()
        if line() != printed:
            printed = line()
            echo_err(printed)
