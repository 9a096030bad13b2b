"""The load script and the Locust user run for real, and the guide shows them as they are."""

import asyncio
import json
import os
import re
import signal
from importlib import import_module
from types import SimpleNamespace

import pytest
from support.docs import blocks
from support.programs import ROOT, environment, program, until
from support.redis_servers import free_port

from cliq_async import Limit
from cliq_async.sandbox import Sandbox

LOAD = "examples.load_script"


async def run_load(log, env, *options):
    """The status of the load script, and its results."""
    async with program(log, env, LOAD, "--json", *options) as load, asyncio.timeout(30):
        status = await load.wait()
    (*others, last) = log.read_text().splitlines()
    return status, json.loads(last), others


def load_environment(sandbox, tmp_path, **more):
    return environment(sandbox, CLIQ_QUOTA=f"sqlite://{tmp_path}/quota.db", **more)


async def test_closed_load_counts_what_the_sandbox_counts_and_stays_within_the_quota(tmp_path):
    async with Sandbox(time_scale=60.0) as sandbox:
        env = load_environment(sandbox, tmp_path)
        options = ("--tasks", "20", "--duration-s", "1.5")
        status, found, others = await run_load(tmp_path / "log", env, *options)
        report = sandbox.report()
    assert (status, others) == (0, [])
    assert report["lockouts"] == []
    assert found["done"] == found["request_s"]["count"] == report["requests"]["send_message"]
    assert found["done"] == sum(found["plot"]) == found["call_s"]["count"] > 50
    assert (found["failed"], found["unfinished"], found["throttled"]) == ({}, 0, 0)
    assert found["wait_s"]["max"] > 0.5, "the second window is waited for"
    assert found["call_s"]["max"] >= found["wait_s"]["max"] > found["request_s"]["p50"]
    ranks = [found["call_s"][name] for name in ("p50", "p90", "p99", "max")]
    assert ranks == sorted(ranks)


async def test_open_load_measures_from_the_moment_a_call_was_due(tmp_path):
    async with Sandbox(time_scale=60.0) as sandbox:
        env = load_environment(sandbox, tmp_path)
        options = ("--rate", "100", "--duration-s", "1.5")  # twice the quota
        status, found, _ = await run_load(tmp_path / "log", env, *options)
        report = sandbox.report()
    assert status == 0
    assert report["lockouts"] == []
    assert found["done"] == report["requests"]["send_message"] == 150
    assert found["took_s"] > 2.0, "the third window"
    assert found["call_s"]["max"] > 0.5 > found["request_s"]["p50"]


async def test_a_slow_server_delays_no_call_of_an_open_load(tmp_path):
    async with Sandbox(time_scale=60.0, latency_s=1.0) as sandbox:
        env = load_environment(sandbox, tmp_path)
        options = ("--rate", "20", "--duration-s", "1", "--endpoint", "list_bots")
        _, found, _ = await run_load(tmp_path / "log", env, *options)
    assert found["done"] == 20
    assert found["took_s"] < 10.0, "20 s one after the other"


async def test_load_over_the_quota_is_locked_and_says_so(tmp_path):
    limits = {"send_message": Limit(5, 600.0, 600.0)}  # a second each
    async with Sandbox(time_scale=600.0, limits=limits) as sandbox:
        env = load_environment(sandbox, tmp_path, CLIQ_TIME_SCALE="600")
        options = ("--tasks", "6", "--duration-s", "0.2", "--threshold", "51")
        status, found, _ = await run_load(tmp_path / "log", env, *options)
        report = sandbox.report()
    assert status == 0
    assert found["throttled"] >= 1
    assert len(found["locked_until"]) == len(report["lockouts"]) >= 1
    assert found["wait_s"]["max"] > 0.8, "the lock"


@pytest.mark.parametrize("url", ["", "https://cliq.zoho.eu", "https://127.0.0.1.example.com"])
def test_more_than_the_threshold_is_for_a_sandbox_alone(url, monkeypatch):
    limits = import_module(LOAD).limits
    monkeypatch.setenv("CLIQ_BASE_URL", url)
    with pytest.raises(SystemExit, match="more than 50 is for a sandbox on this machine alone"):
        limits("send_message", 51)
    assert limits("send_message", 50)["send_message"].threshold == 50
    assert limits("send_message", None) == {}
    monkeypatch.setenv("CLIQ_BASE_URL", "http://127.0.0.1:8080")
    assert limits("send_message", 51)["send_message"] == Limit(51, 60.0, 600.0)


async def test_interrupted_load_prints_what_it_has(tmp_path):
    log = tmp_path / "log"
    async with Sandbox() as sandbox:
        env = load_environment(sandbox, tmp_path, CLIQ_TIME_SCALE="1")
        options = ("--json", "--tasks", "60", "--duration-s", "30")
        async with program(log, env, LOAD, *options) as load, asyncio.timeout(60):
            await until(lambda: sandbox.report()["requests"].get("send_message") == 50, log)
            load.send_signal(signal.SIGINT)
            assert await load.wait() == 130
        assert sandbox.report()["lockouts"] == []
    found = json.loads(log.read_text().splitlines()[-1])
    assert 40 <= found["done"] <= 50
    assert found["done"] + found["unfinished"] >= 60


async def test_load_with_wrong_credentials_ends_at_once(tmp_path):
    log = tmp_path / "log"
    async with Sandbox() as sandbox:
        env = load_environment(sandbox, tmp_path, CLIQ_ACCESS_TOKEN="invalid")
        async with program(log, env, LOAD) as load, asyncio.timeout(20):
            assert await load.wait() == 1
    first, *_, last = log.read_text().splitlines()
    assert first.startswith("error: send_message: ")
    assert last == "refused with a throttle: 0, locked until: never"


async def test_load_on_a_server_that_is_gone_counts_the_failures(tmp_path):
    env = environment(
        SimpleNamespace(url=f"http://127.0.0.1:{free_port()}"), CLIQ_QUOTA="memory://"
    )
    options = ("--tasks", "2", "--duration-s", "0.1")
    status, found, (first,) = await run_load(tmp_path / "log", env, *options)
    assert status == 1
    assert (found["done"], set(found["failed"])) == (0, {"TransportError"})
    assert first.startswith("send_message: cannot connect to 127.0.0.1:")


def test_percentiles_are_times_that_were_measured():
    percentiles = import_module(LOAD).percentiles
    seconds = [float(each) for each in range(1, 201)]
    assert percentiles(seconds[::-1]) == {
        "count": 200,
        "p50": 100.0,
        "p90": 180.0,
        "p99": 198.0,
        "max": 200.0,
    }
    assert percentiles([0.3]) == {"count": 1, "p50": 0.3, "p90": 0.3, "p99": 0.3, "max": 0.3}
    assert percentiles([]) == {"count": 0}


def test_options_in_the_guide_are_those_of_the_load_script():
    guide = (ROOT / "docs/load-scripts.md").read_text()
    script = (ROOT / "examples/load_script.py").read_text()
    known = set(re.findall(r'add_argument\("(--[\w-]+)"', script))
    assert set(re.findall(r"^\| `(--[\w-]+)", guide, re.MULTILINE)) == known - {"--json"}
    used = re.findall(r"examples/load_script\.py (--.*)", guide)
    assert {word for line in used for word in line.split() if word[:2] == "--"} <= known


def test_output_in_the_guide_has_the_form_of_the_script(capsys):
    (shown,) = blocks(ROOT / "docs/load-scripts.md", "text")
    times = {"count": 5, "p50": 0.1, "p90": 0.2, "p99": 0.3, "max": 0.4}
    import_module(LOAD).show(
        {
            "took_s": 1.5,
            "done": 5,
            "done_per_s": 3.3,
            "failed": {},
            "unfinished": 0,
            "throttled": 0,
            "locked_until": [],
            "plot": [1] * 5 + [0] * 55,
            "call_s": times,
            "wait_s": times,
            "request_s": times,
        }
    )

    def form(text):
        text = re.sub(r"[\u2581-\u2588].*", "", text)
        return [" ".join(line.split()) for line in re.sub(r"[\d.]+", "0", text).splitlines()]

    printed = form(capsys.readouterr().out)
    assert form(shown)[: len(printed)] == printed
    assert form(shown)[len(printed) :] == [
        "0 requests, 0 lockouts, delivered to 0 recipient",
        "send_message 0",
    ]


LOCUST = ("locust", "-f", "examples/locustfile.py", "--headless", "--json", "--skip-log")


async def test_locust_counts_what_the_sandbox_counts_and_stays_within_the_quota(tmp_path):
    pytest.importorskip("pytest_locust", reason="the group `examples` is not installed")
    log = tmp_path / "log"
    async with Sandbox(time_scale=60.0) as sandbox:
        env = load_environment(sandbox, tmp_path, LOCUST_SKIP_MONKEY_PATCH="1")
        options = ("-u", "20", "-r", "20", "-t", "3", "--stop-timeout", "5")
        async with program(log, env, *LOCUST, *options) as locust, asyncio.timeout(30):
            assert await locust.wait() == 0, log.read_text()
        report = sandbox.report()
    rows = {row["method"]: row for row in json.loads(log.read_text())}
    assert set(rows) == {"CALL", "done", "WAIT"}
    assert report["lockouts"] == []
    sent = report["requests"]["send_message"]
    assert rows["CALL"]["num_requests"] == rows["done"]["num_requests"] == sent > 50
    assert rows["WAIT"]["max_response_time"] > 500 > rows["done"]["min_response_time"]


async def test_locust_that_has_patched_threads_is_told_what_to_do(tmp_path):
    pytest.importorskip("pytest_locust", reason="the group `examples` is not installed")
    log = tmp_path / "log"
    env = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
    async with program(log, env, *LOCUST) as locust, asyncio.timeout(20):
        assert await locust.wait() == 1
    assert "set LOCUST_SKIP_MONKEY_PATCH=1" in log.read_text()
