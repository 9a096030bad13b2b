import asyncio
import io
import json
import os
import signal
from datetime import datetime, timedelta

import attrs
import pytest
from rich.console import Console
from test_cli import SECRET, command, counting, invoke, line_with, run, zuids

from cliq_async.bulk.report import BroadcastProgress, BroadcastReport, Outcome
from cliq_async.cli import output
from cliq_async.cli.broadcast_report import exit_status, print_report
from cliq_async.cli.progress import Outlook, Progress
from cliq_async.errors import QuotaStoreError
from cliq_async.quota.status import QuotaStatus
from cliq_async.sandbox import Sandbox, user_label

BROADCAST = ("broadcast", "supportbot", "--text", "hi")


@pytest.fixture
def ids(tmp_path):
    def make(count):
        path = tmp_path / "ids.txt"
        path.write_text("\n".join(zuids(count)))
        return str(path)

    return make


def count(stdout, name):
    line = next(line for line in stdout.splitlines() if line.startswith(f"{name} "))
    return int(line.split()[1].replace(",", ""))


async def test_everybody_in_a_file_gets_it_once(ids):
    async with Sandbox(subscribers=250) as sandbox:
        result = await run(sandbox, *BROADCAST, "--to", ids(250))
        delivered = sandbox.report(user=user_label(SECRET))["delivered"]
    assert result.exit_code == 0
    assert delivered == {"recipients": 250, "total": 250, "max_per_recipient": 1}
    assert count(result.stdout, "delivered") == 250
    assert count(result.stdout, "requests") == 3
    assert "outcome" not in result.stdout
    assert result.stderr.startswith("sending to 250 recipients from /")


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
    assert wrong.stderr == f"error: {path}: no column 'id'; there are: name, zuid\n"
    assert "which --column? There are: name, zuid" in none.stderr
    assert report["requests"] == {}


async def test_a_file_that_breaks_off_in_standard_input_is_reported():
    content = "\n".join(zuids(100)).encode() + b"\n\xff\n"
    async with Sandbox() as sandbox:
        result = await run(sandbox, *BROADCAST, "--to", "-", stdin=content)
    assert result.exit_code == 2
    assert "standard input: not UTF-8, somewhere after line" in result.stderr
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
    assert "give --text or --message, one of them" in result.stderr


async def test_nobody_delivered_fails(ids):
    async with Sandbox() as sandbox:
        result = await run(sandbox, *BROADCAST, "--to", ids(2), "--token", "invalid")
    assert result.exit_code == 1
    assert count(result.stdout, "failed") == 2
    assert "stopped: send_message: Request was rejected" in result.stderr


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


async def test_stopped_by_the_quota(ids):
    async with Sandbox() as sandbox:
        options = ("--to", ids(60), "--batch-size", "1", "--max-wait", "1", "--headroom", "8")
        result = await run(sandbox, *BROADCAST, *options)
    assert result.exit_code == 3
    delivered, failed = (count(result.stdout, name) for name in ("delivered", "failed"))
    assert 0 < delivered <= 42
    untried = next(line for line in result.stdout.splitlines() if line.startswith("not tried"))
    assert delivered + failed + int(untried.split()[-1]) == 60
    assert "stopped: send_message: the quota is spent; again at" in result.stderr
    assert sandbox.report()["lockouts"] == []


async def test_ctrl_c_finishes_what_is_under_way_and_sends_nothing_more(ids):
    arrived = asyncio.Event()
    async with Sandbox(latency_s=0.6, clock=counting(50, arrived)) as sandbox:
        options = ("--to", ids(60), "--batch-size", "1", "--json", "--token", SECRET)
        async with command(*BROADCAST, *options, "--base-url", sandbox.url) as process:
            await arrived.wait()
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
        requests = sandbox.report()["requests"]["send_message"]
    assert process.returncode == 130
    report = json.loads(out)
    assert (report["delivered"], report["unknown"], requests) == (50, 0, 50)
    assert report["failed"] + report["not_tried"] == 10
    assert report["stopped"] == "interrupted"
    assert b"interrupted: waiting for what is under way" in err
    assert b"Traceback" not in err


async def test_the_second_ctrl_c_gives_up_what_is_under_way(ids):
    arrived = asyncio.Event()
    async with Sandbox(faults=["lost:1"], clock=counting(1, arrived)) as sandbox:
        options = ("--to", ids(3), "--batch-size", "3", "--token", SECRET)
        async with command(*BROADCAST, *options, "--base-url", sandbox.url) as process:
            await arrived.wait()
            process.send_signal(signal.SIGTERM)
            await line_with("interrupted: ", process.stderr)
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
    assert process.returncode == 130
    assert count(out.decode(), "unknown") == 3
    assert "given up: interrupted" in out.decode()
    assert b"interrupted again" in err
    assert b"Traceback" not in err


async def test_ctrl_c_does_not_wait_for_a_lock(ids):
    async with Sandbox(faults=["throttle-429:1"]) as sandbox:
        options = ("--to", ids(1), "--token", SECRET, "--base-url", sandbox.url)
        async with command(*BROADCAST, *options) as process:
            await line_with("warning: Cliq locked", process.stderr)
            process.send_signal(signal.SIGINT)
            out, _ = await process.communicate()
    assert process.returncode == 130
    assert count(out.decode(), "failed") == 1


async def test_a_reader_that_goes_away_is_no_traceback(ids):
    reading, writing = os.pipe()
    os.close(reading)
    async with Sandbox() as sandbox:
        options = ("--to", ids(1), "--token", SECRET, "--base-url", sandbox.url)
        async with command(*BROADCAST, *options, stdout=writing) as process:
            os.close(writing)
            _, err = await process.communicate()
        delivered = sandbox.report()["delivered"]["total"]
    assert (process.returncode, delivered) == (1, 1)
    assert err.count(b"\n") == 1


def report(*outcomes, **counts):
    return BroadcastReport(outcomes=outcomes, **counts)


def test_exit_status_when_all_is_unknown_is_not_that_of_nothing_done():
    lost = Outcome(("1",), "unknown", "lost")
    assert exit_status(report(lost, unknown=1), "interrupted") == 4
    failed = Outcome(("1",), "failed", "no such user")
    assert exit_status(report(failed, failed=1), "interrupted") == 1
    assert exit_status(report(delivered=1), "interrupted") == 0
    assert exit_status(report(), "interrupted") == 0


def test_the_report_shows_twenty_reasons_at_most(capsys):
    outcomes = [Outcome(tuple(zuids(9)), "failed", f"reason {number}") for number in range(25)]
    print_report(report(*outcomes, *outcomes, failed=450), 500, 61.2)
    lines = capsys.readouterr().out.splitlines()
    assert "not tried        50" in lines
    assert "time       1:01 min" in lines
    assert lines[-1] == "and 5 more; --json has all of them"
    assert sum("reason " in line for line in lines) == 20
    assert "failed           18  55743307, 55743310, 55743313, …  reason 0" in lines


@pytest.fixture
def terminal(monkeypatch):
    """A terminal in place of stderr and stdout."""
    written = io.StringIO()
    for name in ("err", "out"):
        console = Console(file=written, force_terminal=True, width=100, _environ={"TERM": "xterm"})
        monkeypatch.setattr(output, name, console)
    return written


def a_status(**changes):
    return attrs.evolve(QuotaStatus(50, 50, 12, None, None, 0), **changes)


async def test_a_terminal_shows_a_bar_and_the_time_left(terminal):
    asked = []

    async def outlook(left):
        asked.append(left)
        return Outlook(90.0, a_status())

    progress = Progress(300, outlook)
    progress.update(BroadcastProgress(delivered=100, requests=1))
    async with progress.shown():
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        output.note("a line")
    shown = terminal.getvalue()
    assert asked == [200]
    assert "33%  1:30 min left" in shown
    assert "delivered 100  failed 0  unknown 0  requests 1  lockouts 0" in shown
    assert "window 12 of 50 free" in shown
    assert "a line" in shown


async def test_progress_without_a_total_and_without_a_store(terminal):
    async def broken(_left):
        raise QuotaStoreError

    for total in (None, 10, 0):
        progress = Progress(total, broken)
        async with progress.shown():
            await asyncio.sleep(0)
    shown = terminal.getvalue()
    assert "so far" in shown
    assert "0%" in shown
    assert "100%" in shown


async def test_without_a_terminal_lines_come_now_and_then(monkeypatch, capsys):
    monkeypatch.setattr(output, "PLAIN_EVERY_S", 0.0)

    later = datetime.now().astimezone() + timedelta(hours=1)

    async def outlook(_left):
        return Outlook(3.0, a_status(free=0, next_token_at=later))

    progress = Progress(300, outlook)
    async with progress.shown():
        for _ in range(9):
            await asyncio.sleep(0)
    line = "delivered 0  failed 0  unknown 0  requests 0  lockouts 0  0%  3.0 s left"
    assert capsys.readouterr() == ("", f"{line}  window spent until {later:%H:%M:%S}\n")


async def test_progress_tells_the_rate_of_this_run_and_a_lock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("cliq_async.cli.progress.time.monotonic", lambda: now[0])
    until = datetime.now().astimezone() + timedelta(minutes=5)

    async def outlook(_left):
        return Outlook(300.0, a_status(free=0, next_token_at=until, locked_until=until))

    progress = Progress(30_000, outlook)
    now[0] += 50
    progress.update(BroadcastProgress(delivered=9_000))  # by earlier runs
    now[0] += 30
    progress.update(BroadcastProgress(delivered=11_500, lockouts=1))
    await progress._look()
    assert progress._line().endswith(
        f"lockouts 1  38%  5:00 min left  5,000 recipients/min  locked until {until:%H:%M:%S}"
    )


def test_tables_for_a_terminal(terminal):
    output.table([["a", "1"]], header=("name", "count"), right=(1,))
    output.table([["b", "2"]])
    assert "│ a    │     1 │" in terminal.getvalue()
    assert "count" in terminal.getvalue()
    assert "│ b │ 2 │" in terminal.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.99, "10.0 s"), (45, "45 s"), (185, "3:05 min"), (3723, "1:02:03 h")],
)
def test_durations(seconds, text):
    assert output.duration(seconds) == text


def test_text_from_elsewhere_does_nothing_to_a_terminal():
    assert output.clean("a\x1b[31m\n\tb\ud800") == "a [31m b"
    assert output.clean("x" * 500) == "x" * 399 + "…"
