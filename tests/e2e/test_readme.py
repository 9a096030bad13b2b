"""A reader who has only the README gets to a message, a broadcast and a bot, line by line."""

import os
import re
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from support.cli import PROXIES, VARIABLES
from support.docs import BLOCK, PAGES, ROOT, blocks, ids_of
from support.redis_servers import free_port
from support.terminals import PROMPT, terminal

from cliq_async.sandbox import Sandbox

README = ROOT / "README.md"
TEXT = README.read_text()
INSTALL = "python3 -m venv venv\n. venv/bin/activate\npip install '.[cli]'\n"
ACTIVATE = ". /path/to/the/checkout/venv/bin/activate"
TERMINALS = re.compile(r"\b(?:first|second|new) terminal")


def steps():
    """What a reader does from `Your first ten minutes` on.

    Yields:
        A kind, a text and the terminal that the prose names last: commands (`sh`), `text` that
        the commands show, `python` code, and `prose`.
    """
    text = TEXT.partition("## Your first ten minutes\n")[2].partition("## Where to go next")[0]
    where, at = "first terminal", 0
    for block in [*BLOCK.finditer(text), None]:
        prose = text[at : block.start() if block else None]
        where = next(reversed(TERMINALS.findall(prose)), where)
        yield "prose", prose, where
        if block:
            yield block[1], block[2], where
            at = block.end()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, and a home without anything of the user's."""
    for name in (*VARIABLES, *PROXIES, "CLIQ_PUBLIC_KEY", "BOT_URL"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    for name, place in {"HOME": "", "XDG_STATE_HOME": "state", "XDG_CONFIG_HOME": "config"}.items():
        monkeypatch.setenv(name, str(home / place))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    empty = tmp_path / "empty"
    for each in (home, empty):
        each.mkdir()
    return empty


def same(text):
    """What is the same at all times."""
    return re.sub(r"[\d.]+ s\b|\d\d:\d\d:\d\d", "TIME", text)


async def log_in(shell, command):
    """Answer the questions of `cliq auth login`."""
    shell.type(f"{command}\n")
    for question in ("Client id", "Client secret", "Code"):
        await shell.until(question)
        await shell.until(": ")
        shell.type(f"1000.{question.replace(' ', '')}\n")
    assert "logged in" in await shell.ended(command)


async def test_reader_copies_line_by_line(folder):
    program, _ = blocks(README, "python")
    port = str(free_port())
    shown = ""
    async with Sandbox(subscribers=250) as account, AsyncExitStack() as stack:
        shells = {
            name: await stack.enter_async_context(terminal(folder, **env))
            for name, env in {
                "first terminal": {},
                "second terminal": {},
                "new terminal": {"CLIQ_BASE_URL": account.url},
            }.items()
        }
        for kind, text, where in steps():
            shell = shells[where]
            if kind == "prose":
                for name in re.findall(r"as\s+`(\w+\.py)`", text):
                    (folder / name).write_text(program)
                if "Stop the sandbox with Ctrl-C" in text:
                    shell.type("\x03")
                    await shell.until(PROMPT)
            elif kind == "text":
                if "next request" in text and "nothing spent" in shown:
                    continue  # all of it is free again a second later
                for line in same(text).splitlines():
                    assert line in same(shown)
            elif kind == "python":
                assert text in (folder / "hello/bot.py").read_text()
            elif text != INSTALL:
                shown = ""
                for line in text.replace("8080", port).splitlines():
                    if line == ACTIVATE:
                        continue  # the tests run in an environment of theirs
                    if line == "cliq auth login":
                        await log_in(shell, line)
                    elif line.startswith("cliq sandbox ") and " -- " not in line:
                        shell.type(f"{line} --port {port}\n")  # stays until Ctrl-C
                        await shell.until("in a browser")
                    else:
                        shown += await shell.run(line)
        # What stands above, with an account.
        (above,) = [code for code in blocks(README, "sh") if code.startswith("cliq subscribers")]
        for line in above.splitlines():
            await shells["new terminal"].run(line)
        shells["first terminal"].type("\x03")
        await shells["first terminal"].until(PROMPT)
        report = account.report()
    assert report["delivered"] == {"recipients": 250, "total": 250, "max_per_recipient": 1}
    assert report["lockouts"] == []


def first_table(text):
    """The rows of the first table, by their first cell."""
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert table is not None
    rows = [re.split(r" *\| *", line)[1:-1] for line in table[0].splitlines()]
    return {first: rest for first, *rest in rows[2:]}


def test_table_has_the_numbers_of_the_comparison():
    shortest_min = 19  # 1,000 messages, 50 a minute
    comparison = (ROOT / "docs/comparison.md").read_text()
    measured = first_table(comparison.partition("### Lockouts")[2])
    shown = first_table(TEXT.partition("## What others do")[2])
    assert len(shown) == 6
    for name, cells in shown.items():
        plain, _, _, loop, four, _ = measured[name.removesuffix(", half the rate")]
        for cell, found in zip(cells, (plain, loop, four), strict=True):
            if found == cell:  # not measured
                continue
            share, ratio = re.split(r", \W ", found)
            locked = {"0": "", "1": "locked, "}[share]
            assert cell == f"{locked}{round(float(ratio) * shortest_min)} min", name


@pytest.mark.parametrize("page", PAGES, ids=ids_of(PAGES))
def test_no_page_installs_from_an_index_that_does_not_have_the_package(page):
    assert "install 'cliq-async" not in page.read_text()
    assert "install cliq-async" not in page.read_text()


def test_readme_and_documentation_say_once_that_there_is_no_index_yet():
    assert [page.name for page in PAGES if "not on an index" in page.read_text()] == [
        "README.md",
        "README.md",
    ]
