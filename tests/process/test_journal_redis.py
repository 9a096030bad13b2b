"""Broadcasts with a journal on a Redis server, from one empty state folder after another."""

import asyncio
import json
import os
import random
import signal
import sys
from contextlib import asynccontextmanager

import pytest
from support.cli import SECRET, VARIABLES, zuids
from support.cli_broadcasts import BROADCAST
from support.journals import a_url
from support.redis_servers import RedisServer

from cliq_async.sandbox import Sandbox, user_label

KILLS = int(os.environ.get("CLIQ_TEST_KILLS", "4"))
RECIPIENTS = 600
# The command line, but with a lease that does not take the tests' time.
PROGRAM = """
from cliq_async.bulk import journal_redis
from cliq_async.cli.app import cliq
journal_redis.LEASE_S = {lease_s}
cliq(prog_name="cliq")
"""


@pytest.fixture
def server():
    with RedisServer(options=("--appendonly", "yes")) as running:
        yield running


@pytest.fixture
async def sandbox():
    async with Sandbox(subscribers=RECIPIENTS, time_scale=60, seed=3, latency_s=0.02) as running:
        yield running


class Hosts:
    """Starts the same broadcast on hosts that share nothing but the server."""

    def __init__(self, tmp_path, sandbox, server, recipients):
        self.folder, self.number = tmp_path, 0
        self.lease_s = 1.0
        self.sandbox = sandbox
        self.journal = a_url(server)
        self.options = (*BROADCAST, "--to", recipients, "--journal", self.journal, "--yes")
        self.options += ("--batch-size", "4", "--timeout", "1", "--json")
        self.settings = {
            "CLIQ_BASE_URL": sandbox.url,
            "CLIQ_ACCESS_TOKEN": SECRET,
            "CLIQ_TIME_SCALE": "60",
            "CLIQ_QUOTA": server.url,
        }

    @asynccontextmanager
    async def run(self):
        self.number += 1
        home = self.folder / f"host{self.number}"
        home.mkdir()
        names = ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
        kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM.format(lease_s=self.lease_s), *self.options),
            cwd=home,
            env=kept | dict.fromkeys(names, str(home)) | self.settings,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()

    def judge(self):
        return self.sandbox.report(user=user_label(SECRET), recipients=True)

    async def sends(self, more):
        before = self.requests()
        async with asyncio.timeout(30):
            while self.requests() < before + more:  # noqa: ASYNC110 - the sandbox has no event for it
                await asyncio.sleep(0.01)

    def requests(self):
        return self.sandbox.report()["requests"].get("send_message", 0)


@pytest.fixture
def hosts(tmp_path, sandbox, server, ids):
    return Hosts(tmp_path, sandbox, server, ids(RECIPIENTS))


def assert_nobody_is_lost_or_doubled(hosts, report):
    judge = hosts.judge()
    assert judge["lockouts"] == []
    assert judge["delivered"]["max_per_recipient"] == 1
    assert report["delivered"] + report["failed"] + report["unknown"] == RECIPIENTS
    unknown = {each for o in report["outcomes"] if o["status"] == "unknown" for each in o["ids"]}
    reached = set(judge["recipients"])
    assert set(zuids(RECIPIENTS)) - reached <= unknown
    assert len(reached - unknown) == report["delivered"]


async def test_killed_again_and_again_it_goes_on_on_another_host(hosts):
    rng = random.Random(7)
    for _ in range(KILLS):
        async with hosts.run() as process:
            try:
                async with asyncio.timeout(rng.uniform(0.7, 2.5)):
                    await process.wait()
            except TimeoutError:
                process.kill()
    async with hosts.run() as process, asyncio.timeout(120):
        out, _ = await process.communicate()
    assert_nobody_is_lost_or_doubled(hosts, json.loads(out))


async def test_of_two_programs_one_runs_and_the_other_says_who(hosts):
    hosts.lease_s = 5.0
    hosts.options += ("--headroom", "45")  # the first one runs for longer than the other starts
    async with hosts.run() as first, asyncio.timeout(60):
        await hosts.sends(2)
        async with hosts.run() as second:
            out, err = await second.communicate()
        assert (second.returncode, out) == (1, b"")
        assert f"is in use: process {first.pid} on host" in err.decode()
        await hosts.sends(2)
        assert first.returncode is None
    assert hosts.judge()["delivered"]["max_per_recipient"] == 1


async def test_program_that_wakes_up_after_its_lease_sends_nothing_any_more(hosts):
    async with hosts.run() as first, asyncio.timeout(120):
        await hosts.sends(20)
        first.send_signal(signal.SIGSTOP)
        async with hosts.run() as second:
            out, _ = await second.communicate()
        requests = hosts.requests()
        assert_nobody_is_lost_or_doubled(hosts, json.loads(out))
        first.send_signal(signal.SIGCONT)
        out, _ = await first.communicate()
        assert "another program has taken over this job" in json.loads(out)["stopped"]
        assert first.returncode == 4
    assert hosts.requests() == requests


async def test_program_that_wakes_up_while_another_one_runs_sends_nothing_any_more(hosts):
    async with hosts.run() as first, asyncio.timeout(120):
        await hosts.sends(20)
        first.send_signal(signal.SIGSTOP)
        async with hosts.run() as second:
            await hosts.sends(20)
            first.send_signal(signal.SIGCONT)
            out, _ = await first.communicate()
            stopped = json.loads(out)["stopped"]
            assert f"process {second.pid} on host" in stopped
            assert "has taken over this job" in stopped
            out, _ = await second.communicate()
    assert_nobody_is_lost_or_doubled(hosts, json.loads(out))


async def test_report_is_printed_without_outcomes_if_the_server_is_gone(hosts, server):
    hosts.settings["CLIQ_QUOTA"] = f"sqlite:///{hosts.folder}/quota.db"
    async with hosts.run() as process, asyncio.timeout(60):
        await hosts.sends(20)
        server.stop()
        out, err = await process.communicate()
    report = json.loads(out)
    assert "the server cannot be used for the journal" in report["stopped"]
    assert (report["delivered"] > 0, report["outcomes"]) == (True, None)
    assert process.returncode == 4
    assert "warning: the outcomes cannot be listed" in err.decode()
    server.start()
    async with hosts.run() as process, asyncio.timeout(60):
        out, _ = await process.communicate()
    assert_nobody_is_lost_or_doubled(hosts, json.loads(out))
