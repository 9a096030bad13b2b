"""Whatever a server answers, a call ends as its documents say, and soon."""

import re
from datetime import datetime

import msgspec
from hypothesis import example, given, strategies as st
from support.answer_strategies import ANSWERS, BODIES, HEADERS, JSON, ODD_BODIES, outcome
from support.effort import tries
from support.methods import METHODS, MODELS
from support.scripted import answer

from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import (
    ApiError,
    AuthenticationError,
    CliqError,
    OutcomeUnknownError,
    ServerError,
    ThrottledError,
    TransportError,
)
from cliq_async.models import Bot, Function, Page, Subscriber
from cliq_async.transport.base import Response
from cliq_async.transport.protocol import parse_response
from cliq_async.transport.throttling import Throttle, detect_throttle


def expected(name: str, response: Response) -> tuple[type[CliqError], ...]:
    """The errors that the documents allow for an answer that stays the same."""
    endpoint = ENDPOINTS[name]
    reading = endpoint.method == "GET"
    got = parse_response(endpoint, response)
    match got.outcome:
        case "throttled":
            return (ThrottledError,)
        case "done" if not reading:
            return ()
        case "done":
            return (ApiError,) if got.complete else (TransportError,)
        case "foreign" | "unknown":
            return (ServerError, TransportError if reading else OutcomeUnknownError)
        case _ if response.status == 401:
            return (AuthenticationError, ApiError)
        case _:
            return (ApiError,)


@tries(60)
@given(st.sampled_from(list(METHODS)), ANSWERS)
@example("update_bot", Response(404, {}, ODD_BODIES[-1]))
@example("get_bot", Response(200, {}, ODD_BODIES[9]))
@example("list_bots", Response(200, {}, ODD_BODIES[10]))
def test_any_answer_of_any_endpoint_is_a_model_or_an_error_that_the_table_allows(name, response):
    model = MODELS[name]
    got, transport = outcome(METHODS[name][0], [response])
    assert 1 <= len(transport.requests) <= 80
    if not isinstance(got, CliqError):
        assert parse_response(ENDPOINTS[name], response).outcome == "done"
        assert got is None if model is None else isinstance(got, model)
        if isinstance(got, Page):
            assert all(isinstance(each, Bot | Function | Subscriber) for each in got.data)
        return
    assert isinstance(got, expected(name, response)), repr(got)
    assert str(got)
    if ENDPOINTS[name].method == "POST" and isinstance(got, OutcomeUnknownError | ServerError):
        assert len(transport.requests) == 1
    if isinstance(got, ThrottledError):
        assert isinstance(got.retry_at, datetime)


@tries(20)
@given(
    st.sampled_from(["list_bots", "list_subscribers"]), st.lists(ANSWERS, min_size=1, max_size=4)
)
def test_following_any_pages_ends(name, responses):
    last = answer(200, {"data": [], "next_token": "again"})

    async def follow(client):
        pages = client.bots.iter() if name == "list_bots" else client.subscribers.iter("ops")
        return [each async for each in pages]

    got, transport = outcome(follow, [*responses, last])
    assert isinstance(got, CliqError | list)
    assert len(transport.requests) < 300


@tries(50)
@given(st.integers(100, 999), HEADERS, JSON)
def test_any_answer_is_a_throttle_by_its_status_or_its_name_alone(status, headers, body):
    got = detect_throttle(status, headers, body)
    if got is None:
        assert status != 429
        return
    assert isinstance(got, Throttle)
    assert status == 429 or got.code
    assert got.wait_s is None or 0 < got.wait_s <= 86_400


def is_success(body: bytes | None) -> bool:
    """The form of a success, told without the package's own reader."""
    start = re.compile(rb'\s*\{\s*"(url|type|data|user_ids|id|chat_id|message_|Response Code)')
    if not body:
        return True
    try:
        read = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return start.match(body) is not None
    if not isinstance(read, dict) or read.get("error") or isinstance(read.get("code"), str):
        return False
    named = {"data", "user_ids", "id", "chat_id", "message_id", "message_details", "Response Code"}
    return not read or bool(named & set(read))


@tries(75)
@given(st.sampled_from(["broadcast", "call_many"]), BODIES)
@example("broadcast", b"<html>Log in</html>")
@example("call_many", b'{"error": {"title": "INVALID"}}')
@example("broadcast", b'{"code": "oauthtoken_invalid"}')
def test_no_bytes_with_a_200_tell_of_a_delivery_unless_they_are_a_success(name, body):
    async def run(client):
        return await getattr(client, name)("ops", "hi", range(1, 40), max_wait_s=5.0)

    report, transport = outcome(run, [Response(200, {}, body)])
    assert transport.requests
    if is_success(body):
        assert report.unknown + report.delivered + report.failed == 39
    else:
        assert report.delivered == 0
