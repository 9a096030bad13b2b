"""`cliq subscribers export`: write all subscribers to a file, from Cliq or a synced list."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, cast

import attrs
import click

from cliq_async.cli.errors import USAGE, CliError, cli_field_names, describe
from cliq_async.cli.options import ConnectionOptions, connection_options, extension_key_option
from cliq_async.cli.outputs.console import echo_err, is_terminal, stdout_bytes
from cliq_async.cli.outputs.listing import PAGE, Counter
from cliq_async.cli.outputs.streams import stdout_failed
from cliq_async.cli.text import csv_line, verbatim
from cliq_async.client import CliqClient
from cliq_async.errors import SyncError
from cliq_async.models.subscriber import Subscriber
from cliq_async.sync.reader import SyncedSubscriber, read_subscribers

__all__ = ["export"]

_ALL_COLUMNS: Final = tuple(
    field.name for field in attrs.fields(SyncedSubscriber) if field.name != "extra"
)
_COLUMNS: Final = tuple(
    field.name for field in attrs.fields(Subscriber) if field.name in _ALL_COLUMNS
)

_JSONL: Final = frozenset({".jsonl", ".ndjson"})
_STDOUT: Final = "-"


@click.command(
    short_help="Write all subscribers to a file.",
    epilog=verbatim(
        """
Examples:
  cliq subscribers export supportbot --output people.csv
  cliq subscribers export supportbot --output people.jsonl
  cliq subscribers export supportbot | cut -d, -f1
  cliq subscribers export --from people.db --bot supportbot

Message all recipients in such a file:
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
    help="Read a file of `cliq subscribers sync` instead of Cliq.",
)
@click.option("--bot", "of", metavar="BOT", help="With --from: only this bot.")
@click.option(
    "--all",
    "departed",
    is_flag=True,
    help="With --from: include people who have left, and bot, first_seen, last_seen and left.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl"]),
    help="The format; by default the file's extension decides, else csv.",
)
@click.option(
    "--output",
    default=_STDOUT,
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE|-",
    help="The output file; - for standard output, the default.",
)
@extension_key_option
@connection_options
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

    BOT is the bot's id or its unique name. With --from it can be left out: then each user of any
    bot is written once. The output file is replaced when the export is complete; an export that
    fails or is interrupted leaves it unchanged.
    """
    _check(bot, source, of, departed=departed)
    if form is None:
        form = "jsonl" if Path(output).suffix.lower() in _JSONL else "csv"
    lines = _Lines(_ALL_COLUMNS if departed else _COLUMNS, is_json=form == "jsonl")
    counter = Counter("subscriber")

    async def work(client: CliqClient, bot: str) -> None:
        async with AsyncExitStack() as stack:
            if output != _STDOUT or not is_terminal():  # else lines and counter would mix
                await stack.enter_async_context(counter.display())
            async for each in client.subscribers.iter(bot, limit=PAGE, extension_key=extension_key):
                write(each)
                if not counter.count % PAGE:
                    file.flush()  # pass the page on to the reader of a pipe
                    if stdout_failed():
                        return

    def write(subscriber: Subscriber) -> None:
        file.write(lines.line(subscriber).encode())
        counter.count += 1

    with cli_field_names(bot="BOT"), _open_output(output) as file:
        file.write(lines.head.encode())
        if source is None:
            connection.run(lambda client: work(client, cast("str", bot)))
        else:
            for each in _read_synced(source, bot or of, departed=departed):
                write(each)
    _print_count(counter, output)


def _print_count(counter: Counter, output: str) -> None:
    if not stdout_failed():
        echo_err(f"{counter} written to {'standard output' if output == _STDOUT else output}")


def _check(bot: str | None, source: str | None, of: str | None, *, departed: bool) -> None:
    if source is None:
        if of is not None or departed:
            raise click.UsageError("--bot and --all need --from FILE.db")
        if bot is None:
            raise click.UsageError("BOT is missing")
    elif bot is not None and of is not None:
        raise click.UsageError("give either BOT or --bot")


def _read_synced(source: str, bot: str | None, *, departed: bool) -> Iterator[SyncedSubscriber]:
    try:
        for each in read_subscribers(source, bot, departed=departed):
            if stdout_failed():
                return
            yield each
    except SyncError as error:
        raise CliError(describe(error), USAGE) from None


@contextmanager
def _open_output(output: str) -> Iterator[BinaryIO]:
    """Open the output. A file is replaced only if the body completes.

    Unlike `storage.atomic`, this streams, and keeps the permissions of the file.
    """
    if output == _STDOUT:
        stdout = stdout_bytes()
        yield stdout
        stdout.flush()
        return
    target = Path(os.path.realpath(output))  # keep a symbolic link
    if target.exists() and not target.is_file():
        with _open(target, "wb", output) as file:  # a device or a pipe cannot be replaced
            yield file
        return
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with _open(temporary, "xb", output) as file:
            yield file
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        temporary.replace(target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _open(path: Path, mode: str, name: str) -> BinaryIO:
    try:
        return cast("BinaryIO", path.open(mode))
    except OSError as error:
        raise CliError(f"{name}: {error.strerror}", USAGE) from None


class _Lines:
    """Subscribers as lines of CSV or of JSON."""

    def __init__(self, columns: tuple[str, ...], *, is_json: bool) -> None:
        self._columns = columns
        self._is_json = is_json

    @property
    def head(self) -> str:
        """The header line, if the format has one."""
        return "" if self._is_json else csv_line(self._columns) + "\n"

    def line(self, subscriber: Subscriber) -> str:
        """Format a subscriber as a line."""
        cells = [_text(getattr(subscriber, column)) for column in self._columns]
        if not self._is_json:
            return csv_line(cells) + "\n"
        filled = {name: cell for name, cell in zip(self._columns, cells, strict=True) if cell}
        return json.dumps(filled, ensure_ascii=False) + "\n"


def _text(value: str | datetime | None) -> str:
    return value.isoformat() if isinstance(value, datetime) else value or ""
