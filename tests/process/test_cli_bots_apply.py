"""`cliq bots apply` as a process that is interrupted, or killed, in the middle."""

import asyncio
import json
import os
import signal
import sys

import pytest
from support.cli import command, line_with

from cliq_async import CliqClient
from cliq_async.sandbox import Sandbox

KINDS = ("message", "mention", "context", "participation", "welcome", "call")
TOML = """
[bots.hook]
name = "Hook Bot"
description = "Runs elsewhere"
execution_url = "https://example.com/cliq"
""" + "".join(f"[bots.hook.handlers.{each}_handler]\npermissions = []\n" for each in KINDS)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
@pytest.mark.parametrize("after", ["created  hook (hookbot)", "created  hook: mention_handler"])
async def test_interrupted_and_applied_again_it_is_as_described(places, sent, status, after):
    folder = places / "work"
    (folder / "cliq.toml").write_text(TOML)
    async with Sandbox(latency_s=0.2) as sandbox:
        env = dict(os.environ) | {"CLIQ_BASE_URL": sandbox.url, "CLIQ_ACCESS_TOKEN": "ann"}
        apply = ("bots", "apply", "--yes")
        async with command(*apply, env=env) as process:
            await line_with(after, process.stdout)
            await asyncio.sleep(0.1)  # the next request is on its way
            process.send_signal(sent)
            _, err = await process.communicate()
        async with command(*apply, env=env) as again:
            out, _ = await again.communicate()
        async with command("bots", "plan", "--check", "--prune", env=env) as check:
            await check.communicate()
        async with CliqClient("bob", base_url=sandbox.url, quota="memory://") as client:
            bots = [bot async for bot in client.bots.iter()]
            (bot,) = [each for each in bots if each.name == "Hook Bot"]
            types = [each.type for each in (await client.bots.get(bot.id)).handlers]
    assert process.returncode == status
    assert (again.returncode, check.returncode) == (0, 0), out
    assert sorted(types) == sorted(f"{each}_handler" for each in KINDS)
    lock = json.loads((folder / "cliq.lock").read_text())
    (server,) = lock["servers"].values()
    assert server["hook"][0]["id"] == bot.id
    if sent is signal.SIGINT:
        done = 1 if "(" in after else 3
        assert err.decode().splitlines() == [
            f"{done} of 7 steps done: run `cliq bots apply` again for the rest",
            "interrupted",
        ]
