"""The pages about webhook bots: the guide from an empty folder, and what they say of each event."""

import ast
import asyncio
import inspect
import json
import os
import re
import sys
import time
from contextlib import suppress
from pathlib import Path

import attrs
import pytest
from support.cli import PROXIES, VARIABLES
from support.docs import ROOT, blocks
from support.redis_servers import free_port

from cliq_async.models.function import FUNCTION_PERMISSIONS
from cliq_async.models.handler import PERMISSIONS
from cliq_async.sandbox import Sandbox
from cliq_async.testing import FakeCliq, FakeEvent
from cliq_async.webhooks import Event, Question, Reply, WebhookBot
from cliq_async.webhooks.answers import encode_answer
from cliq_async.webhooks.decoding import _EVENTS, API_NAMES, Envelope, decode_event

GUIDE = ROOT / "docs/webhooks.md"
EVENTS = ROOT / "docs/webhooks-events.md"
TEXT = EVENTS.read_text()

AT_S = 1772443800.0
COMMON = {"name", "unique_name", "type", "response_url", "timestamp"}
COMMON_PARAMS = {"access", "chat", "environment", "user"}


# The guide.


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files of the guide, and an environment without settings."""
    for name in (*VARIABLES, *PROXIES, "CLIQ_PUBLIC_KEY", "BOT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    for code in [*blocks(GUIDE, "python"), *blocks(GUIDE, "toml")]:
        name = re.match(r"# ([\w.]+)\n", code)
        assert name is not None, code
        (tmp_path / name[1]).write_text(code)
    return tmp_path


async def until_it_listens(port):
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.02)


async def shell(folder, script, **env):
    process = await asyncio.create_subprocess_exec(
        *("sh", "-eu", "-c", script),
        cwd=folder,
        env=os.environ | env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_the_tests_of_the_guide_pass(folder):
    (command,) = [code for code in blocks(GUIDE, "sh") if code.startswith("pytest")]
    assert "5 passed" in await shell(folder, command)


async def test_the_bot_of_the_guide_answers_in_a_sandbox(folder):
    pytest.importorskip("uvicorn", reason="the group `examples` is not installed")
    (script,) = [code for code in blocks(GUIDE, "sh") if "public-key" in code]
    (talk,) = [code for code in blocks(GUIDE, "sh") if "cliq user say" in code]
    exports, _, run = script.partition("cliq bots apply\n")
    assert run == "uvicorn bot:bot\n"
    port = free_port()
    async with Sandbox() as sandbox:
        exports = exports.replace("http://127.0.0.1:8080", sandbox.url).replace(":8000", f":{port}")
        exports += "export CLIQ_QUOTA=memory://\n"
        await shell(folder, f"{exports}cliq bots apply --yes")
        with (folder / "log").open("w") as log:
            server = await asyncio.create_subprocess_exec(
                *("sh", "-eu", "-c", f"{exports}exec {run.strip()} --port {port}"),
                cwd=folder,
                stdout=log,
                stderr=log,
            )
        try:
            await until_it_listens(port)
            shown = await shell(folder, exports + talk)
        finally:
            server.terminate()
            await server.wait()
    assert "without a public key" not in (folder / "log").read_text()
    answers = [line for line in shown.splitlines() if "answered in" not in line]
    assert answers == blocks(GUIDE, "text")[0].splitlines()


async def test_the_bot_of_the_guide_is_made_by_either_way(folder):
    (live,) = [code for code in blocks(GUIDE, "sh") if "YOUR-ADDRESS" in code]
    address, apply, serve = live.splitlines()
    assert (apply, serve) == ("cliq bots apply", "uvicorn bot:bot")
    env = {"CLIQ_ACCESS_TOKEN": "token", "CLIQ_QUOTA": "memory://"}
    for make in (f"{address}\n{apply} --yes", f"{address}\npython create_bot.py"):
        async with Sandbox() as sandbox:
            await shell(folder, make, CLIQ_BASE_URL=sandbox.url, **env)
            report = sandbox.report()
        (folder / "cliq.lock").unlink(missing_ok=True)
        assert report["requests"]["create_bot"] == 1
        assert report["requests"]["create_handler"] == 2


def test_messages_in_the_table_of_what_can_go_wrong_are_those_of_the_bot():
    table = GUIDE.read_text().partition("## What can go wrong")[2]
    cells = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
    shown = [text for cell in cells for text in re.findall(r"`([^`]* [^`]*)`", cell)]
    source = (ROOT / "cliq_async/webhooks/bot.py").read_text()
    strings = re.sub(r'"\n\s+"', "", source)
    assert len(shown) == 5
    for text in shown:
        for part in text.replace(" user", "").split("…"):
            assert part.strip() in strings, text


# The events.


def sections():
    """Each event's title, the code that makes it, and its JSON on the page."""
    found = re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    for title, text in found:
        if "FakeCliq()" in text:
            (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
            (shown,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
            yield title, code, json.loads(shown)


def made(code):
    """The value of the last line of a block, which may use what a block before it imports."""
    *first, last = ast.parse(code).body
    names: dict[str, object] = {"FakeCliq": FakeCliq, "Question": Question, "Reply": Reply}
    exec(compile(ast.Module(first, []), "page", "exec"), names)
    assert isinstance(last, ast.Expr)
    return eval(compile(ast.Expression(last.value), "page", "eval"), names)


@pytest.fixture
def at_the_time_of_the_page(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: AT_S)


@pytest.mark.usefixtures("at_the_time_of_the_page")
def test_the_first_event_of_the_page_is_shown_whole():
    event = made(blocks(EVENTS, "python")[0])
    assert event.payload == json.loads(blocks(EVENTS, "json")[0])


@pytest.mark.usefixtures("at_the_time_of_the_page")
@pytest.mark.parametrize(("title", "code", "shown"), list(sections()))
def test_every_event_is_what_fake_cliq_makes(title, code, shown):
    event = made(code)
    assert isinstance(event, FakeEvent)
    payload = {key: value for key, value in event.payload.items() if key not in COMMON}
    params = payload["params"].items()
    payload["params"] = {key: value for key, value in params if key not in COMMON_PARAMS}
    assert payload == shown


@pytest.mark.usefixtures("at_the_time_of_the_page")
def test_table_of_the_events_is_that_of_the_code():
    rows = re.findall(
        r"^\| \[(.+?)\]\(#.+?\) \| `@bot\.(\w+)` \|"
        r" `(\w+)` \| `(\w+)` \| `(\w+)` \| (.+?) \| (\w+) \|$",
        TEXT,
        re.MULTILINE,
    )
    events = {title: made(code) for title, code, _ in sections()}
    assert [row[0] for row in rows] == list(events)
    assert {row[4] for row in rows} == set(PERMISSIONS | FUNCTION_PERMISSIONS) == set(_EVENTS)
    for title, decorator, cls, wire, handler, permissions, url in rows:
        payload = events[title].payload
        assert payload["handler"]["type"] == wire
        assert API_NAMES.get(wire, wire) == handler
        assert tuple(permissions.split(", ")) == (PERMISSIONS | FUNCTION_PERMISSIONS)[handler]
        assert url == ("yes" if "response_url" in payload else "no")
        assert _EVENTS[handler][0].__name__ == cls
        assert callable(getattr(WebhookBot, decorator))


def test_every_attribute_of_an_event_is_in_its_section():
    found = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE))
    common = set(re.findall(r"\w+", found["What all events have"]))
    for title, code, _ in sections():
        cls = _EVENTS[Envelope.of(made(code).payload).handler][0]
        named = set(re.findall(r"\w+", found[title])) | common | {"raw", "client"}
        if title == "Mention" or "of a " in title:  # like the one before it
            continue
        assert {each.alias for each in attrs.fields(cls)} <= named, title


def test_every_event_of_the_page_is_read_without_loss():
    for title, code, shown in sections():
        fake = made(code)
        event = decode_event(Envelope.of(fake.payload), fake[0], None)
        assert isinstance(event, Event)
        assert event.user.first_name == "Ann", title
        assert event.params.keys() >= shown["params"].keys()


def test_every_answer_is_encoded_as_shown():
    answers = TEXT.partition("## The response")[2]
    pairs = re.findall(r"```python\n(.*?)```\s+```json\n(.*?)```", answers, re.DOTALL)
    assert len(pairs) == 5
    for code, shown in pairs:
        assert json.loads(encode_answer(made(code)) or b"") == json.loads(shown)


def test_every_refusal_is_on_the_page():
    source = (ROOT / "cliq_async/webhooks/http.py").read_text()
    codes = set(re.findall(r'_refusal\(\s*(\d+), "(\w+)"', source))
    table = TEXT.partition("## The response")[2]
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", table, re.MULTILINE)
    named = {(status, code) for status, cell in rows for code in re.findall(r"`(\w+)`", cell)}
    assert named == codes


def test_every_setting_of_a_bot_is_in_its_table():
    text = (ROOT / "docs/webhooks-deployment.md").read_text()
    for name, setting in inspect.signature(WebhookBot).parameters.items():
        (default,) = re.findall(rf"^\| `{name}` \| (.*?) \|", text, re.MULTILINE)
        known = {"required": inspect.Parameter.empty, "()": ()}
        value = known[default] if default in known else ast.literal_eval(default.replace(",", ""))
        assert value == setting.default, name
