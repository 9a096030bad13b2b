import asyncio
import csv
import json
import os
import signal
import stat

import pytest
from support.cli import SECRET, command, counting, invoke, run, zuids

from cliq_async.cli.commands.subscribers_export import _COLUMNS, _Lines
from cliq_async.cli.inputs.recipient_file import RecipientFile
from cliq_async.cli.outputs import console as output
from cliq_async.errors import TransportError
from cliq_async.models.subscriber import Subscriber
from cliq_async.resources.subscribers import Subscribers
from cliq_async.sandbox import Sandbox, user_label

LIST = ("subscribers", "list", "supportbot")
EXPORT = ("subscribers", "export", "supportbot")


async def test_listing_shows_everybody_in_columns():
    async with Sandbox(subscribers=51) as sandbox:
        result = await run(sandbox, *LIST)
    lines = result.stdout.splitlines()
    assert (result.exit_code, result.stderr, len(lines)) == (0, "", 52)
    assert lines[0].split() == ["user", "id", "name", "email"]
    assert lines[1] == "55743307  Scott Fisher    scott.fisher.1@example.com"
    assert [line.split()[0] for line in lines[1:]] == zuids(51)


async def test_listing_as_json_has_the_names_of_the_api_and_ends_at_the_limit():
    async with Sandbox(subscribers=120) as sandbox:
        few = await run(sandbox, *LIST, "--limit", "2", "--json")
        many = await run(sandbox, *LIST, "--limit", "51", "--json")
        requests = sandbox.report()["requests"]
    first = {"user_id": "55743307", "name": "Scott Fisher"}
    assert json.loads(few.stdout)[0] == first | {"email_id": "scott.fisher.1@example.com"}
    assert [each["user_id"] for each in json.loads(many.stdout)] == zuids(51)
    assert requests == {"list_subscribers": 3}


async def test_nobody_is_an_empty_listing_and_an_empty_file():
    async with Sandbox(subscribers=0) as sandbox:
        plain = await run(sandbox, *LIST)
        as_json = await run(sandbox, *LIST, "--json")
        exported = await run(sandbox, *EXPORT)
    assert (plain.stdout, plain.stderr) == ("", "no subscribers\n")
    assert json.loads(as_json.stdout) == []
    assert exported.stdout == "user_id,name,email_id\n"
    assert exported.stderr == "0 subscribers written to standard output\n"


async def test_an_exported_file_is_what_broadcast_reads(tmp_path):
    path = tmp_path / "people.csv"
    async with Sandbox(subscribers=120) as sandbox:
        exported = await run(sandbox, *EXPORT, "--output", str(path))
        options = ("--to", str(path), "--column", "user_id", "--text", "hi")
        sent = await run(sandbox, "broadcast", "supportbot", *options)
        delivered = sandbox.report(user=user_label(SECRET))["delivered"]
    assert (exported.exit_code, exported.stdout) == (0, "")
    assert exported.stderr == f"120 subscribers written to {path}\n"
    assert sent.exit_code == 0
    assert delivered == {"recipients": 120, "total": 120, "max_per_recipient": 1}
    lines = path.read_text().splitlines()
    assert lines[:2] == [
        "user_id,name,email_id",
        "55743307,Scott Fisher,scott.fisher.1@example.com",
    ]
    assert [entry.name for entry in tmp_path.iterdir()] == ["people.csv"]


@pytest.mark.parametrize(
    ("name", "options", "is_json"),
    [
        ("people.jsonl", (), True),
        ("people.NDJSON", (), True),
        ("people.txt", (), False),
        ("people.csv", ("--format", "jsonl"), True),
        ("people.jsonl", ("--format", "csv"), False),
    ],
)
async def test_the_format_is_that_of_the_option_or_the_ending(tmp_path, name, options, is_json):
    path = tmp_path / name
    async with Sandbox(subscribers=1) as sandbox:
        result = await run(sandbox, *EXPORT, "--output", str(path), *options)
    assert result.exit_code == 0
    content = path.read_text()
    assert content.count("\n") == (1 if is_json else 2)
    if is_json:
        assert json.loads(content)["email_id"] == "scott.fisher.1@example.com"


async def test_standard_output_gets_the_same_bytes(tmp_path):
    path = tmp_path / "people.csv"
    async with Sandbox(subscribers=60) as sandbox:
        to_file = await run(sandbox, *EXPORT, "--output", str(path))
        to_stdout = await run(sandbox, *EXPORT, "--output", "-")
    assert to_file.exit_code == to_stdout.exit_code == 0
    assert to_stdout.stdout_bytes == path.read_bytes()


@pytest.mark.parametrize(
    "name", ['Ann "Lee", PhD', "two\nlines", "a\rb", "=SUM(A1)", " ünïcode ", "a\r\nb", ""]
)
async def test_data_stays_as_it_is(tmp_path, name):
    person = Subscriber(user_id="7", name=name, email_id="a@example.com")
    lines = _Lines(_COLUMNS, is_json=False)
    path = tmp_path / "people.csv"
    path.write_bytes((lines.head + lines.line(person)).encode())
    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file))[1] == ["7", name, "a@example.com"]
    with RecipientFile(str(path), "user_id") as recipients:
        assert await recipients.start() == 1
        assert [each async for each in recipients] == ["7"]
    plain = json.loads(_Lines(_COLUMNS, is_json=True).line(person))
    assert plain.get("name", "") == name


async def test_an_export_that_fails_leaves_what_was_there(tmp_path):
    path, new = tmp_path / "people.csv", tmp_path / "new.csv"
    path.write_text("before")
    async with Sandbox(subscribers=120) as sandbox:
        failed = await run(sandbox, *EXPORT, "--output", str(path), "--token", "invalid")
        missing = await run(sandbox, "subscribers", "export", "nobot", "--output", str(new))
    assert failed.exit_code == missing.exit_code == 1
    assert missing.stderr.startswith("error: list_subscribers: ")
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["people.csv"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (TransportError("list_subscribers", "gone"), 1),
        (KeyboardInterrupt(), 130),
        (OSError(28, "No space left on device"), 1),
    ],
)
async def test_an_export_that_breaks_off_leaves_what_was_there(
    tmp_path, monkeypatch, error, status
):
    path = tmp_path / "people.csv"
    path.write_text("before")
    there, first_page = [], Subscribers.list

    async def one_page(self, bot, *, next_token=None, **options):
        if next_token is None:
            return await first_page(self, bot, **options)
        there.extend(entry.stat().st_size for entry in tmp_path.glob(".people.csv.*.part"))
        raise error

    monkeypatch.setattr(Subscribers, "list", one_page)
    async with Sandbox(subscribers=120) as sandbox:
        result = await run(sandbox, *EXPORT, "--output", str(path))
    assert result.exit_code == status
    assert there[0] > 0
    assert result.stderr.count("\n") == 1
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["people.csv"]


async def test_ctrl_c_leaves_what_was_there(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("before")
    arrived = asyncio.Event()
    async with Sandbox(clock=counting(1, arrived), faults=["lost:1"]) as sandbox:
        options = ("--output", str(path), "--base-url", sandbox.url, "--token", SECRET)
        async with command(*EXPORT, *options) as process:
            await arrived.wait()
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
    assert process.returncode == 130
    assert (out, err) == (b"", b"interrupted\n")
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["people.csv"]


async def test_an_export_waits_for_the_quota_as_long_as_it_takes():
    # 150 pages, of which the quota allows 100 a minute; here a minute takes half a second.
    options = ("--time-scale", "120")
    async with Sandbox(subscribers=7500, time_scale=120) as sandbox:
        result = await run(sandbox, *EXPORT, *options)
        report = sandbox.report()
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 7501
    assert report["lockouts"] == []


async def test_a_link_and_the_permissions_of_a_file_stay(tmp_path):
    path, link = tmp_path / "people.csv", tmp_path / "link.csv"
    path.write_text("before")
    path.chmod(0o640)
    link.symlink_to(path)
    async with Sandbox(subscribers=1) as sandbox:
        result = await run(sandbox, *EXPORT, "--output", str(link))
    assert result.exit_code == 0
    assert link.is_symlink()
    assert path.read_text().startswith("user_id,")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


async def test_a_pipe_with_a_name_is_written_to_and_not_replaced(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        async with Sandbox(subscribers=1) as sandbox:
            result = await run(sandbox, *EXPORT, "--output", str(path))
        assert result.exit_code == 0
        assert os.read(reading, 1 << 16).startswith(b"user_id,name,email_id\n55743307,")
        assert path.is_fifo()
    finally:
        os.close(reading)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((*LIST[:2], "a/b"), "error: BOT: a non-empty text, without /"),
        ((*LIST, "--limit", "0"), "error: --limit: "),
        ((*EXPORT[:2], "a/b"), "error: BOT: "),
        ((*EXPORT, "--output", "/nowhere/people.csv"), "error: /nowhere/people.csv: No such file"),
        ((*EXPORT, "--output", "/"), "is a directory"),
        ((*EXPORT, "--format", "xml"), "error: --format: "),
        (("subscribers", "list"), "BOT is missing"),
    ],
)
def test_what_is_wrong_is_named(args, said):
    result = invoke(*args, "--token", SECRET, "--base-url", "http://127.0.0.1:1")
    assert result.exit_code == 2
    assert said in result.stderr


async def test_a_reader_that_goes_away_ends_an_export_quietly():
    reading, writing = os.pipe()
    os.close(reading)
    async with Sandbox(subscribers=1) as sandbox:
        options = ("--token", SECRET, "--base-url", sandbox.url)
        async with command(*EXPORT, *options, stdout=writing) as process:
            os.close(writing)
            _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")


async def test_where_nothing_moves_lines_say_how_far_it_is(monkeypatch):
    monkeypatch.setattr(output, "PLAIN_EVERY_S", 0.0)
    monkeypatch.setattr("cliq_async.cli.outputs.listing.PATIENCE_S", 0.0)
    async with Sandbox(subscribers=120) as sandbox:
        result = await run(sandbox, *EXPORT)
    assert "50 subscribers, 0." in result.stderr
    assert result.stderr.endswith("120 subscribers written to standard output\n")


async def test_a_closed_standard_output_is_a_line(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(OSError, match="standard output is closed"):
        output.stdout_bytes()
