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
from support.docs import DOCS, PAGES, ROOT, blocks, ids_of, steps

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
    own_test = {"py", "yaml"}  # a notebook's cell, another program's file
    directives = {"{eval-rst}", "{include}", "{toctree}"}
    assert kinds <= {"python", "sh", "toml", "json", "text"} | directives | own_test
    with_output = {
        *("README.md", "architecture.md", "bots-as-code.md", "credentials.md", "load-scripts.md"),
        *("tutorial.md", "web-app.md", "webhooks.md"),
    }
    assert page.name in with_output or all(file for kind, _, file in steps(page) if kind == "text")
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
    assert len(parts) == 10
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


FOUND_BY_SEARCH = {
    "429": {"docs/errors.md", "docs/moving-from-requests.md", "docs/never-locked-out.md"},
    "rate limits": {"docs/errors.md", "docs/never-locked-out.md", "docs/waiting.md"},
    "throttled": {"docs/errors.md", "docs/never-locked-out.md"},
    "retry": {
        *("docs/decisions/0002-post-is-never-repeated.md", "docs/errors.md"),
        "docs/moving-from-requests.md",
    },
    "zuids": {"docs/credentials.md"},
    "refresh tokens": {"docs/credentials.md"},
}


def test_words_that_readers_search_for_lead_to_a_page():
    pytest.importorskip("sphinx", reason="the group `docs` is not installed")
    insert = runpy.run_path(str(ROOT / "docs/conf.py"))["insert_search_words"]
    found: dict[str, set[str]] = {}
    for page in DOCS:
        source = [page.read_text()]
        insert(None, page.name, source)
        # A main entry of the index: the search shows it before pages that merely have the word.
        for entries in re.findall(r"^```\{index\} (.+)$", source[0], re.MULTILINE):
            for entry in entries.split(", "):
                assert entry.startswith("! ")
                name = str(page.relative_to(ROOT))
                found.setdefault(entry.removeprefix("! "), set()).add(name)
    assert {word: found.get(word) for word in FOUND_BY_SEARCH} == FOUND_BY_SEARCH


def prose(page):
    """The paragraphs and list items of a page, without comments, code, tables and titles."""
    text = re.sub(
        r"<!--.*?-->|^ *```.*?^ *```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE
    )
    text = re.sub(r"^(\||#).*$", "", text, flags=re.MULTILINE)
    return [" ".join(each.split()) for each in re.split(r"\n\s*\n|\n(?=(?:- |\d+\. ))", text)]


@pytest.mark.parametrize("page", PAGES, ids=ids_of(PAGES))
def test_page_does_not_open_with_a_list(page):
    first = next(filter(None, prose(page)), "")
    assert not first.startswith("- ")


MAX_WORDS = 40
PILES = re.compile(r"whose every|, and whose|that which")


@pytest.mark.parametrize("page", PAGES, ids=ids_of(PAGES))
def test_sentences_are_short_enough_to_be_read_once(page):
    for paragraph in prose(page):
        plain = re.sub(r"`[^`]*`", "code", re.sub(r"\]\([^)]*\)", "]", paragraph))
        assert not PILES.search(plain)
        for sentence in re.split(r"(?<=[.:!?;]) ", plain):
            assert len(sentence.split()) <= MAX_WORDS, sentence
