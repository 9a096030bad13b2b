"""One call in virtual time: cancelled at every await, and announced before it leaves."""

import asyncio

import pytest
from aiolimiter import AsyncLimiter
from support.scripted import (
    BY_METHOD,
    DONE,
    PERIOD_S,
    SECRET,
    STRAGGLER_S,
    THROTTLED,
    UNAUTHORIZED,
    a_rig,
    all_tokens,
    finish,
    moved,
    now,
)

from cliq_async.endpoints import Limit
from cliq_async.errors import JournalError

SCENES = {
    "at once": [DONE],
    "renewed": [UNAUTHORIZED, DONE],
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
        made = rig.begin(name, max_wait_s=None)
        call = asyncio.create_task(finish(made))
        for _ in range(turns):
            await asyncio.sleep(0)
            if _ % 3 == 2:
                await asyncio.sleep(0.25)
        ended = call.done()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        at, sent = now(), len(rig.transport.requests)
        assert made.requests == sent
        quota = rig.settings.quotas()[name]
        (snapshot,) = await rig.store.snapshots([quota])
        assert snapshot.leases == (), f"after {turns} turns"
        counted = [time for time in rig.transport.times if time + PERIOD_S > at]
        assert len(snapshot.returns) >= len(counted)
        assert len(snapshot.returns) <= sent
        if not sent:
            assert snapshot.free == whole
        if made.outcome_unknown:
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


@moved
async def test_nothing_has_left_between_the_steps_and_a_token_is_in_hand():
    rig = a_rig([DONE])
    with rig.begin("send_message") as call:
        await call.acquire()
        assert (len(rig.transport.requests), await rig.free("send_message")) == (0, 49)
        await call.acquire()  # it has one
        assert await rig.free("send_message") == 49
        await call.send()
        assert (call.answered, len(rig.transport.requests)) == (True, 1)


@moved
async def test_send_without_a_token_is_wrong_use():
    rig = a_rig([DONE])
    with rig.begin("send_message") as call:
        with pytest.raises(RuntimeError, match="acquire"):
            await call.send()
        await call.acquire()
        await call.send()
        with pytest.raises(RuntimeError, match="acquire"):
            await call.send()
    assert len(rig.transport.requests) == 1


@pytest.mark.parametrize("error", [JournalError("the disk is full"), asyncio.CancelledError()])
@moved
async def test_call_that_fails_between_its_steps_does_not_leave_and_its_token_is_back(error):
    rig = a_rig([DONE])
    call = rig.begin("send_message")

    async def fail():
        with call:
            await call.acquire()
            raise error

    with pytest.raises(type(error)):
        await fail()
    assert (rig.transport.requests, call.outcome_unknown, call.requests) == ([], False, 0)
    assert await rig.free("send_message") == 50
