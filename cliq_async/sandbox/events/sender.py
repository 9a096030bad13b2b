"""Sending events: the request, the deadline, and the late answer by the `response_url`.

The strict reading of what is known: Cliq waits 15 seconds for the answer on the connection. After
that, and for 5 minutes, the `response_url` takes one answer. It takes none before, and none for an
event that was answered on the connection.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Final

import aiohttp
import attrs

from cliq_async.sandbox.errors import ApiFault, bad_request
from cliq_async.sandbox.events.answers import NO_ANSWER, Answer, read_answer, read_late_answer
from cliq_async.sandbox.events.post import MAX_RESPONSE, STOPPED, Post, ResponseTooLargeError

__all__ = ["RESPONSES_PATH", "Outcome", "Sender"]

RESPONSES_PATH: Final = "/v2/extensions/2980/responses/"

LATE_S: Final = 300.0
HANG_UP_S: Final = 1.0
SLOW_S: Final = 2.0
_MAX_PARALLEL: Final = 256
_MAX_TOKENS: Final = 10_000
_OK: Final = 200
_GONE: Final = 410
_REMOTE: Final = (
    "not sent: the execution_url is not on this machine; allow it with cliq sandbox "
    "--allow-remote or Sandbox(allow_remote=True)"
)


@attrs.frozen(kw_only=True)
class Outcome:
    """The result of an event.

    Attributes: as those of `Delivery`.
    """

    status: int | None = None
    response: bytes = b""
    answer: Answer = NO_ANSWER
    late: bool = False
    took_s: float | None = None
    error: str | None = None


@attrs.define(eq=False)
class _Awaited:
    """An event whose late answer may come.

    Attributes:
        handler: The handler's type.
        opens_at, closes_at: The loop's times between which the answer is taken.
        answer: The answer.
        over: The reason why no answer is taken any more; None before that.
    """

    handler: str
    opens_at: float
    closes_at: float
    answer: "asyncio.Future[tuple[bytes, Answer | ApiFault]]"
    over: str | None = None


class Sender:
    """The sender of events, at most 256 at once.

    Args:
        post: Sends a request.
        wait_s: How long it waits for an answer on the connection, in seconds of the sandbox.
        time_scale: The speed of the sandbox's time.
        is_allowed: Returns whether events may go to a URL; None allows all.
    """

    def __init__(
        self,
        post: Post,
        *,
        wait_s: float = 15.0,
        time_scale: float = 1.0,
        is_allowed: Callable[[str], bool] | None = None,
    ) -> None:
        self._post = post
        self._is_allowed = is_allowed
        self._wait_s = wait_s
        self._scale = time_scale
        self._free: asyncio.Semaphore | None = None
        self._awaited: dict[str, _Awaited] = {}

    def new_token(self) -> str:
        """Return the last part of a new `response_url`."""
        return str(10**25 + secrets.randbelow(9 * 10**25))

    async def send(
        self,
        url: str,
        handler: str,
        prepare: Callable[[], tuple[bytes, str]],
        *,
        token: str | None = None,
        fault: str | None = None,
    ) -> Outcome:
        """Send an event and wait for its answer.

        Args:
            url: The execution URL.
            handler: The type of the handler.
            prepare: Called just before sending, when a connection is free, to return the body and
                its signature.
            token: The last part of its `response_url`; None if it has none.
            fault: The fault to inject.
        """
        if self._free is None:
            self._free = asyncio.Semaphore(_MAX_PARALLEL)
        loop = asyncio.get_running_loop()
        async with self._free:
            body, signature = prepare()
            if self._is_allowed is not None and not self._is_allowed(url):
                return Outcome(error=_REMOTE)
            started = loop.time()
            awaited = None if token is None else self._await(token, handler, started)
            outcome = await self._exchange(url, handler, body, signature, fault)
        took_s = (loop.time() - started) * self._scale
        if outcome is not None:
            if awaited is not None:
                awaited.over = "the event was answered on the connection"
            return attrs.evolve(outcome, took_s=took_s)
        if awaited is None:
            return Outcome(error=f"no response within {self._wait_s:g} s")
        return await self._late(awaited, started)

    def take(self, token: str, body: bytes) -> None:
        """Take a request to a `response_url`.

        Raises:
            ApiFault: No answer is expected there, or the answer is not valid.
        """
        awaited = self._awaited.get(token)
        if awaited is None:
            raise ApiFault(404, "No event has this response_url.", "response_url_invalid")
        now = asyncio.get_running_loop().time()
        if awaited.over is None and now < awaited.opens_at:
            left_s = (awaited.opens_at - now) * self._scale
            text = f"Cliq still waits on the connection, for {left_s:.1f} s."
            raise bad_request(text, "response_url_too_early")
        if awaited.over is None and now >= awaited.closes_at:
            awaited.over = f"it was valid for {LATE_S:g} s"
        if awaited.over is not None:
            text = f"The response_url takes no answer: {awaited.over}."
            raise ApiFault(_GONE, text, "response_url_closed")
        awaited.over = "it has taken one"
        try:
            answer: Answer | ApiFault = read_late_answer(body, awaited.handler)
        except ApiFault as fault:
            answer = fault
        if not awaited.answer.done():
            awaited.answer.set_result((body, answer))
        if isinstance(answer, ApiFault):
            raise answer

    def stop(self) -> None:
        """End all waits for late answers."""
        for awaited in self._awaited.values():
            awaited.over = awaited.over or STOPPED
            if not awaited.answer.done():
                awaited.answer.set_result((b"", ApiFault(_GONE, STOPPED)))

    def _await(self, token: str, handler: str, now: float) -> _Awaited:
        opens_at = now + self._wait_s / self._scale
        awaited = _Awaited(
            handler,
            opens_at,
            opens_at + LATE_S / self._scale,
            asyncio.get_running_loop().create_future(),
        )
        while len(self._awaited) >= _MAX_TOKENS:
            del self._awaited[next(iter(self._awaited))]
        self._awaited[token] = awaited
        return awaited

    async def _exchange(
        self, url: str, handler: str, body: bytes, signature: str, fault: str | None
    ) -> Outcome | None:
        """Send the request and read the response; None if none came in time."""
        wait_s = HANG_UP_S if fault == "event-hangup" else self._wait_s
        slow_s = SLOW_S / self._scale if fault == "event-slow" else 0.0
        headers = {"Content-Type": "application/json", "X-Cliq-Signature": signature}
        # A timeout of the connection must not be taken for the deadline.
        deadline = asyncio.timeout(wait_s / self._scale)
        try:
            async with deadline:
                status, data = await self._post(url, body, headers, slow_s=slow_s)
        except ResponseTooLargeError:
            return Outcome(error=f"the response has more than {MAX_RESPONSE:,} bytes")
        except (OSError, aiohttp.ClientError, ValueError) as error:
            if deadline.expired():
                return None
            return Outcome(error=f"no response: {str(error) or type(error).__name__}")
        if status != _OK:
            return Outcome(status=status, response=data, error=f"the status is {status}, not 200")
        try:
            answer = read_answer(data, handler)
        except ApiFault as refused:
            return Outcome(status=status, response=data, error=_refusal(refused))
        return Outcome(status=status, response=data, answer=answer)

    async def _late(self, awaited: _Awaited, started: float) -> Outcome:
        loop = asyncio.get_running_loop()
        closing = asyncio.timeout_at(awaited.closes_at)
        try:
            async with closing:
                data, answer = await awaited.answer
        except TimeoutError:
            awaited.over = awaited.over or f"it was valid for {LATE_S:g} s"
            return Outcome(
                error=f"no answer within {self._wait_s:g} s, and none by the response_url"
            )
        took_s = (loop.time() - started) * self._scale
        if awaited.over == STOPPED:
            return Outcome(error=STOPPED)
        if isinstance(answer, ApiFault):
            return Outcome(late=True, took_s=took_s, response=data, error=_refusal(answer))
        return Outcome(late=True, took_s=took_s, response=data, answer=answer)


def _refusal(fault: ApiFault) -> str:
    return f"the answer was refused: {fault.message}"
