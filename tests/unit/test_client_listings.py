"""Listings that are followed over their pages, and those that are none."""

import pytest
from support.clients import a_scripted_client
from support.scripted import answer, moved

from cliq_async.errors import ApiError


def page(items, next_token=None):
    return answer(200, {"data": items, "next_token": next_token})


@pytest.mark.parametrize("end", [None, ""])
@moved
async def test_listing_is_followed_to_the_page_without_a_next_token(end):
    pages = [page([{"user_id": str(n)}], f"t{n}") for n in range(3)]
    client, transport = a_scripted_client([*pages, page([{"user_id": "3"}], end)])
    async with client:
        got = [user.user_id async for user in client.subscribers.iter("bot", limit=10)]
    assert got == ["0", "1", "2", "3"]
    queries = [request.url.partition("?")[2] for request in transport.requests]
    assert queries == ["limit=10", *(f"limit=10&next_token=t{n}" for n in range(3))]


@pytest.mark.parametrize("tokens", [["a"], ["a", "b"], ["a", "b", "c"]])
@moved
async def test_pagination_loop_is_an_error(tokens):
    client, transport = a_scripted_client([page([], token) for token in [*tokens, tokens[0]]])
    async with client:
        with pytest.raises(ApiError, match="list_subscribers: pagination loop"):
            [user async for user in client.subscribers.iter("bot")]
    assert len(transport.requests) == len(tokens) + 1


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": "x"}, {"data": [1]}, None])
@moved
async def test_listing_that_is_no_page_is_an_api_error(body):
    client, _ = a_scripted_client([answer(200, body)])
    async with client:
        with pytest.raises(ApiError, match="list_bots: not a page"):
            await client.bots.list()
