"""Attempts against a server that remembers what it has done: what is reported is what is true."""

import asyncio
from collections import Counter
from typing import Any

import attrs
import msgspec
from hypothesis import given, strategies as st
from support.effort import tries
from support.scripted import answer

from cliq_async import models
from cliq_async.client import CliqClient
from cliq_async.errors import (
    ApiError,
    AuthError,
    CliqError,
    OutcomeUnknownError,
    QuotaWaitError,
    ServerError,
    ThrottledError,
    TransportError,
)
from cliq_async.quota.model import TokenId, TokenOutcome
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.quota.token import Token
from cliq_async.testing import run_in_virtual_time
from cliq_async.transport.base import NoAnswerError, Request, Response

TITLE = "URL_ROLLING_THROTTLES_LIMIT_EXCEEDED"
AGAIN = "Try again after 2 minutes."
THROTTLES: dict[str, tuple[Response, float | None]] = {
    "throttle-429": (answer(429, {"message": "Too many"}), None),
    "throttle-header": (answer(429, None, {"Retry-After": "7"}), 7.0),
    "throttle-400": (answer(400, {"code": "request_limit_exceeded"}), None),
    "throttle-nested": (
        answer(400, {"error": {"title": TITLE, "details": {"message": AGAIN}}}),
        120.0,
    ),
    "throttle-200": (answer(200, {"error": {"title": TITLE}}), None),
}
BROKEN = {
    "500": answer(500, {"message": "Cliq server encountered an error"}),
    "502": answer(502, b"<html>Bad Gateway</html>"),
    "408": answer(408, {"message": "timeout"}),
}
UNANSWERED = [f"{kind} {when}" for kind in (*BROKEN, "none") for when in ("before", "after")]
FAULTS = ["ok", "ok", "unsent", "401", "400", *UNANSWERED, *THROTTLES]
LOCKS_S = {"GET": 300.0, "PATCH": 300.0, "DELETE": 300.0, "POST": 600.0}
DELAY_S = 0.2


class WatchedStore(MemoryStore):
    """Remembers how each token ended."""

    def __init__(self, **options):
        super().__init__(**options)
        self.endings: dict[TokenId, list[TokenOutcome | str]] = {}

    def end(self, quota, token, ending):
        self.endings.setdefault(token, []).append(ending)
        super().end(quota, token, ending)

    async def refuse(self, quota, token, *, taken_at, wait_s):
        self.endings.setdefault(token, []).append("refused")
        return await super().refuse(quota, token, taken_at=taken_at, wait_s=wait_s)


@attrs.define(eq=False, slots=False)
class Server:
    """Does what it is asked, or not, and answers, or not, as its faults say; then without any."""

    faults: list[str]
    done: Counter[str] = attrs.Factory(Counter)
    attempts: list[tuple[str, str, Token]] = attrs.Factory(list)
    locked_until: float = 0.0

    async def send(self, request: Request, permit: Any) -> Response:
        loop = asyncio.get_running_loop()
        fault = self.faults.pop(0) if self.faults else "ok"
        call = _name(request)
        self.attempts.append((call, fault, permit))
        if fault == "unsent":
            await asyncio.sleep(DELAY_S)
            raise NoAnswerError("no connection")
        assert permit.claim(), "there is a token for each attempt"
        assert loop.time() >= self.locked_until, "nothing is sent during a lock"
        await asyncio.sleep(DELAY_S)
        response = self.reached(request.method, call, fault)
        await asyncio.sleep(DELAY_S)
        if response is None:
            raise NoAnswerError("connection lost")
        if fault in THROTTLES:
            wait_s = THROTTLES[fault][1] or LOCKS_S[request.method]
            self.locked_until = max(self.locked_until, loop.time() + wait_s)
        return response

    def reached(self, method: str, call: str, fault: str) -> Response | None:
        """What it does of a call that arrives, and its answer."""
        if fault in THROTTLES:
            return THROTTLES[fault][0]
        if fault in {"400", "401"}:
            return answer(int(fault), {"message": "no"})
        if fault.endswith("before"):
            return BROKEN.get(fault.split(maxsplit=1)[0])
        gone = method == "DELETE" and self.done[call]
        self.done[call] += not gone
        if fault.endswith("after"):
            return BROKEN.get(fault.split(maxsplit=1)[0])
        if gone:
            return answer(404, {"code": "bot_not_found", "message": "none"})
        return answer(200, {"data": {"id": "1", "unique_name": "a", "name": "A"}})

    async def close(self) -> None:
        pass


def _name(request: Request) -> str:
    if request.method == "POST":
        return msgspec.json.decode(request.body)["text"]
    return request.url.rsplit("/", 1)[-1].removeprefix("b-")


def one_call(client: CliqClient, method: str, name: str) -> Any:
    match method:
        case "POST":
            return client.messages.send("ops", name, user_ids="1")
        case "PATCH":
            return client.bots.update(name, models.BotChanges(name="x"))
        case "DELETE":
            return client.bots.delete(name)
        case _:
            return client.bots.get(name)


def ending_of(fault: str, token: Token) -> TokenOutcome | str:
    """How the token of an attempt that came to its end has to end."""
    if fault in THROTTLES:
        return "refused"
    if not token.sent:
        return TokenOutcome.NEVER_SENT
    return TokenOutcome.ABANDONED if fault in UNANSWERED else TokenOutcome.ANSWERED


@tries(125)
@given(
    method=st.sampled_from(["POST", "POST", "GET", "PATCH", "DELETE"]),
    faults=st.lists(st.sampled_from(FAULTS), max_size=12),
    max_wait_s=st.sampled_from([None, None, 0.0, 5.0, 75.0, 400.0]),
    cancelled_s=st.lists(st.none() | st.floats(0.0, 3.0), min_size=1, max_size=3),
)
def test_what_is_reported_of_a_call_is_what_happened(method, faults, max_wait_s, cancelled_s):
    server = Server(list(faults))
    tokens = iter(range(10_000))

    async def access():
        return f"token-{next(tokens)}"

    async def main():
        loop = asyncio.get_running_loop()
        store = WatchedStore(clock=loop.time)
        async with CliqClient(
            access, transport=server, quota=store, max_wait_s=max_wait_s
        ) as client:
            calls = []
            for number, cancel_s in enumerate(cancelled_s):
                call = loop.create_task(one_call(client, method, str(number)))
                if cancel_s is not None:
                    loop.call_later(cancel_s, call.cancel)
                calls.append(call)
            results = await asyncio.gather(*calls, return_exceptions=True)
            await asyncio.sleep(2000.0)
            for snapshot in await store.snapshots(client._quotas.values()):
                assert snapshot.leases == snapshot.returns == (), "all tokens are back"
        return results, store

    results, store = run_in_virtual_time(main())
    for number, result in enumerate(results):
        own = [each for each in server.attempts if each[0] == str(number)]
        is_true(method, result, server.done[str(number)], [fault for _, fault, _ in own])
        cancelled = isinstance(result, asyncio.CancelledError)
        for _, fault, token in own[:-1] if cancelled else own:
            assert store.endings[token._number] == [ending_of(fault, token)]
    used = [token for _, _, token in server.attempts]
    assert len(set(map(id, used))) == len(used), "a token for each attempt"
    for endings in store.endings.values():
        assert len(endings) == 1, "a token ends once"


def is_true(method: str, result: object, done: int, faults: list[str]) -> None:
    """Check what is reported of a call against how often it was done, and the table of retries."""
    unanswered = [fault for fault in faults if fault in UNANSWERED]
    counted = [fault for fault in faults if fault in UNANSWERED or fault == "unsent"]
    assert len(counted) <= 3
    assert faults.count("401") <= 2
    assert faults.count("400") <= 1
    if method == "POST":
        assert done <= 1, "never twice"
        assert len(unanswered) <= 1
        assert not unanswered or faults[-1] in UNANSWERED, "it is never sent again"
    writes = method != "GET"
    match result:
        case asyncio.CancelledError():
            pass
        case OutcomeUnknownError() | ServerError():
            assert unanswered, "else it is known"
            assert writes or isinstance(result, ServerError)
        case ThrottledError():
            assert faults[-1] in THROTTLES
            assert not writes or not done
        case QuotaWaitError() | AuthError():
            assert not writes or not done
        case TransportError():
            assert not writes or not unanswered
        case ApiError():  # of the last attempt; one before it may not have been answered
            assert faults[-1] in {"400", "401"}
            assert not done or (method in {"PATCH", "DELETE", "GET"} and unanswered)
        case _:
            assert not isinstance(result, BaseException | CliqError), repr(result)
            assert done >= 1
            assert method != "POST" or done == 1
