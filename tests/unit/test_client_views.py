"""Views of a client with other options, on the same connections and quota."""

import asyncio

import pytest
from support.clients import a_scripted_client
from support.scripted import DONE, moved

from cliq_async.errors import QuotaWaitError, ValidationError


@moved
async def test_view_has_other_options_and_the_same_connections_and_quota():
    client, transport = a_scripted_client([DONE])
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
    client, _ = a_scripted_client()
    view = client.with_options(max_wait_s=1)
    async with client:
        await view.bots.list()
    with pytest.raises(RuntimeError, match="not open"):
        await view.bots.list()


@moved
async def test_view_that_is_closed_leaves_its_client_open():
    client, transport = a_scripted_client()
    async with client:
        async with client.with_options(timeout_s=1) as view:
            await view.bots.list()
        await client.bots.list()
        await view.close()
        assert transport.closed == 0
    assert transport.closed == 1


@moved
async def test_view_can_be_opened_alone():
    client, transport = a_scripted_client()
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
    client, _ = a_scripted_client()
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        client.with_options(**wrong)
