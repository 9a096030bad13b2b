"""Run commands of the command line, in this thread or as a process."""

import asyncio
import os
import sys
from contextlib import asynccontextmanager

from click.testing import CliRunner

from cliq_async.cli.app import cliq

VARIABLES = (
    "CLIQ_ACCESS_TOKEN",
    "CLIQ_CLIENT_ID",
    "CLIQ_CLIENT_SECRET",
    "CLIQ_REFRESH_TOKEN",
    "CLIQ_ZAPIKEY",
    "CLIQ_ACCOUNTS_URL",
    "CLIQ_DATA_CENTER",
    "CLIQ_BASE_URL",
    "CLIQ_ACCOUNT",
    "CLIQ_QUOTA",
    "CLIQ_TIME_SCALE",
    "CLIQ_ALLOW_HTTP",
    "CLIQ_PROFILE",
    "CLIQ_PROXY",
)
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
SECRET = "1000.4f1c"


def zuids(count):
    """The ids of the sandbox's first subscribers."""
    return [str(55743307 + 3 * number) for number in range(count)]


def invoke(*args, env=None, stdin=None):
    """Run a command in this thread."""
    environment: dict[str, str | None] = {**dict.fromkeys((*VARIABLES, *PROXIES)), **(env or {})}
    return CliRunner(env=environment).invoke(cliq, args, stdin, prog_name="cliq")


async def run(sandbox, *args, env=None, stdin=None):
    """Run a command against a sandbox that runs in this loop."""
    known = {"CLIQ_BASE_URL": sandbox.url, "CLIQ_ACCESS_TOKEN": SECRET}
    result = await asyncio.to_thread(invoke, *args, env=known | (env or {}), stdin=stdin)
    assert SECRET not in result.output
    return result


@asynccontextmanager
async def command(
    *args,
    stdin=asyncio.subprocess.DEVNULL,
    stdout=asyncio.subprocess.PIPE,
    stderr=asyncio.subprocess.PIPE,
    env=None,
):
    """A command as a process of its own, which ends with the body."""
    known = {*VARIABLES, *PROXIES}
    environment = {name: value for name, value in os.environ.items() if name not in known}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cliq_async.cli", *args),
        env=(environment if env is None else env) | {"PYTHONUNBUFFERED": "1"},
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_with(text, stream):
    """Read lines up to the one that has a text in it."""
    while text not in (line := (await stream.readline()).decode()):
        assert line, f"it ended without {text!r}"
    return line


def counting(requests, arrived):
    """A clock for a sandbox, which reads it for each request: sets an event at the last one."""
    loop = asyncio.get_running_loop()
    readings = 0

    def clock():
        nonlocal readings
        readings += 1
        if readings > requests:  # the first reading is that of its start
            arrived.set()
        return loop.time()

    return clock
