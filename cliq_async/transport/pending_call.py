"""One call on its way to an answer: authorize, take a token, send, read the answer, go again."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

import attrs

from cliq_async.clock import to_utc
from cliq_async.errors import ApiError, AuthError, CliqError, QuotaStoreError, QuotaWaitError
from cliq_async.models.serialization import to_json
from cliq_async.quota.model import Lane, TokenOutcome
from cliq_async.quota.stores.deadlines import answer_by
from cliq_async.quota.token import Token
from cliq_async.transport.api_key import without_key
from cliq_async.transport.base import (
    CONNECT_S,
    Access,
    NoAnswerError,
    Request,
    Response,
)
from cliq_async.transport.dialect import normalize_answer
from cliq_async.transport.negotiation import CallForm
from cliq_async.transport.pacing import ALL
from cliq_async.transport.protocol import ApiCall, ApiResponse, parse_response
from cliq_async.transport.request_log import DEBUG, log_request, logger
from cliq_async.transport.retry import Action, NoResponse, RetryState

if TYPE_CHECKING:
    from cliq_async.transport.executor import RequestExecutor

__all__ = ["CallOptions", "PendingCall"]

# Looked up once: an enum's members are slow before Python 3.12.
_NEVER_SENT, _ANSWERED = TokenOutcome.NEVER_SENT, TokenOutcome.ANSWERED
_ABANDONED = TokenOutcome.ABANDONED
_BULK = Lane.BULK
_MAY_ARRIVE = ("foreign", "unknown")
"""The outcomes after which a request may still be on its way to Cliq."""
_NO_TIMEOUT_LEASE_S = 600.0
"""How long a request without a timeout keeps its token if its process dies."""


@attrs.frozen
class CallOptions:
    """Per-call options.

    Attributes:
        lane: Who goes first when several wait.
        max_wait_s: The call's total budget for waiting, in real seconds; None for no end.
        timeout_s: For one request, from the first byte out to the last one in; None for no end.
        reserve: How many tokens to leave to others.
        job: Names a job whose calls take turns with those of other jobs.
    """

    lane: Lane = Lane.INTERACTIVE
    max_wait_s: float | None = 75.0
    timeout_s: float | None = 30.0
    reserve: int = 0
    job: object = None


class PendingCall:
    """One call on its way to an answer. Its context manager gives back a token that was not used.

    Attributes:
        answered: The call has succeeded; `data` is its answer.
        data: The decoded JSON of a 2xx, or None if it had none that could be read.
        requests: How many requests have left.
        lockouts: How many of them began a lock.
        outcome_unknown: The last request left, and nothing says whether it was executed.
    """

    __slots__ = (
        "_access",
        "_body",
        "_call",
        "_deadline",
        "_executor",
        "_form",
        "_lease_s",
        "_options",
        "_pause_s",
        "_quota",
        "_response",
        "_started_at",
        "_state",
        "_token",
        "_url",
        "answered",
        "data",
        "lockouts",
        "outcome_unknown",
        "requests",
    )

    def __init__(self, executor: "RequestExecutor", call: ApiCall, options: CallOptions) -> None:
        self._executor = executor
        self._call = call
        self._options = options
        self._state = RetryState(call.endpoint)
        self._quota = quota = executor.quotas[call.endpoint.name]
        self._started_at = started_at = executor.clock()
        max_wait_s, timeout_s = options.max_wait_s, options.timeout_s
        self._deadline = None if max_wait_s is None else started_at + max_wait_s
        self._lease_s = CONNECT_S + quota.period_s + quota.straggler_s
        self._lease_s += _NO_TIMEOUT_LEASE_S if timeout_s is None else timeout_s
        negotiator = executor.negotiator
        self._form = (
            None
            if negotiator is None or call.endpoint.name in negotiator.without_quirks
            else CallForm(negotiator, call)
        )
        self._url: str | None = None
        self._body = b""
        self._token: Token | None = None
        self._response: Response | None = None
        self._access: Access | None = None
        self._pause_s = 0.0
        self.answered = False
        self.data: object = None
        self.requests = 0
        self.lockouts = 0
        self.outcome_unknown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close(exc)

    def close(self, error: BaseException | None = None) -> None:
        """End the call: give back a token that was not used, and report how the call ended."""
        if self._token is not None:
            self._give_back()
        instrumentation = self._executor.instrumentation
        if instrumentation.hooks.on_call is not None:
            instrumentation.call_ended(self._call.endpoint, self.requests, self._started_at, error)

    @property
    def in_flight(self) -> bool:
        """True while a request has left and its end is not known."""
        return self._token is not None and self._token.sent and not self._token.ended

    async def acquire(self) -> None:
        """Wait until the next request may be sent.

        Sleeps first if the attempt before asked for a pause. A token that grew too old while its
        turn was awaited is given back, and another one taken.

        Raises:
            CliqError: No further attempt can be made; says whether one may have happened.
        """
        if self._pause_s:
            await asyncio.sleep(self._pause_s)
            self._pause_s = 0.0
        try:
            if self._form is not None and not self._form.ready:
                await self._form.prepare(self._deadline, batch=self._options.lane is _BULK)
            while self._token is None:
                await self._take_token()
        except (AuthError, QuotaStoreError, QuotaWaitError) as error:
            raise self._state.not_sent(error) from error.__cause__
        except Exception as error:
            failure = QuotaStoreError(f"the quota store failed: {type(error).__name__}")
            raise self._state.not_sent(failure) from error

    def limit_send(self, left_s: Callable[[], float]) -> None:
        """Limit the time in which the request may be sent, in real seconds.

        Args:
            left_s: Returns the time that is left.
        """
        if self._token is not None:
            now = self._executor.clock()  # before: the process may be stopped in between
            self._token.send_by = min(self._token.send_by, now + left_s())

    async def send(self) -> None:
        """Send the request once, and take in its answer.

        Sets `answered` if the call has succeeded; else `acquire` and `send` have to follow.

        Raises:
            CliqError: The call has failed, as for `RequestExecutor.execute`.
        """
        executor, token, access = self._executor, self._token, self._access
        if token is None or access is None:
            raise RuntimeError("acquire a token before sending")
        if self._url is None or self._form is not None:
            self._encode()
        began_at = executor.clock()
        answer: ApiResponse | NoResponse | None = None
        try:
            answer = result = await self._send_once(token, access)
        finally:
            self.requests += token.sent
            if executor.instrumentation.hooks.on_request is not None:
                executor.instrumentation.request_ended(token, self._call.endpoint, began_at, answer)
            if logger.isEnabledFor(DEBUG):
                self._log_request(access, began_at, answer)
        self._token = None
        action = self._state.next_action(result)
        if action == "return":
            if self._form is not None:
                self._form.accepted()
            data = self._state.data
            self.data = normalize_answer(data) if data else data
            self.answered = True
        else:
            self._go_on(action, access)

    def _go_on(self, action: Action, access: Access) -> None:
        """Prepare the next attempt, or end the call."""
        match action:
            case "wait":
                pass
            case "renew" if self._executor.provider.invalidate(access):
                pass
            case "back off" if self._plan_pause():
                pass
            case _:
                error = self._final_error()
                if action == "gone":
                    self.answered = error is not None
                elif error is not None:
                    raise error

    def _encode(self) -> None:
        call = self._call if self._form is None else self._form.apply()
        self._url = call.url(self._executor.base_url)
        self._body = b"" if call.data is None else to_json(call.data)

    async def _take_token(self) -> None:
        """Take a token of the quota, and an access token that is still good after the wait."""
        executor, quota, options = self._executor, self._quota, self._options
        self._access = executor.provider.current() or await executor.provider.token(self._deadline)
        began_at = executor.clock()
        try:
            self._token = token = await executor.limiter.acquire(
                quota,
                lane=options.lane,
                deadline=self._deadline,
                reserve=options.reserve,
                lease_s=self._lease_s,
                send_within_s=CONNECT_S,
                job=options.job,
                listener=executor.wait_listener,
            )
        except BaseException as error:
            executor.instrumentation.wait_ended(quota, options.lane, began_at, error)
            raise
        if token.waited:
            executor.instrumentation.wait_ended(quota, options.lane, began_at, None)
        if (token.waited or executor.pacers) and not await self._prepare(token):
            self._give_back()

    def _give_back(self) -> None:
        token, self._token = self._token, None
        if token is not None:
            token.end(_NEVER_SENT)

    async def _prepare(self, token: Token) -> bool:
        """Await the pace and renew the access token. False if the token got too old over it.

        The quota's token is held while the access token is renewed: no other call of this client
        could send, either. It is not held while the access token cannot be renewed.
        """
        if self._executor.pacers and not await self._await_pace(token):
            return False
        provider = self._executor.provider
        try:
            self._access = provider.current() or await provider.token(token.send_by)
        except (AuthError, QuotaWaitError):
            return False
        return self._executor.clock() < token.send_by

    async def _await_pace(self, token: Token) -> bool:
        """Await the pacers. False if the token got too old, or the endpoint was locked since."""
        executor, deadline = self._executor, self._deadline
        until = token.send_by if deadline is None else min(token.send_by, deadline)
        try:
            async with asyncio.timeout(max(0.0, until - executor.clock())):
                for name in (token.quota.endpoint, ALL):
                    if name in executor.pacers:
                        await executor.pacers[name].acquire()
            store = executor.limiter.store
            (snapshot,) = await answer_by(deadline, store, store.snapshots([token.quota]))
        except TimeoutError:
            if until == deadline:
                soon = to_utc(executor.clock() + token.quota.second_s, executor.clock)
                raise QuotaWaitError(token.quota.endpoint, soon, "paced") from None
            return False
        return token.taken_at >= snapshot.locked_until

    async def _send_once(self, token: Token, access: Access) -> ApiResponse | NoResponse:
        """Send, and end the token by what happened."""
        self.outcome_unknown = False
        try:
            response = await self._executor.transport.send(self._request(access), token)
            if access.in_query:
                response = without_key(response, access.value)
            self._response = response
        except BaseException as error:
            self.outcome_unknown = token.sent
            token.end(_ABANDONED if token.sent else _NEVER_SENT)
            if isinstance(error, NoAnswerError):
                return NoResponse(token.sent, str(error))
            if isinstance(error, Exception):  # a fault of the transport; its text may hold secrets
                reason = f"the transport failed: {type(error).__name__}"
                return NoResponse(token.sent, reason, error)
            raise
        answer = parse_response(self._call.endpoint, response, access.value)
        if answer.throttle is None:
            token.end(_ABANDONED if answer.outcome in _MAY_ARRIVE else _ANSWERED)
        else:
            await self._close_bucket(token, answer.throttle.wait_s)
        return answer

    async def _close_bucket(self, token: Token, wait_s: float | None) -> None:
        lock = await answer_by(
            self._deadline,
            self._executor.limiter.store,
            token.refuse(None if wait_s is None else wait_s * token.quota.second_s),
            consequence="Cliq refused the request and did not execute it",
        )
        if lock.first:
            self.lockouts += 1
            self._executor.instrumentation.lock_began(token.quota, lock)

    def _request(self, access: Access) -> Request:
        headers, key = self._executor.headers.copy(), ""
        if access.in_query:
            key = access.value
        else:
            headers["Authorization"] = f"Bearer {access.value}"
        if self._body:
            headers["Content-Type"] = "application/json"
        method, url = self._call.endpoint.method, self._url or ""
        limit = self._executor.max_response_bytes
        return Request(method, url, headers, self._body, self._options.timeout_s, limit, key)

    def _log_request(
        self, access: Access, began_at: float, answer: ApiResponse | NoResponse | None
    ) -> None:
        log_request(
            self._request(access),
            self._response if isinstance(answer, ApiResponse) else None,
            answer,
            path=(self._url or "").removeprefix(self._executor.base_url),
            took_s=self._executor.clock() - began_at,
            secret=access.value,
        )

    def _plan_pause(self) -> bool:
        """Set the pause before the next attempt. False if there is no time left for one."""
        # Imported when needed: most programs never fail, and all of them start.
        from tenacity import RetryCallState, Retrying, wait_random_exponential  # noqa: PLC0415

        state = RetryCallState(Retrying(), None, (), {})
        state.attempt_number = self._state.count
        pause_s = wait_random_exponential(multiplier=0.5)(state)
        if self._deadline is not None and self._executor.clock() + pause_s > self._deadline:
            return False
        self._pause_s = pause_s
        return True

    def _final_error(self) -> CliqError | None:
        """Return the error that ends the call; None if another form of the call is sent next."""
        error = self._state.error()
        if self._form is None or not isinstance(error, ApiError):
            return error
        return self._form.refused(error)
