"""What every command has in common, and the completion of commands."""

import click
import pytest
from support.cli import invoke

from cliq_async.cli.app import cliq


def leaves(group: click.Group, path: tuple[str, ...] = ()):
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name)


@pytest.mark.parametrize("path", list(leaves(cliq)), ids=" ".join)
def test_every_command_says_what_it_does_and_has_examples(path):
    result = invoke(*path, "--help")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"Usage: cliq {' '.join(path)}")
    assert any(f"    cliq {' '.join(path)}" in line or "cliq completion" in line for line in lines)
    assert all(line.isprintable() for line in lines)


def test_commands_are_listed_in_the_order_of_their_use_and_none_is_cut_short():
    lines = invoke("--help").stdout.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    order = (
        "demo init sandbox user auth send broadcast incoming call call-many bots handlers "
        "functions subscribers associate jobs quota config doctor completion"
    )
    assert [line.split()[0] for line in lines] == order.split()
    for group in ("auth", "bots", "handlers", "functions", "subscribers", "user"):
        lines += invoke(group, "--help").stdout.partition("Commands:\n")[2].splitlines()
    assert not [line for line in lines if line.endswith("...")]


def test_help_fits_80_columns_and_keeps_its_lines():
    lines = invoke("--help").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "    CLIQ_ACCOUNT, CLIQ_QUOTA, CLIQ_TIME_SCALE, CLIQ_PROXY" in lines


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_script_of_a_shell(shell):
    result = invoke("completion", shell)
    assert result.exit_code == 0
    assert "_CLIQ_COMPLETE=" in result.stdout
    assert "cliq" in result.stdout


def test_completion_of_another_shell_is_wrong_usage():
    result = invoke("completion", "tcsh")
    assert result.exit_code == 2
    assert "error: SHELL: one of" in result.stderr


def test_the_shell_is_told_the_types_of_handlers():
    env = {"_CLIQ_COMPLETE": "bash_complete"}
    words = {"COMP_WORDS": "cliq handlers get 1 men", "COMP_CWORD": "4"}
    result = invoke("handlers", env=env | words)
    assert result.stdout == "plain,mention_handler\nplain,menu_handler\n"
    words = {"COMP_WORDS": "cliq functions get-handler 1 form_s", "COMP_CWORD": "4"}
    result = invoke("functions", env=env | words)
    assert result.stdout == "plain,form_submit_handler\n"
