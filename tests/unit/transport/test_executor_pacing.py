"""Calls that are paced: turns that come late, and tokens that grow old over them."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from aiolimiter import AsyncLimiter
from support.scripted import DONE, THROTTLED, a_rig, moved, now

from cliq_async.endpoints import Limit
from cliq_async.errors import QuotaWaitError
from cliq_async.testing import VirtualTimeLoop


@moved
async def test_paced_requests_are_spread_over_the_window():
    pacers = {"send_message": AsyncLimiter(1, 1.25)}
    rig = a_rig([DONE], pacers=pacers)
    await asyncio.gather(*(rig.call("send_message", max_wait_s=None) for _ in range(55)))
    gaps = [b - a for a, b in zip(rig.transport.times, rig.transport.times[1:], strict=False)]
    assert min(gaps) >= 1.25 - 1e-6


@moved
async def test_rate_holds_over_all_endpoints_together():
    rig = a_rig([DONE], pacers={"": AsyncLimiter(1, 0.5)})
    names = ["send_message", "get_bot", "list_bots", "list_subscribers"]
    await asyncio.gather(*(rig.call(name, max_wait_s=None) for name in names * 5))
    gaps = [b - a for a, b in zip(rig.transport.times, rig.transport.times[1:], strict=False)]
    assert min(gaps) >= 0.5 - 1e-6
    assert now() == pytest.approx(19 * 0.5, abs=0.01)


@moved
async def test_turn_that_comes_after_send_by_gives_the_token_back_and_takes_another():
    rig = a_rig([DONE], pacers={"": AsyncLimiter(1, 25.0)})
    await rig.call("get_bot", max_wait_s=None)
    second = asyncio.create_task(rig.call("get_bot", max_wait_s=None))
    await asyncio.sleep(24.9)
    assert await rig.free("get_bot") == 28
    await second
    assert rig.transport.times == pytest.approx([0.0, 25.0])
    assert await rig.free("get_bot") == 28


@moved
async def test_turn_that_comes_after_the_deadline_is_an_error_then_and_not_later():
    rig = a_rig([DONE], pacers={"": AsyncLimiter(1, 25.0)})
    await rig.call("get_bot")
    with pytest.raises(QuotaWaitError) as caught:
        await rig.call("get_bot", max_wait_s=5)
    assert now() == pytest.approx(5.0)
    assert await rig.free("get_bot") == 29
    assert caught.value.endpoint == "get_bot"
    assert abs(caught.value.retry_at - datetime.now(UTC)) < timedelta(seconds=5)


@moved
async def test_first_turn_is_there_even_for_those_who_do_not_wait():
    rig = a_rig([DONE], pacers={"": AsyncLimiter(1, 25.0), "get_bot": AsyncLimiter(1, 2.0)})
    assert await rig.call("get_bot", max_wait_s=0) == {"data": []}


@moved
async def test_token_too_old_to_send_is_dropped_and_another_one_taken():
    rig = a_rig([DONE])
    send = rig.transport.send

    async def after_a_nap(request, permit):
        rig.transport.send = send
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.advance(60.0)  # as on a machine that slept
        return await send(request, permit)

    rig.transport.send = after_a_nap
    assert await rig.call("get_bot") == {"data": []}
    assert len(rig.transport.requests) == 1
    assert await rig.free("get_bot") == 29


@moved
async def test_token_whose_turn_comes_during_a_lock_is_not_sent():
    """It was taken before the lock, and waited for the pace."""
    pacers = {"": AsyncLimiter(1, 4.0)}
    limits = {"send_message": Limit(5, 60.0, 100.0)}
    rig = a_rig([THROTTLED, DONE], pacers=pacers, limits=limits, delay_s=1.0)
    calls = [asyncio.create_task(rig.call("send_message", max_wait_s=None)) for _ in range(3)]
    await asyncio.gather(*calls)
    assert rig.transport.times[:2] == pytest.approx([0.0, 102.0])
    assert min(rig.transport.times[1:]) >= 102.0
    assert len(rig.transport.times) == 4


@moved
async def test_turn_that_cannot_come_in_time_is_not_waited_for_a_second():
    rig = a_rig([DONE], pacers={"": AsyncLimiter(1, 25.0)})
    await rig.call("get_bot")
    with pytest.raises(QuotaWaitError):
        await rig.call("get_bot", max_wait_s=0)
    assert now() == pytest.approx(0.0, abs=0.01)


@moved
async def test_turns_that_come_too_late_are_no_attempts():
    rig = a_rig([DONE], pacers={"": AsyncLimiter(1, 45.0)})
    await rig.call("get_bot")
    await rig.call("get_bot", max_wait_s=None)  # the fifth token is young when its turn comes
    assert rig.transport.times == pytest.approx([0.0, 45.0])


@moved
async def test_token_whose_turn_comes_during_a_lock_goes_nowhere_and_is_back_at_once():
    rig = a_rig(
        [THROTTLED, DONE, DONE, DONE],
        pacers={"": AsyncLimiter(1, 4.0)},
        limits={"get_bot": Limit(5, 60.0, 100.0)},
        delay_s=1.0,
    )
    first = asyncio.create_task(rig.call("get_bot", max_wait_s=None))
    second = asyncio.create_task(rig.call("get_bot", max_wait_s=None))
    await asyncio.sleep(5.0)
    (snapshot,) = await rig.store.snapshots([rig.settings.quotas()["get_bot"]])
    assert (len(snapshot.returns), snapshot.leases) == (1, ())
    assert len(rig.transport.steps) == 3
    await asyncio.gather(first, second)
