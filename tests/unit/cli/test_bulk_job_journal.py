"""Jobs with a journal on the command line: new, resumed, finished, interrupted."""

import json
import re
from pathlib import Path

import pytest
from support.cli import run
from support.cli_broadcasts import BROADCAST, count
from support.journals import a_url

from cliq_async.cli.text import plural
from cliq_async.sandbox import Sandbox

CALL_MANY = ("call-many", "supportbot", "--text", "hi")
BEGUN = r"begun \d\d:\d\d:\d\d \(\d+ s ago\)"


@pytest.fixture(params=["file", "redis"])
def journal(request, tmp_path):
    return str(tmp_path / "day.journal") if request.param == "file" else a_url()


@pytest.mark.parametrize("job", [BROADCAST, CALL_MANY], ids=["broadcast", "call-many"])
async def test_journal_is_new_then_finished(ids, journal, job):
    async with Sandbox() as sandbox:
        options = (*job, "--to", ids(5), "--journal", journal)
        first = await run(sandbox, *options)
        second = await run(sandbox, *options)
        requests = sum(sandbox.report()["requests"].values())
    assert (first.exit_code, second.exit_code, requests) == (0, 5, 1)
    new, sending = first.stderr.splitlines()[-2:]
    assert new == f"{journal} is a new journal"
    assert sending.startswith("sending to 5 recipients from /")
    warning = second.stderr.splitlines()[-1]
    assert re.fullmatch(
        rf"warning: {re.escape(journal)} is the journal of a finished job "
        rf"\({BEGUN}, 5 recipients done\): nothing is sent; name another journal for a new job",
        warning,
    )


async def test_json_says_that_the_journal_is_finished_and_the_status_is_that_of_the_job(
    ids, journal
):
    async with Sandbox() as sandbox:
        options = (*BROADCAST, "--to", ids(5), "--journal", journal, "--json")
        first, second = [await run(sandbox, *options) for _ in range(2)]
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert json.loads(first.stdout)["journal"] == {"state": "new", "done": 0, "begun": None}
    start = json.loads(second.stdout)["journal"]
    assert (start["state"], start["done"]) == ("finished", 5)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", start["begun"])
    assert "is the journal of a finished job" in second.stderr


async def test_resumed_job_says_how_many_are_left(ids, journal):
    stop = ("--max-wait", "1", "--headroom", "47", "--batch-size", "1")
    async with Sandbox() as sandbox:
        options = (*BROADCAST, "--to", ids(10), "--journal", journal, "--batch-size", "1")
        first = await run(sandbox, *options, *stop)
        done = count(first.stdout, "delivered")
        second = await run(sandbox, *options)
    assert first.exit_code == 3
    assert 0 < done < 10
    left = plural(10 - done, "recipient")
    assert f"\nrun the same command again to go on with {left} left\n" in first.stderr
    resumes, sending = second.stderr.splitlines()[-2:]
    earlier = f"{BEGUN}, {plural(done, 'recipient')} done"
    assert re.fullmatch(rf"{re.escape(journal)} resumes a job \({earlier}\)", resumes)
    assert sending.startswith(f"sending to {10 - done} of 10 recipients from /")
    assert (second.exit_code, count(second.stdout, "delivered")) == (0, 10)


async def test_unknown_recipients_can_be_sent_to_after_the_end(ids, tmp_path):
    journal = str(tmp_path / "day.journal")
    async with Sandbox(faults=["reset:1"]) as sandbox:
        options = (*BROADCAST, "--to", ids(5), "--journal", journal)
        url = {"CLIQ_ACCOUNT": "ops"}
        lost = await run(sandbox, *options, env=url)
        again = await run(sandbox, *options, env=url)
        resent = await run(sandbox, *options, "--resend-unknown", env=url)
    assert (lost.exit_code, again.exit_code, resent.exit_code) == (4, 5, 4)
    assert "; --resend-unknown sends to the 5 unknown\n" in again.stderr
    assert "0 recipients done" in resent.stderr
    assert "sending to 5 of 5 recipients" in resent.stderr


async def test_missing_folder_is_not_created(ids, tmp_path):
    folder = tmp_path / "jurnals"
    async with Sandbox() as sandbox:
        options = ("--to", ids(5), "--journal", str(folder / "day.journal"))
        result = await run(sandbox, *BROADCAST, *options)
        requests = sandbox.report()["requests"]
    assert (result.exit_code, requests) == (1, {})
    assert f"there is no folder {folder}: create it" in result.stderr
    assert not folder.exists()


async def test_password_of_a_server_is_not_printed(ids):
    url = a_url().replace("redis://", "redis://:secret-word@", 1)
    async with Sandbox() as sandbox:
        result = await run(sandbox, *BROADCAST, "--to", ids(5), "--journal", url)
    assert "secret-word" not in result.output
    assert Path(url).name in result.stderr
