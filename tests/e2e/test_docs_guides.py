"""The guides: how they open, and their commands, one after the other from an empty folder."""

import os
import shlex
from contextlib import ExitStack

import pytest
from support.cli import run
from support.docs import ROOT, blocks, files, ids_of
from support.logins import CLIENT
from support.redis_servers import RedisServer

from cliq_async.sandbox import Sandbox

NAMES = """send broadcast bots functions calls subscribers web-app webhooks webhooks-answers
    webhooks-security webhooks-deployment webhooks-events cron workers accounts bots-as-code waiting
    tuning errors testing moving-from-requests settings quota"""
GUIDES = [ROOT / f"docs/{name}.md" for name in NAMES.split()]
OWN_TEST = {"webhooks.md", "bots-as-code.md"}
REDIS = "redis://redis.example.com:6379/0"
NOT_RUN = ("pip ", "pytest", "uvicorn ", "sudo ", "chmod ", "docker ", "cliq sandbox ")


def shell_lines(page):
    """The lines of the shell on a page, but for those that need more than a sandbox."""
    text = "".join(blocks(page, "sh")).replace("\\\n", " ")
    return [line for line in text.splitlines() if not line.startswith(NOT_RUN)]


WITH_SHELL = [page for page in GUIDES if page.name not in OWN_TEST and shell_lines(page)]


@pytest.mark.parametrize("page", WITH_SHELL, ids=ids_of(WITH_SHELL))
async def test_commands_of_a_guide_work_in_an_empty_folder(page, tmp_path, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for name, text in files(page).items():
        (folder / name).write_text(text)
    env = CLIENT | {"BOT_URL": "https://example.com/cliq"}
    places = {"/var/lib/cliq": str(tmp_path)}
    with ExitStack() as stack:
        if REDIS in page.read_text():
            server = stack.enter_context(RedisServer(("--appendonly", "yes")))
            places[REDIS] = server.url
        async with Sandbox(subscribers=40) as sandbox:
            env["CLIQ_ACCOUNTS_URL"] = sandbox.url
            for number, line in enumerate(shell_lines(page)):
                for there, here in places.items():
                    line = line.replace(there, here)
                await run_line(sandbox, line, env, f"1000.code-{number}\n")
            report = sandbox.report()
    assert report["lockouts"] == []


async def run_line(sandbox, line, env, code):
    """Run one line; `env` is changed by `export`."""
    words, _, file = line.partition(" > ")
    for name, value in (os.environ | env).items():
        words = words.replace(f"${name}", value)
    program, *args = shlex.split(words)
    if program == "export":
        env |= dict(each.split("=", 1) for each in args)
        return
    assert program == "cliq", line
    stdin = {"stdin": code} if args[:2] == ["auth", "login"] else {}
    result = await run(sandbox, *args, env=env, **stdin)
    if "--allow-unknown" in args:  # the sandbox knows the documented fields alone
        assert "extra_key_found" in result.stderr, result.stderr
        return
    assert result.exit_code == 0, (line, result.stderr)
    if file:
        with open(file, "wb") as written:  # noqa: ASYNC230, PTH123 - a few bytes
            written.write(result.stdout_bytes)
