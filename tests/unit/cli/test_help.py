"""What every command has in common, and the completion of commands."""

import os
import re
from typing import Any

import click
import pytest
from support.cli import invoke

from cliq_async.cli import help as help_module
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


def pages():
    """The full names of all commands and groups."""
    for path in leaves(cliq):
        yield from (path[:count] for count in range(len(path) + 1))


@pytest.fixture
def width(request, monkeypatch):
    """The width of a terminal that shows help."""
    monkeypatch.setattr(help_module, "_is_terminal", lambda: True)
    monkeypatch.setattr(
        help_module.shutil, "get_terminal_size", lambda: os.terminal_size((request.param, 50))
    )
    return request.param


@pytest.mark.parametrize("width", [80, 40], indirect=True)
def test_help_fits_the_terminal(width):
    for path in dict.fromkeys(pages()):
        lines = invoke(*path, "--help").stdout.splitlines()
        examples = [index for index, line in enumerate(lines) if line.startswith("    ")]
        long = [
            line
            for index, line in enumerate(lines)
            if len(line) > width and not (width == 40 and index in examples)
        ]
        assert (path, long) == (path, [])


@pytest.mark.parametrize("width", [40], indirect=True)
def test_a_narrow_terminal_shows_texts_below_their_options(width):
    lines = invoke("bots", "get", "--help").stdout.splitlines()
    at = lines.index("  --max-wait SECONDS")
    assert lines[at + 1] == "      The longest wait for the quota;"
    assert "    cliq bots get 53719000001878011 --subscribers --json" in lines
    assert len(max(invoke("handlers", "get", "--help").stdout.splitlines()[-8:], key=len)) <= 40


def test_help_that_is_no_terminal_does_not_depend_on_the_width(monkeypatch):
    before = invoke("send", "--help").stdout
    monkeypatch.setenv("COLUMNS", "30")
    assert invoke("send", "--help").stdout == before


def test_help_keeps_its_lines():
    lines = invoke("--help").stdout.splitlines()
    assert "    CLIQ_ACCOUNT, CLIQ_QUOTA, CLIQ_TIME_SCALE, CLIQ_PROXY" in lines


@pytest.mark.parametrize("path", list(leaves(cliq)), ids=" ".join)
def test_connection_options_have_a_section_at_the_end(path):
    own, _, shared = invoke(*path, "--help").stdout.partition("\nConnection options:\n")
    section, *_ = shared.partition("\n\n")
    options = re.findall(r"^  (?:-\w, )?(--[\w-]+)", section, re.MULTILINE)
    assert not options or {"--profile", "--base-url", "--quota", "--account"} <= set(options)
    if path[0] not in {"sandbox", "user", "auth", "demo"}:
        assert not re.search(
            r"^  --(token|profile|base-url|quota|proxy|timeout) ", own, re.MULTILINE
        )


def test_help_shows_defaults_and_no_programmers_words():
    for path in leaves(cliq):
        command: Any = cliq
        for name in path:
            command = command.get_command(click.Context(command), name)
        text = " ".join(invoke(*path, "--help").stdout.split())
        for option in command.params:
            if type(option.default) in {int, float} and not option.count:
                assert f"[default: {option.default:g}" in text, (path, option)
        assert not re.search("INTEGER|FLOAT|x>", text)


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
