"""The client: opening and closing, views with other options, what it tells of its quota."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from scripted import DONE, SECRET, THROTTLED, Scripted, answer, moved

from cliq_async.auth import RefreshToken
from cliq_async.client import CliqClient
from cliq_async.endpoints import ENDPOINTS, Limit
from cliq_async.errors import ApiError, QuotaWaitError, TransportError, ValidationError
from cliq_async.models.message import Message
from cliq_async.quota.memory import MemoryStore
from cliq_async.sandbox import Sandbox


def a_client(steps=(DONE,), **options: Any):
    clock = asyncio.get_running_loop().time
    transport = Scripted(list(steps))
    options.setdefault("quota", MemoryStore(clock=clock))
    return CliqClient(SECRET, transport=transport, **options), transport


# Opening and closing.


@moved
async def test_client_that_is_not_open_says_so_and_sends_nothing():
    client, transport = a_client()
    with pytest.raises(RuntimeError, match="not open"):
        await client.bots.list()
    with pytest.raises(RuntimeError, match="not open"):
        await client.broadcast("bot", "hi", [1])
    async with client:
        await client.bots.list()
    with pytest.raises(RuntimeError, match="not open"):
        await client.bots.list()
    assert (len(transport.requests), transport.closed) == (1, 1)


@moved
async def test_closed_client_can_be_opened_again_with_what_is_left_of_its_quota():
    client, _ = a_client()
    for _ in range(2):
        async with client:
            await client.bots.list()
    assert (await client.quota_status())["list_bots"].free == 28


@moved
async def test_closing_twice_closes_once():
    client, transport = a_client()
    async with client:
        await client.close()
        await client.close()
    assert transport.closed == 1


@moved
async def test_clients_secrets_are_not_in_its_repr():
    client, _ = a_client()
    assert SECRET not in repr(client)
    assert SECRET not in repr(client._auth)


def test_auth_that_cannot_be_one_is_refused_when_the_client_is_made():
    wrong: Any
    for wrong in ("", None, "two words"):
        with pytest.raises(ValidationError):
            CliqClient(wrong)


async def test_call_under_way_ends_when_the_client_is_closed():
    async with Sandbox(faults=["lost:1@list_bots"]) as sandbox:
        client = CliqClient("ann", base_url=sandbox.url, quota=MemoryStore())
        await client.__aenter__()
        call = asyncio.create_task(client.bots.list())
        async with asyncio.timeout(5):
            while not sandbox.report()["requests"]:  # noqa: ASYNC110 - no event tells it
                await asyncio.sleep(0)
            await client.close()
            with pytest.raises(TransportError):
                await call


# Views.


@moved
async def test_view_has_other_options_and_the_same_connections_and_quota():
    client, transport = a_client([DONE])
    async with client:
        view = client.with_options(lane="bulk", max_wait_s=3, timeout_s=7)
        await view.bots.list()
        await client.bots.list()
        assert [request.timeout_s for request in transport.requests] == [7, 30.0]
        assert (await client.quota_status())["list_bots"].free == 28
        with pytest.raises(QuotaWaitError):
            await asyncio.gather(*(view.bots.list() for _ in range(29)))
        further = view.with_options(timeout_s=None)
        assert further._options.max_wait_s == 3
        assert further._options.timeout_s is None


@moved
async def test_view_made_before_opening_opens_and_closes_with_its_client():
    client, _ = a_client()
    view = client.with_options(max_wait_s=1)
    async with client:
        await view.bots.list()
    with pytest.raises(RuntimeError, match="not open"):
        await view.bots.list()


@moved
async def test_view_that_is_closed_leaves_its_client_open():
    client, transport = a_client()
    async with client:
        async with client.with_options(timeout_s=1) as view:
            await view.bots.list()
        await client.bots.list()
        await view.close()
        assert transport.closed == 0
    assert transport.closed == 1


@moved
async def test_view_can_be_opened_alone():
    client, transport = a_client()
    async with client.with_options(timeout_s=1) as view:
        await view.bots.list()
    assert transport.closed == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"lane": "fast"},
        {"max_wait_s": -1},
        {"max_wait_s": float("nan")},
        {"max_wait_s": "5"},
        {"timeout_s": 0},
        {"timeout_s": float("inf")},
    ],
)
@moved
async def test_views_options_are_checked_like_the_clients(wrong):
    client, _ = a_client()
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        client.with_options(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"headroom": -1},
        {"headroom": 1.5},
        {"max_wait_s": -1},
        {"batch_size": 0},
        {"max_in_flight": 0},
    ],
)
@moved
async def test_broadcasts_options_are_checked_before_anything_is_read(wrong):
    client, transport = a_client()

    def unread():
        raise AssertionError("read")
        yield 1

    async with client:
        with pytest.raises(ValidationError):
            await client.broadcast("bot", "hi", unread(), **wrong)
        with pytest.raises(ValidationError):
            await client.broadcast("a/b", "hi", unread())
        with pytest.raises(ValidationError):
            await client.broadcast("bot", Message(text="x" * 5001), unread())
    assert transport.requests == []


# Quotas.


@moved
async def test_two_clients_of_one_store_share_their_quota_and_their_line():
    store = MemoryStore(clock=asyncio.get_running_loop().time)
    one, first = a_client(quota=store)
    two, second = a_client(quota=store)
    async with one, two:
        await asyncio.gather(*(client.bots.list() for client in (one, two) for _ in range(15)))
        assert (await two.quota_status())["list_bots"].free == 0
        with pytest.raises(QuotaWaitError):
            await two.with_options(max_wait_s=60).bots.list()
        await one.bots.list()
    assert len(first.requests) + len(second.requests) == 31
    assert asyncio.get_running_loop().time() == pytest.approx(61.0)


@moved
async def test_quota_status_says_what_is_free_and_when_there_is_more():
    client, _ = a_client([DONE], limits={"list_bots": Limit(2)})
    async with client:
        before = await client.quota_status()
        assert list(before) == list(ENDPOINTS)
        for name, status in before.items():
            assert status.free == status.capacity == status.threshold
            assert status.next_token_at is status.locked_until is None
            assert status.waiting == 0
            assert name == "list_bots" or status.threshold == ENDPOINTS[name].limit.threshold
        await asyncio.gather(client.bots.list(), client.bots.list())
        waiting = [asyncio.create_task(client.bots.list()) for _ in range(2)]
        await asyncio.sleep(1)
        status = (await client.quota_status())["list_bots"]
        assert (status.free, status.waiting) == (0, 2)
        assert status.next_token_at is not None
        left_s = (status.next_token_at - datetime.now(UTC)).total_seconds()
        assert left_s == pytest.approx(60.0, abs=0.5)
        await asyncio.gather(*waiting)


@moved
async def test_quota_status_under_a_lock_says_until_when():
    client, _ = a_client([THROTTLED])
    async with client:
        with pytest.raises(ApiError):
            await client.bots.list()
        status = (await client.quota_status())["list_bots"]
    assert (status.free, status.threshold, status.capacity) == (0, 30, 24)
    assert status.locked_until is not None
    left_s = (status.locked_until - datetime.now(UTC)).total_seconds()
    assert left_s == pytest.approx(301.0, abs=0.5)


@pytest.mark.parametrize(
    ("requests", "seconds"),
    [(-1, 0), (0, 0), (1, 0), (50, 0), (51, 61), (100, 61), (1000, 19 * 61)],
)
@moved
async def test_shortest_time_for_a_number_of_requests(requests, seconds):
    client, _ = a_client()
    assert await client.shortest_s("send_message", requests) == pytest.approx(seconds)


@moved
async def test_shortest_time_beside_headroom_counts_fewer_tokens():
    client, _ = a_client()
    assert await client.shortest_s("send_message", 41, headroom=10) == pytest.approx(61.0)
    assert await client.shortest_s("send_message", 40, headroom=10) == 0.0


@moved
async def test_shortest_time_of_no_endpoint_is_refused():
    client, _ = a_client()
    with pytest.raises(ValidationError, match="endpoint"):
        await client.shortest_s("send", 1)


@moved
async def test_pace_and_rate_spread_the_requests():
    ways: list[tuple[dict[str, Any], float]] = [({"pace": "even"}, 2.0), ({"max_rate": 0.25}, 4.0)]
    for options, gap_s in ways:
        client, transport = a_client(**options)
        async with client:
            await asyncio.gather(*(client.bots.list() for _ in range(4)))
        begin = transport.times[0]
        assert [at - begin for at in transport.times] == pytest.approx(
            [gap_s * n for n in range(4)]
        )


# The environment.


async def test_client_from_the_environment(monkeypatch):
    for name in ("CLIQ_ACCESS_TOKEN", "CLIQ_TIME_SCALE", "CLIQ_QUOTA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLIQ_CLIENT_ID", "id")
    monkeypatch.setenv("CLIQ_CLIENT_SECRET", "secret")
    monkeypatch.setenv("CLIQ_REFRESH_TOKEN", "token")
    monkeypatch.setenv("CLIQ_BASE_URL", "https://sandbox:1")
    monkeypatch.setenv("CLIQ_ACCOUNT", "ann")
    client = CliqClient.from_env(account="bob")
    assert isinstance(client._auth, RefreshToken)
    assert (client._settings.base_url, client._settings.account) == ("https://sandbox:1", "bob")
    with pytest.raises(ValidationError):
        CliqClient.from_env(margin_s=-1)


# Listings and messages, over a scripted server.


def page(items, next_token=None):
    return answer(200, {"data": items, "next_token": next_token})


@pytest.mark.parametrize("end", [None, ""])
@moved
async def test_listing_is_followed_to_the_page_without_a_next_token(end):
    pages = [page([{"user_id": str(n)}], f"t{n}") for n in range(3)]
    client, transport = a_client([*pages, page([{"user_id": "3"}], end)])
    async with client:
        got = [user.user_id async for user in client.subscribers.iter("bot", limit=10)]
    assert got == ["0", "1", "2", "3"]
    queries = [request.url.partition("?")[2] for request in transport.requests]
    assert queries == ["limit=10", *(f"limit=10&next_token=t{n}" for n in range(3))]


@pytest.mark.parametrize("circle", [["a"], ["a", "b"], ["a", "b", "c"]])
@moved
async def test_listing_that_goes_round_in_a_circle_ends(circle):
    client, transport = a_client([page([], token) for token in [*circle, circle[0]]])
    async with client:
        with pytest.raises(ApiError, match="list_subscribers: the listing goes round"):
            [user async for user in client.subscribers.iter("bot")]
    assert len(transport.requests) == len(circle) + 1


@pytest.mark.parametrize("body", [{}, [], {"data": None}, {"data": "x"}, {"data": [1]}, "x", None])
@moved
async def test_listing_that_is_no_page_is_an_api_error(body):
    client, _ = a_client([answer(200, body)])
    async with client:
        with pytest.raises(ApiError, match="list_bots: not a page"):
            await client.bots.list()


@pytest.mark.parametrize("body", [None, {}, [], [1], "x", 5, {"chat_id": []}, b"{"])
@moved
async def test_message_answered_2xx_was_sent_whatever_the_body_is(body):
    client, _ = a_client([answer(200, body)])
    async with client:
        sent = await client.messages.send("bot", "hi", user_ids=["1"])
    assert sent is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"user_ids": []},
        {"user_ids": set()},
        {"user_ids": ["1"], "broadcast": True},
        {"user_ids": ["1"], "channel": "c"},
        {"channel": "c", "broadcast": True},
        {"channel": ""},
        {"user_ids": ["1,2"]},
        {"user_ids": range(101)},
        {"user_ids": None},
    ],
    ids=repr,
)
@moved
async def test_message_has_exactly_one_kind_of_recipient(wrong):
    client, transport = a_client()
    async with client:
        with pytest.raises(ValidationError):
            await client.messages.send("bot", "hi", **wrong)
    assert transport.requests == []
