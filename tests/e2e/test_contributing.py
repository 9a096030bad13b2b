"""CONTRIBUTING.md is true: its three steps add an endpoint, and what it names is there."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()

PROGRAM = """
import asyncio, attrs
import cliq_async
from cliq_async import CliqClient, MemoryStore, NotFoundError
from cliq_async.models.call_status import CallStatus
from cliq_async.sandbox.router import Router
from cliq_async.testing import FakeTransport, run_in_virtual_time

async def main():
    clock = asyncio.get_running_loop().time
    cliq = FakeTransport(lambda request: (200, {"id": "c-1", "answered": [55743307]}))
    async with CliqClient("t", transport=cliq, quota=MemoryStore(clock=clock)) as client:
        for _ in range(31):
            found = await client.calls.get("supportbot", "c-1")
        assert found == CallStatus(id="c-1", answered=("55743307",)), found
        assert cliq.requests[0].path == {"bot_unique_name": "supportbot", "call_id": "c-1"}
        assert cliq.requests[0].endpoint == "get_call"
        assert 60 < clock() < 62, clock()  # thirty at once, and the next when a token is back
        assert (await client.quota_status())["get_call"].threshold == 30
        cliq._answer = lambda request: (404, {"code": "call_not_found", "message": "?"})
        try:
            await client.calls.get("supportbot", "c-2")
        except NotFoundError as error:
            assert error.endpoint == "get_call"
        else:
            raise AssertionError

run_in_virtual_time(main())
assert Router().find("GET", "/api/v3/bots/b/calls/c") == ("get_call", ("b", "c"))
print(cliq_async.__file__)
"""


def blocks():
    return re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_three_steps_add_an_endpoint_with_its_quota_its_route_and_its_errors(tmp_path):
    shutil.copytree(ROOT / "cliq_async", tmp_path / "cliq_async")
    row, model, method, imports = blocks()
    package = tmp_path / "cliq_async"

    table = package / "endpoints.py"
    before, end = table.read_text().rsplit("    )\n}", 1)
    table.write_text(f"{before}        {row.strip()},\n    )\n}}{end}")
    (package / "models/call_status.py").write_text(model)
    calls = package / "resources/calls.py"
    above, first, rest = calls.read_text().partition("from cliq_async.models.deserialization")
    calls.write_text(f"{above}{imports}{first}{rest}\n{method}")

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert Path(done.stdout.strip()).parent == package


def test_what_it_says_to_make_can_be_made():
    makefile = (ROOT / "Makefile").read_text()
    there = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = set(" ".join(re.findall(r"`make ([a-z ]+)`", PAGE)).split())
    assert named - there == set()
    assert len(named) > 8


def test_help_lists_every_target_and_says_what_it_does():
    if shutil.which("make") is None:
        pytest.skip("no make here")
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    listed = {line.split()[0] for line in shown.splitlines() if len(line.split()) > 1}
    phony = re.search(
        r"^\.PHONY: (.*?)(?<!\\)$", (ROOT / "Makefile").read_text(), re.MULTILINE | re.DOTALL
    )
    assert phony is not None
    assert listed == set(phony[1].replace("\\\n", " ").split())


def test_paths_it_names_are_there():
    named = re.findall(r"`((?:tests|docs|cliq_async|requirements)/[\w./]+)`", PAGE)
    made = "cliq_async/models/call_status.py"
    assert [name for name in named if name != made and not (ROOT / name).exists()] == []
    assert made in named
