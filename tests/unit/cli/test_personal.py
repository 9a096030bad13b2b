"""Personal messages and calls to many from the command line."""

import asyncio
import csv
import io
import json
import os
import signal

import pytest
from support.cli import command, invoke, line_with, run, zuids

from cliq_async.sandbox import Sandbox

PERSONAL = ("broadcast", "supportbot", "--template", "--text", "Hello {{ name }}")


@pytest.fixture
def people(tmp_path):
    def make(content, name="people.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return make


def rows(many):
    return [{"id": each, "name": f"team {n % 3}"} for n, each in enumerate(zuids(many))]


def as_csv(many):
    return "".join(["id,name\n", *(f"{row['id']},{row['name']}\n" for row in rows(many))])


def as_json(many):
    return "".join(json.dumps(row) + "\n" for row in rows(many))


@pytest.mark.parametrize(
    ("content", "name", "options"),
    [
        (as_csv(250), "people.csv", ()),
        (as_json(250), "people.jsonl", ()),
        (as_json(250), "people.txt", ("--format", "jsonl")),
        ("\ufeff" + as_csv(250).replace("\n", "\r\n\r\n"), "people.csv", ()),
    ],
)
async def test_everybody_gets_their_own_message(people, content, name, options):
    async with Sandbox(subscribers=250) as sandbox:
        result = await run(
            sandbox, *PERSONAL, "--to", people(content, name), "--column", "id", *options, "--json"
        )
        report = json.loads(result.stdout)
        assert (report["delivered"], report["requests"]) == (250, 3)
        recipients = sandbox.report(recipients=True)["recipients"]
    assert recipients == dict.fromkeys(zuids(250), 1)
    assert "sending to 250 recipients" in result.stderr


async def test_rows_from_standard_input_are_all_read_first(people):
    async with Sandbox(subscribers=9) as sandbox:
        bad = as_csv(9) + "12,\n13\n"
        result = await run(sandbox, *PERSONAL, "--to", "-", "--column", "id", stdin=bad.encode())
        assert result.exit_code == 2
        assert (
            "error: standard input line 11 (and 1 more): --text: 'name' is undefined; "
            "the row's columns are id" in result.stderr
        )
        assert sandbox.report()["requests"] == {}
        good = as_csv(9).encode()
        result = await run(sandbox, *PERSONAL, "--to", "-", "--column", "id", stdin=good)
        assert result.exit_code == 0
        assert sandbox.report()["delivered"]["recipients"] == 9


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        ("id,name\n1,Doe, John\n", "a.csv", "a.csv line 2: 3 cells for 2 columns: put"),
        ("id,name,name\n1,a,b\n", "a.csv", "more than one column 'name'"),
        ("id,nme\n1,a\n", "a.csv", "'name' is undefined; the row's columns are id, nme"),
        ('{"id": 1, "name": null}\n', "a.jsonl", "'name' is undefined"),
        ('{"id": 1\n', "a.jsonl", "a.jsonl line 1: not JSON: "),
        ("[1]\n", "a.jsonl", "a.jsonl: a template needs columns"),
        (
            '{"name": "a"}\n',
            "a.jsonl",
            "a.jsonl line 1: --column: one of the row's columns name, got 'id'",
        ),
        ('{"id": ' + "9" * 1_000_000 + ', "name": 1}\n', "a.jsonl", "a.jsonl line 1: not JSON: "),
        (
            "id,name\n1," + "x" * 6_000 + "\n",
            "a.csv",
            "a.csv line 2: --text: 1 to 5,000 characters",
        ),
        ("1\n", "a.txt", "no column 'id'"),
        ("id,name\n1,\n", "a.csv", "'name' is undefined; the row's columns are id\n"),
        ('id,name\n1,"Ann\n2,Bob\n3,"Carl"\n', "a.csv", "a.csv line 4: not CSV: "),
        ('id,name\n1,"' + "\n" * 30_000, "a.csv", "not closed within 1,000 lines"),
        ('id,name\n1,"' + ("a" * 99_000 + '","\n') * 30, "a.csv", "or 1,048,576 characters"),
        ("id,name\n1," + "x" * 1_200_000, "a.csv", "a.csv line 2: longer than 1,048,576"),
    ],
)
async def test_what_is_wrong_is_said_before_anything_is_sent(people, content, name, said):
    async with Sandbox(subscribers=9) as sandbox:
        path = people(content, name)
        result = await run(sandbox, *PERSONAL, "--to", path, "--column", "id")
        assert sandbox.report()["requests"] == {}
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


async def test_a_message_of_the_api_is_a_template(people, tmp_path):
    message = tmp_path / "message.json"
    message.write_text(json.dumps({"text": "Hi {{ name }}", "styles": {"background": "red"}}))
    async with Sandbox(subscribers=9) as sandbox:
        options = ("--template", "--message", str(message), "--to", people(as_csv(9)))
        result = await run(
            sandbox, "broadcast", "supportbot", *options, "--column", "id", "--dry-run"
        )
        assert sandbox.report()["requests"] == {}
    assert '"text": "Hi team 0"' in result.stdout
    assert '"background": "red"' in result.stdout
    assert "3 requests in 1 window of 60 s" in result.stdout


async def test_columns_without_a_name_and_braces_without_a_template(people):
    to = people(f"user_id,name,,\n{zuids(1)[0]},Ann,,\n")
    async with Sandbox(subscribers=1) as sandbox:
        result = await run(sandbox, *PERSONAL, "--to", to, "--json")
        assert json.loads(result.stdout)["delivered"] == 1
        plain = ("broadcast", "supportbot", "--text", "Hi {{ name }}", "--dry-run")
        result = await run(sandbox, *plain, "--to", to, "--column", "user_id", "--journal", "j")
    assert "sent as it is without --template" in result.stderr
    assert "this is the whole job" in result.stderr


async def test_the_first_ones_go_out_though_more_may_come(people, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writing = os.open(path, os.O_RDWR)
    try:
        os.write(writing, "".join(f"{each}\n" for each in zuids(3)).encode())
        async with Sandbox(subscribers=3) as sandbox:
            options = ("--text", "hi", "--to", str(path), "--limit", "3", "--json")
            result = await asyncio.wait_for(run(sandbox, "broadcast", "supportbot", *options), 20)
        assert json.loads(result.stdout)["delivered"] == 3
    finally:
        os.close(writing)


async def test_reading_is_broken_off_by_ctrl_c(people, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writing = os.open(path, os.O_RDWR)
    try:
        os.write(writing, as_csv(9).encode())
        async with Sandbox(subscribers=9) as sandbox:
            options = (*PERSONAL, "--to", str(path), "--column", "id", "--base-url", sandbox.url)
            async with command(*options, "--token", "x", "--quota", "memory://") as process:
                await line_with("sending to recipients", process.stderr)
                process.send_signal(signal.SIGINT)
                out, err = await asyncio.wait_for(process.communicate(), 20)
            assert sandbox.report()["requests"] == {}
    finally:
        os.close(writing)
    assert process.returncode == 130
    assert b"delivered" in out
    assert b"stopped: interrupted" in err
    assert b"Traceback" not in err


async def test_a_synced_list_has_columns(tmp_path):
    path = str(tmp_path / "people.db")
    async with Sandbox(subscribers=30) as sandbox:
        await run(sandbox, "subscribers", "sync", "supportbot", "--into", path)
        result = await run(sandbox, *PERSONAL, "--to", path, "--json")
        report = json.loads(result.stdout)
    assert report["delivered"] == 30
    assert report["requests"] > 1


async def test_who_is_to_be_left_out_gets_nothing(people, tmp_path):
    ids = zuids(9)
    out = people("\n".join([ids[0], "", ids[4]]), "out.txt")
    column = people(f"id,why\n{ids[1]},asked\n", "out.csv")
    to = people(as_csv(9))
    async with Sandbox(subscribers=9) as sandbox:
        options = ("--to", to, "--column", "id", "--text", "hi", "--json")
        result = await run(sandbox, "broadcast", "supportbot", *options, "--exclude", out)
        report = json.loads(result.stdout)
        assert (report["delivered"], report["skipped"]) == (7, 2)
        again = await run(sandbox, "broadcast", "supportbot", *options, "--exclude", column)
        assert json.loads(again.stdout)["delivered"] == 8
        recipients = sandbox.report(recipients=True)["recipients"]
        assert (recipients.get(ids[0]), recipients.get(ids[1])) == (1, 1)
        assert ids[0] in recipients
        other = people('{"user_id": 1}\n', "other.jsonl")
        result = await run(sandbox, "broadcast", "supportbot", *options, "--exclude", other)
        assert "other.jsonl line 1: no id in column 'id'" in result.stderr
        journal = ("--journal", str(tmp_path / "job"))
        result = await run(sandbox, "broadcast", "supportbot", *options, "--exclude", out, *journal)
        assert result.exit_code == 0
        bad = people("a b\n", "bad.txt")
        result = await run(sandbox, "broadcast", "supportbot", *options, "--exclude", bad)
    assert result.exit_code == 2
    assert "bad.txt line 1: a ZUID, which has digits only" in result.stderr


async def test_calls_to_many(people, tmp_path):
    call = tmp_path / "call.json"
    call.write_text(json.dumps({"text": "{{ name }} is down", "retry": 1}))
    to = people(as_csv(25))
    async with Sandbox(subscribers=25) as sandbox:
        many = ("call-many", "supportbot", "--to", to, "--column", "id")
        result = await run(sandbox, *many, "--text", "Fire drill", "--dry-run")
        assert "3 requests in 1 window of 300 s" in result.stdout
        assert "POST /bots/supportbot/calls" in result.stdout
        result = await run(sandbox, *many, "--template", "--message", str(call), "--json")
        report = json.loads(result.stdout)
        assert (report["delivered"], report["requests"]) == (25, 3)
        assert sandbox.report()["requests"] == {"trigger_call": 3}
        result = await run(sandbox, *many, "--message", str(call), "--limit", "1")
        assert result.exit_code == 0
        (tmp_path / "wrong.json").write_text('{"text": "a", "user_ids": ["1"]}')
        result = await run(sandbox, *many, "--message", str(tmp_path / "wrong.json"))
        assert "recipients are given separately, not in the call" in result.stderr


async def test_somebody_is_asked_before_more_than_ten_are_called(people, monkeypatch):
    monkeypatch.setattr("cliq_async.cli.bulk_job.is_terminal", lambda: True)
    to = people(as_csv(11))
    async with Sandbox(subscribers=11) as sandbox:
        many = ("call-many", "supportbot", "--to", to, "--column", "id", "--text", "a")
        result = await run(sandbox, *many, stdin="n\n")
        assert "Call 11 recipients" in result.stderr
        assert f" as supportbot at {sandbox.url}? [y/N]" in result.stderr
        assert sandbox.report()["requests"] == {}
        assert (await run(sandbox, *many, "--limit", "10")).exit_code == 0


async def test_outcomes_of_everybody_are_in_the_journal(people, tmp_path):
    journal = str(tmp_path / "job")
    to = people(as_csv(20) + "bad id,x\n")
    async with Sandbox(subscribers=19) as sandbox:
        options = ("--to", to, "--column", "id", "--journal", journal)
        await run(sandbox, "call-many", "supportbot", "--text", "a", *options)
    listed = invoke("jobs", "show", journal, "--outcomes", "csv", "--all")
    found = {row["id"]: row["status"] for row in csv.DictReader(io.StringIO(listed.stdout))}
    assert found == dict.fromkeys(zuids(19), "delivered") | {
        zuids(20)[-1]: "failed",
        "bad id": "skipped",
    }
    few = invoke("jobs", "show", journal, "--outcomes", "jsonl")
    assert [json.loads(line)["status"] for line in few.stdout.splitlines()] == ["failed", "skipped"]
    assert "calls" in invoke("jobs", "show", journal).stdout
