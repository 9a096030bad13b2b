"""The guides: how they open, and their commands, one after the other from an empty folder."""

import os
import re
import shlex
from contextlib import ExitStack

import pytest
from support.cli import run
from support.docs import ROOT, blocks, ids_of, steps
from support.logins import CLIENT
from support.redis_servers import RedisServer

from cliq_async.sandbox import Sandbox

NAMES = """send broadcast bots functions calls subscribers web-app webhooks webhooks-answers
    webhooks-security webhooks-deployment webhooks-events cron workers accounts bots-as-code waiting
    tuning errors testing moving-from-requests settings quota"""
GUIDES = [ROOT / f"docs/{name}.md" for name in NAMES.split()]
OWN_TEST = {"webhooks.md", "bots-as-code.md"}  # of their commands
REDIS = "redis://redis.example.com:6379/0"
NOT_RUN = ("pip ", "pytest", "uvicorn ", "sudo ", "chmod ", "docker ", "curl ", "cliq sandbox ")


@pytest.mark.parametrize("page", GUIDES, ids=ids_of(GUIDES))
def test_guide_says_what_it_is_for_and_begins_with_code(page):
    text = re.sub(r"<!--.*?-->\n\n", "", page.read_text(), flags=re.DOTALL)
    title, opening, *_ = text.split("\n\n")
    assert re.fullmatch("# .+", title)
    assert re.match(r"[A-Z`]", opening), "a sentence"
    assert len(re.findall(r"[.:](?:\s|$)", opening)) <= 3
    before_code, _, _ = text.partition("```")
    assert not re.search(r"^(?:##|[-|] ?)", before_code, re.MULTILINE), "code comes first"


def shell_lines(code):
    """The lines of a block, but for those that need more than a sandbox."""
    lines = code.replace("\\\n", " ").splitlines()
    return [line for line in lines if not line.startswith(NOT_RUN)]


WITH_SHELL = [page for page in GUIDES if page.name not in OWN_TEST and blocks(page, "sh")]


@pytest.mark.parametrize("page", WITH_SHELL, ids=ids_of(WITH_SHELL))
async def test_commands_of_a_guide_work_in_an_empty_folder(page, tmp_path, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    env = CLIENT | {"BOT_URL": "https://example.com/cliq"}
    places = {"/var/lib/cliq": str(tmp_path)}
    with ExitStack() as stack:
        if REDIS in page.read_text():
            server = stack.enter_context(RedisServer(("--appendonly", "yes")))
            places[REDIS] = server.url
        async with Sandbox(subscribers=40) as sandbox:
            env["CLIQ_ACCOUNTS_URL"] = sandbox.url
            for kind, code, file in steps(page):
                if file is not None:
                    (folder / file).write_text(code)
                for line in shell_lines(code) if kind == "sh" else ():
                    here = re.sub("|".join(places), lambda there: places[there[0]], line)
                    await run_line(sandbox, here, env)
            report = sandbox.report()
    assert report["lockouts"] == []


async def run_line(sandbox, line, env):
    """Run one line; `env` is changed by `export`."""
    words, _, file = line.partition(" > ")
    for name, value in (os.environ | env).items():
        words = words.replace(f"${name}", value)
    program, *args = shlex.split(words)
    if program == "export":
        env |= dict(each.split("=", 1) for each in args)
        return
    assert program == "cliq", line
    stdin = {"stdin": "1000.code\n"} if args[:2] == ["auth", "login"] else {}
    result = await run(sandbox, *args, env=env, **stdin)
    if "--allow-unknown" in args:  # the sandbox knows the documented fields alone
        assert "extra_key_found" in result.stderr, result.stderr
        return
    assert result.exit_code == 0, (line, result.stderr)
    if file:
        with open(file, "wb") as written:  # noqa: ASYNC230, PTH123 - a few bytes
            written.write(result.stdout_bytes)
