"""The reference is whole, the index has every page, every block is of a kind that is checked."""

import ast
import json
import re
import runpy
import subprocess
import tomllib
from collections import Counter

import click
import pytest
from support.docs import DOCS, PAGES, ROOT, blocks, ids_of

import cliq_async
import cliq_async.testing
import cliq_async.webhooks
from cliq_async.cli.app import cliq
from cliq_async.cli.help import ConnectionOption

API = [page for page in DOCS if page.parent.name == "api"]
NAMES = re.compile(r"^\.\. (?:auto\w+|py:data):: ([\w.]+)", re.MULTILINE)


def test_reference_has_every_public_name_once():
    found = Counter(name for page in API for name in NAMES.findall(page.read_text()))
    assert [name for name, count in found.items() if count > 1] == []
    assert {f"cliq_async.{name}" for name in cliq_async.__all__} <= set(found)
    assert {f"cliq_async.testing.{name}" for name in cliq_async.testing.__all__} <= set(found)
    assert {f"cliq_async.webhooks.{name}" for name in cliq_async.webhooks.__all__} <= set(found)
    assert "cliq_async.sandbox.Sandbox" in found


def test_page_of_the_commands_is_what_its_generator_prints():
    script = runpy.run_path(str(ROOT / "docs/commands.py"))
    assert (ROOT / "docs/commands.md").read_text() == script["page"](), "run `make reference`"


def test_index_and_menu_have_every_page_once_and_in_one_order():
    front = (ROOT / "docs/README.md").read_text()
    listed = re.findall(r"^- \[[^]]+\]\(([\w/-]+)\.md\)", front, re.MULTILINE)
    menu = re.findall(r"^([\w/-]+)$", (ROOT / "docs/index.md").read_text(), re.MULTILINE)
    assert menu == listed
    there = {str(page.relative_to(ROOT / "docs").with_suffix("")) for page in DOCS}
    assert Counter(listed) == Counter(there - {"README", "index"})


@pytest.mark.parametrize("page", PAGES, ids=ids_of(PAGES))
def test_every_block_is_of_a_kind_that_is_checked(page):
    text = page.read_text()
    assert not re.search(r"^(<<<<<<<|>>>>>>>)", text, re.MULTILINE)
    kinds = set(re.findall(r"^ *```(\S+)$", text, re.MULTILINE))
    assert kinds <= {"python", "sh", "toml", "json", "text", "{eval-rst}", "{include}", "{toctree}"}
    with_output = {"architecture.md", "bots-as-code.md", "tutorial.md", "webhooks.md"}
    assert page.name in with_output or "text" not in kinds
    for code in blocks(page, "toml"):
        tomllib.loads(code)
    for code in blocks(page, "json"):
        json.loads(code)
    for code in blocks(page, "sh"):
        subprocess.run(["sh", "-n", "-c", code], check=True)


def test_parts_of_the_web_app_are_those_of_the_example():
    example = (ROOT / "examples/web_app.py").read_text()
    parts = [
        "\n".join(code.splitlines()[each.lineno - 1 : each.end_lineno])
        for code in blocks(ROOT / "docs/web-app.md", "python")
        for each in ast.parse(code).body
        if not isinstance(each, ast.Import | ast.ImportFrom)
    ]
    assert len(parts) == 6
    assert [part for part in parts if part not in example] == []


def test_ways_to_mount_a_webhook_bot_are_those_of_the_examples():
    page = (ROOT / "docs/webhooks.md").read_text()
    rows = re.findall(
        r"^\| .+? \| (.+) \| \[.+?\]\(\.\./(examples/webhooks/.+?)\) \|$", page, re.MULTILINE
    )
    mentioned = {ROOT / name for _, name in rows}
    assert mentioned == set((ROOT / "examples/webhooks").glob("*.py"))
    for how, name in rows:
        example = (ROOT / name).read_text().replace("examples.webhooks.bot:bot", "bot:bot")
        assert [code for code in re.findall("`(.+?)`", how) if code not in example] == []


def test_page_of_the_commands_has_every_option_of_every_command():
    page = (ROOT / "docs/commands.md").read_text()

    def walk(command, path):
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                yield from walk(command.get_command(context, name), f"{path} {name}")
        yield path, command

    sections = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE))
    for path, command in walk(cliq, "cliq"):
        if isinstance(command, click.Group) and not command.invoke_without_command:
            continue
        for option in (each for each in command.params if isinstance(each, click.Option)):
            if not option.hidden:
                shared = isinstance(option, ConnectionOption)
                assert not shared or "(#connection-options)" in sections[path]
                where = "Connection options" if shared else path
                assert f"{option.opts[-1]}" in sections[where]
