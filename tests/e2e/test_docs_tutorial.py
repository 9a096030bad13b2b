"""The tutorial, step by step, from an empty folder."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest
from support.docs import ROOT, blocks

from cliq_async.sandbox import Sandbox

PAGE = ROOT / "docs/tutorial.md"
INSTALL, START, SEND, FIRST, HELLO, STAYS, EXPORTS, KILLED, AGAIN, LOOK = blocks(PAGE, "sh")


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """Starts a script in an empty folder, with the programs of this environment."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("CLIQ_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")

    async def start(script):
        return await asyncio.create_subprocess_exec(
            *("sh", "-eu", "-c", script),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for all of it
        )

    return start


async def ended(process):
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_the_first_message_is_there_for_the_page(shell):
    assert INSTALL.splitlines()[-1] == "pip install '.[cli]'"
    assert START == "cliq sandbox\n"
    async with Sandbox() as sandbox:
        status, out, err = await ended(
            await shell(SEND.replace("http://127.0.0.1:8080", sandbox.url))
        )
        assert status == 0, out + err
        url = f"{sandbox.url}/sandbox/chat?bot=supportbot&user=55743307"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            (item,) = (await answer.json())["items"]
    assert item["body"] == {"text": "Hello!"}


async def test_one_command_delivers_a_message(shell):
    status, out, err = await ended(await shell(FIRST))
    assert status == 0, err
    assert [out + err] == blocks(PAGE, "text")


async def test_the_script_of_the_tutorial_runs_beside_a_sandbox(shell, tmp_path):
    (code,) = blocks(PAGE, "python")
    (tmp_path / "hello.py").write_text(code)
    status, out, err = await ended(await shell(HELLO))
    assert status == 0, err
    assert len(out.splitlines()) == 3
    assert "delivered to 1 recipient" in err


async def test_the_broadcast_of_the_tutorial_goes_on_after_ctrl_c(shell):
    assert STAYS == "cliq sandbox --time-scale 20 --subscribers 20000\n"
    scale, url = "CLIQ_TIME_SCALE=20", "http://127.0.0.1:8080"
    assert scale in EXPORTS
    async with Sandbox(time_scale=300, subscribers=20_000) as sandbox:
        here = EXPORTS.replace(scale, "CLIQ_TIME_SCALE=300").replace(url, sandbox.url)
        export, broadcast = KILLED.splitlines()
        process = await shell(f"{here}{export}\nexec {broadcast}")  # the shell would die of it
        while not sandbox.report()["requests"].get("send_message"):
            assert process.returncode is None
            await asyncio.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        status, out, err = await ended(process)
        assert status == 130, out + err
        assert sandbox.report()["delivered"]["recipients"] < 20_000
        status, out, err = await ended(await shell(here + AGAIN))
        assert status == 0, out + err
        status, out, err = await ended(await shell(here + LOOK.replace(url, sandbox.url)))
        assert status == 0, out + err
        report = sandbox.report()
    assert report["delivered"] == {"recipients": 20_000, "total": 20_000, "max_per_recipient": 1}
    assert report["lockouts"] == []
