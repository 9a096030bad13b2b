"""The examples of the page about the command line, run one after the other."""

import re
import shlex
from pathlib import Path

from support.cli import VARIABLES, invoke, run
from support.logins import CLIENT

from cliq_async.cli.required_scopes import ENDPOINTS_BY_COMMAND
from cliq_async.sandbox import Sandbox

PAGE = (Path(__file__).parents[2] / "docs/command-line.md").read_text()
LINES = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
    if line.startswith("cliq ")
]


def endpoints_of(args):
    """What `cliq auth scopes` knows of a command."""
    if args[0] == "doctor":
        return {"list_bots"}
    pair = " ".join(args[:2])
    return set(ENDPOINTS_BY_COMMAND.get(pair, ()) or ENDPOINTS_BY_COMMAND.get(args[0], ()))


async def test_the_examples_of_the_page_work_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    used: dict[str, int] = {}
    async with Sandbox(subscribers=250) as sandbox:
        login = CLIENT | {"CLIQ_ACCOUNTS_URL": sandbox.url}
        for number, line in enumerate(LINES):
            words, _, file = line.partition(" > ")
            _, *args = shlex.split(words)
            codes = {"stdin": f"1000.code-{number}\n"} if args[:2] == ["auth", "login"] else {}
            result = await run(sandbox, *args, env=login, **codes)
            assert result.exit_code == 0, (line, result.stderr)
            before, used = used, sandbox.report()["requests"]
            asked = {name for name, count in used.items() if count > before.get(name, 0)}
            assert asked <= endpoints_of(args), line
            if file:
                (tmp_path / file).write_bytes(result.stdout_bytes)
        report = sandbox.report()
    assert report["delivered"]["recipients"] == 250
    assert report["lockouts"] == []


def test_the_page_names_every_command_and_variable_and_status():
    commands = invoke("--help").stdout.partition("Commands:\n")[2].partition("\n\n")[0]
    for name in re.findall(r"^  (\w+)", commands, re.MULTILINE):
        assert f"cliq {name}" in PAGE or name == "demo"
    for variable in VARIABLES:
        assert variable in PAGE
    for status in (0, 1, 2, 3, 4, 130):
        assert f"| {status} |" in PAGE
