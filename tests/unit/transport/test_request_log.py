"""The debug log: a line for each request, bodies on demand, and no secret."""

import asyncio
import logging
import subprocess
import sys
from contextlib import suppress

import pytest
from support.scripted import DONE, SECRET, THROTTLED, a_rig, answer, moved

from cliq_async.auth.credentials import ApiKey
from cliq_async.errors import CliqError

LINE = "GET /api/v3/bots/one"


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.DEBUG, logger="cliq_async")
    return lambda: [each.getMessage() for each in caplog.records if each.levelname == "DEBUG"]


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (DONE, "200 in 500 ms"),
        (answer(200, {"data": 1}, {"X-Request-ID": "a1"}), "200 in 500 ms, request id a1"),
        (answer(404, {"code": "bot_not_found"}), "404 (refused) in 500 ms"),
        (THROTTLED, "429 (throttled) in 500 ms"),
        ("unsent", "not sent (no connection) in 0 ms"),
        ("lost", "no answer (no answer) in 500 ms"),
    ],
)
@moved
async def test_each_request_is_a_line(step, line, lines):
    rig = a_rig([step], delay_s=0.5)
    with suppress(CliqError):
        await rig.call("get_bot", max_wait_s=0.5)
    assert lines()[0] == f"{LINE}: {line}"


@moved
async def test_each_attempt_is_a_line(lines):
    await a_rig(["unsent", "lost", DONE]).call("get_bot")
    assert [each.split(" in ")[0] for each in lines()] == [
        f"{LINE}: not sent (no connection)",
        f"{LINE}: no answer (no answer)",
        f"{LINE}: 200",
    ]


@moved
async def test_cancelled_request_is_a_line(lines):
    task = asyncio.create_task(a_rig(["hang"]).call("get_bot"))
    await asyncio.sleep(2)
    task.cancel()
    await asyncio.wait([task])
    assert lines() == [f"{LINE}: cancelled in 2000 ms"]


@moved
async def test_line_stays_one_line(lines):
    await a_rig([answer(200, {"data": 1}, {"x-request-id": "a\r\nb"})]).call("get_bot")
    assert lines() == [f"{LINE}: 200 in 0 ms, request id a b"]


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING])
@moved
async def test_nothing_is_logged_above_debug(level, caplog):
    caplog.set_level(level, logger="cliq_async")
    await a_rig([DONE]).call("get_bot")
    assert caplog.records == []


@moved
async def test_bodies_are_logged_on_demand_and_cut(lines, caplog):
    rig = a_rig([answer(200, {"data": "b" * 3_000})])
    await rig.call("send_message", data={"text": "a"})
    assert len(lines()) == 1
    caplog.clear()
    caplog.set_level(logging.DEBUG, logger="cliq_async.bodies")
    await rig.call("send_message", data={"text": "a"})
    _, sent, received = lines()
    assert sent == 'sent {"text":"a"}'
    assert received == 'received {"data":"' + "b" * 1_991 + "… (3,011 bytes)"


@pytest.mark.parametrize("auth", [None, ApiKey("1001.canary-of-a-key")], ids=["token", "key"])
@moved
async def test_secret_that_an_answer_repeats_is_not_logged(auth, lines, caplog):
    caplog.set_level(logging.DEBUG, logger="cliq_async.bodies")
    secret = SECRET if auth is None else "1001.canary-of-a-key"
    echo = answer(400, {"message": secret}, {"X-Request-Id": secret})
    with pytest.raises(CliqError):
        await a_rig([echo], auth=auth).call("get_bot")
    assert [secret in each for each in lines()] == [False, False]
    assert "request id …" in lines()[0]


def test_bodies_are_off_unless_the_program_has_turned_them_on_before_the_import():
    code = """if True:
        import logging
        bodies = logging.getLogger("cliq_async.bodies")
        bodies.setLevel(LEVEL)
        import cliq_async.transport.request_log
        print(bodies.level)
    """
    for level, found in (("0", "30"), ("10", "10")):
        run = [sys.executable, "-c", code.replace("LEVEL", level)]
        assert subprocess.check_output(run, text=True).strip() == found
