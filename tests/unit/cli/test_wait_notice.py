"""The line of a command that waits for the quota."""

import asyncio
import json
import re

from support.cli import run, zuids
from support.clients import a_scripted_client
from support.scripted import moved

from cliq_async.cli.outputs.wait_notice import wait_notice
from cliq_async.sandbox import Sandbox

SEND = ("send", "supportbot", "hi", "--to", zuids(1)[0], "--max-wait", "300", "--json")


def plain(written):
    return re.sub(r"\x1b\[[\d;]*m", "", written.getvalue())


@moved
async def test_a_wait_is_said_when_it_begins_and_once(written):
    client, _ = a_scripted_client(max_wait_s=None, hooks=wait_notice())
    async with client:
        for _ in range(50):
            await client.messages.send("supportbot", "hi", user_ids=["1"])
        assert written.getvalue() == ""
        waiting = [
            asyncio.create_task(client.messages.send("supportbot", "hi", user_ids=["1"]))
            for _ in range(60)
        ]
        await asyncio.sleep(0.1)
        said = written.getvalue()
        await asyncio.gather(*waiting)
    assert re.fullmatch(
        r"waiting for the quota of send_message until about \d\d:\d\d:\d\d \(in (\d\d s|1 min)\); "
        r"Ctrl-C gives up, and nothing more is sent\n",
        said,
    )
    assert plain(written) == said


@moved
async def test_what_is_no_terminal_sees_nothing_of_it(monkeypatch, capsys):
    monkeypatch.setattr("cliq_async.cli.outputs.console._may_be_terminal", lambda _stream: False)
    assert wait_notice() is None
    client, _ = a_scripted_client(max_wait_s=None, hooks=wait_notice())
    async with client:
        for _ in range(51):
            await client.messages.send("supportbot", "hi", user_ids=["1"])
    assert capsys.readouterr() == ("", "")


async def test_send_that_waits_for_a_lock_says_so(written, monkeypatch):
    monkeypatch.setattr("cliq_async.cli.outputs.wait_notice._SHORT_S", 0.1)
    async with Sandbox(faults=["throttle-429:x1"], time_scale=600) as sandbox:
        result = await run(sandbox, *SEND, env={"CLIQ_TIME_SCALE": "600"})
    assert result.exit_code == 0
    assert "waiting for the end of the lock of send_message until about " in plain(written)
    assert json.loads(result.stdout)["accepted"] is True
