"""The bots of the current folder's `cliq.toml`, for the commands that plan, apply and pull."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from cliq_async.cli.errors import USAGE, CliError, describe
from cliq_async.cli.inputs.places import toml_line
from cliq_async.cli.options import ConnectionOptions
from cliq_async.cli.outputs.console import echo_err
from cliq_async.cli.settings.config_file import FILE_NAME, read_toml
from cliq_async.cli.text import duration, plural
from cliq_async.deploy.desired import DesiredBot, load_bots
from cliq_async.deploy.lock import LOCK_NAME, LockFile
from cliq_async.errors import ValidationError

__all__ = ["Project", "naming_toml", "open_project", "print_reading"]

_ANNOUNCED_S = 3.0
"""The shortest wait that is worth a line."""


@attrs.frozen
class Project:
    """The current folder's `cliq.toml` and its lock file.

    Attributes:
        path: `cliq.toml`.
        tables: The tables of its bots.
        server: The server in effect.
        lock: The lock file's entries of that server.
    """

    path: Path
    tables: dict[str, Any]
    server: str
    lock: LockFile

    def load(self, keys: Collection[str]) -> list[DesiredBot]:
        """Read the descriptions of bots; without keys, of all.

        Raises:
            CliError: The file describes no bots, or one is not valid.
        """
        if not self.tables:
            raise CliError(
                f"{self.path} describes no bots: add [bots.KEY], or take bots over with "
                "`cliq bots pull`",
                USAGE,
            )
        with naming_toml(self.path):
            return load_bots(self.tables, self.path.parent, keys=keys)


def open_project(connection: ConnectionOptions) -> Project:
    """Open the project in the current folder; its `cliq.toml` need not exist.

    Raises:
        CliError: A config file is not valid.
    """
    server = connection.resolve().validated().root_url
    path = Path.cwd() / FILE_NAME
    file = read_toml(path, own=False)
    tables = {} if file is None else file.bots
    return Project(path, tables, server, LockFile(path.with_name(LOCK_NAME), server))


@contextmanager
def naming_toml(path: Path) -> Iterator[None]:
    """Make a ValidationError that is about a bot name the file.

    Raises:
        CliError: The body raised such an error.
    """
    try:
        yield
    except ValidationError as error:
        if not error.field.startswith("bots."):
            raise
        line = toml_line(path.read_text("utf-8-sig"), error.field)
        where = f"{path} line {line}" if line else str(path)
        raise CliError(f"{where}: {describe(error)}", USAGE) from None


def print_reading(requests: Mapping[str, int], seconds: float) -> None:
    """Say how long the quota makes it to read bots and handlers, if that is long."""
    if seconds >= _ANNOUNCED_S:
        nouns = {"get_bot": "bot", "get_handler": "handler"}
        what = " and ".join(plural(count, nouns[name]) for name, count in requests.items())
        echo_err(f"reading {what}: the thresholds make it at least {duration(seconds)}")
