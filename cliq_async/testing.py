"""Tools to test programs that use the package: a fake transport, a sandbox, and virtual time.

- `FakeTransport` answers each request by calling a function of the test, without a network.
- `sandbox_in_thread` runs a sandbox for tests that use no event loop, or several. For pytest, use
  the fixture `cliq_sandbox` of `cliq_async.pytest_plugin`.
- `FakeCliq` makes the signed events that a webhook bot receives.
- `run_in_virtual_time` runs a coroutine in an event loop whose time jumps: an hour's wait for the
  quota passes at once. Use it with `FakeTransport` and `clock=asyncio.get_running_loop().time`.
"""

import asyncio
import re
import selectors
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs
import msgspec

from cliq_async.endpoints import BASE_PATH, ENDPOINTS
from cliq_async.transport.base import NoAnswerError, Request, Response, SendPermit

if TYPE_CHECKING:
    from cliq_async.sandbox import Sandbox
    from cliq_async.webhooks.fake import FakeCliq, FakeEvent

__all__ = [
    "FakeCliq",
    "FakeEvent",
    "FakeRequest",
    "FakeTransport",
    "NoAnswerError",
    "VirtualTimeLoop",
    "run_in_virtual_time",
    "sandbox_in_thread",
]

T = TypeVar("T")

_MIN_STEP_S = 1e-9
_POLLS_PER_STEP = 1000
_OK: Final = 200
_NO_CONTENT: Final = 204


def __getattr__(name: str) -> Any:
    if name in ("FakeCliq", "FakeEvent"):
        from cliq_async.webhooks import fake  # noqa: PLC0415 - few programs are bots

        return getattr(fake, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# The fake transport.


@attrs.frozen
class FakeRequest:
    """A request sent through a `FakeTransport`.

    Attributes:
        endpoint: The endpoint's name, as in `ENDPOINTS`; None for any other URL.
        path: The values of the path's parameters, by name.
        query: The query, with the last value of each name.
        json: The decoded JSON body, or None.
        method: The HTTP method.
        url: The full URL.
        headers: The headers, which include the access token.
    """

    endpoint: str | None
    path: Mapping[str, str]
    query: Mapping[str, str]
    json: Any
    method: str
    url: str
    headers: Mapping[str, str] = attrs.field(repr=False)  # has the access token


Reply = Response | int | tuple[int, object] | Mapping[str, object] | list[object] | None
"""An HTTP status, a status and its JSON, the JSON of a 200, None for a 204, or a `Response`."""

Answer = Callable[[FakeRequest], Reply | Awaitable[Reply]]


class FakeTransport:
    """A transport without a network, for `CliqClient(transport=...)`.

    The rest of the client is real: it checks limits, takes quota tokens and acts on responses.

    Example:
        >>> from cliq_async import CliqClient, MemoryStore
        >>> async def main() -> str:
        ...     cliq = FakeTransport(lambda request: (200, {"message_id": "7"}))
        ...     async with CliqClient("token", transport=cliq, quota=MemoryStore()) as client:
        ...         sent = await client.messages.send("ops", "Hello", user_ids=["1"])
        ...     return f"{cliq.requests[0].json['text']} {sent.message_id}"
        >>> asyncio.run(main())
        'Hello 7'

    Args:
        answer: A function, sync or async, called with each request to return the reply. It raises
            `NoAnswerError` to simulate a request that was sent but not answered. Without it,
            lists are empty, and the reply to any other request is a 204.

    Attributes:
        requests: The requests sent so far.
    """

    def __init__(self, answer: Answer | None = None) -> None:
        self._answer = answer
        self.requests: list[FakeRequest] = []

    async def send(self, request: Request, permit: SendPermit) -> Response:
        """Send a request; see `Transport.send`."""
        if not permit.claim():
            raise NoAnswerError("the permit to send has expired or was already used")
        decoded = _decode_request(request)
        self.requests.append(decoded)
        reply = self._answer(decoded) if self._answer else _default_reply(decoded)
        return _to_response(await reply if isawaitable(reply) else reply)

    async def close(self) -> None:
        """Close the transport; see `Transport.close`."""


def _default_reply(request: FakeRequest) -> Reply:
    lists = {"list_bots", "list_functions", "list_subscribers"}
    return {"data": []} if request.endpoint in lists else None


def _template(path: str) -> re.Pattern[str]:
    return re.compile(".*" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", re.escape(BASE_PATH) + path))


_TEMPLATES: Final = [
    (row.name, row.method, _template(row.path))
    for row in sorted(ENDPOINTS.values(), key=lambda row: -len(row.path))
]


def _decode_request(request: Request) -> FakeRequest:
    url = urlsplit(request.url)
    name, path = None, {}
    for name_of_row, method, template in _TEMPLATES:
        match = template.fullmatch(url.path)
        if match is not None and method == request.method:
            name = name_of_row
            path = {key: unquote(value) for key, value in match.groupdict().items()}
            break
    try:
        json = msgspec.json.decode(request.body) if request.body else None
    except msgspec.DecodeError:  # a form, for the accounts server
        json = None
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    return FakeRequest(name, path, query, json, request.method, request.url, request.headers)


def _to_response(reply: Reply) -> Response:
    if isinstance(reply, Response):
        return reply
    if reply is None:
        reply = _NO_CONTENT
    if isinstance(reply, int):
        return Response(reply, {}, b"")
    status, body = reply if isinstance(reply, tuple) else (_OK, reply)
    return Response(status, {}, msgspec.json.encode(body))


# The sandbox.


@contextmanager
def sandbox_in_thread(**options: Any) -> "Iterator[Sandbox]":
    """Run a sandbox in a separate thread, so that the test needs no event loop for it.

    Args:
        **options: The options of `Sandbox`.

    Raises:
        ValueError: An option is out of range.
        OSError: The address is in use.
    """
    from cliq_async.sandbox import Sandbox  # noqa: PLC0415 - few tests need the server

    sandbox = Sandbox(**options)
    ready, ended = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    async def serve() -> None:
        async with sandbox:
            loop = asyncio.get_running_loop()
            ready.set()
            await loop.run_in_executor(None, ended.wait)

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - raised in the test's thread
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="cliq-sandbox", daemon=True)
    thread.start()
    ready.wait()
    try:
        if not failures:
            yield sandbox
    finally:
        ended.set()
        thread.join()
    if failures:
        raise failures[0]


# Virtual time.


class _VirtualTimeSelector(selectors.DefaultSelector):
    """A selector that moves the time to the next timer instead of waiting for it."""

    now = 0.0
    polls = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        self.polls += 1
        if events or timeout == 0:
            # Timers within the clock's resolution run without a wait. Code that sets them in a
            # loop must see the time move all the same.
            self.now += _MIN_STEP_S if self.polls % _POLLS_PER_STEP == 0 else 0.0
            return events
        if timeout is None:
            raise RuntimeError("deadlock: every task waits, and no timer is set to wake one")
        self.now += max(timeout, _MIN_STEP_S)
        return events


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` starts at 0 and jumps to the next timer when all tasks wait.

    A client with `clock=loop.time` runs entirely in this time. Use it for tests without network
    and other processes. If every task waits and no timer is set, it raises a RuntimeError instead
    of hanging.
    """

    def __init__(self) -> None:
        self._time_selector = _VirtualTimeSelector()
        super().__init__(self._time_selector)

    def time(self) -> float:
        """Return the virtual seconds since the loop was created."""
        return self._time_selector.now

    def advance(self, seconds: float) -> None:
        """Advance the time while nothing runs, as on a suspended machine."""
        self._time_selector.now += seconds


def run_in_virtual_time(main: Coroutine[Any, Any, T], *, debug: bool | None = None) -> T:
    """Run a coroutine in a `VirtualTimeLoop` and return its result.

    Example:
        >>> run_in_virtual_time(asyncio.sleep(3600))  # an hour passes at once
    """
    with asyncio.Runner(loop_factory=VirtualTimeLoop, debug=debug) as runner:
        return runner.run(main)
