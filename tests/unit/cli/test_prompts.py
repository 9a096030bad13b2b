"""Deleting a bot, which asks first."""

import asyncio
import os
import signal
import sys

import pytest
from support.cli import SECRET, run

from cliq_async.sandbox import Sandbox

FIRST = "53719000001878011"


@pytest.fixture
def terminal(monkeypatch):
    """Somebody is there to be asked."""
    monkeypatch.setattr("cliq_async.cli.prompts.is_terminal", lambda: True)


async def test_deleting_without_a_terminal_needs_yes_and_sends_nothing():
    async with Sandbox() as sandbox:
        result = await run(sandbox, "bots", "delete", FIRST)
        requests = sandbox.report()["requests"]
    assert result.exit_code == 2
    assert result.stderr == (
        "error: not a terminal, so there is no one to confirm: pass --yes to delete\n"
    )
    assert requests == {}


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("answer", ["n\n", "\n", "", "x\n", "yes please\n"])
async def test_any_answer_but_yes_deletes_nothing(answer):
    async with Sandbox() as sandbox:
        result = await run(sandbox, "bots", "delete", FIRST, stdin=answer)
        requests = sandbox.report()["requests"]
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Delete the bot Support Bot (supportbot) permanently? [y/N] ")
    assert result.stderr.endswith("not deleted\n")
    assert requests == {"get_bot": 1}


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("answer", ["y\n", "YES\n", " yes"])
async def test_yes_deletes(answer):
    async with Sandbox() as sandbox:
        result = await run(sandbox, "bots", "delete", FIRST, stdin=answer)
        requests = sandbox.report()["requests"]
    assert (result.exit_code, result.stdout) == (0, f"deleted: {FIRST}\n")
    assert requests == {"get_bot": 1, "delete_bot": 1}


@pytest.mark.usefixtures("terminal")
async def test_deleting_what_is_not_there_asks_nothing():
    async with Sandbox() as sandbox:
        result = await run(sandbox, "bots", "delete", "1", stdin="y\n")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: there is no bot ")


async def test_ctrl_c_at_the_question_deletes_nothing():
    ours, theirs = os.openpty()
    async with Sandbox() as sandbox:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cliq_async.cli", "bots", "delete", FIRST),
            *("--base-url", sandbox.url, "--token", SECRET, "--time-scale", "1"),
            stdin=theirs,
            stderr=theirs,
        )
        shown = b""
        while b"[y/N] " not in shown:
            shown += await asyncio.to_thread(os.read, ours, 1024)
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130
        while b"interrupted" not in shown:
            shown += os.read(ours, 1024)
        requests = sandbox.report()["requests"]
    os.close(ours)
    os.close(theirs)
    assert b"permanently? [y/N] \r\ninterrupted" in shown
    assert requests == {"get_bot": 1}
