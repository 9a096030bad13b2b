"""Waiting for tokens: order, lanes, headroom, cancellation, deadlines, locks."""

import asyncio
import logging
import time
from contextlib import contextmanager
from typing import Any

import pytest

from cliq_async.endpoints import Limit
from cliq_async.errors import QuotaStoreError, QuotaWaitError
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.memory import MemoryStore
from cliq_async.quota.model import Ending, Lane, NotYet, Quota
from cliq_async.testing import run_in_moved_time

ANSWERED, NEVER_SENT, ABANDONED = Ending.ANSWERED, Ending.NEVER_SENT, Ending.ABANDONED


def a_quota(threshold=3, *, window_s=60.0, margin_s=0.0, lock_s=600.0):
    return Quota.of("send_message", Limit(threshold, window_s, lock_s), host="h", margin_s=margin_s)


class SlowStore(MemoryStore):
    """Answers a few turns of the loop after it has decided, as a store with an I/O thread does."""

    turns = 3

    async def take(self, quota, token, **options):
        got = await super().take(quota, token, **options)
        for _ in range(self.turns):
            await asyncio.sleep(0)
        return got


class Scene:
    """A limiter on moved time, and tasks that wait for it."""

    def __init__(self, quota, store_class=MemoryStore):
        self.loop: Any = asyncio.get_running_loop()
        self.quota = quota
        self.store = store_class(clock=self.loop.time)
        self.limiter = Limiter.of(self.store)
        self.order = []

    async def acquire(self, **options):
        return await self.limiter.acquire(self.quota, **options)

    def waiter(self, name=None, **options):
        async def wait():
            token = await self.acquire(**options)
            self.order.append(name)
            return token

        return self.loop.create_task(wait())

    async def settle(self):
        for _ in range(20):
            await asyncio.sleep(0)

    async def free(self):
        return (await self.store.snapshots([self.quota]))[0].free


def scene(test):
    """Run a test as a coroutine in moved time, with either store."""

    @pytest.mark.parametrize("store_class", [MemoryStore, SlowStore])
    def run(store_class):
        run_in_moved_time(test(store_class), debug=True)

    run.__name__ = test.__name__
    return run


@scene
async def test_a_burst_goes_out_at_once(store_class):
    s = Scene(a_quota(50), store_class)
    tokens = await asyncio.gather(*(s.acquire() for _ in range(50)))
    assert s.loop.time() == 0.0
    assert {token.sent for token in tokens} == {False}
    assert await s.free() == 0


@scene
async def test_the_next_goes_the_moment_the_first_token_is_back(store_class):
    s = Scene(a_quota(2), store_class)
    first, second = await s.acquire(), await s.acquire()
    await asyncio.sleep(5.0)
    first.end(ANSWERED)
    await asyncio.sleep(5.0)
    second.end(ANSWERED)
    await s.acquire()
    assert s.loop.time() == pytest.approx(65.0)
    await s.acquire()
    assert s.loop.time() == pytest.approx(70.0)


@scene
async def test_who_waits_while_all_are_under_way_learns_when_one_ends(store_class):
    s = Scene(a_quota(1), store_class)
    token = await s.acquire()
    waiter = s.waiter()
    await asyncio.sleep(200.0)
    token.end(ANSWERED)
    await waiter
    assert s.loop.time() == pytest.approx(260.0)


@scene
async def test_a_refund_is_handed_on_at_once(store_class):
    s = Scene(a_quota(1), store_class)
    token = await s.acquire()
    waiter = s.waiter()
    await asyncio.sleep(1.0)
    token.end(NEVER_SENT)
    await waiter
    assert s.loop.time() == pytest.approx(1.0)


@scene
async def test_waiters_are_served_in_the_order_they_came(store_class):
    s = Scene(a_quota(1), store_class)
    (await s.acquire()).end(ANSWERED)
    waiters = [s.waiter(number) for number in range(5)]
    for waiter in waiters:
        (await waiter).end(ANSWERED)
    assert s.order == [0, 1, 2, 3, 4]


@scene
async def test_a_person_goes_before_a_batch(store_class):
    s = Scene(a_quota(1), store_class)
    (await s.acquire()).end(ANSWERED)
    batch = [s.waiter(f"bulk {number}", lane=Lane.BULK) for number in range(3)]
    await s.settle()
    person = s.waiter("person")
    for waiter in (person, *batch):
        (await waiter).end(ANSWERED)
    assert s.order == ["person", "bulk 0", "bulk 1", "bulk 2"]


@scene
async def test_a_newcomer_does_not_overtake_those_in_line(store_class):
    s = Scene(a_quota(1), store_class)
    token = await s.acquire()
    early = s.waiter("early")
    await s.settle()
    token.end(NEVER_SENT)
    late = s.waiter("late")
    (await early).end(ANSWERED)
    await late
    assert s.order == ["early", "late"]


@scene
async def test_a_batch_leaves_its_headroom_to_people(store_class):
    s = Scene(a_quota(3), store_class)
    batch = [s.waiter(lane=Lane.BULK, reserve=1) for _ in range(4)]
    await s.settle()
    assert sum(waiter.done() for waiter in batch) == 2
    await asyncio.sleep(10.0)
    person = await s.acquire()
    assert s.loop.time() == pytest.approx(10.0)
    for waiter in batch[:2]:
        waiter.result().end(ANSWERED)
    person.end(ANSWERED)
    await batch[2]
    # All three come back at 70 s; two of them may be used.
    assert s.loop.time() == pytest.approx(70.0)
    await batch[3]
    assert s.loop.time() == pytest.approx(70.0)


@scene
async def test_a_person_who_comes_while_a_batch_waits_for_its_headroom_goes_at_once(store_class):
    s = Scene(a_quota(2), store_class)
    await s.acquire(lane=Lane.BULK, reserve=1)
    waiting = s.waiter("batch", lane=Lane.BULK, reserve=1)
    await asyncio.sleep(3.0)
    await s.acquire()
    assert s.loop.time() == pytest.approx(3.0)
    waiting.cancel()


@scene
async def test_a_cancelled_waiter_costs_nothing_and_loses_no_token(store_class):
    s = Scene(a_quota(2), store_class)
    tokens = [await s.acquire(), await s.acquire()]
    waiters = [s.waiter(number) for number in range(6)]
    await s.settle()
    for waiter in waiters[::2]:
        waiter.cancel()
    for token in tokens:
        token.end(NEVER_SENT)
    got = await asyncio.gather(*waiters[1:4:2])
    assert s.order == [1, 3]
    for token in got:
        token.end(NEVER_SENT)
    (await waiters[5]).end(NEVER_SENT)
    assert await s.free() == 2
    assert s.limiter.waiting(s.quota.key) == 0


@pytest.mark.parametrize("turns", range(14))
@pytest.mark.parametrize("store_class", [MemoryStore, SlowStore])
def test_cancelled_at_any_turn_of_the_loop_no_token_is_lost(store_class, turns):
    async def main():
        s = Scene(a_quota(1), store_class)
        holder = await s.acquire()
        waiters = [s.waiter(number) for number in range(3)]
        await s.settle()
        holder.end(NEVER_SENT)
        for _ in range(turns):
            await asyncio.sleep(0)
        waiters[0].cancel()
        await asyncio.wait(waiters[:1])
        if not waiters[0].cancelled():
            waiters[0].result().end(NEVER_SENT)
        (await waiters[1]).end(NEVER_SENT)
        (await waiters[2]).end(NEVER_SENT)
        await s.settle()
        assert await s.free() == 1

    run_in_moved_time(main())


@pytest.mark.parametrize("turns", range(8))
def test_a_take_that_is_cancelled_while_the_store_answers_is_refunded(turns):
    async def main():
        s = Scene(a_quota(1), SlowStore)
        taker = s.waiter()
        for _ in range(turns):
            await asyncio.sleep(0)
        taker.cancel()
        await asyncio.wait([taker])
        if not taker.cancelled():
            taker.result().end(NEVER_SENT)
        assert await s.free() == 1

    run_in_moved_time(main())


@scene
async def test_a_wait_that_cannot_succeed_is_refused_at_once_and_says_when(store_class):
    s = Scene(a_quota(1), store_class)
    (await s.acquire()).end(ANSWERED)
    with pytest.raises(QuotaWaitError) as caught:
        await s.acquire(deadline=s.loop.time() + 59.0)
    assert s.loop.time() == 0.0
    assert caught.value.endpoint == "send_message"
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
    assert [type(person.exception()) for person in people[:1]] == [QuotaWaitError]
    assert s.loop.time() == 0.0
    await batch
    assert s.loop.time() == pytest.approx(601.0)


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
async def test_a_store_that_fails_tells_everybody_in_line(store_class):
    class Broken(store_class):
        broken = False

        async def take(self, quota, token, **options):
            if self.broken:
                raise QuotaStoreError("disk full")
            return await super().take(quota, token, **options)

    s = Scene(a_quota(1), Broken)
    store: Any = s.store
    (await s.acquire()).end(ANSWERED)
    waiters = [s.waiter(number) for number in range(3)]
    await s.settle()
    store.broken = True
    await asyncio.wait(waiters)
    assert {type(waiter.exception()) for waiter in waiters} == {QuotaStoreError}
    with pytest.raises(QuotaStoreError):
        await s.acquire()
    store.broken = False
    await s.acquire()


@scene
async def test_clients_that_differ_in_their_limits_each_get_what_is_theirs(store_class):
    s = Scene(a_quota(3), store_class)
    narrow = Quota.of("send_message", Limit(1, 60.0, 600.0), host="h", margin_s=0.0)
    await s.acquire()
    waiting = s.loop.create_task(s.limiter.acquire(narrow))
    await s.settle()
    assert not waiting.done()
    also = s.loop.create_task(s.limiter.acquire(s.quota, lane=Lane.BULK))
    await asyncio.sleep(1.0)
    waiting.cancel()
    await also
    assert s.loop.time() == pytest.approx(1.0)


@contextmanager
def logged():
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = logging.getLogger("cliq_async")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


@scene
async def test_a_long_wait_is_one_line_in_the_log(store_class):
    s = Scene(a_quota(4), store_class)
    with logged() as lines:
        tokens = [await s.acquire() for _ in range(4)]
        waiters = [s.waiter(number) for number in range(5)]
        await s.settle()
        assert lines == ["waiting 60 s for the quota of send_message (5 in line)"]
        for number, token in enumerate(tokens):  # each refusal closes for a little longer
            await asyncio.sleep(0.1)
            await token.refuse(100.0 + number)
        await asyncio.sleep(30.0)
        assert lines[1:] == ["waiting 101 s for the quota of send_message (5 in line)"]
    for waiter in waiters:
        waiter.cancel()


@scene
async def test_a_long_wait_is_told_though_the_store_asks_again_before(store_class):
    class Impatient(store_class):
        async def take(self, *args, **options):
            got = await super().take(*args, **options)
            if isinstance(got, NotYet):
                soon = self.clock() + 1.0
                got = NotYet(got.earliest, soon, soon, got.locked)
            return got

    s = Scene(a_quota(1), Impatient)
    await s.acquire()
    with logged() as lines:
        waiting = s.loop.create_task(s.limiter.acquire(s.quota))
        await asyncio.sleep(30.0)
    (line,) = lines
    assert line.startswith("waiting 6")
    waiting.cancel()


@scene
async def test_a_token_ends_once_however_often_it_is_told(store_class):
    s = Scene(a_quota(2), store_class)
    token = await s.acquire()
    token.end(ANSWERED)
    token.end(NEVER_SENT)
    token.end(ANSWERED)
    assert await s.free() == 1


@scene
async def test_a_token_allows_one_send_and_only_in_time(store_class):
    s = Scene(a_quota(3), store_class)
    once, late, ended = await s.acquire(), await s.acquire(), await s.acquire()
    assert once.may_send()
    assert not once.may_send()
    ended.end(NEVER_SENT)
    assert not ended.may_send()
    s.loop.advance(10.0)
    assert not late.may_send()
    assert not late.sent


def test_a_spent_start_gives_nothing_for_a_window():
    async def main():
        loop = asyncio.get_running_loop()
        store = MemoryStore(clock=loop.time, cold_start="spent")
        await Limiter.of(store).acquire(a_quota(2, margin_s=1.0))
        assert loop.time() == pytest.approx(91.0)

    run_in_moved_time(main())


def test_limiters_of_one_loop_and_store_are_one_and_go_with_the_loop():
    store = MemoryStore()

    async def main():
        assert Limiter.of(store) is Limiter.of(store)
        return Limiter.of(store)

    first, second = asyncio.run(main()), asyncio.run(main())
    assert first is not second


def test_a_loop_that_ended_with_callers_in_line_disturbs_nobody():
    quota = a_quota(1)
    store = MemoryStore()
    held = []

    async def leave_somebody_in_line():
        limiter = Limiter.of(store)
        held.append(await limiter.acquire(quota))
        left.append(asyncio.get_running_loop().create_task(limiter.acquire(quota)))
        for _ in range(3):
            await asyncio.sleep(0)

    left: list[Any] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave_somebody_in_line())
    left += asyncio.all_tasks(loop) - set(left)
    loop.close()
    held[0].end(NEVER_SENT)  # would raise if it spoke to the closed loop
    assert asyncio.run(store.snapshots([quota]))[0].free == 1
    for task in left:
        task._log_destroy_pending = False
        task.get_coro().close()


@pytest.mark.parametrize("cancelled", [0, 10])
def test_ten_thousand_waiters_wake_once_each_and_cost_little(cancelled):
    """Tokens come back one a millisecond; a tenth of the waiters leaves on the way."""
    waiters_n = 10_000
    wakes = 0

    async def waiter(limiter, quota):
        nonlocal wakes
        token = await limiter.acquire(quota)
        wakes += 1
        token.end(NEVER_SENT if wakes > waiters_n else ANSWERED)

    async def main():
        loop = asyncio.get_running_loop()
        takes = 0

        class Counted(MemoryStore):
            async def take(self, quota, token, **options):
                nonlocal takes
                takes += 1
                return await super().take(quota, token, **options)

        store = Counted(clock=loop.time)
        limiter = Limiter.of(store)
        quota = a_quota(1000, window_s=1.0)
        for token in [await limiter.acquire(quota) for _ in range(1000)]:
            await asyncio.sleep(0.001)
            token.end(ANSWERED)
        takes = 0
        tasks = [loop.create_task(waiter(limiter, quota)) for _ in range(waiters_n)]
        await asyncio.sleep(0)
        left = tasks[:: 100 // cancelled] if cancelled else []
        for task in left:
            task.cancel()
        await asyncio.wait(tasks)
        assert wakes == waiters_n - len(left)
        assert sum(task.cancelled() for task in tasks) == len(left)
        # A token and a refusal for each millisecond, and no more.
        assert takes <= 2 * wakes + 10
        await asyncio.sleep(2.0)
        (snapshot,) = await store.snapshots([quota])
        assert snapshot.free == 1000

    started = time.process_time()
    run_in_moved_time(main(), debug=False)
    # The number to hold is 0.3 s; benchmarks measure it. Here only the order of growth.
    assert time.process_time() - started < 5.0


@scene
async def test_everything_cancelled_at_once_leaves_no_token_behind(store_class):
    """As at the end of a program: waiters, and the task that serves them."""
    s = Scene(a_quota(2), store_class)
    tokens = [await s.acquire(), await s.acquire()]
    waiters = [s.waiter(number) for number in range(3)]
    await s.settle()
    for token in tokens:
        token.end(NEVER_SENT)
    await asyncio.sleep(0)
    everything = asyncio.all_tasks() - {asyncio.current_task()}
    for task in everything:
        task.cancel()
    await asyncio.wait(everything)
    for waiter in waiters:
        if not waiter.cancelled():
            waiter.result().end(NEVER_SENT)
    assert await s.free() == 2
    await s.acquire()


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
async def test_those_before_a_batch_are_not_thought_to_leave_its_headroom(store_class):
    s = Scene(a_quota(3), store_class)
    for number, token in enumerate([await s.acquire() for _ in range(3)]):
        s.loop.call_at(10.0 * number, token.end, ANSWERED)
    await asyncio.sleep(20.5)
    people = [s.waiter(deadline=200.0) for _ in range(2)]
    await s.settle()
    batch = s.waiter(lane=Lane.BULK, reserve=2, deadline=170.0)
    for person in people:
        (await person).end(ANSWERED)
    await batch
    assert s.loop.time() == pytest.approx(130.0, abs=0.1)


@scene
async def test_a_person_with_no_time_at_all_passes_a_batch_that_waits_for_its_headroom(store_class):
    s = Scene(a_quota(3), store_class)
    await s.acquire()
    batch = s.waiter(lane=Lane.BULK, reserve=2)
    await s.settle()
    await s.acquire(deadline=s.loop.time())
    batch.cancel()


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


@pytest.mark.parametrize("turns", range(6))
def test_what_a_batch_was_told_is_not_held_against_a_person(turns):
    async def main():
        s = Scene(a_quota(3), SlowStore)
        await s.acquire()
        batch = s.waiter(lane=Lane.BULK, reserve=2)
        for _ in range(turns):
            await asyncio.sleep(0)
        await s.acquire(deadline=s.loop.time() + 1.0)
        assert s.loop.time() < 1.0
        batch.cancel()

    run_in_moved_time(main())


@scene
async def test_those_in_line_are_served_though_somebody_cancels_the_pump(store_class):
    s = Scene(a_quota(1), store_class)
    (await s.acquire()).end(ANSWERED)
    waiter = s.waiter()
    await s.settle()
    for task in asyncio.all_tasks() - {asyncio.current_task(), waiter}:
        task.cancel()
    await waiter
    assert s.loop.time() == pytest.approx(60.0)


def test_a_coroutine_closed_with_its_token_in_hand_gives_it_back():
    async def main():
        s = Scene(a_quota(1))
        token = await s.acquire()
        waiting = s.limiter.acquire(s.quota)
        waiting.send(None)  # as a task does that is never run again
        await s.settle()
        token.end(NEVER_SENT)
        await s.settle()
        waiting.close()
        assert await s.free() == 1

    run_in_moved_time(main())
