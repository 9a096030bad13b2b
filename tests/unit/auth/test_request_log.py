"""The debug log of requests to an accounts server: a line for each, and no secret."""

import asyncio
import logging
import re

import pytest
from support.scripted import Scripted, answer, moved
from support.token_providers import an_authority, value

from cliq_async.auth.accounts import AccountsClient, AuthorizationCode
from cliq_async.auth.credentials import RefreshToken
from cliq_async.errors import AuthError
from cliq_async.quota.stores.memory import MemoryStore

ISSUED = answer(200, {"access_token": "1000.canary-access", "expires_in": 3600})
URL = "https://accounts.zoho.eu"
LINE = "POST accounts.zoho.eu/oauth/v2/token"
CREDENTIALS = RefreshToken(
    "1000.CLIENT",
    "canary_secret",
    "1000.canary-refresh",
    accounts_url=URL,
)


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.DEBUG, logger="cliq_async")
    caplog.set_level(logging.DEBUG, logger="cliq_async.bodies")

    def found():
        assert "canary" not in caplog.text
        logged = [each.getMessage() for each in caplog.records if each.levelname == "DEBUG"]
        return [re.sub(r" in \d+ ms$", "", line) for line in logged]

    return found


@pytest.mark.parametrize(
    ("step", "ending"),
    [
        (ISSUED, "200"),
        (answer(200, {"error": "invalid_code"}), "200 (invalid_code)"),
        (answer(400, {"error": "canary_secret"}), "400"),
        (answer(400, {"error": "Said to a person."}), "400"),
        (answer(502, b"<html>"), "502"),
        ("lost", "no answer"),
        ("unsent", "no answer"),
    ],
)
@moved
async def test_each_request_is_a_line(step, ending, lines):
    transport = Scripted([step])
    server = AccountsClient(URL, transport, MemoryStore(clock=asyncio.get_running_loop().time))
    code = AuthorizationCode("1000.CLIENT", "canary_secret", "1000.canary-code")
    with pytest.raises(AuthError):
        await server.exchange(code)
    assert lines() == [f"{LINE}: {ending}"]


@moved
async def test_request_for_an_access_token_is_a_line(lines):
    provider, *_ = an_authority([ISSUED], auth=CREDENTIALS)
    await value(provider)
    assert lines() == [f"{LINE}: 200"]


@moved
async def test_request_of_a_cancelled_call_is_a_line(lines):
    server = AccountsClient(
        URL,
        Scripted(["hang"]),
        MemoryStore(clock=asyncio.get_running_loop().time),
    )
    task = asyncio.create_task(server.revoke(CREDENTIALS))
    await asyncio.sleep(1.0)
    task.cancel()
    await asyncio.wait([task])
    assert lines() == [f"{LINE}/revoke: cancelled"]
