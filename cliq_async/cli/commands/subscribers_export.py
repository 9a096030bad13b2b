"""`cliq subscribers export`: all subscribers into a file, from Cliq or from a synced list."""

import csv
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, cast

import attrs
import click

from cliq_async.cli.errors import USAGE, CliError, cli_field_names
from cliq_async.cli.options import ConnectionOptions, connection, extension_key
from cliq_async.cli.outputs.console import echo_err, is_terminal, stdout_bytes
from cliq_async.cli.outputs.listing import PAGE, Counter
from cliq_async.cli.text import verbatim
from cliq_async.client import CliqClient
from cliq_async.errors import SyncError
from cliq_async.models.subscriber import Subscriber
from cliq_async.sync.reader import SyncedSubscriber, read_subscribers

__all__ = ["export"]

_COLUMNS: Final = tuple(field.name for field in attrs.fields(Subscriber))
_ALL_COLUMNS: Final = tuple(field.name for field in attrs.fields(SyncedSubscriber))

_JSONL: Final = frozenset({".jsonl", ".ndjson"})
_STDOUT: Final = "-"


@click.command(
    short_help="Write all subscribers into a file.",
    epilog=verbatim(
        """
Examples:
  cliq subscribers export supportbot --output people.csv
  cliq subscribers export supportbot --output people.jsonl
  cliq subscribers export supportbot | cut -d, -f1
  cliq subscribers export --from people.db --bot supportbot --output people.csv

Message everybody in such a file:
  cliq broadcast supportbot --to people.csv --column user_id --text "Hello"
"""
    ),
)
@click.argument("bot", required=False)
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE.db",
    help="Not from Cliq, but from a file of cliq subscribers sync.",
)
@click.option("--bot", "of", metavar="BOT", help="With --from: of this bot alone.")
@click.option(
    "--all",
    "departed",
    is_flag=True,
    help="With --from: those who have left as well, with bot, first_seen, last_seen and left.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl"]),
    help="By default what the file's ending says, else csv.",
)
@click.option(
    "--output",
    default=_STDOUT,
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE|-",
    help="Where to; - is standard output, the default.",
)
@extension_key
@connection
def export(
    *,
    bot: str | None,
    source: str | None,
    of: str | None,
    departed: bool,
    form: str | None,
    output: str,
    extension_key: str | None,
    connection: ConnectionOptions,
) -> None:
    """Write all subscribers of BOT: user_id, name and email_id.

    BOT is the bot's id or its unique name. From a synced file, it may be left out: then each user
    of any bot comes once. The output is there when all of it is: an export that is interrupted or
    fails leaves what was there before.
    """
    _check(bot, source, of, departed=departed)
    if form is None:
        form = "jsonl" if Path(output).suffix.lower() in _JSONL else "csv"
    lines = _Lines(_ALL_COLUMNS if departed else _COLUMNS, is_json=form == "jsonl")
    counter = Counter("subscriber")

    async def work(client: CliqClient, bot: str) -> None:
        async with AsyncExitStack() as stack:
            if output != _STDOUT or not is_terminal():  # lines would run into the sign of life
                await stack.enter_async_context(counter.shown())
            async for each in client.subscribers.iter(bot, limit=PAGE, extension_key=extension_key):
                write(each)
                if not counter.count % PAGE:
                    file.flush()  # whoever reads along has the page

    def write(subscriber: Subscriber) -> None:
        file.write(lines.line(subscriber).encode())
        counter.count += 1

    with cli_field_names(bot="BOT"), _written(output) as file:
        file.write(lines.head.encode())
        if source is None:
            connection.run(lambda client: work(client, cast("str", bot)))
        else:
            for each in _synced(source, bot or of, departed=departed):
                write(each)
    echo_err(f"{counter} written to {'standard output' if output == _STDOUT else output}")


def _check(bot: str | None, source: str | None, of: str | None, *, departed: bool) -> None:
    if source is None:
        if of is not None or departed:
            raise click.UsageError("--bot and --all are for --from FILE.db")
        if bot is None:
            raise click.UsageError("Missing argument 'BOT'.")
    elif bot is not None and of is not None:
        raise click.UsageError("BOT and --bot exclude each other")


def _synced(source: str, bot: str | None, *, departed: bool) -> Iterator[SyncedSubscriber]:
    try:
        yield from read_subscribers(source, bot, departed=departed)
    except SyncError as error:
        raise CliError(str(error), USAGE) from None


@contextmanager
def _written(output: str) -> Iterator[BinaryIO]:
    """A file to write to, which takes its name at the end, if the body comes to it."""
    if output == _STDOUT:
        stdout = stdout_bytes()
        yield stdout
        stdout.flush()
        return
    target = Path(os.path.realpath(output))  # a link keeps leading where it leads
    if target.exists() and not target.is_file():
        with _opened(target, "wb", output) as file:  # a device or a pipe cannot be replaced
            yield file
        return
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with _opened(beside, "xb", output) as file:
            yield file
        if target.exists():
            beside.chmod(target.stat().st_mode & 0o777)
        beside.replace(target)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()


def _opened(path: Path, mode: str, name: str) -> BinaryIO:
    try:
        return cast("BinaryIO", path.open(mode))
    except OSError as error:
        raise CliError(f"{name}: {error.strerror}", USAGE) from None


class _Through:
    """Where csv writes to, to have it back."""

    def write(self, text: str) -> str:
        """The text."""
        return text


_writer: Final = csv.writer(_Through())


class _Lines:
    """Subscribers as lines of CSV or of JSON."""

    def __init__(self, columns: tuple[str, ...], *, is_json: bool) -> None:
        self._columns = columns
        self._is_json = is_json

    @property
    def head(self) -> str:
        """What comes before them."""
        return "" if self._is_json else _csv_line(self._columns)

    def line(self, subscriber: Subscriber) -> str:
        """One of them."""
        cells = [_text(getattr(subscriber, column)) for column in self._columns]
        if not self._is_json:
            return _csv_line(cells)
        filled = {name: cell for name, cell in zip(self._columns, cells, strict=True) if cell}
        return json.dumps(filled, ensure_ascii=False) + "\n"


def _csv_line(cells: Sequence[str]) -> str:
    # The writer's own line end has it quote both of its characters, whichever a name has in it.
    return str(_writer.writerow(cells)).removesuffix("\r\n") + "\n"


def _text(value: str | datetime | None) -> str:
    return value.isoformat() if isinstance(value, datetime) else value or ""
