"""A transport that does what a test tells it, and a caller on it in virtual time."""

import asyncio
import functools
from collections.abc import Callable, Iterable

import attrs
import msgspec

from cliq_async.auth.provider import AccessToken, make_token_provider
from cliq_async.config import Settings
from cliq_async.endpoints import ENDPOINTS
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.testing import run_in_virtual_time
from cliq_async.transport.base import NoAnswerError, Request, Response, SendPermit
from cliq_async.transport.executor import RequestExecutor
from cliq_async.transport.pending_call import CallOptions, PendingCall
from cliq_async.transport.protocol import ApiCall

SECRET = "1000.secret-of-a-token"

BY_METHOD = {
    "GET": "get_bot",
    "POST": "send_message",
    "PATCH": "update_bot",
    "DELETE": "delete_bot",
}
METHODS = sorted(BY_METHOD)
PERIOD_S = 61.0  # a window of a minute and the margin
STRAGGLER_S = 30.0

Step = Response | BaseException | str | Callable[[Request], object]


def moved(test):
    """Run an async test in virtual time."""

    @functools.wraps(test)
    def run(*args, **options):
        return run_in_virtual_time(test(*args, **options), debug=True)

    return run


def now() -> float:
    """The running loop's time."""
    return asyncio.get_running_loop().time()


def answer(status: int, body: object = None, headers: dict[str, str] | None = None) -> Response:
    """An answer; `body` is JSON unless it is bytes."""
    raw = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
    return Response(status, headers or {}, raw)


DONE = answer(200, {"data": []})
THROTTLED = answer(429, {"message": "Too many requests within a certain time frame."})
UNAUTHORIZED = answer(401, {"message": "invalid AuthToken"})
GATEWAY = answer(502, b"<html>")


@attrs.define(eq=False, slots=False)
class Scripted:
    """Plays one step a request; the last one stays.

    A step is a response, an exception to raise once the request has left, `unsent`, `lost`, or
    `hang`.
    """

    steps: list[Step]
    delay_s: float = 0.0
    requests: list[Request] = attrs.Factory(list)
    times: list[float] = attrs.Factory(list)
    closed: int = 0

    async def send(self, request: Request, permit: SendPermit) -> Response:
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if step == "unsent":
            raise NoAnswerError("no connection")
        if not permit.claim():
            raise NoAnswerError("not allowed")
        self.requests.append(request)
        self.times.append(asyncio.get_running_loop().time())
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if step == "hang":
            await asyncio.get_running_loop().create_future()
        if step == "lost":
            raise NoAnswerError("no answer")
        if isinstance(step, BaseException):
            raise step
        got = step(request) if callable(step) else step
        assert isinstance(got, Response)
        return got

    async def close(self) -> None:
        self.closed += 1


@attrs.define(eq=False)
class Rig:
    """A caller whose time is the running loop's."""

    transport: Scripted
    store: MemoryStore
    executor: RequestExecutor
    settings: Settings

    async def call(self, name: str, *, data=None, **options) -> object:
        return await self.executor.execute(a_call(name, data), CallOptions(**options))

    def begin(self, name: str, **options) -> PendingCall:
        return self.executor.begin(a_call(name), CallOptions(**options))

    async def free(self, name: str) -> int:
        (snapshot,) = await self.store.snapshots([self.settings.quotas()[name]])
        return snapshot.free

    async def free_after(self, name: str, seconds: float) -> int:
        await asyncio.sleep(seconds)
        return await self.free(name)


async def finish(call: PendingCall) -> object:
    """Take a call through its steps to the answer."""
    with call:
        while not call.answered:
            await call.acquire()
            await call.send()
        return call.data


def all_tokens(name: str) -> int:
    return ENDPOINTS[name].limit.threshold


def a_call(name: str, data=None) -> ApiCall:
    names = ("bot_id", "bot_unique_name", "bot_id_or_unique_name", "handler_type", "function_id")
    path: dict[str, str] = dict.fromkeys(names, "one")
    return ApiCall(ENDPOINTS[name], path, data=data)


def a_rig(
    steps: Iterable[Step], *, auth=None, delay_s: float = 0.0, pacers=None, **settings
) -> Rig:
    clock = asyncio.get_running_loop().time
    store = MemoryStore(clock=clock)
    transport = Scripted(list(steps), delay_s)
    made = Settings(**settings)
    executor = RequestExecutor(
        base_url=made.root_url,
        quotas=made.quotas(),
        limiter=Limiter.of(store),
        transport=transport,
        provider=make_token_provider(
            auth or AccessToken(SECRET), transport, store, accounts_url=made.accounts_url
        ),
        pacers=pacers or {},
    )
    return Rig(transport, store, executor, made)
