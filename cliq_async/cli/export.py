"""`cliq subscribers export`: all subscribers into a file, page by page."""

import csv
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, cast

import attrs
import click

from cliq_async.cli.failures import USAGE, Failure
from cliq_async.cli.listing import PAGE, Counter
from cliq_async.cli.options import Connection, connection, extension_key, verbatim
from cliq_async.cli.output import is_terminal, note, raw
from cliq_async.cli.typed import typed
from cliq_async.client import CliqClient
from cliq_async.converter import to_plain
from cliq_async.models.subscriber import Subscriber

__all__ = ["export"]

COLUMNS: Final = tuple(field.name for field in attrs.fields(Subscriber))

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

Message everybody in such a file:
  cliq broadcast supportbot --to people.csv --column user_id --text "Hello"
"""
    ),
)
@click.argument("bot")
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
    bot: str,
    form: str | None,
    output: str,
    extension_key: str | None,
    connection: Connection,
) -> None:
    """Write all subscribers of BOT: user_id, name and email_id.

    BOT is the bot's id or its unique name. The file is there when all of it is: an export that is
    interrupted or fails leaves what was there before.
    """
    if form is None:
        form = "jsonl" if Path(output).suffix.lower() in _JSONL else "csv"
    head, line = ("", _json_line) if form == "jsonl" else (_csv_line(COLUMNS), _subscriber_line)
    counter = Counter("subscriber")

    async def work(client: CliqClient) -> None:
        async with AsyncExitStack() as stack:
            if output != _STDOUT or not is_terminal():  # lines would run into the sign of life
                await stack.enter_async_context(counter.shown())
            file.write(head.encode())
            found = client.subscribers.iter(bot, limit=PAGE, extension_key=extension_key)
            async for subscriber in found:
                file.write(line(subscriber).encode())
                counter.count += 1
                if not counter.count % PAGE:
                    file.flush()  # whoever reads along has the page

    with typed(bot="BOT"), _written(output) as file:
        connection.run(work)
    note(f"{counter} written to {'standard output' if output == _STDOUT else output}")


@contextmanager
def _written(output: str) -> Iterator[BinaryIO]:
    """A file to write to, which takes its name at the end, if the body comes to it."""
    if output == _STDOUT:
        stdout = raw()
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
        raise Failure(f"{name}: {error.strerror}", USAGE) from None


class _Through:
    """Where csv writes to, to have it back."""

    def write(self, text: str) -> str:
        """The text."""
        return text


_writer: Final = csv.writer(_Through())


def _csv_line(cells: tuple[str, ...]) -> str:
    # The writer's own line end has it quote both of its characters, whichever a name has in it.
    return str(_writer.writerow(cells)).removesuffix("\r\n") + "\n"


def _subscriber_line(subscriber: Subscriber) -> str:
    return _csv_line(attrs.astuple(subscriber))


def _json_line(subscriber: Subscriber) -> str:
    return json.dumps(to_plain(subscriber), ensure_ascii=False) + "\n"
