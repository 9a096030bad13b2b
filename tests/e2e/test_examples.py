"""The examples run for real: several processes, a sandbox that counts, and nobody is locked out."""

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest
from support.cli import VARIABLES, zuids
from support.docs import blocks
from support.redis_servers import RedisServer, free_port
from support.webhook_servers import CLIQ, STATUSES, bot_server, post

from cliq_async import Limit
from cliq_async.sandbox import Sandbox
from cliq_async.testing import sandbox_in_thread

pytestmark = pytest.mark.skipif(
    find_spec("fastapi") is None, reason="the group `examples` is not installed"
)

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


def delivered(sandbox):
    return sandbox.report(recipients=True)["recipients"]


async def test_web_app_with_four_workers_delivers_what_it_accepts_and_refuses_the_rest(tmp_path):
    log = tmp_path / "log"
    people = zuids(200)
    async with Sandbox(time_scale=40.0, subscribers=200) as sandbox:
        own = {"CLIQ_TIME_SCALE": "40", "CLIQ_QUOTA": f"sqlite://{tmp_path}/quota.db"}
        env = environment(sandbox, **own)
        shutil.copy(ROOT / "examples/web_app.py", tmp_path)  # it needs nothing of the checkout
        uvicorn = ("uvicorn", "web_app:app", "--workers", "4", "--port", "0")
        async with program(log, env, *uvicorn, cwd=tmp_path):
            await until(lambda: log.read_text().count("startup complete") == 4, log)
            found = re.search(r"running on (http://[\d.:]+)", log.read_text())
            assert found is not None
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(found[1], connector=connector) as session:

                async def alert(person):
                    body = {"text": "Disk full", "to": [person]}
                    async with session.post("/alerts", json=body) as answer:
                        return person, answer.status, answer.headers.get("Retry-After")

                answers = await asyncio.gather(*map(alert, people))
        got = delivered(sandbox)
        lockouts = sandbox.report()["lockouts"]
    assert lockouts == []
    accepted = {person for person, status, _ in answers if status == 202}
    refused = [(status, again) for _, status, again in answers if status != 202]
    assert got == dict.fromkeys(accepted, 1)
    assert len(accepted) >= 50
    assert refused, "four windows do not pass within two seconds"
    assert {status for status, _ in refused} == {503}
    # What they could wait for, two seconds, and the windows after that, on a busy machine as well.
    assert all(again is not None and re.fullmatch("[1-9]", again) for _, again in refused)


@pytest.mark.parametrize(
    ("body", "faults", "status", "says"),
    [
        ({"text": "x" * 5001}, (), 422, "of 1 to 5000 characters, got 5001"),
        ({"text": ""}, (), 422, "not sent: Message.text"),
        ({"to": []}, (), 422, "not sent: "),
        ({"to": ["1"]}, (), 422, "not sent: send_message: "),
        ({"to": zuids(101)}, (), 422, "not sent: user_ids"),
        ({}, ("throttle-429:1@send_message",), 503, "not sent, too many alerts"),
        ({}, ("lost:1@send_message",), 504, "perhaps sent, not confirmed"),
        ({}, ("500:1@send_message",), 504, "perhaps sent, not confirmed"),
    ],
)
async def test_web_app_says_of_each_failure_whether_the_alert_was_sent(
    body, faults, status, says, monkeypatch
):
    testclient = pytest.importorskip("fastapi.testclient")
    app = import_module("examples.web_app").app
    monkeypatch.setenv("CLIQ_ACCESS_TOKEN", "t")
    monkeypatch.setenv("CLIQ_QUOTA", "memory://")
    with sandbox_in_thread(faults=faults) as sandbox:
        monkeypatch.setenv("CLIQ_BASE_URL", sandbox.url)
        with testclient.TestClient(app, raise_server_exceptions=False) as browser:
            alert = {"text": "Disk full", "to": zuids(1)} | body
            answer = browser.post("/alerts", json=alert)
    assert answer.status_code == status, answer.text
    assert says in answer.json()["status"]
    assert ("Retry-After" in answer.headers) == (status == 503)


async def test_web_app_answers_500_for_what_it_cannot_help(monkeypatch):
    testclient = pytest.importorskip("fastapi.testclient")
    app = import_module("examples.web_app").app
    monkeypatch.setenv("CLIQ_ACCESS_TOKEN", "invalid")
    monkeypatch.setenv("CLIQ_QUOTA", "memory://")
    with sandbox_in_thread() as sandbox:
        monkeypatch.setenv("CLIQ_BASE_URL", sandbox.url)
        with testclient.TestClient(app, raise_server_exceptions=False) as browser:
            answer = browser.post("/alerts", json={"text": "Disk full", "to": zuids(1)})
    assert answer.status_code == 500


async def test_cron_job_that_runs_twice_in_a_row_is_not_locked_out(tmp_path):
    people = zuids(50)
    file = tmp_path / "reminders.csv"
    file.write_text("".join(f'{person},"Your report, please"\n' for person in people))
    log = tmp_path / "log"
    async with Sandbox(time_scale=60.0) as sandbox:
        env = environment(sandbox, CLIQ_QUOTA=f"sqlite://{tmp_path}/quota.db")
        for _ in range(2):
            async with (
                program(log, env, "examples.cron_job", str(file)) as job,
                asyncio.timeout(20),
            ):
                assert await job.wait() == 0, log.read_text()
            assert log.read_text() == "50 sent, 0 not, or not for certain\n"
        got = delivered(sandbox)
        lockouts = sandbox.report()["lockouts"]
    assert lockouts == []
    assert got == dict.fromkeys(people, 2)


async def test_cron_job_says_what_was_not_sent(tmp_path):
    one, two = zuids(2)
    file = tmp_path / "reminders.csv"
    file.write_text(f"{one},Hello\n1,Hello\n{two},Hello\n")
    log = tmp_path / "log"
    async with Sandbox(time_scale=60.0) as sandbox:
        env = environment(sandbox, CLIQ_QUOTA=f"sqlite://{tmp_path}/quota.db")
        async with program(log, env, "examples.cron_job", str(file)) as job, asyncio.timeout(20):
            assert await job.wait() == 1
        got = delivered(sandbox)
    assert "2 sent, 1 not, or not for certain\n1: send_message: " in log.read_text()
    assert got == {one: 1, two: 1}


def test_worker_waits_for_its_first_job_as_long_as_it_takes():
    pool = pytest.importorskip("examples.worker").broker.connection_pool
    assert pool.connection_kwargs["socket_timeout"] is None


async def test_two_workers_of_a_task_queue_share_a_quota_on_its_redis(tmp_path):
    log = tmp_path / "log"
    people = zuids(120)
    worker = "examples.worker"
    with RedisServer() as server:
        async with Sandbox(time_scale=60.0, subscribers=120) as sandbox:
            env = environment(sandbox, REDIS_URL=server.url)
            workers = ("taskiq", "worker", f"{worker}:broker", "--workers", "2")
            async with program(log, env, *workers):
                await until(lambda: log.read_text().count("Listening started") == 2, log)
                handed = tmp_path / "handed"
                async with (
                    program(handed, env, worker, "Hello", *people) as hand_out,
                    asyncio.timeout(20),
                ):
                    assert await hand_out.wait() == 0, handed.read_text()
                await until(lambda: sandbox.report()["delivered"]["total"] >= 120, log)
            got = delivered(sandbox)
            lockouts = sandbox.report()["lockouts"]
    assert lockouts == []
    assert got == dict.fromkeys(people, 1)
    took_part = set(re.findall(r"\[(worker-\d)\].*Executing task notify", log.read_text()))
    assert took_part == {"worker-0", "worker-1"}


# Webhook bots.

UVICORN = ("uvicorn", "--port", "0", "--lifespan", "on")
HYPERCORN = ("hypercorn", "--bind", "127.0.0.1:0")
MOUNTED = {
    "fastapi_app": UVICORN,
    "starlette_app": UVICORN,
    "litestar_app": UVICORN,
    "quart_app": HYPERCORN,
    "django_app": UVICORN,
}


@pytest.mark.parametrize("name", ["bot", *MOUNTED, "aiohttp_app"])
async def test_webhook_bot_answers_in_each_framework(name, tmp_path):
    module = f"examples.webhooks.{name}"
    target = f"{module}:{'bot' if name == 'bot' else 'app'}"
    command = (module,) if name == "aiohttp_app" else (*MOUNTED.get(name, UVICORN), target)
    with bot_server(command, tmp_path / "log", PORT=str(free_port())) as server:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
            said = await post(session, "/cliq", CLIQ.say("hi"))
            chosen = await post(session, "/cliq", CLIQ.choose("Raise ticket"))
            forged = await post(session, "/cliq", CLIQ.say("hi"), **{"X-Cliq-Signature": "AAAA"})
            async with session.head("/cliq") as probe:
                assert probe.status == 200
            async with session.get("/") as home:
                assert ("the app" in await home.text()) == (name != "bot")
        server.terminate()
        assert await server.ended() in STATUSES
        assert "Traceback" not in server.log.read_text()
    assert said == (200, {"output": {"text": "Hi Ann, you said 'hi'"}})
    banner = {"type": "banner", "text": "Ticket raised", "status": "success"}
    assert chosen == (200, {"output": banner})
    assert (forged[0], forged[1]["code"]) == (401, "signature_invalid")


@pytest.mark.parametrize("name", MOUNTED)
async def test_webhook_bot_opens_and_closes_with_the_app(name, monkeypatch):
    monkeypatch.setenv("CLIQ_PUBLIC_KEY", CLIQ.public_key)
    app = import_module(f"examples.webhooks.{name}").app
    bot = import_module("examples.webhooks.bot").bot
    came: asyncio.Queue = asyncio.Queue()
    sent: asyncio.Queue = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    life = asyncio.create_task(app(scope, came.get, sent.put))
    for moment, opened in (("startup", True), ("shutdown", False)):
        await came.put({"type": f"lifespan.{moment}"})
        assert (await sent.get())["type"] == f"lifespan.{moment}.complete"
        assert bot._opened is opened
    await life


# Load.

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
        async with program(log, env, LOAD, *options) as load, asyncio.timeout(20):
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
    assert first.startswith("send_message: Cannot connect to host")


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
