"""The sandbox as a server: what becomes of a request, and the report."""

import asyncio
import hashlib
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qsl

from aiohttp import web

from cliq_async.endpoints import Limit
from cliq_async.sandbox.answers import (
    Break,
    Silence,
    failed,
    gateway,
    json_answer,
    not_authorised,
    refusal,
)
from cliq_async.sandbox.api import WORKS, Call, Router
from cliq_async.sandbox.checks import Refused, malformed
from cliq_async.sandbox.faults import THROTTLES, Faults, throttle_answer
from cliq_async.sandbox.latency import Latency
from cliq_async.sandbox.report import make_report
from cliq_async.sandbox.settings import Settings
from cliq_async.sandbox.state import State
from cliq_async.sandbox.throttle import Throttle

__all__ = ["REPORT_PATH", "Sandbox", "serve", "user_label"]

REPORT_PATH: Final = "/sandbox/report"

# A request whose body never comes must not hold up the end.
_SHUTDOWN_S: Final = 0.1
# What comes in place of an answer once the work is done.
_SPOILED: Final[dict[str, Callable[[], web.StreamResponse]]] = {
    "lost": Silence,
    "reset": Break,
    "502": gateway,
}


def user_label(token: str) -> str:
    """The name of a token's user in reports, which does not give the token away."""
    return "user-" + hashlib.sha256(token.encode()).hexdigest()[:8]


class Sandbox:
    """A local Cliq, as an async context manager to enter once; `url` is its address inside.

    Counts every request where it arrives and locks like the real one. Each access token is a user
    of its own; the token `invalid` is answered 401.

    Args:
        algorithm: How requests are counted: `rolling`, `fixed`, `bucket` or `counter`.
        time_scale: How much faster its time passes; 60 makes a minute pass in a second.
        bots: How many bots there are; the first one is `supportbot`.
        subscribers: How many subscribers each of them has.
        latency_s: What a request takes, in real seconds: half of it before it is counted, half
            after its work is done.
        jitter_s: The mean of what comes on top of it at random, exponentially distributed.
        faults: What goes wrong on purpose: `KIND:RATE` or `KIND:RATE@ENDPOINT`.
        seed: Decides everything that is random.
        penalise: Whether asking during a lock begins its time anew.
        host: The address to listen on.
        port: The port to listen on; 0 takes any free one.
        limits: Thresholds by endpoint name, in place of the documented ones, in its own time.
        clock: Seconds that never go back.

    Raises:
        ValueError: An option is out of its range; the message names it and what is allowed.
        OSError: The address is in use, once it is entered.

    Example:
        >>> import asyncio
        >>> async def main() -> str:
        ...     async with Sandbox(time_scale=60) as sandbox:
        ...         return sandbox.url
        >>> asyncio.run(main())[:17]
        'http://127.0.0.1:'
    """

    def __init__(
        self,
        *,
        algorithm: str = "rolling",
        time_scale: float = 1.0,
        bots: int = 1,
        subscribers: int = 100,
        latency_s: float = 0.0,
        jitter_s: float = 0.0,
        faults: Iterable[str] = (),
        seed: int = 0,
        penalise: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: Mapping[str, Limit] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = Settings(
            algorithm=algorithm,
            time_scale=time_scale,
            bots=bots,
            subscribers=subscribers,
            latency_s=latency_s,
            jitter_s=jitter_s,
            faults=faults,
            seed=seed,
            penalise=penalise,
            host=host,
            port=port,
            limits=limits,
        )
        self._throttle = Throttle(
            algorithm, limits=self._settings.limits, seed=seed, penalise=penalise
        )
        self._state = State(bots=bots, subscribers=subscribers)
        self._faults = Faults(self._settings.faults, seed=seed)
        self._latency = Latency(latency_s, jitter_s, seed=seed)
        self._router = Router()
        self._users: dict[str, str] = {}
        self._clock = clock
        self._started = clock()
        self._stack = AsyncExitStack()
        self._url = ""

    @property
    def url(self) -> str:
        """Scheme, host and port.

        Raises:
            RuntimeError: The sandbox is not running.
        """
        if not self._url:
            raise RuntimeError("the sandbox is not running: use `async with Sandbox() as sandbox`")
        return self._url

    def report(self, *, user: str | None = None, recipients: bool = False) -> dict[str, Any]:
        """What came in and what became of it.

        Args:
            user: The label of the user it is about, as `user_label` gives it; all without it.
            recipients: Whether to list who got how many messages.

        Returns:
            `requests`: how many by endpoint, refused ones included. `delivered`: how many
            `recipients` got messages, how many in `total`, and `max_per_recipient`. `lockouts`:
            user, endpoint, `at` and `until` in seconds since the start in the sandbox's time, and
            whether a fault injected it. `refused_while_locked`: how many requests came during
            locks. With `recipients`, `recipients`: how many messages each ZUID got.
        """
        return make_report(self._throttle, self._state, user=user, recipients=recipients)

    async def __aenter__(self) -> Self:
        runner = web.ServerRunner(
            web.Server(self._handle, access_log=None), shutdown_timeout=_SHUTDOWN_S
        )
        host = self._settings.host
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._stop, runner)
            await runner.setup()
            site = web.TCPSite(runner, host, self._settings.port)
            await site.start()
            self._url = f"http://{f'[{host}]' if ':' in host else host}:{site.port}"
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _stop(self, runner: web.ServerRunner) -> None:
        self._url = ""
        self._latency.end()
        await runner.cleanup()
        # The runner cancels its connections' tasks but does not wait for their end.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if path == REPORT_PATH and request.method == "GET":
            query = _query(request)
            report = self.report(
                user=query.get("user"), recipients=query.get("recipients", "0") != "0"
            )
            return json_answer(200, report)
        try:
            endpoint, parameters = self._router.find(request.method, path)
        except Refused as refused:
            return refusal(refused)
        if self._faults.refuses(endpoint):
            return Break()
        await self._latency.wait()
        try:
            answer = await self._answer(request, endpoint, parameters)
        except Refused as refused:
            answer = refusal(refused)
        except OSError:  # the client went away while it was sending
            return Silence()
        await self._latency.wait()
        return answer

    async def _answer(
        self, request: web.BaseRequest, endpoint: str, parameters: tuple[str, ...]
    ) -> web.StreamResponse:
        user = self._user(request.headers.get("Authorization", ""))
        now = self._now()
        if not self._throttle.arrive(user, endpoint, now).allowed:
            return self._throttled(user, endpoint, now)
        fault = self._faults.draw(endpoint)
        if fault in THROTTLES:
            self._throttle.gate(user, endpoint).lock(now, injected=fault)
            return self._throttled(user, endpoint, now)
        if fault == "500":
            return failed()
        if fault == "502" and self._faults.coin():
            return gateway()
        call = Call(user, parameters, _query(request), await _body(request))
        try:
            answer = json_answer(*WORKS[endpoint](self._state, call))
        except Refused as refused:  # a fault can spoil this answer, too
            answer = refusal(refused)
        return _SPOILED[fault]() if fault else answer

    def _user(self, authorization: str) -> str:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() not in {"bearer", "zoho-oauthtoken"} or token in {"", "invalid"}:
            raise not_authorised()
        label = self._users.get(token)
        if label is None:
            label = self._users[token] = user_label(token)
        return label

    def _throttled(self, user: str, endpoint: str, now: float) -> web.Response:
        lock = self._throttle.gate(user, endpoint).locks[-1]
        limit = self._throttle.limit(endpoint)
        return json_answer(*throttle_answer(lock.injected, limit, lock.until - now))

    def _now(self) -> float:
        """Seconds since the start, in the sandbox's time."""
        return (self._clock() - self._started) * self._settings.time_scale


async def serve(sandbox: Sandbox, *, ready: Callable[[str], object] | None = None) -> None:
    """Run a sandbox until SIGINT, SIGTERM or the task's cancellation.

    Args:
        sandbox: The sandbox, not yet entered.
        ready: Called with its URL once it listens.

    Raises:
        OSError: The address is in use or is not this machine's.
    """
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    async with sandbox:
        # Where loops know no signals, SIGINT arrives as a KeyboardInterrupt.
        with suppress(NotImplementedError):
            for each in signals:
                loop.add_signal_handler(each, ended.set)
        try:
            if ready is not None:
                ready(sandbox.url)
            await ended.wait()
        finally:
            with suppress(NotImplementedError):
                for each in signals:
                    loop.remove_signal_handler(each)


def _query(request: web.BaseRequest) -> dict[str, str]:
    text = request.rel_url.raw_query_string
    return dict(parse_qsl(text, keep_blank_values=True)) if text else {}


async def _body(request: web.BaseRequest) -> bytes:
    if not request.body_exists:
        return b""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        return await request.read()
    except (web.HTTPRequestEntityTooLarge, web.RequestPayloadError):
        raise malformed("The body is too large or damaged.") from None
