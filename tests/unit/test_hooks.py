"""Hooks: the details they receive, and calls that go on whatever a hook does."""

import asyncio
import logging
from typing import Any

import attrs
import pytest
from support.scripted import DONE, SECRET, THROTTLED, Scripted, answer, moved

from cliq_async import (
    CallDetails,
    CliqClient,
    CliqError,
    Hooks,
    Limit,
    LockDetails,
    MemoryStore,
    QuotaWaitError,
    RequestDetails,
    ValidationError,
    WaitDetails,
)

ALL = ("on_wait_start", "on_wait", "on_lock", "on_request", "on_call")


def a_client(steps, seen, **options: Any):
    clock = asyncio.get_running_loop().time
    transport = Scripted(list(steps), delay_s=0.5)
    hooks = Hooks(**dict.fromkeys(ALL, seen.append))
    return CliqClient(
        SECRET, transport=transport, quota=MemoryStore(clock=clock), hooks=hooks, **options
    )


def only(kind, seen):
    return [details for details in seen if isinstance(details, kind)]


@moved
async def test_call_is_reported_with_its_requests():
    seen = []
    async with a_client([DONE], seen) as client:
        await client.bots.list()
    assert seen == [
        RequestDetails(endpoint="list_bots", method="GET", status=200, outcome="done", took_s=0.5),
        CallDetails(endpoint="list_bots", requests=1, took_s=0.5),
    ]


@moved
async def test_wait_is_reported_when_it_ends_and_only_if_there_was_one():
    seen = []
    limits = {"list_bots": Limit(1, 60.0)}
    async with a_client([DONE], seen, limits=limits, margin_s=0.0) as client:
        await client.bots.list()
        assert only(WaitDetails, seen) == []
        await client.with_options(lane="bulk").bots.list()
        with pytest.raises(QuotaWaitError):
            await client.with_options(max_wait_s=1).bots.list()
    first, second = only(WaitDetails, seen)
    assert (first.endpoint, first.lane, first.error) == ("list_bots", "bulk", None)
    assert first.waited_s == pytest.approx(60.0)
    assert second == WaitDetails(
        endpoint="list_bots", lane="interactive", waited_s=0.0, error="QuotaWaitError"
    )


@moved
async def test_slow_store_is_not_a_wait():
    class Slow(MemoryStore):
        async def take(self, *args, **options):
            await asyncio.sleep(0.1)
            return await super().take(*args, **options)

    seen = []
    clock = asyncio.get_running_loop().time
    hooks = Hooks(on_wait=seen.append)
    transport = Scripted([DONE])
    async with CliqClient(
        SECRET, transport=transport, quota=Slow(clock=clock), hooks=hooks
    ) as client:
        await client.bots.list()
    assert seen == []


@moved
async def test_token_is_back_if_a_hook_is_interrupted():
    def interrupted(_wait):
        raise KeyboardInterrupt

    store = MemoryStore(clock=asyncio.get_running_loop().time)
    hooks = Hooks(on_wait=interrupted)
    limits = {"list_bots": Limit(1, 60.0)}
    transport = Scripted([DONE])
    async with CliqClient(
        SECRET, transport=transport, quota=store, hooks=hooks, limits=limits, margin_s=0.0
    ) as client:
        await client.bots.list()
        with pytest.raises(KeyboardInterrupt):
            await client.bots.list()
        assert (await client.quota_status())["list_bots"].free == 1


@moved
async def test_lock_is_reported_once_per_episode():
    seen = []
    async with a_client([THROTTLED, DONE], seen, max_wait_s=None) as client:
        await client.bots.list()
    (lock,) = only(LockDetails, seen)
    assert (lock.endpoint, lock.capacity, lock.threshold) == ("list_bots", 24, 30)
    assert "default" in lock.owner
    outcomes = [(each.status, each.outcome) for each in only(RequestDetails, seen)]
    assert outcomes == [(429, "throttled"), (200, "done")]
    (call,) = only(CallDetails, seen)
    assert call.requests == 2
    assert call.took_s > 300


@pytest.mark.parametrize(
    ("step", "status", "outcome"),
    [
        ("lost", None, "lost"),
        (answer(500, {"message": "x"}), 500, "unknown"),
        (answer(400, {"code": "botmessage_no_valid_users"}), 400, "refused"),
        (RuntimeError("a bug"), None, "lost"),
    ],
)
@moved
async def test_request_is_reported_however_it_ends(step, status, outcome):
    seen = []
    async with a_client([step], seen) as client:
        with pytest.raises((CliqError, RuntimeError)) as raised:
            await client.messages.send("b", "x", user_ids=[1])
    (request,) = only(RequestDetails, seen)
    assert (request.status, request.outcome) == (status, outcome)
    (call,) = only(CallDetails, seen)
    assert (call.requests, call.error) == (1, type(raised.value).__name__)


@moved
async def test_request_that_was_never_sent_is_reported_as_unsent():
    seen = []
    async with a_client(["unsent", DONE], seen) as client:
        await client.messages.send("b", "x", user_ids=[1])
    assert [each.outcome for each in only(RequestDetails, seen)] == ["unsent", "done"]


@moved
async def test_cancelled_call_is_reported():
    seen = []
    async with a_client(["hang"], seen) as client:
        task = asyncio.create_task(client.bots.list())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [type(each) for each in seen] == [RequestDetails, CallDetails]
    assert seen[1].error == "CancelledError"


@moved
async def test_hook_that_raises_is_logged_and_changes_nothing(caplog):
    def broken(_details):
        raise ZeroDivisionError

    clock = asyncio.get_running_loop().time
    hooks = Hooks(**dict.fromkeys(ALL, broken))
    transport = Scripted([THROTTLED, DONE])
    store = MemoryStore(clock=clock)
    options = {"max_wait_s": None, "hooks": hooks, "transport": transport, "quota": store}
    async with CliqClient(SECRET, **options) as client:
        with caplog.at_level(logging.ERROR, "cliq_async"):
            await client.bots.list()
        await asyncio.sleep(100.0)
        assert (await client.quota_status())["list_bots"].free == 24
    assert "a hook failed: broken" in caplog.text
    assert SECRET not in caplog.text


@moved
async def test_slow_hook_does_not_let_a_token_be_sent_too_late():
    loop: Any = asyncio.get_running_loop()
    sent = []

    def slow(_details):
        loop.advance(30.0)  # as a hook that blocks the loop

    transport = Scripted([DONE])
    store = MemoryStore(clock=loop.time)
    limits = {"list_bots": Limit(2, 60.0)}
    hooks = Hooks(**dict.fromkeys(ALL, slow))
    async with CliqClient(
        SECRET, transport=transport, quota=store, hooks=hooks, limits=limits, max_wait_s=None
    ) as client:
        await asyncio.gather(*(client.bots.list() for _ in range(8)))
        sent = transport.times
    assert len(sent) == 8
    assert all(later - sooner >= 60.0 for sooner, later in zip(sent, sent[2:], strict=False))


async def _later(_details):
    pass


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("wrong", [_later, "print", 5])
def test_hook_that_is_not_a_plain_function_is_refused(name, wrong):
    fields: Any = {name: wrong}
    with pytest.raises(ValidationError, match=f"Hooks.{name}: a plain function, not async"):
        Hooks(**fields)


def test_details_cannot_be_changed():
    details: Any = CallDetails(endpoint="e", requests=1, took_s=1.0)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        details.requests = 2
