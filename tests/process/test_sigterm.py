"""A program that SIGTERM ends in the middle of its work says its own words on stderr, no others.

CLIQ_TEST_SEEDS=20 does it at twenty moments, with each store.
"""

import asyncio
import os
import random
import re
import signal
import sys
import textwrap

import pytest
from support import redis_servers
from support.polling import until

from cliq_async.sandbox import Sandbox

SEEDS = int(os.environ.get("CLIQ_TEST_SEEDS", "1"))
STORES = ["sqlite"] if SEEDS == 1 else ["memory", "sqlite", "redis"]
NOISE = re.compile(
    "Traceback|Task was destroyed|Task exception|Unclosed|ResourceWarning|[Ii]gnored|never awaited"
)

DEFAULT = textwrap.dedent("""
    import asyncio
    from cliq_async import CliqClient

    async def main():
        async with CliqClient.from_env(max_wait_s=None) as client:
            sends = [client.messages.send("supportbot", "hi", user_ids=[1]) for _ in range(200)]
            await asyncio.gather(*sends, return_exceptions=True)

    asyncio.run(main())
""")
CANCELS = textwrap.dedent("""
    import asyncio, signal
    from cliq_async import CliqClient

    async def main():
        cancel = asyncio.current_task().cancel
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, cancel)
        async with CliqClient.from_env(max_wait_s=None) as client:
            WORK

    try:
        asyncio.run(main())
    except asyncio.CancelledError:
        print("cancelled")
""")
SENDS = """sends = [client.messages.send("supportbot", "hi", user_ids=[1]) for _ in range(200)]
        await asyncio.gather(*sends, return_exceptions=True)"""
BROADCASTS = 'await client.broadcast("supportbot", "hi", range(1, 10**6), batch_size=1)'
SCRIPTS = {
    "ends": (DEFAULT, {-signal.SIGTERM}, b""),
    "cancels sends": (CANCELS.replace("WORK", SENDS), {0}, b"cancelled\n"),
    "cancels a broadcast": (CANCELS.replace("WORK", BROADCASTS), {0}, b"cancelled\n"),
}
BROADCAST = ("broadcast", "supportbot", "--text", "hi", "--batch-size", "2", "--yes", "--to")
COMMANDS = {
    "broadcast": (*BROADCAST, "{ids}"),
    "broadcast with a journal": (*BROADCAST, "{ids}", "--journal", "{folder}/job.db"),
    "sync": ("subscribers", "sync", "supportbot", "--into", "{folder}/people.db"),
    "export": ("subscribers", "export", "supportbot"),
    "send": ("send", "supportbot", "hi", "--to", "55743307"),
    "doctor": ("doctor",),
}


@pytest.fixture
async def sandbox():
    async with Sandbox(subscribers=600, latency_s=0.1, jitter_s=0.1, time_scale=60) as sandbox:
        yield sandbox


@pytest.fixture(params=STORES)
def environment(request, sandbox, tmp_path):
    """The environment of a program that uses the sandbox and a new quota."""
    quota = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/quota.db"}
    known = {name: value for name, value in os.environ.items() if not name.startswith("CLIQ_")}
    known |= {"CLIQ_BASE_URL": sandbox.url, "CLIQ_ACCESS_TOKEN": "t", "CLIQ_TIME_SCALE": "60"}
    if request.param != "redis":
        yield known | {"CLIQ_QUOTA": quota[request.param]}
        return
    with redis_servers.RedisServer(("--appendonly", "yes")) as server:
        yield known | {"CLIQ_QUOTA": server.url}


@pytest.fixture
def values(ids, tmp_path):
    """What stands in the arguments of the commands."""
    return {"ids": ids(600), "folder": str(tmp_path)}


async def ended(arguments, environment, is_at_work, moment):
    """Run Python, and end it soon after it is at work; return its status and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "always::ResourceWarning", *arguments),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await asyncio.wait_for(is_at_work(process), 60)
    rng = random.Random(moment)
    await asyncio.sleep(rng.choice([0.0, 0.0, rng.uniform(0.0, 0.5)]))
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out, err.decode()


def has_asked(sandbox):
    """Return a function that waits for a process's first request, or for its end."""
    return lambda process: until(
        lambda: sandbox.report()["requests"] or process.returncode is not None,
        60.0,
        every_s=0.02,
    )


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("name", SCRIPTS)
async def test_scripts_of_the_sdk_end_in_silence(name, seed, sandbox, environment):
    program, statuses, words = SCRIPTS[name]
    at_work, moment = has_asked(sandbox), f"{seed}/{name}"
    status, out, err = await ended(["-c", program], environment, at_work, moment)
    assert err == ""
    assert (status in statuses, out) == (True, words)


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("name", COMMANDS)
async def test_commands_end_with_their_own_words(name, seed, sandbox, environment, values):
    arguments = ["-m", "cliq_async.cli", *(each.format(**values) for each in COMMANDS[name])]
    at_work, moment = has_asked(sandbox), f"{seed}/{name}"
    _, _, err = await ended(arguments, environment, at_work, moment)
    assert not NOISE.search(err), err


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("command", [(), ("--", sys.executable, "-m", "cliq_async.cli", "demo")])
async def test_sandbox_ends_with_its_own_words(command, seed):
    at_work, moment = (lambda process: process.stdout.readline()), f"{seed}/{command}"
    arguments = ["-m", "cliq_async.cli", "sandbox", "--port", "0", *command]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    status, _, err = await ended(arguments, environment, at_work, moment)
    assert status == (130 if command else 0)
    assert not NOISE.search(err), err
