"""One call in virtual time: access tokens that are refused, grow old or cannot be made."""

import asyncio
from typing import Any

import pytest
from aiolimiter import AsyncLimiter
from support.scripted import (
    BY_METHOD,
    DONE,
    METHODS,
    UNAUTHORIZED,
    a_rig,
    all_tokens,
    answer,
    moved,
)
from support.token_providers import CREDENTIALS

from cliq_async.errors import AuthenticationError, AuthError, OutcomeUnknownError, QuotaWaitError
from cliq_async.quota.model import TokenOutcome
from cliq_async.transport.base import CONNECT_S
from cliq_async.transport.pending_call import PendingCall


def tokens(*values):
    """A server whose accounts side hands out tokens, and that accepts the last one alone."""
    left = list(values)

    def step(request):
        if request.url.endswith("/oauth/v2/token"):
            return answer(200, {"access_token": left.pop(0), "expires_in": 3600})
        good = request.headers["Authorization"] == f"Bearer {values[-1]}"
        return DONE if good else UNAUTHORIZED

    return step


@pytest.mark.parametrize("method", METHODS)
@moved
async def test_refused_access_token_is_renewed_once_and_the_call_goes_again(method):
    name = BY_METHOD[method]
    rig = a_rig([tokens("old", "new")], auth=CREDENTIALS)
    assert await rig.call(name) == {"data": []}
    assert [request.headers.get("Authorization") for request in rig.transport.requests] == [
        None,
        "Bearer old",
        None,
        "Bearer new",
    ]
    assert await rig.free(name) == all_tokens(name) - 2


@moved
async def test_second_refusal_of_a_renewed_token_is_raised():
    rig = a_rig([tokens("old", "older", "new")], auth=CREDENTIALS)
    with pytest.raises(AuthenticationError):
        await rig.call("get_bot")
    assert len(rig.transport.requests) == 4


@moved
async def test_refused_fixed_token_is_raised_at_once():
    rig = a_rig([UNAUTHORIZED])
    with pytest.raises(AuthenticationError):
        await rig.call("get_bot")
    assert len(rig.transport.requests) == 1


@moved
async def test_many_calls_refused_at_once_renew_once():
    rig = a_rig([tokens("old", "new")], auth=CREDENTIALS, delay_s=0.1)
    await asyncio.gather(*(rig.call("list_subscribers") for _ in range(40)))
    urls = [request.url for request in rig.transport.requests]
    assert sum(url.endswith("/token") for url in urls) == 2


def accounts_of_a_minute(life_s=60):
    """A server whose access tokens live as long, and that refuses the others."""
    made = []

    def step(request):
        now = asyncio.get_running_loop().time()
        if request.url.endswith("/oauth/v2/token"):
            made.append(now)
            return answer(200, {"access_token": f"token-{len(made)}", "expires_in": life_s})
        number = int(request.headers["Authorization"].rpartition("-")[2])
        return DONE if now < made[number - 1] + life_s else UNAUTHORIZED

    return step


@pytest.mark.parametrize("pace", [False, True])
@moved
async def test_access_token_that_grows_old_in_line_is_renewed_before_the_call_goes(pace):
    pacers = {"send_message": AsyncLimiter(1, 0.5)} if pace else {}
    rig = a_rig([accounts_of_a_minute()], auth=CREDENTIALS, delay_s=0.1, pacers=pacers)
    calls = (rig.call("send_message", max_wait_s=None) for _ in range(120))
    assert await asyncio.gather(*calls) == [{"data": []}] * 120
    asked = [request for request in rig.transport.requests if "oauth" in request.url]
    assert len(rig.transport.requests) == 120 + len(asked), "none was refused"
    assert 3 <= len(asked) <= 5


@moved
async def test_call_whose_access_token_cannot_be_renewed_in_line_gives_its_token_back():
    made = answer(200, {"access_token": "token-1", "expires_in": 30})
    gone = answer(200, {"error": "invalid_code"})
    rig = a_rig([made, *[DONE] * 50, gone], auth=CREDENTIALS)
    calls = (rig.call("send_message", max_wait_s=None) for _ in range(51))
    *done, last = await asyncio.gather(*calls, return_exceptions=True)
    assert done == [{"data": []}] * 50
    assert isinstance(last, AuthError)
    assert await rig.free("send_message") == 50


@pytest.mark.parametrize("takes_s", [CONNECT_S, 12.0])
@moved
async def test_token_of_the_quota_that_is_too_old_after_a_slow_renewal_is_back_and_no_attempt(
    takes_s, monkeypatch
):
    monkeypatch.setattr(
        PendingCall, "_plan_pause", lambda *_: pytest.fail("it counts as an attempt")
    )
    accounts = accounts_of_a_minute(40)
    rig = a_rig([accounts], auth=CREDENTIALS)
    calls = [asyncio.create_task(rig.call("send_message", max_wait_s=None)) for _ in range(51)]
    await asyncio.sleep(1)
    rig.transport.delay_s = takes_s
    assert await asyncio.gather(*calls) == [{"data": []}] * 51
    assert await rig.free("send_message") == 49
    assert await rig.free_after("send_message", 62.0) == 50


@moved
async def test_quota_is_not_held_while_no_access_token_may_be_made():
    loop = asyncio.get_running_loop()
    rig = a_rig([accounts_of_a_minute(40)], auth=CREDENTIALS)
    source: Any = rig.executor.provider
    calls = [asyncio.create_task(rig.call("send_message", max_wait_s=None)) for _ in range(60)]
    await asyncio.sleep(1)
    for number in range(9):  # another process has made these
        quota = source._issuer._grant.quota
        await rig.store.take(quota, str(number), lease_s=100.0)
        rig.store.end(quota, str(number), TokenOutcome.ANSWERED)
    await asyncio.sleep(69)
    assert await rig.free("send_message") == 50
    assert sum(call.done() for call in calls) == 50
    assert await asyncio.gather(*calls) == [{"data": []}] * 60
    assert loop.time() > 600


@moved
async def test_call_that_may_have_no_access_token_before_its_deadline_is_refused_at_once():
    rig = a_rig([accounts_of_a_minute()], auth=CREDENTIALS)
    source: Any = rig.executor.provider
    quota = source._issuer._grant.quota
    for number in range(quota.threshold):  # another process has made these
        await rig.store.take(quota, str(number), lease_s=100.0)
        rig.store.end(quota, str(number), TokenOutcome.ANSWERED)
    with pytest.raises(QuotaWaitError):
        await rig.call("send_message", max_wait_s=75.0)
    assert asyncio.get_running_loop().time() == 0.0


@pytest.mark.parametrize("method", METHODS)
@moved
async def test_no_token_of_the_quota_is_taken_before_there_is_an_access_token(method):
    name = BY_METHOD[method]
    rig = a_rig([answer(200, {"error": "invalid_client"})], auth=CREDENTIALS, delay_s=1.0)
    asking = asyncio.create_task(rig.call(name))
    await asyncio.sleep(0.5)
    assert await rig.free(name) == all_tokens(name)
    with pytest.raises(AuthError, match=r"accounts\.zoho\.com"):
        await asking
    assert await rig.free(name) == all_tokens(name)


@moved
async def test_patch_that_was_lost_and_then_finds_no_access_token_may_have_happened():
    def step(request):
        asked = [each for each in rig.transport.requests if each.url.endswith("/token")]
        if request.url.endswith("/token"):
            first = len(asked) == 1
            return answer(200, {"access_token": "t"} if first else {"error": "invalid_code"})
        return UNAUTHORIZED

    rig = a_rig([answer(200, {"access_token": "t"}), "lost", step], auth=CREDENTIALS)
    with pytest.raises(OutcomeUnknownError, match="invalid_code"):
        await rig.call("update_bot")
