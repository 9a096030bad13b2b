"""`cliq broadcast`: whom it reaches, and what it says of those whom it does not."""

import json
import re
from pathlib import Path

import pytest
from support.cli import SECRET, invoke, run, zuids
from support.cli_broadcasts import BROADCAST, count

from cliq_async.sandbox import Sandbox, user_label


async def test_everybody_in_a_file_gets_it_once(ids):
    async with Sandbox(subscribers=250) as sandbox:
        result = await run(sandbox, *BROADCAST, "--to", ids(250))
        delivered = sandbox.report(user=user_label(SECRET))["delivered"]
        url = sandbox.url
    assert result.exit_code == 0
    assert delivered == {"recipients": 250, "total": 250, "max_per_recipient": 1}
    assert count(result.stdout, "delivered") == 250
    assert count(result.stdout, "requests") == 3
    assert "outcome" not in result.stdout
    assert result.stderr.startswith("sending to 250 recipients from /")
    assert result.stderr.splitlines()[0].endswith(f" as supportbot at {url}")


async def test_standard_input_and_a_column(tmp_path):
    content = "name,zuid\r\n" + "".join(f"Ann,{zuid}\r\n" for zuid in zuids(5))
    path = tmp_path / "message.json"
    path.write_text('{"text": "hi"}')
    options = ("--to", "-", "--column", "zuid", "--message", str(path), "--batch-size", "2")
    async with Sandbox() as sandbox:
        args = ("broadcast", "supportbot", *options, "--json")
        result = await run(sandbox, *args, stdin=content.encode("utf-8-sig"))
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert 0 < report.pop("took_s") < 60
    assert report == {
        "delivered": 5,
        "failed": 0,
        "unknown": 0,
        "skipped": 0,
        "requests": 3,
        "lockouts": 0,
        "not_tried": None,
        "stopped": None,
        "journal": None,
        "outcomes": [],
    }


async def test_a_missing_column_names_those_that_exist(tmp_path):
    path = tmp_path / "staff.csv"
    path.write_text("name,zuid\nAnn,1\n")
    async with Sandbox() as sandbox:
        wrong = await run(sandbox, *BROADCAST, "--to", str(path), "--column", "id")
        none = await run(sandbox, *BROADCAST, "--to", str(path))
        report = sandbox.report()
    assert wrong.exit_code == none.exit_code == 2
    error = f"error: {path}: no column 'id'; the columns are: name, zuid (separated by commas; "
    assert wrong.stderr == error + "semicolons and tabs were tried, see --delimiter)\n"
    assert "choose the --column with the ids: name, zuid" in none.stderr
    assert report["requests"] == {}


@pytest.mark.parametrize("more", [(), ("--template",), ("--dry-run",), ("--report", "r.csv")])
@pytest.mark.parametrize(
    ("other", "advice"),
    [("User_ID", "did you mean User_ID?"), ("age", "the columns are: name, age")],
)
async def test_a_column_without_ids_is_one_line(tmp_path, monkeypatch, more, other, advice):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = tmp_path / "people.csv"
    path.write_text(f"name,{other}\n" + "".join(f"Ann B{n},{n}\n" for n in range(150)))
    async with Sandbox() as sandbox:
        options = ("--to", str(path), "--column", "name", *more)
        result = await run(sandbox, *BROADCAST, *options)
        assert sandbox.report()["requests"] == {}
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == (
        f"error: {path}: column 'name' holds no ids: 'Ann B0', 'Ann B1', 'Ann B2', …; {advice}"
    )
    assert "stopped" not in result.stderr
    assert list(tmp_path.iterdir()) == [path]


async def test_a_file_of_lines_that_are_not_ids_is_one_line(tmp_path):
    path = tmp_path / "people.txt"
    path.write_text("".join(f"Ann B{number}\n" for number in range(150)))
    async with Sandbox() as sandbox:
        result = await run(sandbox, *BROADCAST, "--to", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"error: {path}: it does not begin with ids: 'Ann B0', 'Ann B1'" in result.stderr


@pytest.mark.parametrize("options", [(), ("--column", "id")])
@pytest.mark.parametrize("content", ["", " \n\n"])
def test_an_empty_file_of_columns_is_called_empty(tmp_path, content, options):
    path = tmp_path / "people.csv"
    path.write_text(content)
    result = invoke(*BROADCAST, "--to", str(path), "--token", SECRET, *options)
    assert result.exit_code == 2
    assert result.stderr == f"error: {path}: it is empty: there are no columns and no rows\n"


async def test_a_file_that_breaks_off_in_standard_input_is_reported():
    content = "\n".join(zuids(100)).encode() + b"\n\xff\n"
    async with Sandbox() as sandbox:
        result = await run(sandbox, *BROADCAST, "--to", "-", stdin=content)
    assert result.exit_code == 2
    assert "standard input line 101: not UTF-8" in result.stderr
    assert "Traceback" not in result.stderr


async def test_repeated_ids_and_what_is_no_id(tmp_path):
    path = tmp_path / "ids.txt"
    one, two = zuids(2)
    path.write_text(f"{one}\n{two}\n{one}\nAnn Lee\n")
    async with Sandbox() as sandbox:
        result = await run(sandbox, *BROADCAST, "--to", str(path), "--dedupe")
    assert result.exit_code == 4
    assert count(result.stdout, "delivered") == 2
    assert count(result.stdout, "skipped") == 2
    assert "Ann Lee" in result.stdout


async def test_an_id_of_a_million_digits_is_skipped(tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text("\n".join([zuids(1)[0], "9" * 1_000_000, zuids(2)[1]]))
    async with Sandbox(subscribers=2) as sandbox:
        result = await run(sandbox, *BROADCAST, "--to", str(path), "--json")
    report = json.loads(result.stdout)
    assert (report["delivered"], report["skipped"], report["failed"]) == (2, 1, 0)
    assert len(result.stdout) < 1_000


def test_one_message(ids):
    result = invoke(*BROADCAST, "--to", ids(1), "--message", __file__, "--token", SECRET)
    assert result.exit_code == 2
    assert "give either --text or --message" in result.stderr


async def test_nobody_delivered_fails(ids):
    async with Sandbox() as sandbox:
        result = await run(sandbox, *BROADCAST, "--to", ids(2), "--token", "invalid")
    assert result.exit_code == 1
    assert count(result.stdout, "failed") == 0
    assert re.search(r"^not tried +2$", result.stdout, re.MULTILINE)
    assert "outcome" not in result.stdout
    assert "stopped: send_message: Request was rejected" in result.stderr


@pytest.mark.parametrize(
    ("bot", "advice"),
    [
        ("suportbot", "did you mean supportbot (Support Bot)?"),
        ("nobody", "`cliq bots list` shows them"),
    ],
)
@pytest.mark.parametrize("more", [(), ("--report", "r.csv"), ("--journal", "j")])
async def test_a_misspelled_bot_gets_the_likely_name_once(ids, monkeypatch, bot, advice, more):
    path = ids(450)
    monkeypatch.chdir(Path(path).parent)
    async with Sandbox() as sandbox:
        result = await run(sandbox, "broadcast", bot, "--to", path, "--text", "hi", *more)
    assert result.exit_code == 1
    said = f"there is no bot with the id or unique name {bot!r}: {advice}"
    assert result.stderr.splitlines()[-1] == f"stopped: {said}"
    assert "No bot has this id" not in result.output
    assert "outcome" not in result.stdout
    assert re.search(r"^not tried +450$", result.stdout, re.MULTILINE)
    assert "goes on" not in result.stderr
    assert "to go on" not in result.stderr


async def test_json_lists_who_was_read_and_left_when_the_job_stopped(ids):
    async with Sandbox() as sandbox:
        options = ("--to", ids(2), "--token", "invalid", "--json")
        result = await run(sandbox, *BROADCAST, *options)
    report = json.loads(result.stdout)
    assert (report["failed"], report["not_tried"]) == (0, 2)
    assert [(each["status"], each["ids"]) for each in report["outcomes"]] == [("left", zuids(2))]


async def test_lost_answers_are_listed_as_unknown(ids):
    async with Sandbox(faults=["lost:0.5"], seed=3) as sandbox:
        options = ("--to", ids(12), "--batch-size", "1", "--timeout", "0.3")
        result = await run(sandbox, *BROADCAST, *options)
        got = sandbox.report()["delivered"]["recipients"]
    assert result.exit_code == 4
    unknown = count(result.stdout, "unknown")
    assert 0 < unknown < 12
    assert unknown + count(result.stdout, "delivered") == got == 12
    assert f"unknown  {unknown:10}  " in result.stdout
    assert "it may or may not have happened" in result.stdout
