"""`cliq init`: write a new bot, its test and its settings into a folder."""

import os
import re
from pathlib import Path
from typing import Final

import click

from cliq_async.cli.errors import USAGE, CliError
from cliq_async.cli.outputs.console import echo
from cliq_async.cli.starter import FILES
from cliq_async.cli.text import verbatim
from cliq_async.cli.verbosity import verbose_option

__all__ = ["init"]

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,20}")


@click.command(
    short_help="Write a new bot, its test and its settings into a folder.",
    epilog=verbatim(
        """
Examples:
  cliq init hello
  cliq init .
"""
    ),
)
@click.argument("folder", type=click.Path(path_type=Path))
@verbose_option
def init(*, folder: Path) -> None:
    """Write bot.py, test_bot.py and cliq.toml into FOLDER, which also names the bot.

    The bot repeats messages, asks a question, and has a menu. Files that exist are never replaced.
    """
    name = folder.resolve().name
    if not _NAME.fullmatch(name):
        raise CliError(
            f"{name!r} cannot be the bot's name: name the folder with 1 to 20 letters, digits, "
            "_ or - (others are possible in cliq.toml)",
            USAGE,
        )
    for file in FILES:
        if os.path.lexists(folder / file):
            raise CliError(f"{folder / file} exists: nothing was written", USAGE)
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in FILES.items():
        with (folder / file).open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(content.replace("NAME", name))
        echo(f"wrote {folder / file}")
    unique_name = re.sub("[^a-z0-9]", "", name.lower()) or "bot"
    echo("next:")
    if folder.resolve() != Path.cwd():
        echo(f"  cd {folder}")
    for command, purpose in (
        ("cliq sandbox --bot bot:bot", "run it with a local Cliq, until Ctrl-C"),
        (f'cliq user say {unique_name} "hi"', "write to it, in a second terminal"),
        ("pytest", "test it, after `pip install pytest`"),
        ("BOT_URL=https://… cliq bots apply", "make it a bot of your organization"),
    ):
        echo(f"  {command:<34} # {purpose}")
