"""`cliq quota`: looked at, watched and cleared, without credentials."""

import asyncio
import json
import os
import re
import signal
import sys
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from support.cli import command, invoke, line_with, run, zuids

from cliq_async.cli.commands.quota import _watch
from cliq_async.cli.options import ServerOptions
from cliq_async.cli.outputs import console as output
from cliq_async.config import Settings
from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import QuotaStoreError
from cliq_async.quota.model import Denied, Lane, TokenOutcome
from cliq_async.quota.stores.sqlite import SqliteStore
from cliq_async.sandbox import Sandbox

BASE_URL = "http://127.0.0.1:1"
QUOTAS = Settings(base_url=BASE_URL).quotas()
IDLE = "nothing spent, nothing locked (23 endpoints)\n"


@pytest.fixture
def place(tmp_path):
    """The options that name a server and an empty store."""
    return ("--base-url", BASE_URL, "--quota", f"sqlite://{tmp_path}/quota.db")


@pytest.fixture
async def store(tmp_path):
    """The same store, as another program has it."""
    opened = SqliteStore(tmp_path / "quota.db")
    yield opened
    await opened.close()


@pytest.fixture
def somebody(monkeypatch):
    """Somebody is there to be asked."""
    monkeypatch.setattr("cliq_async.cli.prompts.is_terminal", lambda: True)


async def spend(store, name, number, ending=TokenOutcome.ANSWERED):
    for token in range(number):
        assert isinstance(await store.take(QUOTAS[name], token, lease_s=131.0), float)
        store.end(QUOTAS[name], token, ending)


async def lock(store, name):
    taken_at = await store.take(QUOTAS[name], 1, lease_s=131.0)
    await store.refuse(QUOTAS[name], 1, taken_at=taken_at, wait_s=None)


async def free(store, name):
    (found,) = await store.snapshots([QUOTAS[name]])
    return found.free


def cells(line):
    return re.split(r" {2,}", line)


def test_unused_quota_has_nothing_to_say_unless_one_asks_for_all(place):
    result = invoke("quota", *place)
    assert (result.exit_code, result.stdout, result.stderr) == (0, IDLE, "")
    lines = invoke("quota", *place, "--all").stdout.splitlines()
    assert cells(lines[0]) == ["endpoint", "allowed", "free"]  # the other columns are empty
    assert [cells(line)[0] for line in lines[1:]] == list(ENDPOINTS)


async def test_table_says_what_is_spent_and_locked_and_who_waits(place, store):
    await spend(store, "send_message", 20)
    await spend(store, "associate_channel", 5)
    for queue, lane, waiters in ((1, Lane.INTERACTIVE, 1), (2, Lane.BULK, 2)):
        waiting = await store.take(
            QUOTAS["associate_channel"],
            9,
            lease_s=131.0,
            queue_id=queue,
            lane=lane,
            waiters=waiters,
        )
        assert isinstance(waiting, Denied)
    await lock(store, "list_bots")
    lines = (await asyncio.to_thread(invoke, "quota", *place)).stdout.splitlines()
    rows = {cells(line)[0]: cells(line)[1:] for line in lines[1:]}
    assert set(rows) == {"send_message", "associate_channel", "list_bots"}
    assert rows["send_message"] == ["50", "30"]
    *numbers, following = rows["associate_channel"]
    assert numbers == ["5", "0", "3"]
    assert re.fullmatch(r"\d\d:\d\d:\d\d \(in (1 min|\d\d s)\)", following)
    *numbers, following = rows["list_bots"]
    assert numbers == ["24 of 30", "0"]
    assert re.fullmatch(r"locked until \d\d:\d\d:\d\d \(in 5 min\)", following)


async def test_json_has_every_endpoint_and_moments_in_utc(place, store):
    await spend(store, "associate_channel", 5)
    await lock(store, "list_bots")
    result = await asyncio.to_thread(invoke, "quota", *place, "--json")
    told = json.loads(result.stdout)
    assert list(told) == list(ENDPOINTS)
    assert told["send_message"] == {
        "threshold": 50,
        "capacity": 50,
        "free": 50,
        "next_token_at": None,
        "locked_until": None,
        "waiting": 0,
    }
    now = datetime.now(UTC)
    for text, seconds in (
        (told["associate_channel"]["next_token_at"], 61),
        (told["list_bots"]["locked_until"], 301),
    ):
        at = datetime.fromisoformat(text)
        assert at.utcoffset() == timedelta(0)
        assert seconds - 15 < (at - now).total_seconds() <= seconds


async def test_it_shows_what_a_command_of_the_same_account_has_spent(tmp_path):
    place = {"CLIQ_QUOTA": f"sqlite://{tmp_path}/quota.db", "CLIQ_ACCOUNT": "anna"}
    async with Sandbox() as sandbox:
        sent = await run(sandbox, "send", "supportbot", "hi", "--to", *zuids(1), env=place)
        hers = await run(sandbox, "quota", env=place)
        others = await run(sandbox, "quota", "--account", "ben", env=place)
        moon = await run(sandbox, "quota", "--data-center", "eu", env=place)
        scaled = await run(sandbox, "quota", "--time-scale", "60", env=place)
    assert sent.exit_code == 0
    assert cells(hers.stdout.splitlines()[1]) == ["send_message", "50", "49"]
    assert others.stdout == moon.stdout == scaled.stdout == IDLE


@pytest.mark.parametrize(
    ("options", "title"),
    [
        (("--account", "anna"), "quota of account 'anna' on cliq.zoho.com"),
        (
            ("--base-url", "http://127.0.0.1:1", "--time-scale", "60"),
            "quota of account 'default' on 127.0.0.1:1, time scale 60",
        ),
    ],
)
def test_a_terminal_shows_the_server_the_account_and_the_time_scale(
    monkeypatch, options, title, tmp_path
):
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    result = invoke("quota", "--quota", f"sqlite://{tmp_path}/quota.db", *options)
    assert result.stdout == f"{title}\n{IDLE}"


def test_memory_is_each_process_s_own_and_says_so():
    result = invoke("quota", "--quota", "memory://")
    assert (result.exit_code, result.stdout) == (0, IDLE)
    assert result.stderr.startswith("warning: memory:// is not shared")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("quota", "--json", "--watch"), "give either --json or --watch"),
        (("quota", "--account", "anna", "clear", "--yes"), "put options after 'clear'"),
        (("quota", "--json", "clear"), "put options after 'clear'"),
        (("quota", "--token", "secret"), "there is no option --token"),
        (("quota", "--time-scale", "60"), "--time-scale: 1 for Zoho's own servers"),
        (("quota", "--quota", "nowhere"), "--quota: sqlite:///path"),
        (("quota", "clear", "--yes", "--base-url", "x"), "--base-url: "),
    ],
)
def test_wrong_usage(args, said):
    result = invoke(*args)
    assert result.exit_code == 2
    assert said in result.stderr


def test_store_that_fails_is_a_line(tmp_path):
    (tmp_path / "quota.db").write_text("# my notes\n" * 100)
    place = ("--quota", f"sqlite://{tmp_path}/quota.db")
    for args in (("quota",), ("quota", "--watch"), ("quota", "clear", "--yes")):
        result = invoke(*args, *place)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"error: {tmp_path}/quota.db: ")
        assert result.stderr.count("\n") == 1


# Watching.


async def test_watch_prints_lines_where_there_is_no_terminal_and_ctrl_c_ends_it(place, store):
    await spend(store, "associate_channel", 5)
    await lock(store, "list_bots")
    async with asyncio.timeout(20), command("quota", "--watch", *place) as process:
        assert process.stdout is not None
        line = await line_with("associate_channel", process.stdout)
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    assert (process.returncode, out, err) == (0, b"", b"")
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d list_bots locked until \d\d:\d\d:\d\d; "
        r"associate_channel 0/5 free, next at \d\d:\d\d:\d\d\n",
        line,
    )


async def test_watch_keeps_a_table_up_to_date_on_a_terminal(place, store):
    await spend(store, "send_message", 10)
    ours, theirs = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cliq_async.cli", "quota", "--watch", *place),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(theirs)
    shown = b""

    async def until(pattern):
        nonlocal shown
        while not re.search(pattern, shown):
            shown += await asyncio.to_thread(os.read, ours, 4096)

    try:
        async with asyncio.timeout(20):
            await until(rb"quota of account [^\n]* on [^\n]*\n")
            await until(rb"send_message .* 40 ")
            await spend(store, "send_message", 15)
            await until(rb"send_message .* 25 ")
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)
    assert not re.search(rb"Traceback|interrupted", shown)


SERVER = ServerOptions(
    base_url=BASE_URL, data_center=None, account=None, quota=None, time_scale=None
)


async def test_watch_of_a_store_that_fails_ends_with_its_error(written, monkeypatch):
    looks = 0

    async def broken(_store, quotas):
        nonlocal looks
        looks += 1
        if looks > 2:
            raise QuotaStoreError("the disk is full")
        return await snapshots(_store, quotas)

    snapshots = SqliteStore.snapshots
    monkeypatch.setattr(SqliteStore, "snapshots", broken)
    monkeypatch.setattr(output, "REFRESH_S", 0.0)
    with pytest.raises(QuotaStoreError, match="the disk is full"):
        await _watch(SERVER, every=False)
    assert IDLE.strip() in written.getvalue()


async def test_watch_of_lines_prints_one_for_each_change(monkeypatch, capsys, place, store):
    monkeypatch.setattr(output, "PLAIN_EVERY_S", 0.0)
    server = attrs.evolve(SERVER, quota=place[-1])
    task = asyncio.create_task(_watch(server, every=False))
    shown = ""

    async def until(text):
        nonlocal shown
        while text not in shown:
            await asyncio.sleep(0.01)
            shown += capsys.readouterr().out

    async with asyncio.timeout(20):
        await until(IDLE)
        await spend(store, "send_message", 1)
        await until("send_message 49/50 free")
        await asyncio.sleep(0.1)
    shown += capsys.readouterr().out
    assert [line.split(" ", 1)[1] for line in shown.splitlines()] == [
        IDLE.strip(),
        "send_message 49/50 free",
    ]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# Clearing.


async def test_clearing_without_a_terminal_needs_yes(place, store):
    await spend(store, "send_message", 10)
    result = await asyncio.to_thread(invoke, "quota", "clear", *place)
    assert result.exit_code == 2
    assert result.stderr == (
        "error: not a terminal, so there is no one to confirm: pass --yes to clear the quota\n"
    )
    assert await free(store, "send_message") == 40


@pytest.mark.usefixtures("somebody")
@pytest.mark.parametrize("answer", ["n\n", "\n", "", "clear\n"])
async def test_any_answer_but_yes_clears_nothing(place, store, answer):
    await spend(store, "send_message", 10)
    result = await asyncio.to_thread(invoke, "quota", "clear", *place, stdin=answer)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "if requests were sent in the last minutes, Cliq can lock\n" in result.stderr
    assert "Clear the quota of account 'default' on 127.0.0.1:1? [y/N] " in result.stderr
    assert result.stderr.endswith("not cleared\n")
    assert await free(store, "send_message") == 40


@pytest.mark.usefixtures("somebody")
async def test_yes_clears_all_endpoints_of_one_account(place, store):
    await spend(store, "send_message", 10)
    await lock(store, "list_bots")
    other = await asyncio.to_thread(invoke, "quota", "clear", "--yes", "--account", "ben", *place)
    assert await free(store, "send_message") == 40
    result = await asyncio.to_thread(invoke, "quota", "clear", *place, stdin="y\n")
    assert (result.exit_code, other.exit_code) == (0, 0)
    assert result.stdout == "cleared: account 'default' on 127.0.0.1:1\n"
    assert await free(store, "send_message") == 50
    assert await free(store, "list_bots") == 30
