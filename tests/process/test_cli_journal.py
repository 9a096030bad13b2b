"""Broadcasts with a journal from the command line, killed and started again; and dry runs."""

import asyncio
import csv
import io
import json
import os
import random
import signal
import sys

import pytest
from support.cli import SECRET, command, counting, invoke, run, zuids
from support.cli_broadcasts import BROADCAST, count
from support.journals import a_url

from cliq_async.sandbox import Sandbox, user_label

KILLS = int(os.environ.get("CLIQ_TEST_KILLS", "4"))


@pytest.mark.parametrize("on_redis", [False, True])
async def test_job_with_a_journal_is_finished_once(ids, tmp_path, on_redis):
    journal = a_url() if on_redis else str(tmp_path / "job.db")
    options = (*BROADCAST, "--to", ids(250), "--journal", journal)
    async with Sandbox(subscribers=250) as sandbox:
        for status in (0, 5):
            result = await run(sandbox, *options)
            assert result.exit_code == status
            assert result.stdout.startswith("delivered    250\n")
        assert sandbox.report()["delivered"]["max_per_recipient"] == 1
        other = await run(sandbox, *BROADCAST, "--to", ids(240), "--journal", journal)
        assert other.exit_code == 1
        assert "recipients or messages differ" in other.stderr or "recipients make" in other.stderr
    shown = invoke("jobs", "show", journal)
    assert shown.exit_code == 0
    assert "supportbot" in shown.stdout
    summary = json.loads(invoke("jobs", "show", journal, "--json").stdout)
    assert (summary["delivered"], summary["under_way"], summary["job"]["bot"]) == (
        250,
        0,
        "supportbot",
    )


@pytest.mark.parametrize("on_redis", [False, True])
async def test_who_was_not_reached_is_listed_from_the_journal(ids, tmp_path, on_redis):
    journal = a_url() if on_redis else str(tmp_path / "job.db")
    options = (*BROADCAST, "--to", ids(30), "--journal", journal, "--batch-size", "10")
    async with Sandbox(subscribers=30, faults=["reset:1"]) as sandbox:
        result = await run(sandbox, *options)
    assert result.exit_code == 4
    rows = list(
        csv.DictReader(io.StringIO(invoke("jobs", "show", journal, "--outcomes", "csv").stdout))
    )
    assert sorted(row["id"] for row in rows) == sorted(zuids(30))
    assert {row["status"] for row in rows} == {"unknown"}
    lines = invoke("jobs", "show", journal, "--outcomes", "jsonl").stdout.splitlines()
    assert json.loads(lines[0])["status"] == "unknown"
    async with Sandbox(subscribers=30) as sandbox:
        url = {"CLIQ_BASE_URL": sandbox.url}
        refused = await run(sandbox, *options, "--resend-unknown", env=url)
        assert refused.exit_code == 1, "another server is another job"
        assert "another job: its quota" in refused.stderr


async def killed_after(seconds, *args, env):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cliq_async.cli", *args),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(seconds):
            out, _ = await process.communicate()
            return process.returncode, out
    except TimeoutError:
        process.kill()
        await process.wait()
        return None, b""


async def test_killed_again_and_again_it_ends_and_nobody_gets_it_twice(ids, tmp_path):
    """The sandbox's own record is the judge."""
    journal = str(tmp_path / "job.db")
    options = (*BROADCAST, "--to", ids(800), "--journal", journal, "--batch-size", "4")
    options += ("--timeout", "1", "--json", "--yes")
    rng = random.Random(7)
    faults = ["lost:0.02@send_message", "reset:0.02@send_message"]
    async with Sandbox(subscribers=800, time_scale=60, faults=faults, seed=3) as sandbox:
        env = os.environ | {
            "CLIQ_BASE_URL": sandbox.url,
            "CLIQ_ACCESS_TOKEN": SECRET,
            "CLIQ_TIME_SCALE": "60",
            "CLIQ_QUOTA": f"sqlite:///{tmp_path}/quota.db",
        }
        for _ in range(KILLS):
            await killed_after(rng.uniform(0.5, 1.5), *options, env=env)
        status, out = await killed_after(120, *options, env=env)
        judge = sandbox.report(user=user_label(SECRET), recipients=True)
    report = json.loads(out)
    assert judge["lockouts"] == []
    assert judge["delivered"]["max_per_recipient"] == 1
    assert report["delivered"] + report["failed"] + report["unknown"] == 800
    assert status == (4 if report["unknown"] else 0)
    unknown = {each for o in report["outcomes"] if o["status"] == "unknown" for each in o["ids"]}
    assert len(unknown) == report["unknown"]
    reached = set(judge["recipients"])
    assert set(zuids(800)) - reached <= unknown
    assert len(reached - unknown) == report["delivered"]


async def test_dry_run_says_what_would_be_sent_and_sends_nothing(ids):
    async with Sandbox(subscribers=250) as sandbox:
        result = await run(sandbox, *BROADCAST, "--to", ids(6000), "--dry-run", "--limit", "5250")
        assert sandbox.report()["requests"] == {}
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("5,250 recipients from ")
    assert lines[1] == "53 requests in 2 windows of 60 s"
    assert lines[2].startswith("earliest finish ")
    assert "(in 1 min)" in lines[2]
    assert result.stdout.count("POST /bots/supportbot/message") == 3
    assert result.stdout.count('"text": "hi"') == 3
    assert "nothing was sent" in result.stderr


async def test_dry_run_checks_the_bot_and_the_ids(tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text("1\na b\n2\n")
    async with Sandbox() as sandbox:
        wrong = ("broadcast", "a/b", "--text", "hi", "--to", str(path), "--dry-run")
        assert (await run(sandbox, *wrong)).exit_code == 2
        result = await run(sandbox, *BROADCAST, "--to", str(path), "--dry-run")
    assert "1 more would be skipped" in result.stderr
    assert result.stdout.startswith("2 recipients")


async def test_limit_sends_to_the_first_ones_alone(ids):
    async with Sandbox(subscribers=250) as sandbox:
        result = await run(sandbox, *BROADCAST, "--to", ids(250), "--limit", "7", "--json")
        reached = sandbox.report(recipients=True)["recipients"]
    assert json.loads(result.stdout)["delivered"] == 7
    assert sorted(reached) == sorted(zuids(7))


@pytest.mark.parametrize(
    ("answer", "options", "status"), [("n\n", (), 1), ("y\n", (), 0), ("", ("--yes",), 0)]
)
async def test_somebody_is_asked_before_many_are_messaged(
    ids, monkeypatch, answer, options, status
):
    monkeypatch.setattr("cliq_async.cli.bulk_job.is_terminal", lambda: True)
    async with Sandbox(subscribers=1001) as sandbox:
        result = await run(sandbox, *BROADCAST, "--to", ids(1001), *options, stdin=answer)
        requests, url = sandbox.report()["requests"], sandbox.url
    assert result.exit_code == status
    assert (f" as supportbot at {url}? [y/N]" in result.stderr) == (not options)
    assert ("Message 1,001 recipients" in result.stderr) == (not options)
    assert requests == ({} if status else {"send_message": 11})


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((*BROADCAST, "--to", "-", "--resend-unknown"), "--journal"),
        (("jobs", "show", "nowhere.db"), "no such file"),
        (("jobs", "show", "redis://u:p@127.0.0.1:1/0"), "the name is not a number"),
        (("jobs", "show", "redis://u:p@127.0.0.1:1/0/news"), "cannot be used for the journal"),
        ((*BROADCAST, "--to", "-", "--journal", "redis://h/0"), "the name is not a number"),
        (("jobs", "show", "x", "--json", "--outcomes", "csv"), "give either --outcomes or --json"),
        (("jobs", "show", "x", "--all"), "--all needs --outcomes"),
        (("broadcast", "b", "--to", "-"), "give either --text or --message"),
        (("broadcast", "b", "--to", "-", "--text", "{{ a", "--template"), "a Jinja template"),
        (("broadcast", "b", "--to", "-", "--text", "{{ a }}", "--template"), "it is empty"),
        ((*BROADCAST, "--to", "-", "--format", "lines", "--column", "id"), "lines have no columns"),
    ],
)
def test_wrong_use_is_a_line(args, words):
    result = invoke(*args, env={"CLIQ_ACCESS_TOKEN": SECRET})
    assert result.exit_code in {1, 2}
    assert words in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("with_journal", [True, False])
async def test_interrupted_job_says_how_it_goes_on(ids, tmp_path, with_journal):
    arrived = asyncio.Event()
    journal = ("--journal", str(tmp_path / "day.journal")) if with_journal else ()
    async with Sandbox(latency_s=0.6, clock=counting(50, arrived)) as sandbox:
        options = ("--to", ids(60), "--batch-size", "1", "--token", SECRET, *journal)
        async with command(*BROADCAST, *options, "--base-url", sandbox.url) as process:
            await arrived.wait()
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
    assert (process.returncode, count(out.decode(), "delivered")) == (130, 50)
    assert err.decode().splitlines()[-1] == (
        "run the same command again to go on with 10 recipients left"
        if with_journal
        else "not sent to 10 recipients: the same command begins again with the first one; with "
        "--journal FILE it would go on, and --report FILE.csv would list who is left"
    )
