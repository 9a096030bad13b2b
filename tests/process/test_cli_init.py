"""A first bot, from an empty folder: `cliq init`, `cliq sandbox --bot`, `cliq bots apply`."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager

import aiohttp
import pytest
from support.cli import VARIABLES, command, line_with, zuids


@pytest.fixture
def env():
    """An environment as a new user's."""
    return {name: value for name, value in os.environ.items() if name not in VARIABLES}


@pytest.fixture
async def folder(places, monkeypatch, env):
    """The folder of a new bot, in which the commands run."""
    async with command("init", "hello", env=env) as process:
        _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    monkeypatch.chdir("hello")
    return places / "work/hello"


@asynccontextmanager
async def sandbox_process(env, *options):
    """`cliq sandbox` as a process; yields it and its URL when it is ready."""
    async with command("sandbox", "--port", "0", *options, env=env) as process:
        line = await line_with("listening on", process.stdout)
        yield process, line.split()[-1]


async def ended(*args, env):
    async with command(*args, env=env) as process:
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_the_bot_answers_is_reloaded_and_ends_with_ctrl_c(folder, env):
    async with sandbox_process(env, "--bot", "bot:bot") as (process, url):
        line = await line_with("runs as", process.stdout)
        assert line == 'bot:bot runs as hello; write to it: cliq user say hello "hi"\n'
        here = env | {"CLIQ_BASE_URL": url}
        status, out, err = await ended("user", "say", "hello", "hi", env=here)
        assert (status, out) == (0, "James wrote: hi\n")
        assert err.startswith("hello answered in ")
        path = folder / "bot.py"
        path.write_text(path.read_text().replace("wrote", "said"))
        assert await line_with("bot:bot", process.stderr) == "reloaded bot:bot\n"
        assert (await ended("user", "say", "hello", "hi", env=here))[1] == "James said: hi\n"
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")


async def test_a_handler_that_fails_shows_where(folder, env):
    path = folder / "bot.py"
    path.write_text(path.read_text().replace('if event.text == "order"', "if 1 / 0"))
    async with sandbox_process(env, "--bot", "bot:bot") as (process, url):
        await ended("user", "say", "hello", "hi", env=env | {"CLIQ_BASE_URL": url})
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    first, *_, last = err.decode().splitlines()
    assert first.startswith("error: answer failed on an event for message_handler")
    assert last == "ZeroDivisionError: division by zero"
    assert f'File "{path}", line 20, in answer' in err.decode()


async def test_its_test_is_green_with_plain_pytest(folder, env):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest"),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    assert b"1 passed" in out


async def test_a_command_runs_beside_the_bot(folder, env):
    user = (sys.executable, "-m", "cliq_async.cli", "user", "say", "hello", "hi")
    status, out, _ = await ended("sandbox", "--bot", "bot:bot", "--", *user, env=env)
    assert (status, out) == (0, "James wrote: hi\n")


async def test_a_bot_that_cannot_be_imported_ends_the_command(folder, env):
    (folder / "bot.py").write_text("import os\n\nbot = (\n")
    status, out, err = await ended("sandbox", "--port", "0", "--bot", "bot:bot", env=env)
    assert (status, out) == (2, "")
    assert err == (
        "error: --bot: importing bot:bot failed in bot.py, line 3: SyntaxError: '(' was never "
        "closed\n"
    )


@asynccontextmanager
async def uvicorn_process(url, env):
    """The bot on uvicorn, as a process that is ready."""
    address = url.removeprefix("http://").strip("/")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "bot:bot", "--port", address.rpartition(":")[2]),
        env=env | {"PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        await line_with(f"running on http://{address}", process.stderr)
        yield
    finally:
        process.terminate()
        await process.communicate()


def unused_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


async def test_applied_elsewhere_and_on_uvicorn_it_answers_a_thousand_people_at_once(folder, env):
    pytest.importorskip("uvicorn", reason="the group `examples` is not installed")
    asyncio.get_running_loop().set_debug(False)  # thousands of stacks take their time
    url = f"http://127.0.0.1:{unused_port()}/"
    people = zuids(1000)
    async with sandbox_process(env, "--subscribers", "1000") as (_, sandbox):
        there = env | {"CLIQ_BASE_URL": sandbox, "CLIQ_ACCESS_TOKEN": "ann"}
        status, out, err = await ended("bots", "apply", "--yes", env=there | {"BOT_URL": url})
        assert status == 0, out + err
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as session:

            async def get(path):
                async with session.get(f"{sandbox}/sandbox/{path}") as response:
                    return await response.json()

            async def all_post(act, **body):
                async def post(person):
                    form = {"bot": "hello", "user": person, "wait": False} | body
                    async with session.post(f"{sandbox}/sandbox/{act}", json=form) as response:
                        assert response.status < 300, await response.text()

                await asyncio.gather(*map(post, people))

            async with session.get(f"{sandbox}/sandbox/public-key") as response:
                key = await response.text()
            await all_post("subscribe")
            async with uvicorn_process(url, env | {"CLIQ_PUBLIC_KEY": key}):
                await all_post("say", text="hi")
                async with asyncio.timeout(30):
                    while True:
                        deliveries = (await get("deliveries?limit=1000"))["deliveries"]
                        if len(deliveries) == len(people) and all(d["done"] for d in deliveries):
                            break
                        await asyncio.sleep(0.1)
            chats = await asyncio.gather(*(get(f"chat?bot=hello&user={each}") for each in people))
    assert {(each["status"], each["error"], each["skipped"]) for each in deliveries} == {
        (200, None, None)
    }
    assert {each["user"] for each in deliveries} == set(people)
    for chat in chats:
        said, answer = chat["items"]
        assert (said["from"], answer["from"]) == ("person", "bot")
        assert answer["body"]["text"].endswith(" wrote: hi")
