"""`--report`: who got it, who did not and why, who is left; and how a job goes on by it."""

import csv
import json
import os
from html.parser import HTMLParser
from pathlib import Path

import pytest
from support.cli import SECRET, invoke, run, zuids
from support.cli_broadcasts import BROADCAST

from cliq_async.cli.bulk_report import BulkRecorder
from cliq_async.sandbox import Sandbox

HOSTILE = ["=cmd|' /C calc'!A0", "<script>alert(1)</script>", "-1+1", "@SUM(A1)", "'"]
STOP = ("--max-wait", "1", "--headroom", "47", "--batch-size", "1")
"""Stops a job after some requests, with status 3."""


def rows_of(path):
    """The rows of a report in CSV, by status."""
    content = Path(path).read_bytes()
    assert content.startswith(b"\xef\xbb\xbfid,status,code,reason\n")
    found: dict[str, list[str]] = {}
    for row in csv.DictReader(content.decode("utf-8-sig").splitlines()):
        found.setdefault(row["status"], []).append(row["id"])
    return found


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, path):
        super().__init__()
        self.tags: dict[str, int] = {}
        self.text = ""
        content = Path(path).read_text()
        self.size = len(content)
        self.feed(content)

    def handle_starttag(self, tag, attrs):
        self.tags[tag] = self.tags.get(tag, 0) + 1

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def people(tmp_path):
    """A CSV file of people, of the sandbox's first subscribers."""
    path = tmp_path / "people.csv"
    path.write_text("user_id;name\n" + "".join(f"{each};n{each}\n" for each in zuids(20)))
    return str(path)


@pytest.fixture
def reports(tmp_path):
    return [str(tmp_path / "day.html"), str(tmp_path / "day.csv")]


def options_of(reports):
    return [each for path in reports for each in ("--report", path)]


@pytest.mark.parametrize("job", [BROADCAST, ("call-many", "supportbot", "--text", "hi")])
async def test_report_lists_everybody_with_the_outcome(tmp_path, reports, job):
    path = tmp_path / "ids.txt"
    path.write_text("\n".join([*zuids(12), *HOSTILE, "99999999"]))
    async with Sandbox(subscribers=12) as sandbox:
        result = await run(sandbox, *job, "--to", str(path), *options_of(reports))
    assert result.exit_code == 4
    assert f"report written to {reports[0]}\nreport written to {reports[1]}\n" in result.stderr
    found = rows_of(reports[1])
    assert found["skipped"] == [each if each[0] == "<" else f"'{each}" for each in HOSTILE]
    assert len(found["delivered"]) + len(found.get("failed", ())) == 13
    page = Page(reports[0])
    assert page.tags["svg"] == 2
    assert "script" not in page.tags
    assert all(each in page.text for each in HOSTILE)
    assert "of 50 allowed" in page.text or "of 10 allowed" in page.text
    assert "Delivered (1" in page.text
    assert oct(os.stat(reports[1]).st_mode & 0o777) == "0o600"  # noqa: PTH116


@pytest.mark.parametrize("source", ["file", "csv", "db"])
async def test_job_without_a_journal_goes_on_by_its_report(ids, people, tmp_path, reports, source):
    path = ids(20) if source == "file" else people
    async with Sandbox(subscribers=20) as sandbox:
        if source == "db":
            path = str(tmp_path / "people.db")
            await run(sandbox, "subscribers", "sync", "supportbot", "--into", path)
        options = (*BROADCAST, "--dedupe", "--to")
        first = await run(sandbox, *options, path, *STOP, *options_of(reports))
        found = rows_of(reports[1])
        second = await run(sandbox, *options, reports[1])
        report = sandbox.report()["delivered"]
    assert first.exit_code == 3
    left = len(found["left"])
    assert 0 < left < 20
    assert sorted(found["left"] + found["delivered"]) == sorted(zuids(20))
    assert first.stderr.splitlines()[-1] == (
        f"not sent to {left} recipients: the same command with --to {reports[1]} and another "
        "--report goes on with them"
    )
    assert f"sending to {left} recipients from {reports[1]} (only statuses left and failed)" in (
        second.stderr
    )
    assert (second.exit_code, report["recipients"], report["total"]) == (0, 20, 20)


async def test_job_of_personal_messages_goes_on_by_leaving_the_others_out(people, reports):
    options = ("broadcast", "supportbot", "--to", people, "--template", "--text", "{{ name }}")
    async with Sandbox(subscribers=20) as sandbox:
        first = await run(sandbox, *options, *STOP, *options_of(reports))
        left = len(rows_of(reports[1])["left"])
        second = await run(sandbox, *options, "--exclude", reports[1])
        report = sandbox.report()["delivered"]
    advice = f"the same command and --exclude {reports[1]} with another --report goes on with them"
    assert first.stderr.splitlines()[-1] == f"not sent to {left} recipients: {advice}"
    assert (second.exit_code, report["recipients"], report["total"]) == (0, 20, 20)


async def test_unknown_recipients_are_not_sent_to_again(ids, reports):
    async with Sandbox(faults=["reset:0.5"], seed=3) as sandbox:
        options = (*BROADCAST, "--batch-size", "1", "--to")
        await run(sandbox, *options, ids(12), *options_of(reports))
        found = rows_of(reports[1])
        again = await run(sandbox, *options, reports[1])
        report = sandbox.report()["delivered"]
    assert found["unknown"]
    assert sorted(found["unknown"] + found["delivered"]) == sorted(zuids(12))
    assert f"there are no recipients in {reports[1]}" in again.stderr
    assert (report["recipients"], report["total"]) == (12, 12)
    page = Page(reports[0])
    assert f"Unknown: sent, but not confirmed ({len(found['unknown'])} recipient" in page.text


async def test_report_of_a_resumed_job_is_that_of_all_runs(ids, tmp_path, reports):
    journal = ("--journal", str(tmp_path / "day.journal"), "--batch-size", "1")
    options = (*BROADCAST, "--to", ids(20), *journal, *options_of(reports))
    async with Sandbox(subscribers=20) as sandbox:
        first = await run(sandbox, *options, *STOP)
        found = rows_of(reports[1])
        second = await run(sandbox, *options)
        finished = await run(sandbox, *options)
    assert (first.exit_code, second.exit_code, finished.exit_code) == (3, 0, 5)
    assert sorted(found["left"] + found["delivered"]) == sorted(zuids(20))
    assert first.stderr.splitlines()[-1].startswith("run the same command again to go on with")
    assert sorted(rows_of(reports[1])["delivered"]) == sorted(zuids(20))
    assert "Earlier runs dealt with 20 recipients" in Page(reports[0]).text


async def test_stream_is_not_read_to_its_end(reports):
    content = "\n".join(zuids(20))
    options = (*BROADCAST, "--to", "-", *STOP, *options_of(reports))
    async with Sandbox(subscribers=20) as sandbox:
        result = await run(sandbox, *options, stdin=content)
    left = len(rows_of(reports[1]).get("left", ()))
    assert result.exit_code == 3
    assert "the rest of the stream was not read" in Page(reports[0]).text
    if left:
        assert f"and those not listed: the same command and --exclude {reports[1]}" in result.stderr


async def test_html_alone_says_that_it_lists_who_is_left(ids, reports):
    async with Sandbox() as sandbox:
        options = (*BROADCAST, "--to", ids(9), *STOP, "--report", reports[0])
        result = await run(sandbox, *options)
    assert f"{reports[0]} lists them; one in CSV could be given to --to" in result.stderr


async def test_other_output_of_the_job_is_the_same(ids, reports):
    async with Sandbox() as sandbox:
        options = (*BROADCAST, "--to", ids(9), "--json")
        with_report = await run(sandbox, *options, *options_of(reports))
        without = await run(sandbox, *options)
    first, second = json.loads(with_report.stdout), json.loads(without.stdout)
    assert first | {"took_s": 0} == second | {"took_s": 0}


async def test_report_that_cannot_be_written_is_told_before_anything_is_sent(ids, tmp_path):
    to = ids(3)
    (tmp_path / "folder.csv").mkdir()
    async with Sandbox() as sandbox:
        for place, said in (
            (str(tmp_path / "none" / "day.csv"), "the report cannot be written: No such file"),
            (str(tmp_path / "folder.csv"), "is a directory"),
            (str(tmp_path / "day.txt"), "ends in neither .html nor .csv"),
        ):
            result = await run(sandbox, *BROADCAST, "--to", to, "--report", place)
            assert (result.exit_code, said in result.stderr) == (2, True), result.stderr
        people = tmp_path / "people.csv"
        people.write_text("user_id\n1\n")
        result = await run(sandbox, *BROADCAST, "--to", str(people), "--report", str(people))
        assert sandbox.report()["requests"] == {}
    assert "people.csv: the job needs this file: name another report" in result.stderr
    assert people.read_text() == "user_id\n1\n"


async def test_report_that_fails_in_the_end_does_not_undo_the_job(ids, tmp_path, monkeypatch):
    path = tmp_path / "day.csv"
    path.write_text("yesterday")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cliq_async.cli.outputs.report_files.csv_line", full)
    monkeypatch.setattr("tempfile.tempdir", str(temp := tmp_path / "temp"))
    temp.mkdir()
    options = (*BROADCAST, "--to", ids(9))
    async with Sandbox() as sandbox:
        result = await run(
            sandbox, *options, *STOP[:-2], "--batch-size", "1", "--report", str(path)
        )
        (journal,) = temp.glob("*/job.journal")
        again = await run(sandbox, *options, "--batch-size", "1", "--journal", str(journal))
        report = sandbox.report()["delivered"]
    assert result.exit_code == 3
    assert f"the record of the job is in {journal}: " in result.stderr
    assert str(path) not in result.stderr.splitlines()[-1]
    assert (again.exit_code, report["recipients"], report["total"]) == (0, 9, 9)
    message = "the report could not be written: No space left on device"
    assert f"error: {path}: {message}" in result.stderr
    assert "delivered" in result.stdout
    assert path.read_text() == "yesterday"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["day.csv", "ids.txt", "temp"]


async def test_job_that_sends_nothing_leaves_the_report_as_it_is(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text("yesterday")
    people = tmp_path / "people.csv"
    people.write_text("user_id,name\n1,A\n")
    options = ("--to", str(people), "--template", "--text", "{{ nme }}", "--report", str(path))
    async with Sandbox() as sandbox:
        result = await run(sandbox, "broadcast", "supportbot", *options)
    assert (result.exit_code, path.read_text()) == (2, "yesterday")


def test_dry_run_has_no_report(ids):
    options = ("--to", ids(1), "--dry-run", "--report", "day.csv", "--token", SECRET)
    result = invoke(*BROADCAST, *options)
    assert result.exit_code == 2
    assert "give either --report or --dry-run, which sends nothing" in result.stderr


async def test_list_that_is_gone_does_not_hide_that_some_are_left(ids, reports, monkeypatch):
    path = ids(20)
    settle = BulkRecorder._settle

    def gone(*args):
        Path(path).unlink()
        return settle(*args)

    monkeypatch.setattr(BulkRecorder, "_settle", gone)
    async with Sandbox() as sandbox:
        result = await run(sandbox, *BROADCAST, "--to", path, *STOP, *options_of(reports))
    assert "warning: the report does not list all who are left: " in result.stderr
    advice = f" and those not listed: the same command and --exclude {reports[1]} with another"
    assert advice in result.stderr.splitlines()[-1]


async def test_report_of_another_job_is_not_replaced(ids, tmp_path, monkeypatch):
    path = tmp_path / "day.csv"
    path.write_text("of yesterday")
    settle = BulkRecorder._settle

    def other(*args):
        path.write_text("of another job")
        return settle(*args)

    monkeypatch.setattr(BulkRecorder, "_settle", other)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with Sandbox() as sandbox:
        result = await run(sandbox, *BROADCAST, "--to", ids(3), "--report", str(path))
    assert (result.exit_code, path.read_text()) == (4, "of another job")
    assert "another program has written this file since the job began" in result.stderr
    assert "/job.journal: `cliq jobs show` shows it" in result.stderr


@pytest.mark.parametrize("leads_to", ["day.csv", "other.csv"])
async def test_report_replaces_links_in_a_circle_and_leaves_others(ids, tmp_path, leads_to):
    path = tmp_path / "day.csv"
    path.symlink_to(leads_to)
    async with Sandbox() as sandbox:
        result = await run(sandbox, *BROADCAST, "--to", ids(3), "--report", str(path))
    assert result.exit_code == 0
    assert path.is_symlink() is (leads_to == "other.csv")
    assert len(rows_of(path)["delivered"]) == 3
