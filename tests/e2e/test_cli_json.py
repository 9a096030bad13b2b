"""What every command prints with `--json`: one document, in the same form everywhere."""

import json
import re
from datetime import UTC, datetime

import click
import pytest
from support.cli import run, zuids

from cliq_async.cli.app import cliq
from cliq_async.sandbox import Sandbox

ONE, TWO = zuids(2)
TABLE = """
[bots.desk]
name = "Help Desk"
description = "Helps"
"""
COMMANDS = (
    ("send", "supportbot", "hi", "--to", f"{ONE},7"),
    ("broadcast", "supportbot", "--to", "ids.txt", "--text", "hi", "--journal", "a.journal"),
    ("incoming", "supportbot", "a=b", "--to", ONE),
    ("call", "supportbot", "hi", "--to", ONE),
    ("call-many", "supportbot", "--to", "ids.txt", "--text", "hi"),
    ("bots", "list"),
    ("bots", "get", "supportbot", "--subscribers"),
    ("bots", "create", "Ops", "--description", "x", "--team", "7134"),
    ("bots", "update", "ops", "--name", "Opsy"),
    ("bots", "plan"),
    ("bots", "apply", "--yes"),
    ("handlers", "create", "ops", "menu", "--script", "a.dg", "--name", "Raise"),
    ("handlers", "list", "ops"),
    ("handlers", "get", "ops", "menu"),
    ("handlers", "update", "ops", "menu", "--script", "a.dg"),
    ("functions", "create", "approve", "--description", "x", "--type", "button"),
    ("functions", "list"),
    ("functions", "get", "approve"),
    ("functions", "update", "approve", "--description", "y"),
    ("functions", "create-handler", "approve", "button", "--script", "a.dg"),
    ("functions", "get-handler", "approve", "button"),
    ("functions", "update-handler", "approve", "button", "--script", "a.dg"),
    ("subscribers", "list", "supportbot"),
    ("subscribers", "sync", "supportbot", "--into", "people.db"),
    ("jobs", "show", "a.journal"),
    ("quota",),
    ("config",),
    ("doctor", "bots"),
    ("auth", "status"),
    ("auth", "scopes"),
)


def with_json(group, path=()):
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if isinstance(command, click.Group):
            yield from with_json(command, (*path, name))
        if any("--json" in each.opts for each in command.params):
            yield " ".join((*path, name))


def test_the_table_has_every_command():
    here = {" ".join(args) for args in COMMANDS}
    found = [name for name in with_json(cliq) if not name.startswith("user ")]  # see test_user
    assert [name for name in found if not any(f"{each} ".startswith(name) for each in here)] == []


def faults(value, where="$"):
    """What breaks the rule in a document."""
    match value:
        case dict():
            for key, each in value.items():
                if not re.fullmatch(r"[a-z][a-z0-9_]*", key):
                    yield f"{where}: the key {key!r}"
                if re.fullmatch(r"(.*_)?id", key) and not isinstance(each, str | None):
                    yield f"{where}.{key}: {each!r} is no text"
                if re.fullmatch(r".*_at|begun|locked_until", key) and each is not None:
                    moment = datetime.fromisoformat(each)
                    if moment.utcoffset() != datetime.now(UTC).utcoffset():
                        yield f"{where}.{key}: {each!r} is not UTC"
                if key == "extra":
                    yield f"{where}: extra"
                yield from faults(each, f"{where}.{key}")
        case list():
            for each in value:
                yield from faults(each, f"{where}[]")


async def test_every_document_keeps_the_rule(places):
    here = places / "work"
    (here / "ids.txt").write_text(f"{ONE}\n{TWO}\n7\n")
    (here / "a.dg").write_text("return Map();")
    (here / "cliq.toml").write_text(TABLE)
    async with Sandbox(subscribers=2) as sandbox:
        for args in COMMANDS:
            result = await run(sandbox, *args, "--json")
            assert result.stdout, (args, result.stderr)
            document = json.loads(result.stdout)
            assert (args, list(faults(document))) == (args, [])


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"userId": "1"}, "the key"),
        ([{"bot_id": 1}], "no text"),
        ({"a": {"extra": {}}}, "extra"),
        ({"locked_until": "2026-01-01T00:00:00+01:00"}, "UTC"),
    ],
)
def test_the_rule_finds_what_breaks_it(document, fault):
    assert fault in next(faults(document))
