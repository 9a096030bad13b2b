"""Programs of users, run as they would be: their environment, their end, and what they write."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from support.cli import VARIABLES

ROOT = Path(__file__).parents[2]


def environment(sandbox, **more):
    """What points a program at a sandbox."""
    known = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    own = {"CLIQ_BASE_URL": sandbox.url, "CLIQ_ACCESS_TOKEN": "t", "CLIQ_TIME_SCALE": "60"}
    return known | own | {"PYTHONUNBUFFERED": "1"} | more


@asynccontextmanager
async def program(log, env, *arguments, cwd=ROOT):
    """A module as a program that ends with the body, and with it all that it started."""
    with log.open("wb") as written:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *arguments),
            cwd=cwd,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            start_new_session=True,  # a group of its own, to be ended together
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(4):
                await process.wait()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def until(condition, log):
    """Look over and over until something is so."""
    try:
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 - a file and a report have no event
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(log.read_text())
