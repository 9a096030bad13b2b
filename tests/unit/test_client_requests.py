"""`client.request`: the same guard, retries and errors as every method."""

import json

import pytest
from support.clients import a_scripted_client
from support.scripted import DONE, SECRET, THROTTLED, answer, moved, now

from cliq_async.client import CliqClient
from cliq_async.endpoints import ENDPOINTS, Endpoint, Limit
from cliq_async.errors import (
    ForeignAnswerError,
    NotFoundError,
    OutcomeUnknownError,
    QuotaWaitError,
    ThrottledError,
    ValidationError,
)
from cliq_async.sandbox import Sandbox

OWN = Endpoint("list_members", "GET", "/channels/{channel_id}/members", Limit(2), ())
IDS = {"channel_id": "O42"}


@moved
async def test_request_spends_the_quota_of_its_row():
    client, transport = a_scripted_client([answer(200, {"data": [1]})], max_wait_s=0)
    async with client:
        for _ in range(10):
            assert await client.request("DELETE", "/bots/b-1", json={"a": 1}) == {"data": [1]}
        with pytest.raises(QuotaWaitError):
            await client.bots.delete("b-1")
    assert len(transport.requests) == 10
    assert transport.requests[0].url.endswith("/api/v3/bots/b-1")
    assert json.loads(transport.requests[0].body) == {"a": 1}


@moved
async def test_unknown_path_is_guarded_by_the_limit_that_it_brings():
    client, transport = a_scripted_client([answer(200, {"members": []})], max_wait_s=0)
    async with client:
        with pytest.raises(ValidationError):
            await client.request("GET", "/channels/O42")
        assert transport.requests == []
        for _ in range(2):
            assert await client.request(OWN, params=IDS) == {"members": []}
            await client.request("GET", "/channels/O42", limit=Limit(2))
        with pytest.raises(QuotaWaitError):
            await client.request(OWN, params=IDS)
        with pytest.raises(QuotaWaitError):
            await client.request("GET", "/channels/P1", limit=Limit(2))
        assert (await client.quota_status())["list_members"].free == 0
    assert len(transport.requests) == 4


@moved
async def test_other_clients_of_the_store_share_the_quota_of_an_unknown_path():
    first, _ = a_scripted_client([answer(200, [])])
    second, _ = a_scripted_client([answer(200, [])], quota=first._store, max_wait_s=0)
    async with first, second:
        for _ in range(2):
            assert await first.request(OWN, params=IDS) == []
        with pytest.raises(QuotaWaitError):
            await second.request(OWN, params=IDS)


@moved
async def test_unknown_path_is_paced_as_well():
    client, _ = a_scripted_client([answer(200, [])], pace="even")
    async with client:
        for _ in range(2):
            await client.request(OWN, params=IDS)
    assert now() == pytest.approx(30, abs=1)


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (answer(404, {"code": "channel_not_found"}), NotFoundError),
        (THROTTLED, ThrottledError),
        ("lost", OutcomeUnknownError),
        (answer(200, b"<html>"), ForeignAnswerError),
        (answer(200, b'"a text"'), ForeignAnswerError),
    ],
)
@moved
async def test_errors_are_those_of_all_methods(step, error):
    client, transport = a_scripted_client([step, DONE], max_wait_s=10)
    async with client:
        with pytest.raises(error, match="POST /channels"):
            await client.request("POST", "/channels", json={"name": "a"}, limit=Limit(5))
    assert len(transport.requests) == 1


@moved
async def test_put_is_tried_again_and_an_empty_answer_is_none():
    client, transport = a_scripted_client(["lost", answer(204)])
    async with client:
        assert await client.request("PUT", "/channels/O42", json={}, limit=Limit(5)) is None
    assert [each.method for each in transport.requests] == ["PUT", "PUT"]


@moved
async def test_client_that_is_not_open_sends_nothing():
    client, transport = a_scripted_client()
    with pytest.raises(RuntimeError, match="not open"):
        await client.request(OWN, params=IDS)
    with pytest.raises(RuntimeError, match="not open"):
        await client.request("list_bots")
    assert transport.requests == []


@pytest.mark.parametrize("dialect", ["seed", "live"])
async def test_request_speaks_the_servers_dialect(dialect):
    body = {"text": "a", "user_ids": "55743307"}
    async with Sandbox(dialect=dialect) as sandbox:
        async with CliqClient(SECRET, base_url=sandbox.url, quota="memory://") as client:
            for path in ("/bots/supportbot/message", "/bots/supportbot/messages"):
                await client.request("POST", path, json=body)
            status = (await client.quota_status())["send_message"]
        assert sandbox.report()["delivered"]["total"] == 2
        assert status.free <= ENDPOINTS["send_message"].limit.threshold - 2
