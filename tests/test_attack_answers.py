"""Whatever a server answers, a call ends as its documents say, and soon."""

from datetime import datetime

from answer_strategies import ANSWERS, HEADERS, JSON, ODD_BODIES, Calling, outcome
from effort import tries
from hypothesis import example, given, strategies as st
from scripted import answer

from cliq_async import models
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
from cliq_async.quota.throttle import Refusal, refusal
from cliq_async.transport import Response
from cliq_async.wire import read

CALLS: dict[str, tuple[Calling, type | None]] = {
    "create_bot": (
        lambda client: client.bots.create(models.NewBot("Bot", description="x")),
        models.Bot,
    ),
    "list_bots": (lambda client: client.bots.list(), models.Page),
    "update_bot": (
        lambda client: client.bots.update("1", models.BotChanges(name="x")),
        models.Bot,
    ),
    "get_bot": (lambda client: client.bots.get("b-1"), models.Bot),
    "delete_bot": (lambda client: client.bots.delete("1"), None),
    "send_message": (
        lambda client: client.messages.send("ops", "x", user_ids="1"),
        models.SentMessage,
    ),
    "send_incoming_webhook": (
        lambda client: client.messages.send_incoming("ops", {"a": "b"}),
        models.IncomingReceipt,
    ),
    "trigger_call": (
        lambda client: client.calls.trigger("ops", models.Call("x")),
        models.CallReceipt,
    ),
    "create_handler": (
        lambda client: client.handlers.create("1", models.NewHandler("call_handler", script="x")),
        models.Handler,
    ),
    "update_handler": (
        lambda client: client.handlers.update(
            "1", "call_handler", models.HandlerChanges(script="x")
        ),
        models.Handler,
    ),
    "get_handler": (lambda client: client.handlers.get("1", "call_handler"), models.Handler),
    "delete_handler": (lambda client: client.handlers.delete("1", "call_handler"), None),
    "associate_channel": (lambda client: client.bots.associate("ops", "general"), None),
    "list_subscribers": (lambda client: client.subscribers.list("ops"), models.Page),
}


def expected(name: str, response: Response) -> tuple[type[CliqError], ...]:
    """The errors that the documents allow for an answer that stays the same."""
    endpoint = ENDPOINTS[name]
    reading = endpoint.method == "GET"
    got = read(endpoint, response)
    match got.kind:
        case "throttled":
            return (ThrottledError,)
        case "done" if not reading:
            return ()
        case "done":
            return (ApiError,) if got.whole else (TransportError,)
        case "unknown":
            return (ServerError, TransportError if reading else OutcomeUnknownError)
        case _ if response.status == 401:
            return (AuthenticationError, ApiError)
        case _:
            return (ApiError,)


@tries(120)
@given(st.sampled_from(list(CALLS)), ANSWERS)
@example("update_bot", Response(404, {}, ODD_BODIES[-1]))
@example("get_bot", Response(200, {}, ODD_BODIES[9]))
@example("list_bots", Response(200, {}, ODD_BODIES[10]))
def test_any_answer_of_any_endpoint_is_a_model_or_an_error_that_the_table_allows(name, response):
    calling, model = CALLS[name]
    got, transport = outcome(calling, [response])
    assert 1 <= len(transport.requests) <= 80
    if not isinstance(got, CliqError):
        assert read(ENDPOINTS[name], response).kind == "done"
        assert got is None if model is None else isinstance(got, model)
        return
    assert isinstance(got, expected(name, response)), repr(got)
    assert str(got)
    if ENDPOINTS[name].method == "POST" and isinstance(got, OutcomeUnknownError | ServerError):
        assert len(transport.requests) == 1
    if isinstance(got, ThrottledError):
        assert isinstance(got.retry_at, datetime)


@tries(40)
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


@tries(100)
@given(st.integers(100, 999), HEADERS, JSON)
def test_any_answer_is_a_throttle_by_its_status_or_its_name_alone(status, headers, body):
    got = refusal(status, headers, body)
    if got is None:
        assert status != 429
        return
    assert isinstance(got, Refusal)
    assert status == 429 or got.code
    assert got.wait_s is None or 0 < got.wait_s <= 86_400
