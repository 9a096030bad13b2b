"""Injected faults: their notation, their rate, and their effect on a request."""

import asyncio
import time

import aiohttp
import pytest
from support.polling import until
from support.sandboxes import BOTS, FIRST, SEND, Caller, running

from cliq_async.endpoints import Limit
from cliq_async.sandbox import Sandbox
from cliq_async.sandbox.faults import KINDS, Fault, Faults, parse_fault, throttle_answer


def test_fault_is_read_with_and_without_endpoint():
    assert parse_fault("lost:0.25") == Fault("lost", 0.25)
    assert parse_fault("502:1@send_message") == Fault("502", 1.0, "send_message")
    assert parse_fault("500:x2") == Fault("500", 1.0, None, 2)
    assert parse_fault("no-recipient:1@send_message") == Fault("no-recipient", 1.0, "send_message")
    assert parse_fault("html:0.5@access_token") == Fault("html", 0.5, "access_token")


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("gone:0.5", "there is no kind .*; choose one of lost, reset"),
        ("lost", "RATE from 0 to 1"),
        ("lost:often", "RATE from 0 to 1"),
        ("lost:nan", "RATE from 0 to 1"),
        ("lost:1.5", "RATE from 0 to 1"),
        ("lost:-0.1", "RATE from 0 to 1"),
        ("lost:x0", "or xNUMBER"),
        ("lost:x-1", "or xNUMBER"),
        ("lost:x", "or xNUMBER"),
        ("html:1", "there is no kind .*; choose one of lost, reset"),
        ("no-recipient:1", "there is no kind .*; choose one of lost, reset"),
        (
            "html:1@send_message",
            "'html' at send_message; choose one of lost, .*no-recipient",
        ),
        (
            "throttle-429:1@access_token",
            "at access_token; choose one of lost, reset",
        ),
        ("401:1@access_token", "there is no kind '401' at access_token; did you mean 408"),
        ("lost:0.5@", "there is no endpoint ''; choose one of create_bot"),
        ("lost:0.5@sendmessage", "there is no endpoint 'sendmessage'; did you mean send_message"),
    ],
)
def test_invalid_fault_is_refused_with_the_allowed_ones(text, allowed):
    with pytest.raises(ValueError, match=f"^faults: .*{allowed}"):
        parse_fault(text)


@pytest.mark.parametrize("kind", KINDS)
def test_rate_1_always_strikes_and_rate_0_never(kind):
    always, never = Faults([Fault(kind, 1.0)]), Faults([Fault(kind, 0.0)])
    early = kind == "refuse"
    assert always.refuses_connection("list_bots") is early
    assert always.draw("list_bots") == (None if early else kind)
    assert not never.refuses_connection("list_bots")
    assert never.draw("list_bots") is None


def test_fault_strikes_only_at_its_endpoint():
    faults = Faults([Fault("lost", 1.0, "send_message")])
    assert faults.draw("send_message") == "lost"
    assert faults.draw("list_bots") is None


def test_fault_strikes_as_often_as_it_says():
    faults = Faults([Fault("lost", 1.0, "list_bots", 2), Fault("refuse", 1.0, None, 1)])
    assert [faults.draw("list_bots") for _ in range(4)] == ["lost", "lost", None, None]
    assert [faults.refuses_connection("list_bots"), faults.refuses_connection("get_bot")] == [
        True,
        False,
    ]


def test_first_fault_that_strikes_wins():
    assert Faults([Fault("500", 1.0), Fault("lost", 1.0)]).draw("list_bots") == "500"


def test_same_seed_draws_the_same_faults_at_their_rate():
    def draws(seed):
        faults = Faults([Fault("lost", 0.3)], seed=seed)
        return [faults.draw("list_bots") for _ in range(1000)]

    assert draws(1) == draws(1) != draws(2)
    assert 250 < draws(1).count("lost") < 350


def test_coin_falls_on_both_sides():
    faults = Faults()
    assert {faults.flip_coin() for _ in range(100)} == {True, False}


def test_throttles_answer_in_four_forms():
    limit = Limit(100, 120.0)
    plain = (429, {"message": "Too many requests within a certain time frame."})
    assert (
        throttle_answer(None, limit, 60.0) == throttle_answer("throttle-429", limit, 1.0) == plain
    )
    status, body = throttle_answer("throttle-400", limit, 60.0)
    assert (status, body["code"]) == (400, "request_limit_exceeded")
    status, body = throttle_answer("throttle-nested", limit, 1261.0)
    assert (status, body["error"]["status_code"]) == (400, 400)
    assert body["error"]["title"] == "URL_ROLLING_THROTTLES_LIMIT_EXCEEDED"
    assert body["error"]["details"]["message"] == (
        "Cannot execute more than 100 requests per API in 2 minutes. Try again after 22 minutes."
    )
    assert throttle_answer("throttle-200", limit, 1261.0) == (200, body)


# Over HTTP.


@pytest.mark.parametrize(
    ("kind", "error", "done"), [("reset", True, 1), ("refuse", True, 0), ("500", False, 0)]
)
async def test_faults_do_the_work_or_not(kind, error, done):
    async with running(faults=[f"{kind}:1@send_message"]) as caller:
        if error:
            with pytest.raises(aiohttp.ClientConnectionError):
                await caller.send(user_ids=FIRST)
        else:
            status, body = await caller.send(user_ids=FIRST)
            assert (status, list(body)) == (500, ["message"])
        report = await caller.report()
        assert report["delivered"]["total"] == done
        assert report["requests"] == ({} if kind == "refuse" else {"send_message": 1})
        assert (await caller.get(BOTS))[0] == 200


async def test_gateway_fails_with_a_page_before_or_after_the_work():
    async with running(faults=["502:1"], seed=3) as caller:
        for _ in range(20):
            status, text = await caller.send(user_ids=FIRST)
            assert status == 502
            assert "<html>" in text
        assert 0 < caller.sandbox.report()["delivered"]["total"] < 20


async def test_fault_spoils_refusals_of_the_body_too():
    async with running(faults=["reset:1"]) as caller:
        with pytest.raises(aiohttp.ClientConnectionError):
            await caller.send()


async def lose_one(sandbox):
    """Send a request that gets no response and return its connection."""
    host, port = sandbox.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = b'{"text": "hi", "user_ids": "%s"}' % FIRST.encode()
    writer.write(
        b"POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ann\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (SEND.encode(), len(body), body)
    )
    await until(lambda: sandbox.report()["delivered"]["total"])
    return reader, writer


async def test_lost_answer_leaves_the_connection_open_until_the_sandbox_stops():
    others = asyncio.all_tasks()
    async with Sandbox(faults=["lost:1@send_message"]) as sandbox:
        reader, writer = await lose_one(sandbox)
        waiting = asyncio.create_task(reader.read())
        async with aiohttp.ClientSession() as session:
            assert (await Caller(sandbox, session).get(BOTS))[0] == 200
        assert not waiting.done()
        began = time.perf_counter()
    assert time.perf_counter() - began < 2.0
    assert await waiting == b""
    writer.close()
    await writer.wait_closed()
    assert asyncio.all_tasks() == others


async def test_client_that_gives_up_a_lost_answer_leaves_nothing_behind():
    others = asyncio.all_tasks()
    async with Sandbox(faults=["lost:1@send_message"]) as sandbox:
        _, writer = await lose_one(sandbox)
        writer.close()
        await writer.wait_closed()
    assert asyncio.all_tasks() == others


async def test_client_that_leaves_before_its_answer_breaks_nothing(caplog):
    others = asyncio.all_tasks()
    async with Sandbox(faults=["reset:1@send_message"], latency_s=0.002) as sandbox:
        _, writer = await lose_one(sandbox)
        writer.transport.abort()
        await until(lambda: asyncio.all_tasks() == others)
    assert not [
        record for record in caplog.records if "aiohttp" in record.name or "sandbox" in record.name
    ]


async def test_message_without_a_recipient_is_taken_and_delivered_to_nobody():
    async with running(faults="no-recipient:x1@send_message") as caller:
        channel = {"channel_unique_name": "announcements"}
        status, body = await caller.send(query=channel, sync_message=True)
        assert (status, body) == (200, {"Response Code": "204 No response"})
        assert caller.sandbox.messages == ()
        _, body = await caller.send(query=channel, sync_message=True)
        assert set(body) == {"chat_id", "message_id"}
