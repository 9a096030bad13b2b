"""What to do after an attempt. Pure: no clock, no I/O.

| what happened | GET, PATCH, DELETE | POST |
|---|---|---|
| throttled, in any form | again after the lock | the same: it was not executed |
| never sent | again | again |
| sent and not answered, 408, 5xx | again | never: the outcome is unknown |
| 401, and there is another access token | once more | once more |
| any other status from 300 | raised | raised |

At most three attempts; throttles and a renewed access token do not count.
"""

from typing import Final, Literal

import attrs

from cliq_async.endpoints import Endpoint
from cliq_async.errors import (
    AuthenticationError,
    CliqError,
    NotFoundError,
    OutcomeUnknownError,
    QuotaWaitError,
    ServerError,
    ThrottledError,
    TransportError,
)
from cliq_async.transport.protocol import Answer

__all__ = ["ATTEMPTS", "Attempts", "Lost", "Next"]

ATTEMPTS: Final = 3


@attrs.frozen
class Lost:
    """An attempt without an answer.

    Attributes:
        sent: Whether anything may have left.
        reason: What went wrong, in words.
    """

    sent: bool
    reason: str


Next = Literal["return", "wait", "renew", "back off", "raise"]
"""What to do now.

- return: Return what was answered.
- wait: Wait for the lock to end, then try again.
- renew: Try again with another access token.
- back off: Try again a little later.
- raise: Give up.
"""


@attrs.define
class Attempts:
    """The attempts of one call so far.

    Attributes:
        endpoint: What is called.
        count: Attempts that count.
        maybe_done: Whether a write may have happened already.
        renewed: Whether another access token was tried.
        refused: The last throttle, if the last attempt was one.
        last: The last attempt's answer.
    """

    endpoint: Endpoint
    count: int = 0
    maybe_done: bool = False
    renewed: bool = False
    refused: Answer | None = None
    last: Answer | Lost | None = None

    def judge(self, answer: Answer | Lost) -> Next:
        """Take in how an attempt ended, and say what to do now."""
        self.last = answer
        self.refused = None
        if isinstance(answer, Lost):
            return self._unanswered(sent=answer.sent)
        match answer.kind:
            case "done" if answer.whole or self.endpoint.method != "GET":
                return "return"
            case "throttled":
                self.refused = answer
                return "wait"
            case "refused":
                return self._refused(answer)
            case _:
                return self._unanswered(sent=True)

    def data(self) -> object:
        """What the call gave: the decoded JSON, or None."""
        last = self.last
        return last.data if isinstance(last, Answer) and last.error is None else None

    def error(self) -> CliqError:
        """The exception for a call that is given up now."""
        answer, endpoint = self.last, self.endpoint.name
        if isinstance(answer, Lost):
            reason = answer.reason
        elif answer is None or answer.error is None:
            reason = "the answer could not be read"
        elif answer.kind == "refused" or isinstance(answer.error, ServerError):
            return answer.error
        else:
            reason = f"HTTP {answer.status}, not from Cliq itself"
        cls = OutcomeUnknownError if self.maybe_done else TransportError
        return cls(endpoint, reason)

    def not_sent(self, error: CliqError) -> CliqError:
        """The exception for a call whose next attempt could not be made."""
        if self.maybe_done:
            return OutcomeUnknownError(self.endpoint.name, f"then {error}")
        refused = self.refused
        if refused is None or refused.refusal is None or not isinstance(error, QuotaWaitError):
            return error
        code, message = refused.refusal.code, refused.refusal.message
        return ThrottledError(refused.status, code, message, self.endpoint.name, error.retry_at)

    def _refused(self, answer: Answer) -> Next:
        gone = isinstance(answer.error, NotFoundError)
        if gone and self.maybe_done and self.endpoint.method == "DELETE":
            return "return"  # the attempt that was not answered has deleted it
        if isinstance(answer.error, AuthenticationError) and not self.renewed:
            self.renewed = True
            return "renew"
        return "raise"

    def _unanswered(self, *, sent: bool) -> Next:
        self.count += 1
        if sent and self.endpoint.method != "GET":
            self.maybe_done = True
        if self.count >= ATTEMPTS or (sent and self.endpoint.method == "POST"):
            return "raise"
        return "back off"
