"""The examples run for real: several processes, a sandbox that counts, and nobody is locked out."""

import asyncio
import re
import shutil
import subprocess
from importlib import import_module
from importlib.util import find_spec

import aiohttp
import pytest
from support.cli import zuids
from support.docs import blocks
from support.programs import ROOT, environment, program, until
from support.redis_servers import RedisServer, free_port
from support.webhook_servers import CLIQ, STATUSES, bot_server, post

from cliq_async.sandbox import Sandbox
from cliq_async.testing import sandbox_in_thread

pytestmark = pytest.mark.skipif(
    find_spec("fastapi") is None, reason="the group `examples` is not installed"
)


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


async def test_web_app_answers_curl_as_its_page_shows(tmp_path):
    page = ROOT / "docs/web-app.md"
    (curl,) = [code for code in blocks(page, "sh") if code.startswith("curl ")]
    (tmp_path / "web_app.py").write_text("\n".join(blocks(page, "python")))
    log = tmp_path / "log"
    async with Sandbox() as sandbox:
        env = environment(sandbox, CLIQ_QUOTA=f"sqlite://{tmp_path}/quota.db")
        async with program(log, env, "uvicorn", "web_app:app", "--port", "0", cwd=tmp_path):
            await until(lambda: "running on" in log.read_text(), log)
            found = re.search(r"running on (http://[\d.:]+)", log.read_text())
            assert found is not None
            done = await asyncio.to_thread(
                subprocess.run,
                ["sh", "-eu", "-c", curl.replace("http://127.0.0.1:8000", found[1])],
                capture_output=True,
                text=True,
                check=True,
            )
        assert delivered(sandbox) == {"55743307": 1}
    assert [done.stdout] == blocks(page, "text")


@pytest.mark.parametrize(
    ("body", "faults", "status", "says"),
    [
        ({"text": "x" * 5001}, (), 422, "of 1 to 5,000 characters, got 5001"),
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
