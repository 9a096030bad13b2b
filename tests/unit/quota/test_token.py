"""A token: sent once and in time, given back once; and those that are taken aside."""

import asyncio

import pytest
from support.stores import Clock, a_quota

from cliq_async.quota.model import Denied, TokenOutcome
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.quota.token import Token, try_acquire_now

WITHIN_S = 10.0


class SlowStore(MemoryStore):
    """Answers a turn of the loop after it has decided."""

    async def take(self, quota, token, **options):
        got = await super().take(quota, token, **options)
        await asyncio.sleep(0)
        return got


async def aside(store, quota):
    got = await try_acquire_now(store, quota, send_within_s=WITHIN_S)
    assert isinstance(got, Token)
    return got


async def free(store, quota):
    return (await store.snapshots([quota]))[0].free


async def test_token_is_new_and_may_be_sent_once_before_its_time():
    clock = Clock()
    store, quota = MemoryStore(clock=clock), a_quota(3)
    token, late = await aside(store, quota), await aside(store, quota)
    assert (token.sent, token.ended, token.waited) == (False, False, False)
    assert (token.quota, token.taken_at, token.send_by) == (quota, 1000.0, 1010.0)
    clock.advance(9.9)
    assert token.claim()
    assert not token.claim()
    clock.advance(0.1)
    assert not late.claim()
    assert not late.sent


async def test_tokens_taken_aside_are_counted_apart_and_come_back():
    store, quota = MemoryStore(clock=Clock()), a_quota(2)
    tokens = [await aside(store, quota) for _ in range(2)]
    assert isinstance(await try_acquire_now(store, quota, send_within_s=WITHIN_S), Denied)
    for back, token in enumerate(tokens, 1):
        token.end(TokenOutcome.NEVER_SENT)
        token.end(TokenOutcome.NEVER_SENT)
        assert await free(store, quota) == back


async def test_token_taken_aside_has_a_minute_to_end_and_is_then_back():
    clock = Clock()
    store, quota = MemoryStore(clock=clock), a_quota(1)
    await aside(store, quota)
    clock.advance(quota.period_s + 59.9)
    assert await free(store, quota) == 0
    clock.advance(0.1)
    assert await free(store, quota) == 1


async def test_taking_aside_that_is_cancelled_gives_its_token_back():
    store, quota = SlowStore(clock=Clock()), a_quota(1)
    taking = asyncio.create_task(try_acquire_now(store, quota, send_within_s=WITHIN_S))
    await asyncio.sleep(0)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert await free(store, quota) == 1


@pytest.mark.parametrize("wait_s", [None, 50.0])
async def test_refused_token_closes_the_bucket_for_as_long_as_is_said_and_is_gone(wait_s):
    store, quota = MemoryStore(clock=Clock()), a_quota(2)
    token = await aside(store, quota)
    lock = await token.refuse(wait_s)
    assert (lock.until, lock.first) == (1000.0 + (wait_s or 600.0) + 1.0, True)
    assert token.ended
    assert not token.claim()
    token.end(TokenOutcome.ANSWERED)
    (snapshot,) = await store.snapshots([quota])
    assert (snapshot.leases, len(snapshot.returns)) == ((), 1)


async def test_refusal_of_a_request_from_before_the_bucket_reopened_begins_no_lock():
    clock = Clock()
    store, quota = MemoryStore(clock=clock), a_quota(5)
    one, late = await aside(store, quota), await aside(store, quota)
    await one.refuse(2.0)
    clock.advance(5.0)
    (await aside(store, quota)).end(TokenOutcome.ANSWERED)
    assert not (await late.refuse(2.0)).first


async def test_token_ends_once_however_often_it_is_told():
    store, quota = MemoryStore(clock=Clock()), a_quota(3)
    token = await aside(store, quota)
    for _ in range(3):
        token.end(TokenOutcome.ANSWERED)
    assert await free(store, quota) == 2
