"""What a call sends along, when it gives up, and what it counts: at the edges, in virtual time."""

import asyncio
import json

import pytest
from support.scripted import (
    DONE,
    PERIOD_S,
    SECRET,
    STRAGGLER_S,
    THROTTLED,
    a_rig,
    all_tokens,
    finish,
    moved,
    now,
)

from cliq_async import __version__
from cliq_async.endpoints import Limit
from cliq_async.errors import QuotaWaitError, TransportError
from cliq_async.quota.model import Lane
from cliq_async.transport.base import CONNECT_S


@moved
async def test_headers_are_the_token_who_asks_and_the_type_of_a_body():
    rig = a_rig([DONE])
    await rig.call("get_bot")
    await rig.call("send_message", data={})
    assert [request.body for request in rig.transport.requests] == [b"", b"{}"]
    bare = {"Authorization": f"Bearer {SECRET}", "User-Agent": f"cliq-async/{__version__}"}
    typed = {"Content-Type": "application/json"}
    assert [request.headers for request in rig.transport.requests] == [bare, bare | typed]


@pytest.mark.parametrize(("max_wait_s", "requests"), [(0.9, 1), (1.0, 2), (None, 3)])
@moved
async def test_no_attempt_is_waited_for_that_comes_after_the_deadline(
    max_wait_s, requests, monkeypatch
):
    monkeypatch.setattr("tenacity.wait_random_exponential", lambda **_: lambda _state: 1.0)
    rig = a_rig(["lost"])
    with pytest.raises(TransportError):
        await rig.call("get_bot", max_wait_s=max_wait_s)
    assert len(rig.transport.requests) == requests
    assert now() == pytest.approx(requests - 1.0)


@moved
async def test_backoff_doubles_from_half_a_second_at_the_most(monkeypatch):
    monkeypatch.setattr("random.uniform", lambda _low, high: high)
    rig = a_rig(["lost"])
    with pytest.raises(TransportError):
        await rig.call("get_bot", max_wait_s=None)
    assert rig.transport.times == pytest.approx([0.0, 0.5, 1.5])


@moved
async def test_each_lock_of_a_call_is_counted():
    rig = a_rig([THROTTLED, THROTTLED, DONE], limits={"get_bot": Limit(5, 60.0, 100.0)})
    lone = rig.begin("get_bot", max_wait_s=None)
    await finish(lone)
    again = a_rig([THROTTLED, DONE, THROTTLED, DONE], limits={"get_bot": Limit(5, 60.0, 100.0)})
    calls = [again.begin("get_bot", max_wait_s=None) for _ in range(2)]
    for call in calls:
        await finish(call)
    # A refusal of the one that asks whether the lock is over belongs to the same lock.
    assert [call.lockouts for call in (lone, *calls)] == [1, 1, 1]


@pytest.mark.parametrize("timeout_s", [None, 7.0])
@moved
async def test_request_is_given_the_calls_timeout(timeout_s):
    rig = a_rig([DONE])
    await rig.call("get_bot", timeout_s=timeout_s)
    assert [request.timeout_s for request in rig.transport.requests] == [timeout_s]


@pytest.mark.parametrize(("timeout_s", "under_way_s"), [(None, 600.0), (7.0, 7.0)])
@moved
async def test_token_of_a_request_that_never_ends_is_back_once_nothing_of_it_can_arrive(
    timeout_s, under_way_s
):
    rig = a_rig(["hang"])
    call = asyncio.create_task(rig.call("get_bot", timeout_s=timeout_s))
    await asyncio.sleep(CONNECT_S + under_way_s + PERIOD_S + STRAGGLER_S - 0.001)
    assert await rig.free("get_bot") == all_tokens("get_bot") - 1
    assert await rig.free_after("get_bot", 0.002) == all_tokens("get_bot")
    call.cancel()


@moved
async def test_request_may_leave_for_as_long_as_a_connection_may_take(monkeypatch):
    monkeypatch.setattr("cliq_async.transport.pending_call.CONNECT_S", 7.0)
    rig = a_rig([DONE])
    with rig.begin("get_bot") as call:
        await call.acquire()
        token = call._token
    assert token is not None
    assert token.send_by == token.taken_at + 7.0


@moved
async def test_request_whose_time_to_leave_is_limited_leaves_in_that_time_or_not_at_all():
    rig = a_rig([DONE])
    with rig.begin("send_message") as call:
        await call.acquire()
        call.limit_send(lambda: 0.0)
        await call.send()
        assert (call.answered, call.requests, rig.transport.requests) == (False, 0, [])
        await call.acquire()
        call.limit_send(lambda: 5.0)
        await asyncio.sleep(4.9)
        await call.send()
        assert (call.answered, call.requests) == (True, 1)


@moved
async def test_request_is_in_flight_from_when_it_leaves_to_its_end():
    rig = a_rig([DONE], delay_s=2.0)
    made = rig.begin("get_bot")
    call = asyncio.create_task(finish(made))
    await asyncio.sleep(1.0)
    assert made.in_flight
    await call
    assert not made.in_flight
    assert (made.outcome_unknown, made.requests) == (False, 1)


@moved
async def test_call_leaves_as_many_tokens_to_others_as_it_was_told():
    rig = a_rig([DONE], limits={"get_bot": Limit(3)})
    await rig.call("get_bot", reserve=2)
    with pytest.raises(QuotaWaitError):
        await rig.call("get_bot", reserve=2, max_wait_s=0)
    assert await rig.free("get_bot") == 2


@pytest.mark.parametrize(
    ("first", "second", "order"),
    [
        ({"lane": Lane.BULK}, {"lane": Lane.INTERACTIVE}, "baa"),
        ({"lane": Lane.BULK, "job": 1}, {"lane": Lane.BULK, "job": 2}, "aba"),
    ],
    ids=["a person before a batch", "jobs by turns"],
)
@moved
async def test_calls_wait_in_their_lane_and_their_job(first, second, order):
    rig = a_rig([DONE], limits={"send_message": Limit(1)})
    await rig.call("send_message")
    turns = [("a", first), ("a", first), ("b", second)]
    calls = [
        rig.call("send_message", data={"text": each}, max_wait_s=None, **how) for each, how in turns
    ]
    await asyncio.gather(*calls)
    sent = "".join(json.loads(each.body)["text"] for each in rig.transport.requests if each.body)
    assert sent == order
