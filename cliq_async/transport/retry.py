"""Retry decisions: what to do after an attempt. Pure: no clock, no I/O.

| what happened | GET, PATCH, DELETE | POST |
|---|---|---|
| throttled, in any form | again after the lock | the same: it was not executed |
| never sent | again | again |
| sent and not answered, or not by Cliq, 408, 5xx | again | never: the outcome is unknown |
| 401, and another access token can be had | once more | once more |
| any other status from 300 | raised | raised |
| a 2xx whose body is longer than the client allows | raised | it has happened |

At most three attempts; throttles and a refreshed access token do not count.
"""

from typing import Final, Literal

import attrs

from cliq_async.endpoints import Endpoint
from cliq_async.errors import (
    FOREIGN_ADVICE,
    AuthenticationError,
    CliqError,
    ForeignAnswerError,
    NotFoundError,
    OutcomeUnknownError,
    QuotaWaitError,
    ServerError,
    ThrottledError,
    TransportError,
)
from cliq_async.transport.protocol import ApiResponse

__all__ = ["ATTEMPTS", "Action", "NoResponse", "RetryState"]

ATTEMPTS: Final = 3


@attrs.frozen
class NoResponse:
    """An attempt without an answer.

    Attributes:
        sent: True if any part of the request may have left.
        reason: The cause, in words.
        cause: The exception of a transport that failed without saying so in its own terms.
    """

    sent: bool
    reason: str
    cause: Exception | None = None


Action = Literal["return", "gone", "wait", "renew", "back off", "raise"]
"""The next step.

- return: Return what was answered.
- gone: An attempt that was not answered has deleted it, unless the server wants another form.
- wait: Wait for the lock to end, then try again.
- renew: Try again with another access token.
- back off: Try again a little later.
- raise: Give up.
"""


@attrs.define
class RetryState:
    """The attempts of one call so far.

    Attributes:
        endpoint: What is called.
        count: Attempts that count.
        may_have_executed: A write may have happened already.
        token_refreshed: Another access token was tried.
        throttled: The last attempt's answer, if it was a throttle.
        last: The last attempt's answer.
        data: The decoded JSON of the answer, or None; set when the call is to return.
    """

    endpoint: Endpoint
    count: int = 0
    may_have_executed: bool = False
    token_refreshed: bool = False
    throttled: ApiResponse | None = None
    last: ApiResponse | NoResponse | None = None
    data: object = None

    def next_action(self, answer: ApiResponse | NoResponse) -> Action:
        """Take in the end of an attempt, and return what to do next."""
        self.last = answer
        self.throttled = None
        if isinstance(answer, NoResponse):
            return self._unanswered(sent=answer.sent)
        match answer.outcome:
            case "done" if answer.complete or self.endpoint.method != "GET":
                self.data = answer.data
                return "return"
            case "done" if answer.too_long:
                return "raise"  # the next one would be as long
            case "throttled":
                self.throttled = answer
                return "wait"
            case "refused":
                return self._refused(answer)
            case _:
                return self._unanswered(sent=True)

    def error(self) -> CliqError:
        """Return the exception for a call that ends here."""
        error = self._error()
        if isinstance(self.last, NoResponse):
            error.__cause__ = self.last.cause
        return error

    def _error(self) -> CliqError:
        answer, endpoint = self.last, self.endpoint.name
        if isinstance(answer, NoResponse):
            reason = answer.reason
        elif answer is not None and answer.outcome == "foreign":
            reason = f"HTTP {answer.status} with an answer that is not Cliq's: {FOREIGN_ADVICE}"
        elif answer is None or answer.error is None:
            reason = _unreadable(answer)
        elif answer.outcome == "refused" or isinstance(answer.error, ServerError):
            return answer.error
        else:
            reason = f"HTTP {answer.status}, not from Cliq itself"
        if not self.may_have_executed:
            return TransportError(endpoint, reason)
        foreign = isinstance(answer, ApiResponse) and answer.outcome == "foreign"
        return (ForeignAnswerError if foreign else OutcomeUnknownError)(endpoint, reason)

    def not_sent(self, error: CliqError) -> CliqError:
        """Return the exception for a call whose next attempt cannot be made."""
        if self.may_have_executed:
            return OutcomeUnknownError(self.endpoint.name, f"then {error}")
        refused = self.throttled
        if refused is None or refused.throttle is None or not isinstance(error, QuotaWaitError):
            return error
        throttle = refused.throttle
        return ThrottledError(
            refused.status,
            throttle.code,
            throttle.message,
            self.endpoint.name,
            error.retry_at,
            headers=throttle.headers,
            body=throttle.body,
        )

    def _refused(self, answer: ApiResponse) -> Action:
        gone = isinstance(answer.error, NotFoundError)
        if gone and self.may_have_executed and self.endpoint.method == "DELETE":
            return "gone"
        if isinstance(answer.error, AuthenticationError) and not self.token_refreshed:
            self.token_refreshed = True
            return "renew"
        return "raise"

    def _unanswered(self, *, sent: bool) -> Action:
        self.count += 1
        if sent and self.endpoint.method != "GET":
            self.may_have_executed = True
        if self.count >= ATTEMPTS or (sent and self.endpoint.method == "POST"):
            return "raise"
        return "back off"


def _unreadable(answer: ApiResponse | None) -> str:
    if answer is None or not answer.problem:
        return "the answer could not be read"
    advice = "; raise max_response_bytes if it may be" if answer.too_long else ""
    return f"the answer could not be read: {answer.problem}{advice}"
