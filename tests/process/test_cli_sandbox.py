import asyncio
import errno
import json
import os
import pty
import re
import signal
import sys
from pathlib import Path

import aiohttp
import pytest
from support.cli import command, invoke

from cliq_async.sandbox import Sandbox


async def test_the_first_line_says_where_it_listens_and_the_last_ones_what_came():
    options = ("--port", "0", "--time-scale", "60", "--subscribers", "3", "--penalize")
    async with command("sandbox", *options, "--fault", "throttle-429:1@list_bots") as process:
        assert process.stdout
        lines = [(await process.stdout.readline()).decode().strip() for _ in range(5)]
        url = lines[0].removeprefix("listening on ")
        async with aiohttp.ClientSession(headers={"Authorization": "Bearer x"}) as session:
            async with session.get(f"{url}/api/v3/bots/supportbot/subscribers") as answer:
                assert len((await answer.json())["data"]) == 3
            async with session.get(f"{url}/api/v3/bots") as answer:
                assert answer.status == 429
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    assert lines[1:] == [
        f"export CLIQ_BASE_URL={url}",
        "export CLIQ_ACCESS_TOKEN=anything",
        "export CLIQ_TIME_SCALE=60",
        f"open {url}/ in a browser",
    ]
    report = b"2 requests, 1 lockout\n  list_bots 1\n  list_subscribers 1\n"
    assert (process.returncode, out, err) == (0, report, b"")


async def test_hosts_are_allowed_by_name():
    options = ("--port", "0", "--allow-host", "one", "--allow-host", "two")
    async with command("sandbox", *options) as process:
        assert process.stdout
        url = (await process.stdout.readline()).decode().strip().removeprefix("listening on ")
        statuses = {}
        async with aiohttp.ClientSession(headers={"Authorization": "Bearer x"}) as session:
            for host in ("one:80", "two", "three"):
                async with session.get(f"{url}/api/v3/bots", headers={"Host": host}) as answer:
                    statuses[host] = answer.status
    assert statuses == {"one:80": 200, "two": 200, "three": 421}
    wrong = await asyncio.to_thread(invoke, "sandbox", "--allow-host", "a:1")
    assert wrong.exit_code == 2


async def test_a_port_that_is_taken_fails():
    async with Sandbox() as sandbox:
        port = sandbox.url.rpartition(":")[2]
        result = await asyncio.to_thread(invoke, "sandbox", "--port", port)
    assert result.exit_code == 1
    where = f"127.0.0.1:{port}: Address already in use"
    assert result.stderr == f"error: cannot listen on {where}; pass another --port\n"


async def test_the_state_is_kept_in_a_file(tmp_path):
    path = tmp_path / "cliq.json"
    for count in (1, 2):
        options = ("--port", "0", "--state", str(path), "--bots", str(count))
        async with command("sandbox", *options) as process:
            assert process.stdout
            url = (await process.stdout.readline()).decode().strip().removeprefix("listening on ")
            async with aiohttp.ClientSession(headers={"Authorization": "Bearer x"}) as session:
                form = {"name": f"Bot {count}", "description": "d"}
                async with session.post(f"{url}/api/v3/bots", json=form) as answer:
                    assert answer.status == 200
                async with session.get(f"{url}/api/v3/bots") as answer:
                    assert len((await answer.json())["data"]) == 1 + count
            process.send_signal(signal.SIGTERM)
            await process.communicate()
        assert process.returncode == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{}", "is damaged or not the state of a sandbox"),
        (
            '{"format": "cliq-sandbox", "version": 9}',
            "was written by a later version of cliq_async: upgrade it",
        ),
    ],
)
def test_a_file_that_is_no_state_is_wrong_usage(tmp_path, content, reason):
    path = tmp_path / "cliq.json"
    path.write_text(content)
    result = invoke("sandbox", "--state", str(path))
    assert (result.exit_code, result.stderr) == (2, f"error: {path} {reason}\n")
    assert path.read_text() == content


def test_a_state_that_cannot_be_kept_fails(tmp_path):
    path = tmp_path / "nowhere" / "cliq.json"
    result = invoke("sandbox", "--state", str(path))
    assert result.exit_code == 1
    assert result.stderr == f"error: cannot save the state in {path}: No such file or directory\n"


def test_a_state_that_could_not_be_kept_fails(tmp_path, monkeypatch):
    path = tmp_path / "cliq.json"

    async def fail(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("cliq_async.cli.commands.sandbox.serve", fail)
    result = invoke("sandbox", "--state", str(path))
    assert result.exit_code == 1
    assert result.stderr == f"error: cannot save the state in {path}: No space left on device\n"


def test_a_host_that_does_not_exist_fails():
    result = invoke("sandbox", "--host", "nowhere.invalid", "--port", "0")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: cannot listen on nowhere.invalid:0: ")


@pytest.mark.parametrize(
    "options",
    [
        ("--fault", "rain:1"),
        ("--fault", "lost:2"),
        ("--fault", "no-recipient:1@list_bots"),
        ("--scopes", "everything"),
        ("--algorithm", "magic"),
        ("--time-scale", "nan"),
        ("--port", "70000"),
    ],
)
def test_a_wrong_option_is_wrong_usage(options):
    assert invoke("sandbox", *options).exit_code == 2


# With a command.

SAY = "import os; print(*sorted(f'{k}={v}' for k, v in os.environ.items() if k[:5] == 'CLIQ_'))"


async def test_a_command_finds_the_sandbox_and_nobodys_account(monkeypatch):
    monkeypatch.setenv("CLIQ_PROFILE", "ann")
    monkeypatch.setenv("CLIQ_REFRESH_TOKEN", "1000.real")
    code = f"{SAY}; raise SystemExit(7)"
    options = ("--time-scale", "60", "--", sys.executable, "-c", code)
    async with command("sandbox", *options) as process:
        out, err = await process.communicate()
    found = dict(each.split("=", 1) for each in out.decode().split())
    assert process.returncode == 7
    assert err == b"0 requests, 0 lockouts\n"
    assert set(found) == {
        "CLIQ_ACCESS_TOKEN",
        "CLIQ_ACCOUNTS_URL",
        "CLIQ_ALLOW_HTTP",
        "CLIQ_BASE_URL",
        "CLIQ_QUOTA",
        "CLIQ_TIME_SCALE",
    }
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", found["CLIQ_BASE_URL"])
    assert found["CLIQ_TIME_SCALE"] == "60"
    quota = Path(found["CLIQ_QUOTA"].removeprefix("sqlite://"))
    assert quota.is_absolute()
    assert not quota.parent.exists()


async def test_a_command_has_the_scopes_and_keys_that_are_allowed():
    body = '{"text": "hi", "user_ids": "55743307", "priority": "high"}'
    code = (
        "import os, urllib.request as r, urllib.error as e\n"
        "def status(path, data):\n"
        "    url = os.environ['CLIQ_BASE_URL'] + '/api/v3/bots' + path\n"
        "    headers = {'Authorization': 'Bearer x', 'Content-Type': 'application/json'}\n"
        "    try: return r.urlopen(r.Request(url, data, headers)).status\n"
        "    except e.HTTPError as error: return error.code\n"
        f"print(status('', None), status('/supportbot/message', {body.encode()}))"
    )
    options = ("--scopes", "ZohoCliq.Webhooks.CREATE", "--allow-unknown")
    async with command("sandbox", *options, "--", sys.executable, "-c", code) as process:
        out, _ = await process.communicate()
    assert out == b"403 204\n"


async def test_processes_of_a_command_share_the_quota():
    send = f"{sys.executable} -m cliq_async.cli send supportbot Hi --to 55743307"
    script = f"{send} & {send}; wait; {sys.executable} -m cliq_async.cli quota --json"
    async with command("sandbox", "--", "sh", "-c", script) as process:
        out, err = await process.communicate()
    assert process.returncode == 0, err
    quota = json.loads(out[out.index(b"{") :])
    assert quota["send_message"]["free"] == 48
    assert err == b"2 requests, 0 lockouts, delivered to 1 recipient\n  send_message 2\n"


async def test_a_command_that_is_killed_says_by_what_signal():
    async with command("sandbox", "--", "sh", "-c", "kill -9 $$") as process:
        await process.communicate()
    assert process.returncode == 128 + signal.SIGKILL


@pytest.fixture
def pair_of_terminal():
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_reaches_the_command_which_has_time_to_end(number, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    script = f"trap 'echo bye; exit 3' TERM; echo ready; read -r _ < {tmp_path}/fifo"
    async with command("sandbox", "--", "sh", "-c", script) as process:
        assert process.stdout
        assert await process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        out, _ = await process.communicate()
    assert (process.returncode, out) == (3, b"bye\n")


async def test_ctrl_c_of_a_terminal_is_for_the_command_alone(tmp_path, pair_of_terminal):
    os.mkfifo(tmp_path / "fifo")
    script = f"echo ready; read -r _ < {tmp_path}/fifo; exit 4"
    _, terminal = pair_of_terminal
    async with command("sandbox", "--", "sh", "-c", script, stdin=terminal) as process:
        assert process.stdout
        await process.stdout.readline()
        process.send_signal(signal.SIGINT)  # the terminal gives the command one as well
        await asyncio.to_thread((tmp_path / "fifo").write_text, "go on\n")
        await process.communicate()
    assert process.returncode == 4


def test_a_command_that_does_not_exist_cannot_be_run():
    result = invoke("sandbox", "--", "nowhere-to-be-found")
    assert result.exit_code == 127
    assert result.stderr == "error: cannot run nowhere-to-be-found: No such file or directory\n"
