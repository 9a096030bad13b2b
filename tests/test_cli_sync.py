"""`cliq subscribers sync`, and what reads its file: the export, and whatever takes recipients."""

import asyncio
import csv
import io
import json
import os
import sqlite3
from contextlib import closing

import click
import pytest
from spoiled_files import foreign
from subscribing import Cliq, listed, selected
from test_cli import SECRET, invoke, run, zuids

from cliq_async.cli import output
from cliq_async.cli.failures import Failure
from cliq_async.cli.recipients import RecipientFile
from cliq_async.sandbox import Sandbox, user_label

SYNC = ("subscribers", "sync")
EXPORT = ("subscribers", "export")
NOWHERE = ("--token", SECRET, "--base-url", "http://127.0.0.1:1")


# Sync.


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
    assert result.stderr.startswith("warning: supportbot: Cliq did not take its sync token: ")
    assert cells(result)[1][:2] == ["supportbot", "full"]


async def test_where_nothing_moves_lines_say_how_far_it_is(path, monkeypatch):
    monkeypatch.setattr(output, "PLAIN_EVERY_S", 0.0)
    monkeypatch.setattr("cliq_async.cli.listing.PATIENCE_S", 0.0)
    async with Sandbox(subscribers=520, bots=2) as sandbox:
        one = await run(sandbox, *SYNC, "supportbot", "--into", str(path))
        two = await run(sandbox, *SYNC, "supportbot", "helperbot2", "--full", "--into", str(path))
    assert "50 subscribers in 1 page, 0." in one.stderr
    assert " pages, 0 of 2 bots done, " in two.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (SYNC, "Missing argument 'BOT...'"),
        ((*SYNC, "supportbot"), "Missing option '--into'"),
        ((*SYNC, "a/b", "--into", "/nowhere/x"), "error: BOT: a non-empty str"),
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


# Export.


@pytest.fixture
async def synced(path):
    """A file of two bots, with somebody who has left each of them, and both."""
    cliq = Cliq.of(5, "ops", "hr")
    cliq.put("hr", "7")
    await cliq.sync(path, ["ops", "hr"])
    for bot, user in (("ops", "100"), ("ops", "101"), ("hr", "101"), ("hr", "102")):
        cliq.drop(bot, user)
    await cliq.sync(path, ["ops", "hr"], full=True)
    return path


def exported(*args):
    result = invoke(*EXPORT, *args)
    assert result.exit_code == 0, result.stderr
    return result


@pytest.mark.parametrize(
    ("args", "ids"),
    [
        ((), ["100", "102", "103", "104", "7"]),
        (("--bot", "ops"), ["102", "103", "104"]),
        (("hr",), ["100", "103", "104", "7"]),
    ],
)
def test_an_export_from_the_file_has_who_is_there_and_needs_no_credentials(synced, args, ids):
    result = exported("--from", str(synced), *args)
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["user_id"] for row in rows] == ids
    assert list(rows[0]) == ["user_id", "name", "email_id"]
    assert result.stderr == f"{len(ids)} subscribers written to standard output\n"


def test_an_export_from_the_file_is_the_same_as_from_cliq(tmp_path):
    async def both():
        async with Sandbox(subscribers=60) as sandbox:
            await run(sandbox, *SYNC, "supportbot", "--into", str(tmp_path / "people.db"))
            return [
                await run(sandbox, *EXPORT, "supportbot", "--format", form)
                for form in ("csv", "jsonl")
            ]

    for form, result in zip(("csv", "jsonl"), asyncio.run(both()), strict=True):
        output = tmp_path / f"people.{form}"
        exported("--from", str(tmp_path / "people.db"), "--output", str(output))
        lines = result.stdout.splitlines()
        assert sorted(output.read_text().splitlines()) == sorted(lines)


def test_all_has_who_has_left_too_and_when(synced):
    lines = exported("--from", str(synced), "--all", "--format", "jsonl").stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 11
    gone = [(row["bot"], row["user_id"]) for row in rows if "left" in row]
    assert gone == [("hr", "101"), ("hr", "102"), ("ops", "100"), ("ops", "101")]
    assert set(rows[0]) == {"user_id", "name", "email_id", "bot", "first_seen", "last_seen"}
    query = "SELECT first_seen FROM subscriber WHERE bot = 'hr' AND user_id = '100'"
    assert selected(synced, query) == [(rows[0]["first_seen"],)]
    table = exported("--from", str(synced), "--all", "--bot", "ops").stdout.splitlines()
    assert table[0] == "user_id,name,email_id,bot,first_seen,last_seen,left"
    assert len(table) == 6


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "Missing argument 'BOT'"),
        (("ops", "--all"), "--bot and --all are for --from"),
        (("--bot", "ops"), "--bot and --all are for --from"),
        (("ops", "--bot", "hr", "--from", "FILE"), "exclude each other"),
        (("nobot", "--from", "FILE"), "no subscribers of nobot, but of hr, ops"),
        (("--from", "/nowhere.db"), "does not exist"),
    ],
)
def test_what_is_wrong_with_an_export_is_named(synced, args, said):
    result = invoke(*EXPORT, *(str(synced) if arg == "FILE" else arg for arg in args), *NOWHERE)
    assert result.exit_code == 2
    assert said in result.stderr


def test_an_export_of_what_is_no_list_leaves_what_was_there(tmp_path):
    source, target = tmp_path / "notes.txt", tmp_path / "people.csv"
    source.write_text("my notes" * 200)
    target.write_text("before")
    result = invoke(*EXPORT, "--from", str(source), "--output", str(target))
    assert result.exit_code == 2
    assert "damaged, or of another program" in result.stderr
    assert target.read_text() == "before"


# Recipients.


async def test_a_broadcast_reaches_those_who_are_there_each_once(path):
    async with Sandbox(bots=2, subscribers=120) as sandbox:
        sandbox.subscribe("helperbot2", 7)
        args = (*SYNC, "supportbot", "helperbot2", "--into", str(path), "--full")
        await run(sandbox, *args)
        sandbox.unsubscribe("supportbot", *zuids(3))
        await run(sandbox, *args)
        sandbox.subscribe("supportbot", *zuids(3))  # so that a message would reach them
        options = ("--to", str(path), "--text", "hi")
        sent = await run(sandbox, "broadcast", "supportbot", *options)
        report = sandbox.report(user=user_label(SECRET), recipients=True)
    assert sent.exit_code == 0, sent.stderr
    assert sorted(report["recipients"]) == sorted(zuids(120)[3:])
    assert report["delivered"] == {"recipients": 117, "total": 117, "max_per_recipient": 1}
    assert sent.stderr.startswith(f"sending to 117 recipients from {path}")


async def read(path, column=None, *, bot=None):
    """What a command with a BOT gets as recipients."""
    command = click.Command("broadcast", params=[click.Argument(["bot"])])
    with click.Context(command) as context:
        context.params = {} if bot is None else {"bot": bot}
        with RecipientFile(str(path), column) as recipients:
            total = await recipients.start()
            return total, [each async for each in recipients]


async def test_recipients_are_those_of_the_commands_bot_or_of_all_without_one(synced):
    assert await read(synced, bot="ops") == (3, ["102", "103", "104"])
    assert await read(synced, "user_id", bot="hr") == (4, ["100", "103", "104", "7"])
    assert await read(synced) == (5, ["100", "102", "103", "104", "7"])


async def test_a_synced_file_is_known_by_its_content_and_not_by_its_name(synced):
    other = synced.rename(synced.with_name("people.csv"))
    assert await read(other, bot="ops") == (3, ["102", "103", "104"])
    for name, content in (("ids.db", b"1\n2\n"), ("short.db", b"SQLite"), ("empty.db", b"")):
        text = synced.with_name(name)
        text.write_bytes(content)
        assert (await read(text, bot="ops"))[1] == content.decode().split()


async def test_recipients_stay_those_of_the_beginning_while_it_is_synced_again(synced):
    with RecipientFile(str(synced), None) as recipients:
        assert await recipients.start() == 5
        await Cliq.of(1, "ops", "hr").sync(synced, ["ops", "hr"], full=True)
        assert len([each async for each in recipients]) == 5
    assert await read(synced) == (1, ["100"])


async def test_many_recipients_come_in_pieces(path):
    await Cliq.of(2500).sync(path, limit=50)
    total, ids = await read(path, bot="ops")
    assert total == len(set(ids)) == 2500


@pytest.mark.parametrize(
    ("column", "bot", "said"),
    [
        ("email_id", "ops", "recipients of a synced list go by user_id; leave --column out"),
        (None, "nobot", "no subscribers of nobot, but of hr, ops"),
    ],
)
async def test_recipients_that_cannot_be_had_are_wrong_usage(synced, column, bot, said):
    with pytest.raises(Failure) as caught:
        await read(synced, column, bot=bot)
    assert said in str(caught.value)
    assert caught.value.status == 2


async def test_half_a_list_is_not_broadcast_to(path):
    cliq = Cliq.of(25)
    cliq.before = lambda request: (403, {}) if "next_token" in request.query else None
    await cliq.sync(path)
    with pytest.raises(Failure, match="only the first subscribers of ops"):
        await read(path, bot="ops")


async def test_a_database_of_another_program_has_no_recipients(path):
    foreign(path)
    with pytest.raises(Failure, match="a database of another program"):
        await read(path, bot="ops")


async def test_a_list_on_standard_input_is_asked_for_by_its_name(synced):
    async with Sandbox() as sandbox:
        result = await run(
            sandbox,
            *("broadcast", "supportbot", "--to", "-", "--text", "hi"),
            stdin=synced.read_bytes(),
        )
        assert sandbox.report()["requests"] == {}
    assert result.exit_code != 0
    assert "a database; give its name instead" in result.output


async def test_a_pipe_is_not_looked_into(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writing = os.open(path, os.O_RDWR)
    try:
        os.write(writing, b"1\n2\n")
        with RecipientFile(str(path), None) as recipients:
            assert await recipients.start() is None
            ids = aiter(recipients)
            assert [await anext(ids), await anext(ids)] == ["1", "2"]
    finally:
        os.close(writing)
