"""Webhook bots and `cliq user` with a sandbox that is a process of its own."""

import asyncio
import json
import signal
import sys

import aiohttp
from support.cli import command
from support.event_bots import Api, TestBot, is_signed

from cliq_async.sandbox import Sandbox


async def test_a_sandbox_with_a_webhook_bot_prints_its_key_and_acts(tmp_path):
    path = tmp_path / "cliq.json"
    bot = TestBot()
    async with bot.serving() as url:
        async with Sandbox(state=path) as sandbox, aiohttp.ClientSession() as session:
            await Api(sandbox, session).create_bot(url)
            bot.sandbox = sandbox
            key = sandbox.public_key
        async with command("sandbox", "--port", "0", "--state", str(path)) as process:
            assert process.stdout
            lines = [(await process.stdout.readline()).decode().strip() for _ in range(5)]
            assert lines[4] == f"export CLIQ_PUBLIC_KEY={key}"
            server = lines[0].removeprefix("listening on ")
            async with command("user", "say", "hook", "hi", "--base-url", server) as user:
                out, err = await user.communicate()
            assert (user.returncode, out) == (0, b"re: hi\n")
            assert err.startswith(b"hook answered in ")
            process.send_signal(signal.SIGINT)
            await process.communicate()
        assert process.returncode == 0
    ((body, signature),) = bot.requests
    assert is_signed(key, body, signature)


async def test_a_command_gets_the_key_in_its_environment(tmp_path):
    path = tmp_path / "cliq.json"
    async with Sandbox(state=path) as sandbox, aiohttp.ClientSession() as session:
        await Api(sandbox, session).create_bot("http://127.0.0.1:1/")
        key = sandbox.public_key
    script = "import json, os; print(json.dumps(dict(os.environ)))"
    options = ("--state", str(path), "--event-wait-s", "10", "--allow-remote")
    async with command("sandbox", *options, "--", sys.executable, "-c", script) as process:
        out, _ = await process.communicate()
    assert json.loads(out)["CLIQ_PUBLIC_KEY"] == key


async def test_a_sandbox_without_a_webhook_bot_prints_no_key():
    async with command("sandbox", "--port", "0") as process:
        assert process.stdout
        for _ in range(4):
            await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(10):
            out, _ = await process.communicate()
    assert b"PUBLIC_KEY" not in out


async def test_an_event_fault_is_an_option_and_a_wrong_one_wrong_usage():
    async with command("sandbox", "--fault", "event-twice:1@send_message") as process:
        _, err = await process.communicate()
    assert process.returncode == 2
    assert b"there is no handler 'send_message'; did you mean message_handler?" in err
