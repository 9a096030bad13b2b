"""The page about bots as code: its files and commands, one after the other."""

import re
import sys

import pytest
from support.cli import run
from support.docs import ROOT, blocks, steps

from cliq_async.cli.commands.bots import bots
from cliq_async.deploy.desired import _KEYS
from cliq_async.sandbox import Sandbox

PAGE = ROOT / "docs/bots-as-code.md"
FIRST, APP = blocks(PAGE, "toml")
FILES = {file: text for _, text, file in steps(PAGE) if file}
*_, PLAN = blocks(PAGE, "text")


@pytest.fixture
def folder(places):
    here = places / "work"
    assert FILES.keys() == set(re.findall(r'script_file = "(.+)"', FIRST))
    for name, script in FILES.items():
        (here / name).write_text(script)
    (here / "bot.py").write_text("".join(blocks(PAGE, "python")))
    (here / "cliq.toml").write_text(FIRST)
    known = set(sys.modules)
    yield here
    for name in sys.modules.keys() - known:
        del sys.modules[name]


async def test_the_page_is_true(folder):
    env = {"CLIQ_PATH": "s3cr3t"}
    async with Sandbox() as sandbox:
        for line in "".join(blocks(PAGE, "sh")).splitlines():
            args = line.split()[1:]
            yes = ["--yes"] if args == ["bots", "apply"] else []
            result = await run(sandbox, *args, *yes, env=env)
            assert result.exit_code == 0, (line, result.stderr)
            if args == ["bots", "plan"]:
                shown, _, _ = PLAN.partition("Apply this")
                assert result.stdout == shown.replace("https://cliq.zoho.com", sandbox.url)
        (folder / "cliq.toml").write_text(FIRST + APP)
        added = await run(sandbox, "bots", "apply", "--yes", env=env)
        again = await run(sandbox, "bots", "plan", "--check", env=env)
    assert added.exit_code == again.exit_code == 0
    assert 'created  help: menu "Raise ticket"\n' in added.stdout
    assert "s3cr3t" not in added.stdout + (folder / "cliq.lock").read_text()


def test_the_page_names_every_key_and_option():
    text = PAGE.read_text()
    for key in set(_KEYS) - {"execution_type"}:
        assert re.search(rf"^\| .*`{key}", text, re.MULTILINE), key
    for name in ("plan", "apply", "pull"):
        for option in bots.commands[name].params:
            if option.name in ("prune", "check", "yes", "as_json"):
                assert option.opts[0] in text
