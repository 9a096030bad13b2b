"""The page about Django, Celery, notebooks and AWS Lambda: each block runs in the real thing."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from types import SimpleNamespace

import aiohttp
import pytest
from support.cli import VARIABLES, zuids
from support.docs import ROOT, blocks
from support.programs import environment, program, until
from support.redis_servers import RedisServer, free_port

from cliq_async.sandbox import Sandbox

pytest.importorskip("celery", reason="the group `examples` is not installed")

PAGE = ROOT / "docs/frameworks.md"
FILES = {code.split("\n", 1)[0].removeprefix("# "): code for code in blocks(PAGE, "python")}
SCALE = 60.0
SLOW = 8.0  # a window outlasts fifty tasks
LONG = "x" * 5001


@pytest.fixture
def folder(tmp_path):
    """A folder with the files of the page."""
    for name, code in FILES.items():
        if name.endswith(".py"):
            (tmp_path / name).write_text(code)
    return tmp_path


def settings(folder, sandbox, **more):
    """What points a program at a sandbox, with the default kind of quota."""
    quota = f"sqlite://{folder}/quota.db"
    path = os.pathsep.join([str(ROOT), str(folder)])
    own = {"CLIQ_QUOTA": quota, "PYTHONPATH": path}
    return environment(sandbox, **own | more)


def test_every_block_is_run_here():
    assert list(FILES) == [
        *("alerts.py", "views.py", "asgi.py", "tasks.py", "fast_tasks.py"),
        *("cell 1", "cell 2", "cell 3", "handler.py"),
    ]


# Django.

URLS = """
from django.urls import path
from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt

import views


async def shared(_request):
    from asgi import client

    await client.messages.send("supportbot", "Hi", user_ids=["{person}"])
    return HttpResponse(status=202)


urlpatterns = [
    path("sync", csrf_exempt(views.alert)),
    path("async", csrf_exempt(views.alert_async)),
    path("shared", shared),
]
"""
SETTINGS = 'ROOT_URLCONF = "urls"\nALLOWED_HOSTS = ["*"]\nSECRET_KEY = "x"\n'
WSGI = ("django", "runserver", "--noreload", "--skip-checks")
ASGI = ("uvicorn", "asgi:application", "--lifespan", "on", "--port")


@asynccontextmanager
async def django(folder, sandbox, server):
    """A Django site with the page's views."""
    (person,) = zuids(1)
    (folder / "urls.py").write_text(URLS.replace("{person}", person))
    (folder / "settings.py").write_text(SETTINGS)
    port, log = free_port(), folder / "log"
    env = settings(folder, sandbox, DJANGO_SETTINGS_MODULE="settings")
    async with program(log, env, *server, str(port), cwd=folder):
        await until(
            lambda: re.search("development server at|startup complete", log.read_text()), log
        )
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            yield session
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("server", [WSGI, ASGI], ids=["WSGI", "ASGI"])
async def test_views_of_django_send_one_after_the_other_and_at_once(server, folder):
    people = zuids(9)
    async with Sandbox(time_scale=SCALE) as sandbox:
        async with django(folder, sandbox, server) as session:

            async def alert(view, person, text="Disk full"):
                body = {"text": text, "to": [person]}
                async with session.post(f"/{view}", json=body) as answer:
                    return answer.status

            for view in ("sync", "async"):
                assert await alert(view, people[0]) == 202
            both = [alert(view, person) for view in ("sync", "async") for person in people[1:]]
            assert set(await asyncio.gather(*both)) == {202}
            assert {await alert(view, people[0], LONG) for view in ("sync", "async")} == {422}
        report = sandbox.report(recipients=True)
    assert report["recipients"] == dict.fromkeys(people, 2)
    assert report["lockouts"] == []


async def test_client_of_django_under_asgi_lives_as_long_as_the_server(folder):
    async with Sandbox(time_scale=SCALE) as sandbox:
        async with django(folder, sandbox, ASGI) as session:
            for _ in range(2):
                async with session.get("/shared") as answer:
                    assert answer.status == 202
        assert sandbox.report()["delivered"]["total"] == 2


async def test_view_of_django_says_when_to_come_back(folder):
    async with (
        Sandbox(time_scale=SCALE, faults=["throttle-429:1@send_message"]) as sandbox,
        django(folder, sandbox, WSGI) as session,
    ):
        body = {"text": "Disk full", "to": zuids(1)}
        for view in ("sync", "async"):
            async with session.post(f"/{view}", json=body) as answer:
                assert answer.status == 503
                assert 1 <= int(answer.headers["Retry-After"]) <= 11


# Celery.

QUICK = ("--loglevel=INFO", "--without-mingle", "--without-gossip", "--without-heartbeat")
SEND = """
import sys, {module} as tasks
for person in sys.argv[1:]:
    tasks.notify.delay("Hello", [person])
"""


@pytest.mark.parametrize(
    ("module", "pool", "scale"),
    [
        ("tasks", "prefork", SLOW),
        ("tasks", "threads", SCALE),
        ("fast_tasks", "prefork", SCALE),
        ("fast_tasks", "solo", SCALE),
    ],
)
async def test_workers_of_celery_deliver_everything_once(module, pool, scale, folder):
    people = zuids(60)
    path = folder / "tasks.py"  # ten seconds would be long enough for all of them
    path.write_text(path.read_text().replace("max_wait_s=10.0", "max_wait_s=0.1"))
    log = folder / "log"
    with RedisServer() as server:
        async with Sandbox(time_scale=scale, subscribers=60) as sandbox:
            env = settings(folder, sandbox, REDIS_URL=server.url, CLIQ_TIME_SCALE=f"{scale}")
            worker = ("celery", "-A", module, "worker", "--concurrency=2", *QUICK)
            async with program(log, env, *worker, f"--pool={pool}", cwd=folder):
                await until(lambda: " ready." in log.read_text(), log)
                handed = [sys.executable, "-c", SEND.format(module=module), *people]
                await asyncio.to_thread(subprocess.run, handed, env=env, cwd=folder, check=True)
                await until(lambda: sandbox.report()["delivered"]["total"] >= 60, log)
            report = sandbox.report(recipients=True)
    assert report["lockouts"] == []
    assert report["recipients"] == dict.fromkeys(people, 1)
    assert "retry: Retry at" in log.read_text() or scale != SLOW


# Notebooks.


ASYNCIO_RUN = """
from alerts import send_now
try:
    send_now("Hi", ["1"])
except RuntimeError as error:
    told = str(error)
told
"""


@pytest.fixture
def pointed(folder, monkeypatch):
    """An environment that points kernels at a sandbox."""

    def point(sandbox, **more):
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in settings(folder, sandbox, **more).items():
            monkeypatch.setenv(name, value)

    return point


def notebook(folder, *cells):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(
        made, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    return SimpleNamespace(cells=made.cells, client=client)


def shown(cell):
    return "".join(str(output.get("data", {}).get("text/plain", "")) for output in cell.outputs)


async def test_cells_of_a_notebook_share_a_client(folder, pointed):
    one, two, three = (FILES[f"cell {number}"] for number in (1, 2, 3))
    async with Sandbox(time_scale=SCALE, subscribers=120) as sandbox:
        pointed(sandbox)
        book = notebook(folder, one, two, two, three, ASYNCIO_RUN)
        await book.client.async_execute()
        report = sandbox.report(recipients=True)
    _, first, again, _, told = (shown(cell) for cell in book.cells)
    assert "delivered=120" in first
    assert "state='finished'" in again
    assert "cannot be called from a running event loop" in told
    assert set(report["recipients"].values()) == {1}
    assert len(report["recipients"]) == 120


async def test_cell_that_was_interrupted_goes_on_when_it_runs_again(folder, pointed):
    one, two, three = (FILES[f"cell {number}"] for number in (1, 2, 3))
    two = two.replace("journal=", "batch_size=1, journal=")  # more requests than a window allows
    async with Sandbox(time_scale=SLOW, subscribers=60) as sandbox:
        pointed(sandbox, CLIQ_TIME_SCALE=f"{SLOW}")
        first = notebook(folder, one, two)
        running = asyncio.create_task(first.client.async_execute())
        while sandbox.report()["delivered"]["total"] < 50:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.05)
        await first.client.km.interrupt_kernel()
        with pytest.raises(Exception, match=r"KeyboardInterrupt|CancelledError"):
            await running
        again = notebook(folder, one, two, three)
        await again.client.async_execute()
        report = sandbox.report(recipients=True)
    assert "state='resumed', done=50" in shown(again.cells[1])
    assert report["recipients"] == dict.fromkeys(zuids(60), 1)
    assert report["lockouts"] == []


# AWS Lambda.

INVOKE = """
import json, sys, time, types
import handler
for line in sys.stdin:
    event, left_s = json.loads(line)
    ends = time.monotonic() + left_s
    left_ms = lambda: int(1000 * (ends - time.monotonic()))
    context = types.SimpleNamespace(get_remaining_time_in_millis=left_ms)
    print(json.dumps([handler.handler(event, context), left_ms()]), flush=True)
"""


@asynccontextmanager
async def function(folder, sandbox):
    """The page's function in a process of its own, as a function that invokes it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", INVOKE),
        cwd=folder,
        env=settings(folder, sandbox),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None

    async def invoke(event, left_s=20.0):
        process.send_signal(signal.SIGCONT)
        stdin.write(json.dumps([event, left_s]).encode() + b"\n")
        async with asyncio.timeout(20):
            answer, left_ms = json.loads(await stdout.readline())
        process.send_signal(signal.SIGSTOP)
        assert left_ms > 0, "later than the deadline"
        return answer

    try:
        yield invoke
    finally:
        process.kill()
        await process.communicate()


async def test_function_that_is_frozen_between_invocations_sends(folder):
    event = {"text": "Hi", "to": zuids(1)}
    async with Sandbox(time_scale=SCALE) as sandbox, function(folder, sandbox) as invoke:
        port = int(sandbox.url.rpartition(":")[2])
        assert await invoke(event) == {"status": "sent"}
        assert await invoke(event) == {"status": "sent"}
        assert sandbox.report()["delivered"]["total"] == 2
        await sandbox.__aexit__(None, None, None)  # its connections are cut
        async with Sandbox(time_scale=SCALE, port=port) as other:
            assert await invoke(event) == {"status": "sent"}
            assert other.report()["requests"]["send_message"] == 1


async def test_function_answers_before_its_deadline(folder):
    event = {"text": "Hi", "to": zuids(1)}
    async with (
        Sandbox(time_scale=SCALE, faults=["throttle-429:1@send_message"]) as sandbox,
        function(folder, sandbox) as invoke,
    ):
        for left_s in (6.5, 6.2, 3.0):
            answer = await invoke(event, left_s)
            assert answer["status"] == "not sent"
            assert "retry_at" in answer


async def test_function_does_not_raise_for_what_may_have_been_sent(folder):
    event = {"text": "Hi", "to": zuids(1)}
    async with (
        Sandbox(time_scale=SCALE, faults=["reset:1@send_message"]) as sandbox,
        function(folder, sandbox) as invoke,
    ):
        assert await invoke(event) == {"status": "perhaps sent"}
        assert sandbox.report()["delivered"]["total"] == 1


# What does not work.

FORKED = """
import asyncio, os
from cliq_async import CliqClient

client = CliqClient.from_env()
runner = asyncio.Runner()
runner.run(client.open())
runner.run(client.quota_status())
if os.fork() == 0:
    try:
        asyncio.run(client.messages.send("supportbot", "Hi", user_ids=["1"]))
    except RuntimeError as error:
        print(error, flush=True)
    os._exit(0)
os.wait()
runner.run(client.close())
"""
GREEN = """
import gevent.monkey

gevent.monkey.patch_all()
from alerts import send_now
send_now("Hi", ["1"])
"""


async def output(folder, sandbox, code):
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", code],
        cwd=folder,
        env=settings(folder, sandbox),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


async def test_client_that_was_opened_before_a_fork_says_so(folder):
    async with Sandbox() as sandbox:
        assert "each forked worker, needs a separate client" in await output(
            folder, sandbox, FORKED
        )
        assert "send_message" not in sandbox.report()["requests"]


async def test_green_threads_are_told_by_their_name(folder):
    pytest.importorskip("gevent")
    async with Sandbox() as sandbox:
        said = await output(folder, sandbox, GREEN)
        assert "RuntimeError: gevent has replaced the threads of this process" in said
        assert "send_message" not in sandbox.report()["requests"]
