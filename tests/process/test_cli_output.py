"""Commands whose output cannot be written: a retry loop must not do again what is done."""

import asyncio
import os
from urllib.parse import urlsplit

import pytest
from support.cli import SECRET, command, zuids

from cliq_async.sandbox import Sandbox

TO = ("--to", zuids(1)[0])
FULL = b"the output could not be printed: No space left on device\n"


async def ended(sandbox, *args, **streams):
    """The exit status of a command, and what it wrote to stderr."""
    env = os.environ | {"CLIQ_BASE_URL": sandbox.url, "CLIQ_ACCESS_TOKEN": SECRET}
    async with command(*args, env=env, **streams) as process:
        _, err = await process.communicate()
    return process.returncode, err


def full():
    return os.open("/dev/full", os.O_WRONLY)


def unread():
    """A pipe whose reader has exited."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


ACTIONS = [
    (("send", "supportbot", "hi", *TO), "send_message"),
    (("send", "supportbot", "hi", *TO, "--json"), "send_message"),
    (("broadcast", "supportbot", "--to", "ids.txt", "--text", "hi", "--yes"), "send_message"),
    (("call", "supportbot", "hi", *TO), "trigger_call"),
    (("bots", "create", "Ops", "--description", "Ops"), "create_bot"),
    (("bots", "list"), "list_bots"),
]


@pytest.mark.parametrize(("args", "endpoint"), ACTIONS)
async def test_what_has_happened_decides_the_status(args, endpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ids.txt").write_text(zuids(1)[0])
    async with Sandbox() as sandbox:
        status, err = await ended(sandbox, *args, stdout=full())
        assert (status, err.endswith(b"error: done, but " + FULL)) == (4, True)
        assert sandbox.report()["requests"] == {endpoint: 1}


async def test_the_status_does_not_depend_on_a_reader():
    async with Sandbox() as sandbox:
        args = ("send", "supportbot", "hi", *TO)
        assert await ended(sandbox, *args, stdout=unread()) == (0, b"")
        assert (await ended(sandbox, *args, stderr=full()))[0] == 0
        assert (await ended(sandbox, *args, stdout=full(), stderr=full()))[0] == 4
        assert sandbox.report()["requests"] == {"send_message": 3}


async def test_a_failure_stays_a_failure():
    async with Sandbox() as sandbox:
        status, err = await ended(sandbox, "send", "nobody", "hi", *TO, stdout=full())
        assert (status, err.count(b"\n")) == (1, 1)
        status, err = await ended(sandbox, "send", "supportbot", stdout=full(), stderr=full())
        assert status == 2


async def test_help_on_a_full_disk():
    async with Sandbox() as sandbox:
        assert await ended(sandbox, "--help", stdout=full()) == (4, b"error: done, but " + FULL)


async def test_an_export_stops_reading_if_nobody_reads_it():
    async with Sandbox(subscribers=500) as sandbox:
        export = ("subscribers", "export", "supportbot")
        assert await ended(sandbox, *export, stdout=unread()) == (0, b"")
        assert sandbox.report()["requests"] == {"list_subscribers": 1}
        assert await ended(sandbox, *export, stdout=full()) == (4, b"error: done, but " + FULL)


async def test_a_sandbox_goes_on_if_its_lines_are_not_read():
    reading, writing = os.pipe()
    async with command("sandbox", "--port", "0", stdout=writing) as process:
        os.close(writing)
        line = os.read(reading, 1000).decode().partition("\n")[0]
        os.close(reading)
        url = urlsplit(line.rpartition(" ")[2])
        _, writer = await asyncio.open_connection(url.hostname, url.port)
        writer.close()
        process.terminate()
        await process.wait()
    assert process.returncode == 0
