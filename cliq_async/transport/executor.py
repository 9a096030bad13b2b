"""One call: authorise, take a token, send, say what the answer means, retry or raise.

The only loop over attempts in the package, and the only way to the network. What to do after an
attempt is decided in `retrying`.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING

import attrs

from cliq_async._version import __version__
from cliq_async.auth.provider import AccessToken
from cliq_async.clock import to_utc
from cliq_async.endpoints import Endpoint
from cliq_async.errors import AuthError, QuotaStoreError, QuotaWaitError
from cliq_async.hooks import Hooks
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.model import Lane, Quota, TokenOutcome
from cliq_async.quota.token import Token
from cliq_async.transport.base import CONNECT_S, NoAnswerError, Request, TokenProvider, Transport
from cliq_async.transport.instrumentation import Instrumentation
from cliq_async.transport.pacing import ALL
from cliq_async.transport.protocol import ApiCall, ApiResponse, parse_response
from cliq_async.transport.retry import NoResponse, RetryState
from cliq_async.transport.tracking import CallTracker, StoppedError

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

__all__ = ["CallOptions", "RequestExecutor"]

# Once: a look at a member of an enum is slow before Python 3.12.
_ABANDONED, _ANSWERED = TokenOutcome.ABANDONED, TokenOutcome.ANSWERED
_USER_AGENT = f"cliq-async/{__version__}"
_ENDLESS_S = 600.0
"""What a request without a timeout may take before its token's lease ends."""


@attrs.frozen
class CallOptions:
    """What a caller may choose for a call.

    Attributes:
        lane: Who goes first when several wait.
        max_wait_s: The call's total budget for waiting, in real seconds; None for no end.
        timeout_s: For one request, from the first byte out to the last one in; None for no end.
        reserve: How many tokens to leave to others.
        job: Names a job whose calls take turns with those of other jobs.
        watch: Follows the call.
    """

    lane: Lane = Lane.INTERACTIVE
    max_wait_s: float | None = 75.0
    timeout_s: float | None = 30.0
    reserve: int = 0
    job: object = None
    tracker: CallTracker | None = None


class RequestExecutor:
    """Sends calls for one client.

    Args:
        base_url: Scheme, host and network, without a slash at the end.
        quotas: The quota of each endpoint, by the endpoint's name.
        limiter: Hands out the tokens.
        transport: Carries the requests.
        authority: Gives the access tokens.
        pacers: Spread the requests; see `pacing`.
        hooks: Are told what happens.
    """

    def __init__(
        self,
        *,
        base_url: str,
        quotas: Mapping[str, Quota],
        limiter: Limiter,
        transport: Transport,
        authority: TokenProvider,
        pacers: "Mapping[str, AsyncLimiter]",
        hooks: Hooks | None = None,
    ) -> None:
        self._base_url = base_url
        self._quotas = quotas
        self._limiter = limiter
        self._clock = limiter.store.clock
        self._transport = transport
        self._authority = authority
        self._pacers = pacers
        self._teller = Instrumentation(hooks, self._clock)

    def execute(self, call: ApiCall, options: CallOptions) -> Awaitable[object]:
        """Send a call until it is answered for good.

        Returns:
            The decoded JSON of a 2xx, or None where it had none that could be read.

        Raises:
            ApiError: Cliq refused it.
            QuotaWaitError: The quota leaves no room within `max_wait_s`; nothing was sent.
            AuthError: There is no access token; nothing was sent.
            OutcomeUnknownError: It may or may not have happened.
            TransportError: No answer, and nothing changed.
            QuotaStoreError: The quota store failed; nothing was sent.
            StoppedError: `options.watch` was stopped, and there would be another attempt.
        """
        watch = options.tracker or CallTracker()
        return self._teller.call(self._run(call, options, watch), call.endpoint, watch)

    async def _run(self, call: ApiCall, options: CallOptions, watch: CallTracker) -> object:
        attempts = RetryState(call.endpoint)
        quota = self._quotas[call.endpoint.name]
        url = call.url(self._base_url)
        deadline = None if options.max_wait_s is None else self._clock() + options.max_wait_s
        lease_s = CONNECT_S + quota.period_s + quota.straggler_s
        lease_s += _ENDLESS_S if options.timeout_s is None else options.timeout_s
        while True:
            if watch.cancelled:
                raise StoppedError
            try:
                access = self._authority.current() or await self._authority.token(deadline)
                acquired = self._limiter.acquire(
                    quota,
                    lane=options.lane,
                    deadline=deadline,
                    reserve=options.reserve,
                    lease_s=lease_s,
                    send_within_s=CONNECT_S,
                    job=options.job,
                )
                token = await self._teller.wait(acquired, quota, options.lane)
                if token.waited or self._pacers:
                    ready = await self._prepare(token, deadline)
                    if ready is None:
                        continue
                    access = ready
            except (AuthError, QuotaStoreError, QuotaWaitError) as error:
                raise attempts.not_sent(error) from error.__cause__
            watch.token = token
            # Not in a variable: a traceback may show what those hold.
            request = Request(
                call.endpoint.method,
                url,
                _headers(access.value, call.body),
                call.body,
                options.timeout_s,
            )
            exchange = self._send_once(call.endpoint, request, token, watch)
            match attempts.next_action(await self._teller.request(exchange, call.endpoint, token)):
                case "return":
                    return attempts.data()
                case "wait":
                    continue
                case "renew" if self._authority.invalidate(access):
                    continue
                case "back off" if await self._back_off(attempts.count, deadline, watch):
                    continue
                case _:
                    raise attempts.error()

    async def _prepare(self, token: Token, deadline: float | None) -> AccessToken | None:
        """Wait for the turn of a token. None, and the token is back, if it gets too old over it.

        The access token may have grown old while the call stood in line. The quota's is held while
        that is renewed: nobody else of this client could send, either. Not while it cannot be.
        """
        if self._pacers and not await self._await_pace(token, deadline):
            return None
        try:
            access = self._authority.current() or await self._authority.token(token.send_by)
        except (AuthError, QuotaWaitError):
            token.end(TokenOutcome.NEVER_SENT)
            return None
        except BaseException:
            token.end(TokenOutcome.NEVER_SENT)
            raise
        if self._clock() < token.send_by:
            return access
        token.end(TokenOutcome.NEVER_SENT)
        return None

    async def _await_pace(self, token: Token, deadline: float | None) -> bool:
        """Wait for the turn of a token. False, and the token is back, if it gets too old.

        It does so as well if the endpoint was locked meanwhile.
        """
        until = token.send_by if deadline is None else min(token.send_by, deadline)
        try:
            async with asyncio.timeout(max(0.0, until - self._clock())):
                for name in (token.quota.endpoint, ALL):
                    if name in self._pacers:
                        await self._pacers[name].acquire()
            (snapshot,) = await self._limiter.store.snapshots([token.quota])
        except TimeoutError:
            token.end(TokenOutcome.NEVER_SENT)
            if until == deadline:
                quota = token.quota
                raise QuotaWaitError(quota.endpoint, to_utc(until, self._clock)) from None
            return False
        except BaseException:
            token.end(TokenOutcome.NEVER_SENT)
            raise
        if token.taken_at < snapshot.locked_until:
            token.end(TokenOutcome.NEVER_SENT)
            return False
        return True

    async def _send_once(
        self, endpoint: Endpoint, request: Request, token: Token, watch: CallTracker
    ) -> ApiResponse | NoResponse:
        """Send once, and end the token as what happened demands."""
        watch.outcome_unknown = False
        try:
            if watch.before_send is not None:
                await watch.before_send()
            response = await self._transport.send(request, token)
        except BaseException as error:
            watch.outcome_unknown = token.sent
            token.end(TokenOutcome.ABANDONED if token.sent else TokenOutcome.NEVER_SENT)
            if isinstance(error, NoAnswerError):
                return NoResponse(token.sent, str(error))
            raise
        finally:
            watch.requests += token.sent
        answer = parse_response(endpoint, response)
        if answer.throttle is None:
            token.end(_ABANDONED if answer.outcome == "unknown" else _ANSWERED)
        else:
            wait_s = answer.throttle.wait_s
            lock = await token.refuse(None if wait_s is None else wait_s * token.quota.second_s)
            if lock.first:
                watch.lockouts += 1
                self._teller.lock(token.quota, lock)
        return answer

    async def _back_off(self, attempts: int, deadline: float | None, watch: CallTracker) -> bool:
        """Sleep before another attempt. False if there is no time left for one, or no wish."""
        # Imported in need: most programs never fail, and all of them start.
        from tenacity import RetryCallState, Retrying, wait_random_exponential  # noqa: PLC0415

        state = RetryCallState(Retrying(), None, (), {})
        state.attempt_number = attempts
        delay_s = wait_random_exponential(multiplier=0.5)(state)
        late = deadline is not None and self._clock() + delay_s > deadline
        if late or watch.cancelled:
            return False
        await asyncio.sleep(delay_s)
        return True


def _headers(access: str, body: bytes) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {access}", "User-Agent": _USER_AGENT}
    if body:
        headers["Content-Type"] = "application/json"
    return headers
