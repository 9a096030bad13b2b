"""Whatever a server answers, a call ends as its documents say, and soon."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
from effort import tries
from hypothesis import example, given, strategies as st
from scripted import Scripted, answer

from cliq_async import models
from cliq_async.auth import RefreshToken
from cliq_async.client import CliqClient
from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import (
    ApiError,
    AuthenticationError,
    AuthError,
    CliqError,
    OutcomeUnknownError,
    QuotaWaitError,
    ServerError,
    ThrottledError,
    TransportError,
)
from cliq_async.exchange import AccountsServer, Code, Exchanged
from cliq_async.oauth import Failed, Grant, Made, read as read_token
from cliq_async.quota.memory import MemoryStore
from cliq_async.quota.throttle import Refusal, refusal
from cliq_async.testing import run_in_moved_time
from cliq_async.transport import AiohttpTransport, NoAnswerError, Request, Response
from cliq_async.wire import read

Calling = Callable[[CliqClient], Awaitable[object]]

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

# Answers.

NAMES = "code error title details message status_code data id unique_name name handlers creator"
NAMES += " next_token sync_token deleted user_id user_ids chat_id message_id message_details type"
NAMES += " script permissions params sub_actions display_props position team_ids default"
WORDS = (
    "bot_not_found bot_already_member x_denied forbidden_x request_limit_exceeded 7 extra_key_found"
)
WORDS += " URL_ROLLING_THROTTLES_LIMIT_EXCEEDED oauthtoken_invalid too_many_requests b-1"
TEXTS = (
    st.text(max_size=3)
    | st.sampled_from(WORDS.split())
    | st.from_regex(r"(try )?again (after|in) \d{1,9} (second|minute|hour)s?", fullmatch=True)
)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES.split()) | st.text(max_size=2), inner, max_size=5)
    ),
    max_leaves=12,
)
ODD_BODIES = [
    None,
    b"",
    b"null",
    b"<html><h1>502 Bad Gateway</h1></html>",
    b"\xff\xfe{}",
    b'{"data":',
    b'{"data":{"id":"1"},"data":[]}',
    b'{"data":{"id":NaN,"name":Infinity}}',
    b'{"data":{"id":%s,"unique_name":1e400,"name":-0}}' % (b"9" * 5000),
    b'{"data":' + b"[" * 5000 + b"]" * 5000 + b"}",
    b'{"data":[{"handlers":' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}]}",
    b'{"code":"\\ud800","message":"\\ud800\\udc00"}',
    b'{"message_details":{"1":{"message_id":"%FF%","chat_id":7},"2":[]}}',
    b'{"error":{"title":"URL_FIXED_THROTTLES_LIMIT_EXCEEDED","details":{"message":[]}}}',
]
RAW = JSON.map(msgspec.json.encode)
BODIES = (
    RAW
    | st.sampled_from(ODD_BODIES)
    | st.binary(max_size=20)
    | st.builds(lambda raw, share: raw[: int(len(raw) * share)], RAW, st.floats(0, 1))
    | st.builds(lambda raw: b'{"data":' + raw + b"}", RAW)
)
DATES = st.sampled_from(["Sun, 06 Nov 2094 08:49:37 GMT", "06 Nov 9999", "1,2,3", "+1:2:3"])
HEADERS = st.dictionaries(
    st.sampled_from(["Retry-After", "Content-Type", "Location"]),
    st.text(max_size=8)
    | st.integers(-1, 10**9).map(str)
    | DATES
    | st.sampled_from(["\udc80", "²"]),
    max_size=2,
)
KNOWN = [200, 204, 301, 400, 401, 403, 404, 405, 408, 409, 429, 500, 502, 503]
STATUSES = st.sampled_from(KNOWN) | st.integers(100, 999)
ANSWERS = st.builds(Response, STATUSES, HEADERS, BODIES)


def outcome(calling: Calling, steps: list[Any], **options: Any) -> tuple[Any, Scripted]:
    """What comes of a call where the last answer stays the same; fails if it never ends."""
    transport = Scripted(steps)

    async def main():
        store = MemoryStore(clock=asyncio.get_running_loop().time)
        auth = options.pop("auth", "t")
        async with CliqClient(auth, transport=transport, quota=store, **options) as client:
            try:
                return await calling(client)
            except CliqError as error:
                return error

    return run_in_moved_time(main()), transport


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


# The accounts server.

SECRETS = {"1000.refresh", "a-client-secret", "1000.a-code"}
TOKENS = st.sampled_from(["1000.new", "", "two words", None, 7, "\n", [], "1000.refresh"])
LIVES = st.sampled_from([3600, "3600", 3_600_000, 0, -1, None, True, "1e999", 10**400, 0.001, []])
ECHOES = st.sampled_from(
    [
        "invalid_code",
        "invalid_client",
        "Access Denied",
        "no 1000.refresh",
        "a-client-secret",
        5,
        " ",
    ]
)
SAID = st.dictionaries(st.sampled_from(NAMES.split()), JSON, max_size=2) | st.fixed_dictionaries(
    {},
    optional={
        "access_token": TOKENS,
        "refresh_token": TOKENS,
        "expires_in": LIVES,
        "expires_in_sec": LIVES,
        "api_domain": TEXTS | st.sampled_from(["https://www.zohoapis.in", "http://[", 3]),
        "scope": TEXTS | st.none() | st.integers(),
        "error": ECHOES | JSON,
        "error_description": ECHOES,
        "status": st.sampled_from(["success", "failure", 1]),
    },
)


def encoded(said: object) -> bytes:
    with suppress(ValueError, OverflowError):
        return msgspec.json.encode(said)
    return repr(said).encode()


TOKEN_BODIES = SAID.map(encoded) | st.sampled_from(ODD_BODIES) | st.binary(max_size=9)
TOKEN_ANSWERS = st.builds(Response, STATUSES, HEADERS, TOKEN_BODIES)
REFRESHING = RefreshToken("an-id", "a-client-secret", "1000.refresh")
GRANT = Grant.of(REFRESHING, "https://accounts.zoho.eu")


@tries(80)
@given(TOKEN_ANSWERS)
def test_any_answer_of_the_accounts_server_is_a_token_or_a_reason_without_a_secret(response):
    got = read_token(GRANT, response)
    if isinstance(got, Made):
        assert got.access.value
        assert 0 < got.life_s <= 3600
        return
    assert isinstance(got, Failed)
    assert not any(secret in got.reason for secret in SECRETS)


@tries(25)
@given(TOKEN_ANSWERS)
def test_any_answer_to_a_refresh_leads_to_a_call_or_to_an_error_of_authorisation(response):
    def answering(request):
        return response if request.url.endswith("/token") else answer(204)

    got, transport = outcome(CALLS["delete_bot"][0], [answering], auth=REFRESHING)
    assert got is None or isinstance(got, AuthError | QuotaWaitError)
    assert not any(secret in str(got) for secret in SECRETS)
    assert sum(request.url.endswith("/token") for request in transport.requests) <= 10
    assert (got is None) == any("/bots/" in request.url for request in transport.requests)


@tries(40)
@given(TOKEN_ANSWERS, st.booleans())
def test_any_answer_to_a_code_or_a_revocation_is_read_or_an_error_and_asked_once(response, code):
    transport = Scripted([response])

    async def main():
        store = MemoryStore(clock=asyncio.get_running_loop().time)
        server = AccountsServer("https://accounts.zoho.eu", transport, store)
        try:
            if code:
                return await server.exchange(Code("an-id", "a-client-secret", "1000.a-code"))
            return await server.revoke(REFRESHING)
        except CliqError as error:
            return error

    got = run_in_moved_time(main())
    assert isinstance(got, Exchanged | AuthError) if code else got is None or type(got) is AuthError
    assert len(transport.requests) == 1
    secrets = {"a-client-secret", "1000.a-code"} if code else {"a-client-secret", "1000.refresh"}
    assert not any(secret in f"{got} {got!r}" for secret in secrets)


# Bytes on a wire.

LINES = [b"HTTP/1.1 200 OK", b"HTTP/1.1 204 No", b"HTTP/1.1 100 Continue", b"HTTP/1.0 500 \xff"]
LINES += [b"HTTP/9.9 200 OK", b"HTTP/1.1 999999 x", b"HELLO", b"", b"HTTP/1.1 -1 x"]
FIELDS = [b"Content-Length: 5", b"Content-Length: 99", b"Content-Length: -1", b"Content-Length: x"]
FIELDS += [b"Transfer-Encoding: chunked", b"Content-Encoding: gzip", b"Content-Encoding: br"]
FIELDS += [
    b"Connection: close",
    b"X: " + b"x" * 20_000,
    b": x",
    b"Retry-After: \xff\x00",
    b"Location: /",
]
FIELDS += [b"Content-Encoding: deflate", b"Set-Cookie: a=b", b"Content-Type: text/\xff; charset=no"]
CONTENTS = [
    b"",
    b"{}",
    b"hello",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"zz\r\nhello",
    b"5\r\nhel",
    b"0\r\n\r\n",
]
CONTENTS += [gzip.compress(b"{}" * 100), gzip.compress(b"{}")[:-9], b"{}HTTP/1.1 200 OK\r\n\r\n"]


class _Permit:
    sent = False

    def may_send(self) -> bool:
        before, self.sent = self.sent, True
        return not before


WIRES = st.builds(
    lambda line, fields, content, cut: (b"\r\n".join([line, *fields, b"", content]))[:cut],
    st.sampled_from(LINES),
    st.lists(st.sampled_from(FIELDS), max_size=3),
    st.sampled_from(CONTENTS),
    st.none() | st.integers(0, 60),
)


@tries(2)
@given(st.lists(WIRES, min_size=10, max_size=10))
def test_any_bytes_of_a_server_that_then_goes_away_are_an_answer_or_none(wires):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(wires[served[0]])
        served[0] += 1
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        transport = AiohttpTransport()
        port = server.sockets[0].getsockname()[1]
        try:
            for number, wire in enumerate(wires):
                served[0] = number
                request = Request("GET", f"http://127.0.0.1:{port}/", {}, timeout_s=30)
                try:
                    got = await asyncio.wait_for(transport.send(request, _Permit()), 20)
                except NoAnswerError:
                    continue
                assert isinstance(got, Response), wire
                assert 100 <= got.status <= 999, wire
                read(ENDPOINTS["get_bot"], got)
        finally:
            await transport.close()
            server.close()

    served = [0]
    asyncio.run(main())
