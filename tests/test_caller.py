"""One call in moved time: attempts, waiting, tokens given back, cancellation at every await."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiolimiter import AsyncLimiter
from scripted import DONE, SECRET, THROTTLED, a_rig, answer, moved, now

from cliq_async.auth import RefreshToken
from cliq_async.caller import Caller
from cliq_async.endpoints import ENDPOINTS, Limit
from cliq_async.errors import (
    AuthenticationError,
    AuthError,
    CliqError,
    JournalError,
    OutcomeUnknownError,
    QuotaStoreError,
    QuotaWaitError,
    ServerError,
    ThrottledError,
    TransportError,
)
from cliq_async.quota.model import Ending
from cliq_async.transport import Response
from cliq_async.watch import Watch

BY_METHOD = {
    "GET": "get_bot",
    "POST": "send_message",
    "PATCH": "update_bot",
    "DELETE": "delete_bot",
}
METHODS = sorted(BY_METHOD)
GATEWAY = answer(502, b"<html>")
UNAUTHORISED = answer(401, {"message": "invalid AuthToken"})
PERIOD_S = 61.0  # a window of a minute and the margin
STRAGGLER_S = 30.0
LOCK_S = {"get_bot": 300.0, "send_message": 600.0, "update_bot": 300.0, "delete_bot": 300.0}
CREDENTIALS = RefreshToken("id", "a-client-secret", "a-refresh-token")


def in_s(at):
    return (at - datetime.now(UTC)) / timedelta(seconds=1)


def all_tokens(name):
    return ENDPOINTS[name].limit.threshold


# Attempts.


@pytest.mark.parametrize("name", ENDPOINTS)
@moved
async def test_every_endpoint_is_called_by_its_method_and_path_under_its_own_quota(name):
    rig = a_rig([DONE])
    assert await rig.call(name) == {"data": []}
    (sent,) = rig.transport.requests
    assert sent.method == ENDPOINTS[name].method
    assert sent.url.startswith("https://cliq.zoho.com/api/v3/bots")
    assert "{" not in sent.url
    assert sent.headers["Authorization"] == f"Bearer {SECRET}"
    assert await rig.free(name) == all_tokens(name) - 1
    for other in ENDPOINTS.keys() - {name}:
        assert await rig.free(other) == all_tokens(other)


@pytest.mark.parametrize("method", METHODS)
@moved
async def test_three_attempts_that_never_left_cost_no_token(method):
    name = BY_METHOD[method]
    rig = a_rig(["unsent"])
    with pytest.raises(TransportError, match="no connection"):
        await rig.call(name)
    assert rig.transport.requests == []
    assert 0 < now() < 3
    assert await rig.free(name) == all_tokens(name)


@pytest.mark.parametrize(
    ("end", "error"), [("lost", None), (GATEWAY, None), (answer(500, {"code": "x"}), ServerError)]
)
@pytest.mark.parametrize("method", METHODS)
@moved
async def test_unanswered_requests_cost_a_token_each_until_no_straggler_can_arrive(
    method, end, error
):
    name, attempts = BY_METHOD[method], 1 if method == "POST" else 3
    rig = a_rig([end])
    with pytest.raises(error or (TransportError if method == "GET" else OutcomeUnknownError)):
        await rig.call(name)
    assert len(rig.transport.requests) == attempts
    last_at = rig.transport.times[-1]
    await asyncio.sleep(last_at + PERIOD_S + STRAGGLER_S - 0.001 - now())
    assert await rig.free(name) == all_tokens(name) - 1
    assert await rig.free_after(name, 0.002) == all_tokens(name)


@pytest.mark.parametrize("method", METHODS)
@moved
async def test_answered_request_gives_its_token_back_a_window_and_the_margin_later(method):
    name = BY_METHOD[method]
    rig = a_rig([DONE], delay_s=2.0)
    await rig.call(name)
    assert await rig.free_after(name, PERIOD_S - 0.001) == all_tokens(name) - 1
    assert await rig.free_after(name, 0.002) == all_tokens(name)


@moved
async def test_delete_that_found_nothing_after_a_lost_attempt_has_succeeded():
    rig = a_rig(["lost", answer(404, {"code": "bot_not_found"})])
    assert await rig.call("delete_bot") is None
    assert len(rig.transport.requests) == 2


@moved
async def test_second_attempt_comes_after_a_pause_of_at_most_half_a_second_and_the_third_of_one():
    starts = []
    for _ in range(20):
        rig = a_rig(["lost"])
        with pytest.raises(TransportError):
            await rig.call("get_bot")
        first, second, third = rig.transport.times
        assert 0 <= second - first <= 0.5
        assert 0 <= third - second <= 1.0
        starts.append(second - first)
    assert max(starts) - min(starts) > 0.05  # with jitter


@moved
async def test_pause_that_ends_after_the_deadline_is_not_slept_through():
    for _ in range(20):
        rig = a_rig(["lost"])
        began = now()
        with pytest.raises(TransportError):
            await rig.call("get_bot", max_wait_s=0.01)
        assert now() - began <= 0.01


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("body", [None, b'{"data'])
@moved
async def test_write_answered_2xx_without_a_readable_body_has_happened(method, body):
    rig = a_rig([Response(200, {}, body)])
    assert await rig.call(BY_METHOD[method]) is None
    assert len(rig.transport.requests) == 1


@pytest.mark.parametrize("body", [None, b'{"data'])
@moved
async def test_read_whose_body_is_lost_is_asked_again(body):
    rig = a_rig([Response(200, {}, body), DONE])
    assert await rig.call("get_bot") == {"data": []}
    assert len(rig.transport.requests) == 2


@pytest.mark.parametrize("method", METHODS)
@moved
async def test_what_no_attempt_expects_is_raised_as_it_is_and_leaks_no_token(method):
    name = BY_METHOD[method]
    rig = a_rig([KeyError("a bug")])
    with pytest.raises(KeyError):
        await rig.call(name)
    assert await rig.free(name) == all_tokens(name) - 1
    assert await rig.free_after(name, PERIOD_S + STRAGGLER_S + 1) == all_tokens(name)


# Locks and waiting.


@pytest.mark.parametrize("method", METHODS)
@moved
async def test_throttled_call_goes_again_a_second_after_the_lock_and_is_no_attempt(method):
    name = BY_METHOD[method]
    rig = a_rig([THROTTLED, THROTTLED, THROTTLED, THROTTLED, DONE])
    await rig.call(name, max_wait_s=None)
    assert len(rig.transport.requests) == 5
    gaps = [b - a for a, b in zip(rig.transport.times, rig.transport.times[1:], strict=False)]
    assert gaps == pytest.approx([LOCK_S[name] + 1.0] * 4)


@moved
async def test_throttles_between_lost_attempts_leave_three_attempts():
    rig = a_rig(["lost", THROTTLED, "lost", THROTTLED, "lost", DONE])
    with pytest.raises(TransportError):
        await rig.call("get_bot", max_wait_s=None)
    assert len(rig.transport.requests) == 5


@pytest.mark.parametrize("method", METHODS)
@moved
async def test_refused_call_raises_throttled_and_the_unsent_one_a_wait_both_with_the_locks_end(
    method,
):
    name = BY_METHOD[method]
    rig = a_rig([answer(429, {"code": "request_limit_exceeded", "message": "too many"})])
    with pytest.raises(ThrottledError) as throttled:
        await rig.call(name)
    assert now() == 0  # as soon as it is known
    assert (throttled.value.status, throttled.value.code) == (429, "request_limit_exceeded")
    assert in_s(throttled.value.retry_at) == pytest.approx(LOCK_S[name] + 1.0, abs=0.5)
    with pytest.raises(QuotaWaitError) as waits:
        await rig.call(name)
    assert in_s(waits.value.retry_at) == pytest.approx(LOCK_S[name] + 1.0, abs=0.5)
    assert len(rig.transport.requests) == 1


@moved
async def test_wait_that_the_server_names_counts_in_the_servers_seconds():
    refused = answer(429, {"message": "x"}, {"Retry-After": "120"})
    rig = a_rig([refused, DONE], time_scale=60.0, base_url="https://sandbox:1")
    await rig.call("send_message")
    assert now() == pytest.approx(121 / 60)


@moved
async def test_patch_that_was_lost_and_then_finds_no_quota_may_have_happened():
    limits = {"update_bot": Limit(1)}
    rig = a_rig(["lost"], limits=limits)
    with pytest.raises(OutcomeUnknownError, match="quota"):
        await rig.call("update_bot", max_wait_s=20)
    assert len(rig.transport.requests) == 1


@moved
async def test_patch_that_was_lost_and_then_throttled_past_the_deadline_may_have_happened():
    rig = a_rig(["lost", THROTTLED])
    with pytest.raises(OutcomeUnknownError):
        await rig.call("update_bot")
    assert len(rig.transport.requests) == 2


@moved
async def test_patch_that_was_lost_and_then_finds_the_store_broken_may_have_happened():
    rig = a_rig(["lost"])
    whole = rig.store.take

    async def broken(*args, **options):
        if rig.transport.requests:
            raise QuotaStoreError("the disk is full")
        return await whole(*args, **options)

    rig.store.take = broken
    with pytest.raises(OutcomeUnknownError, match="disk"):
        await rig.call("update_bot")


@moved
async def test_get_that_was_lost_and_then_finds_no_quota_was_not_answered_in_time():
    rig = a_rig(["lost"], limits={"get_bot": Limit(1)})
    with pytest.raises(QuotaWaitError):
        await rig.call("get_bot", max_wait_s=20)


@moved
async def test_one_warning_a_lock_however_many_requests_it_refuses(caplog):
    caplog.set_level(logging.INFO, "cliq_async")
    rig = a_rig([THROTTLED], delay_s=1.0, account="ann")
    watches = [Watch() for _ in range(20)]
    got = await asyncio.gather(
        *(rig.call("send_message", watch=watch) for watch in watches), return_exceptions=True
    )
    assert {type(each) for each in got} == {ThrottledError}
    (warning,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert "send_message" in warning.getMessage()
    assert "ann" in warning.getMessage()
    assert sum(watch.lockouts for watch in watches) == 1
    await asyncio.sleep(700)
    with pytest.raises(ThrottledError):
        await rig.call("send_message")  # the lock is still there: the same episode
    await asyncio.sleep(700)
    rig.transport.steps[:] = [DONE, THROTTLED]
    await rig.call("send_message")
    with pytest.raises(ThrottledError):
        await rig.call("send_message")
    warnings = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert len(warnings) == 2


@moved
async def test_no_token_of_any_kind_is_in_a_log_line_an_exception_or_a_repr(caplog):
    caplog.set_level(logging.DEBUG)
    secrets = [SECRET, CREDENTIALS.client_secret, CREDENTIALS.refresh_token]
    said = []
    for steps in (["lost"], ["unsent"], [THROTTLED], [GATEWAY], [answer(401)], [answer(400)]):
        for auth in (None, CREDENTIALS):
            for name in BY_METHOD.values():
                rig = a_rig(steps, auth=auth)
                rig.transport.steps[0:0] = (
                    [answer(200, {"access_token": SECRET})]
                    if auth and steps != [answer(401)]
                    else []
                )
                with pytest.raises(CliqError) as caught:
                    await rig.call(name)
                said += [repr(caught.value), str(caught.value), repr(vars(caught.value))]
                said += [repr(rig.caller), repr(rig.caller._authority), repr(CREDENTIALS)]
    said += [record.getMessage() for record in caplog.records]
    for secret in secrets:
        assert not [text for text in said if secret in text]


# Access tokens.


def tokens(*values):
    """A server whose accounts side hands out tokens, and that accepts the last one alone."""
    left = list(values)

    def step(request):
        if request.url.endswith("/oauth/v2/token"):
            return answer(200, {"access_token": left.pop(0), "expires_in": 3600})
        good = request.headers["Authorization"] == f"Bearer {values[-1]}"
        return DONE if good else UNAUTHORISED

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
    rig = a_rig([UNAUTHORISED])
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
        return DONE if now < made[number - 1] + life_s else UNAUTHORISED

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


@moved
async def test_token_of_the_quota_that_is_too_old_after_a_slow_renewal_is_no_attempt(monkeypatch):
    monkeypatch.setattr(Caller, "_back_off", lambda *_: pytest.fail("it counts as an attempt"))
    accounts = accounts_of_a_minute(40)
    rig = a_rig([accounts], auth=CREDENTIALS)
    calls = [asyncio.create_task(rig.call("send_message", max_wait_s=None)) for _ in range(51)]
    await asyncio.sleep(1)
    rig.transport.delay_s = 12.0
    assert await asyncio.gather(*calls) == [{"data": []}] * 51
    assert await rig.free_after("send_message", 62.0) == 50


@moved
async def test_quota_is_not_held_while_no_access_token_may_be_made():
    loop = asyncio.get_running_loop()
    rig = a_rig([accounts_of_a_minute(40)], auth=CREDENTIALS)
    source: Any = rig.caller._authority
    calls = [asyncio.create_task(rig.call("send_message", max_wait_s=None)) for _ in range(60)]
    await asyncio.sleep(1)
    for number in range(9):  # another process has made these
        quota = source._maker._grant.quota
        await rig.store.take(quota, str(number), lease_s=100.0)
        rig.store.end(quota, str(number), Ending.ANSWERED)
    await asyncio.sleep(69)
    assert await rig.free("send_message") == 50
    assert sum(call.done() for call in calls) == 50
    assert await asyncio.gather(*calls) == [{"data": []}] * 60
    assert loop.time() > 600


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
        return UNAUTHORISED

    rig = a_rig([answer(200, {"access_token": "t"}), "lost", step], auth=CREDENTIALS)
    with pytest.raises(OutcomeUnknownError, match="invalid_code"):
        await rig.call("update_bot")


# Cancellation.

SCENES = {
    "at once": [DONE],
    "renewed": [UNAUTHORISED, DONE],
    "lost": ["lost", "lost", DONE],
    "unsent": ["unsent", "unsent", DONE],
    "throttled": [THROTTLED, DONE],
}


# Moved time stands still for aiolimiter's last rounding error: paced scenes have exact times.
@pytest.mark.parametrize(
    ("scene", "paced"),
    [*((scene, False) for scene in SCENES), ("at once", True), ("throttled", True)],
)
@pytest.mark.parametrize("method", ["GET", "PATCH"])
@moved
async def test_call_cancelled_at_any_await_leaves_no_token_behind(method, scene, paced):
    """Cancel after k turns of the loop, for all k up to the call's end."""
    name, turns, cancelled = BY_METHOD[method], 0, 0
    whole = all_tokens(name)
    while True:
        pacers = {"": AsyncLimiter(1, 4.0), name: AsyncLimiter(1, 2.0)} if paced else {}
        limits = {name: Limit(whole, 60.0, 1.0)}  # a lock that is over soon
        steps = [DONE, *SCENES[scene]] if paced else SCENES[scene]
        rig = a_rig(steps, delay_s=0.5, pacers=pacers, auth=_two_tokens, limits=limits)
        if paced:
            await rig.call("delete_handler")  # so that the pace makes the call wait
            del rig.transport.requests[:], rig.transport.times[:]
        watch = Watch()
        call = asyncio.create_task(rig.call(name, watch=watch, max_wait_s=None))
        for _ in range(turns):
            await asyncio.sleep(0)
            if _ % 3 == 2:
                await asyncio.sleep(0.25)
        ended = call.done()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        at, sent = now(), len(rig.transport.requests)
        assert watch.requests == sent
        quota = rig.settings.quotas()[name]
        (snapshot,) = await rig.store.snapshots([quota])
        assert snapshot.leases == (), f"after {turns} turns"
        counted = [time for time in rig.transport.times if time + PERIOD_S > at]
        assert len(snapshot.returns) >= len(counted)
        assert len(snapshot.returns) <= sent
        if not sent:
            assert snapshot.free == whole
        if watch.lost:
            back_s = PERIOD_S + STRAGGLER_S  # a lock teaches a second more
            assert rig.transport.times[-1] + back_s <= max(snapshot.returns) <= at + back_s + 1
        await asyncio.sleep(3 * 3600.0)
        (snapshot,) = await rig.store.snapshots([quota])
        assert (snapshot.returns, snapshot.leases) == ((), ())
        cancelled += not ended
        if ended:
            break
        turns += 1
    assert cancelled > 3


async def _two_tokens():
    await asyncio.sleep(0.125)
    return SECRET


@moved
async def test_cancelled_in_flight_its_token_waits_for_the_straggler():
    rig = a_rig(["hang"])
    call = asyncio.create_task(rig.call("send_message"))
    await asyncio.sleep(5)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await rig.free_after("send_message", PERIOD_S + STRAGGLER_S - 0.1) == 49
    assert await rig.free_after("send_message", 0.2) == 50


@moved
async def test_cancelled_in_line_it_costs_nothing_and_the_next_one_goes():
    rig = a_rig([DONE], limits={"send_message": Limit(1)})
    await rig.call("send_message")
    calls = [asyncio.create_task(rig.call("send_message", max_wait_s=None)) for _ in range(3)]
    await asyncio.sleep(1)
    calls[0].cancel()
    calls[1].cancel()
    await calls[2]
    assert now() == pytest.approx(PERIOD_S)


# Announced before they leave.


@moved
async def test_request_leaves_only_once_it_was_announced_with_a_token_in_hand():
    rig = a_rig([DONE])
    watch = Watch()
    seen = []

    async def announce():
        seen.append((len(rig.transport.requests), await rig.free("send_message")))

    watch.announce = announce
    await rig.call("send_message", watch=watch)
    assert seen == [(0, 49)]
    assert len(rig.transport.requests) == 1


@moved
async def test_request_that_cannot_be_announced_does_not_leave_and_its_token_is_back():
    rig = a_rig([DONE])
    watch = Watch()

    async def full():
        raise JournalError("the disk is full")

    watch.announce = full
    with pytest.raises(JournalError):
        await rig.call("send_message", watch=watch)
    assert (rig.transport.requests, watch.lost, watch.requests) == ([], False, 0)
    assert await rig.free("send_message") == 50


@moved
async def test_call_that_is_cancelled_while_it_is_announced_has_not_left():
    rig = a_rig([DONE])
    watch = Watch()
    watch.announce = asyncio.get_running_loop().create_future
    call = asyncio.create_task(rig.call("send_message", watch=watch))
    await asyncio.sleep(1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (rig.transport.requests, watch.lost) == ([], False)
    assert await rig.free("send_message") == 50
