"""Waiting for tokens: deadlines, and locks that outlast them."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from support.scripted import moved
from support.waiters import ANSWERED, Scene, a_quota, scene

from cliq_async.errors import QuotaStoreError, QuotaWaitError
from cliq_async.quota.model import Lane
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.quota.token import Token


@scene
async def test_a_wait_that_cannot_succeed_is_refused_at_once_and_says_when(store_class):
    s = Scene(a_quota(1), store_class)
    (await s.acquire()).end(ANSWERED)
    with pytest.raises(QuotaWaitError) as caught:
        await s.acquire(deadline=s.loop.time() + 59.0)
    assert s.loop.time() == 0.0
    assert (caught.value.endpoint, caught.value.locked) == ("send_message", False)
    await s.acquire(deadline=s.loop.time() + 60.5)


@scene
async def test_who_stands_too_far_back_is_refused_at_once(store_class):
    s = Scene(a_quota(2), store_class)
    for token in [await s.acquire(), await s.acquire()]:
        token.end(ANSWERED)
    waiters = [s.waiter(0, deadline=75.0)]
    await s.settle()
    waiters += [s.waiter(number, deadline=75.0) for number in (1, 2)]
    await s.settle()
    assert [waiter.done() for waiter in waiters] == [False, False, True]
    assert isinstance(waiters[2].exception(), QuotaWaitError)
    await asyncio.gather(*waiters[:2])


@scene
async def test_a_wait_that_turns_out_to_be_too_long_ends_as_soon_as_that_is_known(store_class):
    s = Scene(a_quota(1), store_class)
    await s.acquire()
    waiter = s.waiter(deadline=100.0)
    await asyncio.wait([waiter])
    # Still under way when it could have been back at the earliest: not before 120 s then.
    assert s.loop.time() == pytest.approx(60.0)
    assert isinstance(waiter.exception(), QuotaWaitError)


@scene
async def test_a_deadline_that_passes_in_line_ends_the_wait(store_class):
    s = Scene(a_quota(1), store_class)
    await s.acquire()
    patient = s.waiter()
    await s.settle()
    waiter = s.waiter(deadline=130.0)
    await asyncio.wait([waiter])
    assert s.loop.time() == pytest.approx(130.0, abs=0.01)
    assert isinstance(waiter.exception(), QuotaWaitError)
    assert not waiter.exception().locked
    assert s.limiter.waiting(s.quota.key) == 1
    patient.cancel()


@scene
async def test_a_lock_tells_those_at_once_who_cannot_outwait_it(store_class):
    s = Scene(a_quota(1), store_class)
    token = await s.acquire()
    people = [s.waiter(deadline=75.0 + number * 60.0) for number in range(3)]
    batch = s.waiter(lane=Lane.BULK)
    await s.settle()
    await token.refuse(600.0)
    await s.settle()
    assert all(person.exception().locked for person in people)
    assert s.loop.time() == 0.0
    await batch
    assert s.loop.time() == pytest.approx(601.0)


@scene
async def test_lock_tells_those_at_once_too_who_stand_behind_somebody_patient(store_class):
    s = Scene(a_quota(1), store_class)
    token = await s.acquire()
    patient = s.waiter()
    await s.settle()
    person = s.waiter(deadline=200.0)
    await s.settle()
    await token.refuse(600.0)
    await asyncio.wait([person])
    assert s.loop.time() == 0.0
    assert not patient.done()


@scene
async def test_after_a_lock_one_goes_alone_and_the_rest_when_it_was_answered(store_class):
    s = Scene(a_quota(5), store_class)
    await (await s.acquire()).refuse(100.0)
    waiters = [s.waiter(number) for number in range(3)]
    await asyncio.sleep(102.0)
    assert s.order == [0]
    await asyncio.sleep(5.0)
    assert s.order == [0]
    waiters[0].result().end(ANSWERED)
    await asyncio.gather(*waiters)
    assert s.loop.time() == pytest.approx(107.0)


@scene
async def test_who_will_have_left_does_not_count_as_standing_before(store_class):
    s = Scene(a_quota(1, margin_s=1.0), store_class)
    token = await s.acquire()
    hopeless = s.waiter(deadline=75.0)
    await asyncio.sleep(20.0)
    late = s.waiter(deadline=95.0)
    token.end(ANSWERED)
    await late
    assert s.loop.time() == pytest.approx(81.0)
    assert isinstance(hopeless.exception(), QuotaWaitError)


@scene
async def test_an_urgent_waiter_is_not_held_up_for_tokens_that_come_soon_after(store_class):
    s = Scene(a_quota(3), store_class)
    for number, token in enumerate([await s.acquire() for _ in range(3)]):
        s.loop.call_at(0.01 * number, token.end, ANSWERED)
    await asyncio.sleep(1.0)
    urgent = s.waiter(deadline=60.005)
    other = s.waiter()
    await urgent
    assert s.loop.time() == pytest.approx(60.0, abs=0.001)
    await other


@scene
async def test_a_token_that_is_back_at_the_very_deadline_is_in_time(store_class):
    s = Scene(a_quota(1, margin_s=1.0), store_class)
    (await s.acquire()).end(ANSWERED)
    await s.acquire(deadline=61.0)
    assert s.loop.time() == pytest.approx(61.0, abs=0.001)


@scene
async def test_as_many_as_there_are_tokens_are_let_in_at_once_whatever_their_patience(store_class):
    s = Scene(a_quota(50), store_class)
    await asyncio.gather(*(s.acquire(deadline=30.0) for _ in range(50)))
    assert s.loop.time() == 0.0


@scene
async def test_who_comes_during_a_lock_that_outlasts_the_deadline_is_told_of_the_lock(store_class):
    s = Scene(a_quota(1), store_class)
    await (await s.acquire()).refuse(100.0)
    with pytest.raises(QuotaWaitError, match="locked") as caught:
        await s.acquire(deadline=75.0)
    assert caught.value.locked


class Slow(MemoryStore):
    """Takes a while to answer; `hangs` makes it take forever."""

    takes_s = 0.002
    hangs = False

    async def take(self, quota, token, **options):
        await asyncio.sleep(self.takes_s)
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        return await super().take(quota, token, **options)


@moved
async def test_store_that_does_not_answer_ends_the_wait_with_the_budget_and_is_named():
    s = Scene(a_quota(2, window_s=5.4), Slow)
    for _ in range(2):
        (await s.acquire()).end(ANSWERED)
    first = s.waiter(deadline=7.0)
    await asyncio.sleep(5.0)
    s.store.hangs = True
    with pytest.raises(
        QuotaStoreError, match=r"store did not answer within [\d.]+ s; nothing was sent"
    ):
        await s.acquire(deadline=6.0)
    assert s.loop.time() == pytest.approx(6.0, abs=0.01)
    with pytest.raises(QuotaStoreError):
        await first
    assert s.loop.time() == pytest.approx(7.0, abs=0.01)


@pytest.mark.parametrize("takes_s", [0.0, 0.002, 0.2])
@moved
async def test_no_budget_at_all_suffices_for_the_tokens_that_are_free(takes_s):
    s = Scene(a_quota(50), Slow)
    s.store.takes_s = takes_s
    tokens = await asyncio.gather(
        *(s.acquire(deadline=0.0) for _ in range(60)), return_exceptions=True
    )
    assert sum(isinstance(token, Token) for token in tokens) == 50
    errors = [error for error in tokens if isinstance(error, QuotaWaitError)]
    assert len(errors) == 10
    for error in errors:
        assert error.reason == "spent"
        assert error.retry_at > datetime.now(UTC) + timedelta(seconds=40)


@moved
async def test_whose_time_is_up_does_not_wait_once_the_tokens_are_spent():
    s = Scene(a_quota(2), Slow)
    await s.acquire()
    waiters = [s.waiter(deadline=0.003 * number) for number in range(5)]
    done, _ = await asyncio.wait(waiters, timeout=1.0)
    assert len(done) == 5
    assert s.loop.time() < 0.1
    assert sum(waiter.exception() is None for waiter in waiters) == 1


@scene
async def test_retry_lies_ahead_and_the_reason_is_named_while_a_request_tests_a_lock(store_class):
    s = Scene(a_quota(2), store_class)
    await (await s.acquire()).refuse(10.0)
    await asyncio.sleep(11.0)
    await s.acquire()
    with pytest.raises(QuotaWaitError, match="one request tests whether the lock") as caught:
        await s.acquire(deadline=12.0)
    assert caught.value.reason == "reopening"
    assert caught.value.retry_at > datetime.now(UTC)


@scene
async def test_tokens_that_are_left_to_others_are_named_as_the_reason(store_class):
    s = Scene(a_quota(3), store_class)
    await s.acquire()
    with pytest.raises(QuotaWaitError, match="reserved for other calls"):
        await s.acquire(deadline=5.0, reserve=2)


@moved
async def test_who_comes_in_the_same_moment_as_who_stands_before_is_refused_at_once():
    s = Scene(a_quota(1))
    (await s.acquire()).end(ANSWERED)
    waiters = [s.waiter(lane=Lane.BULK, deadline=75.0) for _ in range(2)]
    await s.settle()
    assert [waiter.done() for waiter in waiters] == [False, True]


@scene
async def test_batch_that_would_be_too_late_behind_people_is_refused_at_once(store_class):
    s = Scene(a_quota(1), store_class)
    (await s.acquire()).end(ANSWERED)
    s.waiter("person")
    await s.settle()
    with pytest.raises(QuotaWaitError):
        await s.acquire(lane=Lane.BULK, deadline=75.0)
    assert s.loop.time() == 0.0


@scene
async def test_who_will_be_served_at_the_very_deadline_counts_as_standing_before(store_class):
    s = Scene(a_quota(1), store_class)
    (await s.acquire()).end(ANSWERED)
    s.waiter(deadline=60.0)
    await s.settle()
    with pytest.raises(QuotaWaitError):
        await s.acquire(deadline=75.0)
    assert s.loop.time() == 0.0


@scene
async def test_newcomer_is_let_in_whose_token_is_back_at_the_deadline_once_others_left(store_class):
    s = Scene(a_quota(2), store_class)
    tokens = [await s.acquire(), await s.acquire()]
    stays, leaves = s.waiter(), s.waiter(deadline=75.0)
    await asyncio.sleep(20.0)
    newcomer = s.waiter(deadline=80.0)
    for token in tokens:
        token.end(ANSWERED)
    await asyncio.gather(stays, newcomer)
    assert s.loop.time() == pytest.approx(80.0)
    assert isinstance(leaves.exception(), QuotaWaitError)
