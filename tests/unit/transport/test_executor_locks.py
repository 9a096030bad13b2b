"""One call in virtual time: locks, and waiting for the quota."""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from support.scripted import BY_METHOD, DONE, METHODS, THROTTLED, a_rig, answer, finish, moved, now

from cliq_async.endpoints import Limit
from cliq_async.errors import (
    OutcomeUnknownError,
    QuotaStoreError,
    QuotaWaitError,
    ThrottledError,
    TransportError,
)

LOCK_S = {"get_bot": 300.0, "send_message": 600.0, "update_bot": 300.0, "delete_bot": 300.0}


def in_s(at):
    return (at - datetime.now(UTC)) / timedelta(seconds=1)


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
    body = {"code": "request_limit_exceeded", "message": "too many"}
    rig = a_rig([answer(429, body, {"X-Request-Id": "a1"})])
    with pytest.raises(ThrottledError) as throttled:
        await rig.call(name)
    assert (throttled.value.request_id, json.loads(throttled.value.body)) == ("a1", body)
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
    calls = [rig.begin("send_message") for _ in range(20)]
    got = await asyncio.gather(*map(finish, calls), return_exceptions=True)
    assert {type(each) for each in got} == {ThrottledError}
    (warning,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert "send_message" in warning.getMessage()
    assert "ann" in warning.getMessage()
    assert sum(call.lockouts for call in calls) == 1
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
