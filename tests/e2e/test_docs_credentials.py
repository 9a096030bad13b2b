"""The page about credentials: its scopes, its commands and what they print."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import PROXIES, VARIABLES, run
from support.docs import ROOT, blocks
from support.logins import CLIENT
from support.terminals import terminal

from cliq_async.cli.required_scopes import parse_commands, scopes_needed
from cliq_async.data_centers import DATA_CENTERS
from cliq_async.endpoints import ENDPOINTS
from cliq_async.sandbox import Sandbox

PAGE = ROOT / "docs/credentials.md"
TEXT = PAGE.read_text()
SCOPES = re.findall(r"`cliq auth scopes ?([\w ]*)`:\n\n```text\n(.*)\n```", TEXT)
LOGIN, LOGGED_IN, DOCTOR, NAMES = [
    code for code in blocks(PAGE, "text") if not code.startswith("ZohoCliq")
]


@pytest.mark.parametrize(("commands", "line"), SCOPES)
def test_line_of_scopes_is_that_of_the_commands(commands, line):
    words = commands.split()
    needed = scopes_needed(parse_commands(words)) if words else scopes_needed()
    assert line.split(",") == needed


def test_lines_of_scopes_have_every_scope_of_the_endpoints():
    assert len(SCOPES) == 7
    scopes = {scope for endpoint in ENDPOINTS.values() for scope in endpoint.scopes}
    assert {scope for _, line in SCOPES for scope in line.split(",")} == scopes
    assert max(len(line.split(",")) for _, line in SCOPES) == len(scopes)


def test_data_centers_are_those_of_the_client():
    rows = re.findall(r"^\| `(\w+)`(?: \(default\))? \| (\S+) \| (\S+) \|$", TEXT, re.MULTILINE)
    known = {
        name: (each.api_url.removeprefix("https://"), each.accounts_url.removeprefix("https://"))
        for name, each in DATA_CENTERS.items()
    }
    assert {name: (cliq, accounts) for name, cliq, accounts in rows} == known


def shape(text):
    """What is the same on all machines: the first words of a line."""
    return [
        re.split(r": |, ", re.sub(r"(http|/)\S+", "PLACE", line))[0] for line in text.splitlines()
    ]


async def test_commands_print_what_the_page_shows(tmp_path, monkeypatch):
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    async with Sandbox() as sandbox:
        env = CLIENT | {"CLIQ_ACCOUNTS_URL": sandbox.url, "CLIQ_ACCESS_TOKEN": ""}
        result = await run(sandbox, "auth", "login", env=env, stdin="1000.code\n")
        assert shape(result.stdout + result.stderr) == shape(LOGGED_IN)
        env["CLIQ_CLIENT_ID"] = env["CLIQ_CLIENT_SECRET"] = ""
        (doctor,) = [code for code in blocks(PAGE, "sh") if code.startswith("cliq doctor")]
        result = await run(sandbox, *doctor.split()[1:], env=env)
        assert shape(result.stdout) == shape(DOCTOR)
        (names,) = [code for code in blocks(PAGE, "sh") if code.startswith("cliq bots list")]
        shown = ""
        for line in names.splitlines():
            shown += (await run(sandbox, *line.split()[1:], env=env)).stdout
    assert shown.split() == NAMES.split()


async def test_login_in_a_terminal_shows_what_the_page_shows(tmp_path, monkeypatch):
    for name in (*VARIABLES, *PROXIES):
        monkeypatch.delenv(name, raising=False)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    (command,) = [
        code for code in blocks(PAGE, "sh") if code.startswith("cliq auth login --data-")
    ][:1]
    async with terminal(tmp_path, HOME=str(tmp_path), PATH=path) as shell:
        shell.type(command)
        *instructions, _id, _secret, _code = LOGIN.splitlines()
        assert (await shell.until("Client id: ")).split() == " ".join(instructions).split()
        for question in ("Client secret (not shown): ", "Code (not shown): "):
            shell.type("1000.GMB0\n")
            await shell.until(question)


async def test_code_is_exchanged_for_a_refresh_token():
    (curl,) = [code for code in blocks(PAGE, "sh") if code.startswith("curl")]
    async with Sandbox() as sandbox:
        done = await asyncio.to_thread(
            subprocess.run,
            ["sh", "-eu", "-c", curl.replace("https://accounts.zoho.com", sandbox.url)],
            env=os.environ | CLIENT,
            capture_output=True,
            text=True,
            check=True,
        )
    assert json.loads(done.stdout)["refresh_token"].startswith("1000.")
