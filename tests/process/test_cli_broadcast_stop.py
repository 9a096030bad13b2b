"""How a broadcast ends before its end: by the quota, a signal, or a reader that goes away."""

import asyncio
import json
import os
import re
import signal

from support.cli import SECRET, command, counting, line_with, run
from support.cli_broadcasts import BROADCAST, count

from cliq_async.sandbox import Sandbox


async def test_stopped_by_the_quota(ids):
    async with Sandbox() as sandbox:
        options = ("--to", ids(60), "--batch-size", "1", "--max-wait", "5", "--headroom", "8")
        result = await run(sandbox, *BROADCAST, *options)
    assert result.exit_code == 3
    delivered = count(result.stdout, "delivered")
    assert count(result.stdout, "failed") == 0
    assert 0 < delivered <= 42
    untried = next(line for line in result.stdout.splitlines() if line.startswith("not tried"))
    assert delivered + int(untried.split()[-1]) == 60
    assert (
        "stopped: send_message: the tokens that are left are reserved for other calls; retry"
        in result.stderr
    )
    assert sandbox.report()["lockouts"] == []


async def test_ctrl_c_finishes_what_is_under_way_and_sends_nothing_more(ids):
    arrived = asyncio.Event()
    async with Sandbox(latency_s=0.6, clock=counting(50, arrived)) as sandbox:
        options = ("--to", ids(60), "--batch-size", "1", "--json", "--token", SECRET)
        async with command(*BROADCAST, *options, "--base-url", sandbox.url) as process:
            await arrived.wait()
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
        requests = sandbox.report()["requests"]["send_message"]
    assert process.returncode == 130
    report = json.loads(out)
    assert (report["delivered"], report["unknown"], requests) == (50, 0, 50)
    assert (report["failed"], report["not_tried"]) == (0, 10)
    assert report["stopped"] == "interrupted"
    assert b"interrupted: waiting for requests in flight" in err
    assert b"Traceback" not in err


async def test_the_second_ctrl_c_gives_up_what_is_under_way(ids):
    arrived = asyncio.Event()
    async with Sandbox(faults=["lost:1"], clock=counting(1, arrived)) as sandbox:
        options = ("--to", ids(3), "--batch-size", "3", "--token", SECRET)
        async with command(*BROADCAST, *options, "--base-url", sandbox.url) as process:
            await arrived.wait()
            process.send_signal(signal.SIGTERM)
            await line_with("interrupted: ", process.stderr)
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
    assert process.returncode == 130
    assert count(out.decode(), "unknown") == 3
    assert "aborted: interrupted" in out.decode()
    assert b"interrupted again" in err
    assert b"Traceback" not in err


async def test_ctrl_c_does_not_wait_for_a_lock(ids):
    async with Sandbox(faults=["throttle-429:1"]) as sandbox:
        options = ("--to", ids(1), "--token", SECRET, "--base-url", sandbox.url)
        async with command(*BROADCAST, *options) as process:
            await line_with("warning: Cliq locked", process.stderr)
            process.send_signal(signal.SIGINT)
            out, _ = await process.communicate()
    assert process.returncode == 130
    assert count(out.decode(), "failed") == 0
    assert re.search(r"^not tried +1$", out.decode(), re.MULTILINE)
    assert "outcome" not in out.decode()


async def test_a_reader_that_goes_away_is_no_traceback(ids):
    reading, writing = os.pipe()
    os.close(reading)
    async with Sandbox() as sandbox:
        options = ("--to", ids(1), "--token", SECRET, "--base-url", sandbox.url)
        async with command(*BROADCAST, *options, stdout=writing) as process:
            os.close(writing)
            _, err = await process.communicate()
        delivered = sandbox.report()["delivered"]["total"]
    assert (process.returncode, delivered) == (0, 1)
    assert err.count(b"\n") == 1
