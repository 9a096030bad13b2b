"""`cliq subscribers export` from a file of synced subscribers."""

import asyncio
import csv
import io
import json

import pytest
from support.cli import SECRET, invoke, run
from support.subscriber_lists import selected

from cliq_async.sandbox import Sandbox

SYNC = ("subscribers", "sync")
EXPORT = ("subscribers", "export")
NOWHERE = ("--token", SECRET, "--base-url", "http://127.0.0.1:1")


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
        ((), "BOT is missing"),
        (("ops", "--all"), "--bot and --all need --from"),
        (("--bot", "ops"), "--bot and --all need --from"),
        (("ops", "--bot", "hr", "--from", "FILE"), "give either BOT or --bot"),
        (("nobot", "--from", "FILE"), "no subscribers of nobot; it has those of hr, ops"),
        (("--from", "/nowhere.db"), "there is no file"),
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
