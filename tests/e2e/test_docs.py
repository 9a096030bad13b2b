"""The documentation is true: what it shows runs, what it names is there, what is there is named."""

import ast
import asyncio
import inspect
import os
import re
import runpy
import shlex
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
import click
import pytest
from support.docs import BLOCK, DOCS, PAGES, ROOT, blocks, ids_of
from support.programs import environment, program, until
from support.redis_servers import free_port

import cliq_async
import cliq_async.webhooks
from cliq_async import ENDPOINTS, CliqClient, MemoryStore, pytest_plugin
from cliq_async.cli.app import cliq
from cliq_async.sandbox import Sandbox
from cliq_async.testing import FakeCliq, sandbox_in_thread

OWN_TEST = {"frameworks.md", "tutorial.md", "webhooks.md"}  # whose blocks are files and commands
WITH_PYTHON = [page for page in DOCS if page.name not in OWN_TEST and blocks(page, "python")]


@pytest.fixture(autouse=True)
def settings_of_the_shell_stay_out(monkeypatch):
    for name in [name for name in os.environ if name.startswith("CLIQ_")]:
        monkeypatch.delenv(name)


# Python.


@contextmanager
def arguments_of(test):
    """What the fixtures of a test are, of those that users have: `cliq_sandbox` alone."""
    marks = {mark.name: mark for mark in getattr(test, "pytestmark", ())}
    node = SimpleNamespace(get_closest_marker=marks.get)
    wanted = set(inspect.signature(test).parameters)
    assert wanted <= {"cliq_sandbox"}
    if not wanted:
        yield {}
        return
    with pytest.MonkeyPatch.context() as patch:
        fixture: Any = pytest_plugin.cliq_sandbox
        sandbox = fixture.__wrapped__(SimpleNamespace(node=node), patch)
        yield {"cliq_sandbox": next(sandbox)}
        assert next(sandbox, None) is None


async def run(code, names):
    """Run a block, with await at the top, and the tests that it defines."""
    compiled = compile(code, "docs", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    known = set(names)
    result = eval(compiled, names)
    if inspect.iscoroutine(result):
        await result
    tests = [name for name in names if name.startswith("test_") and name not in known]
    for name in tests:
        with arguments_of(names[name]) as arguments:
            if inspect.iscoroutinefunction(names[name]):
                await names[name](**arguments)
            else:  # it may want an event loop of its own
                await asyncio.to_thread(names[name], **arguments)
    return tests


@pytest.mark.parametrize("page", WITH_PYTHON, ids=ids_of(WITH_PYTHON))
async def test_blocks_of_a_page_run_one_after_the_other(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if page.name == "web-app.md":
        pytest.importorskip("fastapi", reason="the group `examples` is not installed")
    with sandbox_in_thread(subscribers=120) as sandbox:  # some blocks hold up the event loop
        monkeypatch.setenv("CLIQ_ACCESS_TOKEN", "token")
        monkeypatch.setenv("CLIQ_BASE_URL", sandbox.url)
        monkeypatch.setenv("CLIQ_QUOTA", "memory://")
        monkeypatch.setenv("CLIQ_PUBLIC_KEY", FakeCliq().public_key)
        monkeypatch.setenv("CLIQ_PATH", "secret")
        async with CliqClient("token", base_url=sandbox.url, quota=MemoryStore()) as client:
            names = {"client": client}
            tests = [name for code in blocks(page, "python") for name in await run(code, names)]
        assert sandbox.report()["lockouts"] == []
    written = re.findall(r"^(?:async )?def (test_\w+)", page.read_text(), re.MULTILINE)
    assert tests == written


async def test_program_of_the_readme_works_as_it_stands(monkeypatch, capsys):
    code, _ = blocks(ROOT / "README.md", "python")
    async with Sandbox(subscribers=250) as sandbox:
        monkeypatch.setenv("CLIQ_ACCESS_TOKEN", "readme")
        monkeypatch.setenv("CLIQ_BASE_URL", sandbox.url)
        await asyncio.to_thread(exec, compile(code, "README.md", "exec"), {})
        assert capsys.readouterr().out == "250 0 0 None\n"
        assert sandbox.report()["delivered"]["max_per_recipient"] == 1


async def test_metrics_of_the_grafana_page_can_be_read_after_the_broadcast(tmp_path):
    pytest.importorskip("prometheus_client", reason="the group `docs` is not installed")
    (code,) = blocks(ROOT / "docs/grafana.md", "python")
    port, log = free_port(), tmp_path / "log"
    (tmp_path / "metrics.py").write_text(code.replace("9464", f"{port}"))
    async with Sandbox() as sandbox:
        env = environment(sandbox, CLIQ_QUOTA="memory://")
        async with program(log, env, "metrics", cwd=tmp_path):
            await until(lambda: "100 delivered" in log.read_text(), log)
            url = f"http://127.0.0.1:{port}/metrics"
            async with aiohttp.ClientSession() as session, session.get(url) as answer:
                read = await answer.text()
    assert re.search(r"^cliq_deliveries_total\{.*\} 100\.0$", read, re.MULTILINE)


# The shell.


def command_lines():
    """Each line of a page that runs `cliq`; the page of the command line has a test of its own."""
    for page in PAGES:
        if page.name != "command-line.md":
            for code in blocks(page, "sh"):
                for line in code.replace("\\\n", " ").splitlines():
                    if line.startswith("cliq "):
                        yield page, line


def parse(command, words):
    """Check that there are such a command, such options and such choices, without running it."""
    context = click.Context(command, info_name=command.name)
    alone = isinstance(command, click.Group) and command.invoke_without_command
    if isinstance(command, click.Group) and not (alone and (not words or words[0][0] == "-")):
        assert words, command.name
        name, *rest = words
        found = command.get_command(context, name)
        assert found is not None, name
        return parse(found, rest)
    given, left, _ = command.make_parser(context).parse_args(list(words))
    assert not left
    if command.name == "sandbox" and "--" in words:
        program, *rest = words[words.index("--") + 1 :]
        if program == "cliq":
            parse(cliq, rest)
    for parameter in command.params:
        value = given.get(parameter.name)  # of a type of click's own if there is none
        if isinstance(value, str) and isinstance(parameter.type, click.Choice):
            parameter.type.convert(value, parameter, context)
        there = isinstance(value, str | list | tuple) and len(value) > 0
        assert there or not parameter.required, f"{parameter.name} is missing"
    return command


def test_command_lines_name_commands_and_options_that_exist():
    lines = list(command_lines())
    for page, line in lines:
        words = shlex.split(re.split(r" [|<>&] ?", line)[0], comments=True)
        try:
            parse(cliq, words[1:])
        except (click.ClickException, AssertionError) as error:
            pytest.fail(f"{page.name}: {line}: {error}")
    assert len(lines) > 20


def test_parsing_notices_what_is_not_there():
    for words in (
        "nothing",
        "bots nothing",
        "send b t --nothing",
        "bots get",
        "completion cmd",
        "sandbox -- cliq no",
    ):
        with pytest.raises((click.ClickException, AssertionError)):
            parse(cliq, words.split())


# What is named, and what is there.


def test_endpoint_page_is_what_its_generator_prints():
    script = runpy.run_path(str(ROOT / "docs/endpoints.py"))
    assert (ROOT / "docs/endpoints.md").read_text() == script["page"](), "run `make reference`"


def test_methods_of_the_endpoint_page_are_those_that_call_the_endpoint():
    methods = runpy.run_path(str(ROOT / "docs/endpoints.py"))["METHODS"]
    client = CliqClient("token", quota=MemoryStore())
    found = {name: [] for name in ENDPOINTS}
    for resource in ("bots", "messages", "calls", "functions", "handlers", "subscribers"):
        for name, method in inspect.getmembers(getattr(client, resource), inspect.ismethod):
            for endpoint in set(re.findall(r'ENDPOINTS\["(\w+)"\]', inspect.getsource(method))):
                found[endpoint].append(f"{resource}.{name}")
    assert callable(client.broadcast)
    found["send_message"].append("broadcast")
    assert {name: sorted(each) for name, each in methods.items()} == {
        name: sorted(each) for name, each in found.items()
    }


UNMENTIONED = {
    "Action",  # the base of what buttons do; the pages name each of them
    "BotHandler",  # read off a Bot
    "Card",  # the base of the cards
    "HandlerParam",  # read off a Handler
    "JournalStart",  # read off a report
    "Slide",  # the base of the slides
    "__version__",
}


def test_every_public_name_that_a_reader_needs_is_mentioned():
    pages = [page for page in PAGES if page.parent.name != "api"]
    words = set(re.findall(r"\w+", "".join(page.read_text() for page in pages)))
    assert set(cliq_async.__all__) - words == UNMENTIONED
    assert set(cliq_async.webhooks.__all__) - words == set()


def test_every_setting_is_on_its_page():
    page = (ROOT / "docs/settings.md").read_text()
    for name in inspect.signature(CliqClient).parameters:
        assert f"| `{name}` |" in page


def anchors(page):
    """What can stand behind a `#` in a link to a page."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=ids_of(PAGES))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", BLOCK.sub("", page.read_text())):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        other = page.parent / path if path else page
        assert other.exists(), target
        assert not anchor or anchor in anchors(other), target
