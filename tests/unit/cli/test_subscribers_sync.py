"""`cliq subscribers sync`: what it says of each bot, and how it ends."""

import json
import sqlite3
from contextlib import closing

import pytest
from support.cli import SECRET, invoke, run, zuids
from support.subscriber_lists import listed

from cliq_async.cli.outputs import console as output
from cliq_async.sandbox import Sandbox

SYNC = ("subscribers", "sync")
NOWHERE = ("--token", SECRET, "--base-url", "http://127.0.0.1:1")


async def test_a_table_says_what_was_done_for_each_bot(path):
    async with Sandbox(bots=2, subscribers=120) as sandbox:
        bots = ("supportbot", "helperbot2")
        first = await run(sandbox, *SYNC, *bots, "--into", str(path))
        sandbox.subscribe("supportbot", 7)
        sandbox.unsubscribe("supportbot", 55743307)
        later = await run(sandbox, *SYNC, *bots, "--into", str(path))
        full = await run(sandbox, *SYNC, "supportbot", "--into", str(path), "--full")
    assert (first.exit_code, first.stderr) == (0, "")
    header = ["bot", "sync", "new", "changed", "left", "present", "pages"]
    assert cells(first) == [
        header,
        ["supportbot", "full", "120", "0", "0", "120", "3"],
        ["helperbot2", "full", "120", "0", "0", "120", "3"],
    ]
    assert cells(later)[1:] == [
        ["supportbot", "incremental", "1", "0", "0", "121", "1"],
        ["helperbot2", "incremental", "0", "0", "0", "120", "1"],
    ]
    assert cells(full)[1:] == [["supportbot", "full", "0", "0", "1", "120", "3"]]
    assert listed(path, "supportbot") == sorted([*zuids(120)[1:], "7"])


def cells(result):
    return [line.split() for line in result.stdout.splitlines()]


async def test_json_has_all_that_the_report_has(path):
    async with Sandbox(subscribers=60) as sandbox:
        args = (*SYNC, "supportbot", "nobot", "--into", str(path), "--json")
        result = await run(sandbox, *args)
    assert result.exit_code == 4
    good, bad = json.loads(result.stdout)
    assert good == {
        "bot": "supportbot",
        "kind": "full",
        "new": 60,
        "changed": 0,
        "left": 0,
        "present": 60,
        "pages": 2,
        "resumed": False,
        "note": "",
        "error": None,
    }
    assert (bad["bot"], bad["present"]) == ("nobot", 0)
    assert "bot_not_found" in bad["error"]


async def test_a_bot_that_fails_is_a_line_and_the_status_says_partly(path):
    async with Sandbox(subscribers=60) as sandbox:
        partly = await run(sandbox, *SYNC, "nobot", "supportbot", "--into", str(path))
        failed = await run(sandbox, *SYNC, "nobot", "noother", "--into", str(path))
    assert partly.exit_code == 4
    assert len(cells(partly)) == 2
    assert partly.stderr.startswith("error: nobot: list_subscribers: ")
    assert (failed.exit_code, failed.stdout, failed.stderr.count("\n")) == (1, "", 2)


async def test_what_stops_all_is_a_line(path):
    async with Sandbox() as sandbox:
        result = await run(sandbox, *SYNC, "supportbot", "--into", str(path), "--token", "invalid")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.startswith("error: list_subscribers: ")


async def test_an_expired_sync_token_is_said(path):
    async with Sandbox(subscribers=60) as sandbox:
        await run(sandbox, *SYNC, "supportbot", "--into", str(path))
        with closing(sqlite3.connect(path)) as conn, conn:
            conn.execute("UPDATE bot SET sync_token = 'x'")
        result = await run(sandbox, *SYNC, "supportbot", "--into", str(path))
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: supportbot: Cliq did not accept the sync_token: ")
    assert cells(result)[1][:2] == ["supportbot", "full"]


async def test_where_nothing_moves_lines_say_how_far_it_is(path, monkeypatch):
    monkeypatch.setattr(output, "PLAIN_EVERY_S", 0.0)
    monkeypatch.setattr("cliq_async.cli.outputs.listing.PATIENCE_S", 0.0)
    async with Sandbox(subscribers=520, bots=2) as sandbox:
        one = await run(sandbox, *SYNC, "supportbot", "--into", str(path))
        two = await run(sandbox, *SYNC, "supportbot", "helperbot2", "--full", "--into", str(path))
    assert "50 subscribers in 1 page, 0." in one.stderr
    assert " pages, 0 of 2 bots done, " in two.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (SYNC, "BOT is missing"),
        ((*SYNC, "supportbot"), "--into is missing"),
        ((*SYNC, "a/b", "--into", "/nowhere/x"), "error: BOT: a non-empty text"),
        ((*SYNC, "supportbot", "--into", "/"), "is a directory"),
    ],
)
def test_wrong_usage_is_named(args, said):
    result = invoke(*args, *NOWHERE)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_file_that_cannot_be_used_is_a_line(tmp_path):
    path = tmp_path / "people.db"
    path.write_text("my notes, which are long enough to be taken for a database, or so" * 20)
    result = invoke(*SYNC, "supportbot", "--into", str(path), *NOWHERE)
    assert result.exit_code == 1
    assert f"error: {path}: the list of subscribers is damaged, or of another" in result.stderr
