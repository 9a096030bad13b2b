import asyncio
import os
import pty
import re
import signal
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from support.cli import command, invoke, line_with, zuids

from cliq_async.cli.commands import demo
from cliq_async.cli.commands.demo import Round
from cliq_async.cli.commands.demo_baseline import PlainRun, print_plain, run_plain
from cliq_async.endpoints import Limit
from cliq_async.sandbox import Sandbox


def round_of(ratio, **changes):
    values = {"took_s": 3.0 * ratio, "estimate_s": 3.0, "requests": 3, "once": 300, "lockouts": 0}
    return Round(**(values | changes))


@pytest.fixture
def staged(monkeypatch):
    """The demo without a sandbox: its rounds end as the test says."""

    def stage(*rounds, subscribers=300):
        @asynccontextmanager
        async def sandbox(*_):
            yield "http://127.0.0.1:1"

        async def listed(*_):
            return zuids(300), 0

        left = list(rounds)

        async def broadcast(_stage, _ids, _token):
            return left.pop(0)

        monkeypatch.setattr(demo, "_sandbox_process", sandbox)
        monkeypatch.setattr(demo, "_list", listed)
        monkeypatch.setattr(demo, "_broadcast", broadcast)
        result = invoke("demo", "--subscribers", str(subscribers), "--skip-plain")
        return result, left

    return stage


@pytest.mark.parametrize("dialect", ["seed", "live"])
def test_a_small_demo_is_delivered_once_without_a_lockout(dialect):
    options = ("--dialect", dialect, "--subscribers", "300", "--skip-plain", "--time-scale", "60")
    result = invoke("demo", *options)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = {" ".join(line.split()) for line in result.stdout.splitlines()}
    assert {
        "requests 3",
        "recipients 300",
        "delivered exactly once 300",
        "lockouts 0",
    } <= lines
    assert "ratio -" in lines


@pytest.mark.parametrize(("subscribers", "told"), [(1, True), (5_000, True), (5_001, False)])
def test_a_demo_that_fits_into_the_first_minute_says_that_it_shows_nothing(
    staged, subscribers, told
):
    result, _ = staged(round_of(1.0), subscribers=subscribers)
    assert (
        "this shows nothing: any client reaches them in the first minute" in result.stdout
    ) == told
    assert ("Pass --subscribers with more than 5,000" in result.stdout) == told


def test_the_examples_of_the_help_show_a_difference():
    found = re.findall(r"cliq demo --subscribers (\d+)", invoke("demo", "--help").stdout)
    assert found
    assert all(int(each) > 5_000 for each in found)


def test_one_good_round_is_enough(staged):
    result, left = staged(round_of(1.05), round_of(1.0))
    assert result.exit_code == 0
    assert len(left) == 1
    assert "1.050" in result.stdout


def test_the_best_of_three_counts(staged):
    result, left = staged(round_of(1.3), round_of(1.2), round_of(1.04), round_of(1.0))
    assert result.exit_code == 0
    assert len(left) == 1
    assert "1.040" in result.stdout
    assert "the best of 3" in result.stdout


def test_a_bad_ratio_is_said_and_is_no_failure(staged):
    result, _ = staged(round_of(1.3), round_of(1.2), round_of(1.4))
    assert result.exit_code == 0
    assert "the best of 3 is still above 1.10" in result.stdout


@pytest.mark.parametrize("changes", [{"once": 299}, {"lockouts": 1}])
def test_a_lockout_or_a_recipient_without_one_message_fails(staged, changes):
    result, _ = staged(round_of(1.3, **changes), round_of(1.0))
    assert result.exit_code == 1


def children_of(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.exists():
        pytest.skip("this system does not list the children of a process")
    return children.read_text().split()


def is_alive(pid):
    return Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_sandbox_ends_with_an_interrupted_demo(number):
    async with command("demo", "--time-scale", "1") as process:
        await line_with("A local Cliq", process.stdout)
        (child,) = children_of(process.pid)
        process.send_signal(number)
        _, err = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert not is_alive(child)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_on_a_terminal_the_sandbox_stays_with_its_page_until_ctrl_c(number):
    ours, theirs = pty.openpty()
    options = ("--subscribers", "100", "--skip-plain")
    ends = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    async with command("demo", *options, **ends) as process:
        os.close(theirs)
        text = ""
        while "Its page: " not in text or not text.endswith("\n"):
            text += (await asyncio.to_thread(os.read, ours, 4096)).decode()
        _, _, url = text.strip().rpartition(" ")
        assert text.count(url) == 2
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert "<title>Cliq sandbox</title>" in await answer.text()
        process.send_signal(number)
        assert await process.wait() == 0
        with pytest.raises(aiohttp.ClientConnectionError):
            async with aiohttp.ClientSession() as session, session.get(url):
                pass
    os.close(ours)


def test_a_sandbox_that_does_not_start_is_a_failure(monkeypatch):
    monkeypatch.setattr("sys.executable", "/bin/false")
    result = invoke("demo")
    assert result.exit_code == 1
    assert result.stderr == "error: the sandbox did not start: try `cliq sandbox --port 0`\n"


async def test_the_plain_limiter_is_locked_twice_and_says_how_long_it_would_take(capsys):
    limit = Limit(5, 60.0, 60.0)
    async with Sandbox(
        subscribers=2_000, limits={"send_message": limit}, time_scale=120
    ) as sandbox:
        ids = zuids(2_000)
        plain = await asyncio.wait_for(
            run_plain(sandbox.url, "supportbot", "hi", ids, limit=limit, time_scale=120), 20
        )
        report = sandbox.report()
    assert len(plain.locked_at) == len(report["lockouts"]) == 2
    assert plain.sent == report["requests"]["send_message"]
    assert plain.accepted < plain.total == 20
    print_plain(plain, limit, 120)
    out = capsys.readouterr().out
    assert "plain aiolimiter(50, 60)" in out
    assert "time for all, extrapolated" in out
    assert "so 20 take " in out


async def test_the_plain_limiter_that_has_little_to_do_is_not_locked(capsys):
    limit = Limit(5, 60.0, 60.0)
    async with Sandbox(subscribers=300, limits={"send_message": limit}) as sandbox:
        plain = await run_plain(
            sandbox.url, "supportbot", "hi", zuids(300), limit=limit, time_scale=1
        )
    print_plain(plain, limit, 1)
    assert (plain.accepted, plain.locked_at) == (3, [])
    assert "extrapolated" not in capsys.readouterr().out


def test_the_extrapolation_goes_on_as_it_went():
    plain = PlainRun(total=200, lock_s=10.0, accepted=100, locked_at=[0.1, 10.2])
    assert plain.rounds == 4
    assert plain.estimate_s == pytest.approx(0.1 + 3 * 10.1)


def test_the_state_of_the_plain_limiter_in_a_line():
    plain = PlainRun(total=200, lock_s=1000.0, sent=51, accepted=50)
    assert plain.line().endswith("lockouts 0  not locked")
    assert not plain.record_refusal()
    assert "lockouts 1  locked for 0.0 of 1000.0 s" in plain.line()
    assert plain.show()
