"""Commands that are imported on first use."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest
from support.cli import invoke

from cliq_async.cli import commands
from cliq_async.cli.app import COMMANDS, cliq

SLOW = ("aiohttp", "rich", "cliq_async.client", "cliq_async.sandbox", "cliq_async.cli.commands")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_static_help_is_the_help_of_the_command(name):
    command = COMMANDS[name].load()
    assert command.name == name
    assert command.get_short_help_str(limit=200) == COMMANDS[name].short_help


def tree(command):
    yield command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            yield from tree(command.get_command(ctx, name))


def test_every_command_in_the_folder_is_listed():
    found = set()
    for path in Path(commands.__path__[0]).glob("[!_]*.py"):
        module = import_module(f"{commands.__name__}.{path.stem}")
        found |= {each for each in vars(module).values() if isinstance(each, click.Command)}
    assert found == set(tree(cliq)) - {cliq}


@pytest.mark.parametrize(
    ("args", "env", "shown"),
    [
        (["--help"], {}, "  broadcast    Send a message to"),
        (["--version"], {}, "cliq, version "),
        ([], {"COMP_WORDS": "cliq br", "COMP_CWORD": "1"}, "plain,broadcast\n"),
    ],
)
def test_help_version_and_completion_import_no_command(args, env, shown):
    code = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
    code += "from cliq_async.cli import main; main()"
    completing = {"_CLIQ_COMPLETE": "bash_complete"} if env else {}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *args],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | completing | env,
    )
    assert shown in run.stdout
    modules = run.stderr.split()
    assert "cliq_async.cli.app" in modules
    assert [name for name in modules if name in SLOW] == []


def test_an_unknown_command_is_wrong_usage():
    result = invoke("brodcast")
    assert result.exit_code == 2
    assert "error: there is no command 'brodcast'; did you mean broadcast?" in result.stderr
