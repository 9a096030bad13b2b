"""The sandbox's access log: a line for each request, and no secret."""

import asyncio
import logging
import re

import aiohttp
import pytest
from support.sandboxes import BOTS, FIRST, SEND, running

from cliq_async.sandbox import user_label

CANARY = "1000.canary"


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.DEBUG, logger="cliq_async.sandbox")

    def found():
        logged = [each for each in caplog.records if each.name == "cliq_async.sandbox"]
        return [re.sub(r"\d+ ms", "N ms", each.getMessage()) for each in logged]

    return found


async def test_each_request_is_a_line_with_its_user(lines):
    async with running() as caller:
        await caller.send(user_ids=FIRST)
        await caller.get(BOTS + "/nobody")
        await caller.request("GET", BOTS, token="invalid")
        await caller.request("GET", "/api/v4")
    user = user_label("ann")
    assert lines() == [
        f"POST {SEND}: 204 in N ms, {user}",
        f"GET {BOTS}/nobody: 404 in N ms, {user}",
        f"GET {BOTS}: 401 in N ms",
        "GET /api/v4: 404 in N ms",
    ]


@pytest.mark.parametrize(
    ("fault", "ending"), [("lost", "no answer"), ("reset", "connection dropped")]
)
async def test_request_that_is_not_answered_is_a_line(fault, ending, lines):
    async with running(faults=[f"{fault}:x1"]) as caller:
        with pytest.raises((TimeoutError, aiohttp.ClientError)):
            async with asyncio.timeout(0.2):
                await caller.send(user_ids=FIRST)
    assert lines() == [f"POST {SEND}: {ending} in N ms, {user_label('ann')}"]


async def test_no_line_has_a_secret(lines, caplog):
    form = {
        "grant_type": "refresh_token",
        "client_id": "1000.A",
        "client_secret": f"{CANARY}-secret",
        "refresh_token": f"{CANARY}-refresh",
    }
    async with running() as caller:
        await caller.request("GET", BOTS, token=f"{CANARY}-access")
        await caller.get(BOTS, zapikey=f"{CANARY}-key")
        _, issued = await caller.request("POST", "/oauth/v2/token", data=form)
        await caller.request(
            "POST", "/oauth/v2/token/revoke", data={"token": form["refresh_token"]}
        )
    assert len(lines()) == 4
    assert CANARY not in caplog.text
    assert issued["access_token"] not in caplog.text


async def test_page_and_log_that_is_off_make_no_lines(lines, caplog):
    async with running() as caller:
        await caller.request("GET", "/")
        await caller.report()
        caplog.set_level(logging.INFO, logger="cliq_async.sandbox")
        await caller.get(BOTS)
    assert lines() == []
