"""The exceptions of the package.

```
CliqError
├── ValidationError (also ValueError)  a field breaks a documented limit; nothing was sent
├── ApiError                           Cliq refused the request
│   ├── BadRequestError                malformed or refused input (400)
│   ├── AuthenticationError            the access token is not accepted (401)
│   ├── PermissionDeniedError          the user or the bot may not do this (403)
│   ├── NotFoundError                  no such bot, function, handler or URL (404)
│   ├── ConflictError                  it already exists (409, or the code says so)
│   ├── ServerError                    Cliq failed (500); a write may have happened
│   └── ThrottledError                 locked, for longer than max_wait_s allows
├── QuotaWaitError                     never sent: the wait would exceed max_wait_s
├── AuthError                          no access token could be obtained
├── OutcomeUnknownError                no response; the request may have been executed
│   └── ForeignAnswerError             a response, but not from Cliq
├── TransportError                     no response, and nothing changed
├── QuotaStoreError                    the quota store failed; nothing was sent
├── JournalError                       a journal cannot be used or written
└── SyncError                          a list of subscribers cannot be used, or is in use
```
"""

import reprlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

__all__ = [
    "ApiError",
    "AuthError",
    "AuthenticationError",
    "BadRequestError",
    "CliqError",
    "ConflictError",
    "ForeignAnswerError",
    "JournalError",
    "NotFoundError",
    "OutcomeUnknownError",
    "PermissionDeniedError",
    "QuotaStoreError",
    "QuotaWaitError",
    "ServerError",
    "SyncError",
    "ThrottledError",
    "TransportError",
    "ValidationError",
]


class CliqError(Exception):
    """The base of all exceptions of this package."""


class ValidationError(CliqError, ValueError):
    """A field breaks a documented limit. Raised before anything is sent.

    Attributes:
        field: The field, such as `Button.label` or `user_ids`.
        limit: The documented limit, in words.
        given: The given value, abbreviated, or its length if the length is wrong; `NOTHING` if
            the limit says it all.
    """

    def __init__(self, field: str, limit: str, given: object) -> None:
        given = abbreviate(given)
        shown = repr(given)  # empty for NOTHING
        super().__init__(f"{field}: {limit}, got {shown}" if shown else f"{field}: {limit}")
        self.field = field
        self.limit = limit
        self.given = given

    def __reduce__(self) -> tuple[type, tuple[str, str, object]]:
        return type(self), (self.field, self.limit, self.given)


REQUEST_IDS: Final = ("x-zoho-request-id", "x-request-id")
"""The headers that may hold a request's id; public code reads these from Zoho's other services."""


class ApiError(CliqError):
    """Cliq refused the request.

    Attributes:
        status: The HTTP status.
        code: Cliq's error code, or None if the response had none.
        message: Cliq's error message; may be empty.
        endpoint: The endpoint's name, as in `ENDPOINTS`.
        headers: The answer's headers, by lower-case name, without cookies; empty if the error is
            not about a single answer.
        body: The beginning of the answer's body as text, up to 16 KiB. It may hold personal data.
    """

    def __init__(
        self,
        status: int,
        code: str | None,
        message: str,
        endpoint: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: str = "",
    ) -> None:
        words = message.removesuffix(".") or "refused"
        super().__init__(f"{endpoint}: {words} (HTTP {status}, {code or 'no code'})")
        self.status = status
        self.code = code
        self.message = message
        self.endpoint = endpoint
        self.headers = dict(headers or {})
        self.body = body

    @property
    def request_id(self) -> str | None:
        """The id that the server gave the request, or None.

        Zoho documents no header for it; `X-Zoho-Request-Id` and `X-Request-Id` are read.
        """
        return next((self.headers[name] for name in REQUEST_IDS if self.headers.get(name)), None)

    def __reduce__(self) -> tuple[type, tuple[object, ...], dict[str, object]]:
        return type(self), self._arguments(), {"headers": self.headers, "body": self.body}

    def _arguments(self) -> tuple[object, ...]:
        return self.status, self.code, self.message, self.endpoint


class BadRequestError(ApiError):
    """The request was malformed, or its content was refused."""


class AuthenticationError(ApiError):
    """The access token is not accepted."""


class PermissionDeniedError(ApiError):
    """This user or bot may not do this."""


class NotFoundError(ApiError):
    """There is no such bot, handler or URL."""


class ConflictError(ApiError):
    """The object or the membership exists already. The error code decides, not the status."""


class ServerError(ApiError):
    """Cliq failed. A write may or may not have happened."""


class ThrottledError(ApiError):
    """Cliq locked the endpoint for longer than `max_wait_s`.

    Attributes:
        retry_at: The end of the lock, in UTC.
    """

    def __init__(
        self,
        status: int,
        code: str | None,
        message: str,
        endpoint: str,
        retry_at: datetime,
        *,
        headers: Mapping[str, str] | None = None,
        body: str = "",
    ) -> None:
        super().__init__(status, code, message, endpoint, headers=headers, body=body)
        self.args = (f"{self}; locked until {utc_text(retry_at)}",)
        self.retry_at = retry_at

    def _arguments(self) -> tuple[object, ...]:
        return *super()._arguments(), self.retry_at


WaitReason = Literal["spent", "locked", "reopening", "reserved", "paced"]
"""The reasons why a call would have to wait longer than it may."""

_WAIT_REASONS: Final[dict[WaitReason, str]] = {
    "spent": "the quota is spent",
    "locked": "it is locked",
    "reopening": "it was locked, and one request tests whether the lock is over",
    "reserved": "the tokens that are left are reserved for other calls",
    "paced": "its requests are spread out by pace or max_rate",
}


class QuotaWaitError(CliqError):
    """Nothing was sent: waiting for the quota would take longer than `max_wait_s`.

    Attributes:
        endpoint: The endpoint's name.
        retry_at: The earliest time of the next request, in UTC.
        reason: `spent`, `locked`, `reopening` after a lock, `reserved` for other calls, or `paced`.
    """

    def __init__(self, endpoint: str, retry_at: datetime, reason: WaitReason = "spent") -> None:
        super().__init__(f"{endpoint}: {_WAIT_REASONS[reason]}; retry at {utc_text(retry_at)}")
        self.endpoint = endpoint
        self.retry_at = retry_at
        self.reason: WaitReason = reason

    @property
    def locked(self) -> bool:
        """True if Cliq has locked the endpoint."""
        return self.reason == "locked"

    def __reduce__(self) -> tuple[type, tuple[str, datetime, WaitReason]]:
        return type(self), (self.endpoint, self.retry_at, self.reason)


def utc_text(moment: datetime) -> str:
    """Format a moment in UTC and in whole seconds, rounded up: what is waited for has happened."""
    return f"{(moment + timedelta(microseconds=999_999)).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


class AuthError(CliqError):
    """No access token could be obtained; nothing was sent."""


class OutcomeUnknownError(CliqError):
    """The request was sent, but there was no response: it may or may not have been executed.

    Attributes:
        endpoint: The endpoint's name.
        reason: The cause, in words.
    """

    def __init__(self, endpoint: str, reason: str) -> None:
        super().__init__(f"{endpoint}: it may or may not have happened ({reason})")
        self.endpoint = endpoint
        self.reason = reason

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.endpoint, self.reason)


FOREIGN_ADVICE: Final = "check base_url, and proxies or login pages on the way"


class ForeignAnswerError(OutcomeUnknownError):
    """Something between here and Cliq answered, such as a proxy or a login page.

    The request may or may not have been executed. Most often it was not.
    """


class TransportError(CliqError):
    """There was no response, and nothing changed at the server.

    Attributes:
        endpoint: The endpoint's name.
        reason: The cause, in words.
    """

    def __init__(self, endpoint: str, reason: str) -> None:
        super().__init__(f"{endpoint}: {reason}")
        self.endpoint = endpoint
        self.reason = reason

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.endpoint, self.reason)


class QuotaStoreError(CliqError):
    """The quota store failed; nothing was sent."""


class JournalError(CliqError):
    """A job's journal does not fit the job, or can no longer be written."""


class SyncError(CliqError):
    """A file with a list of subscribers cannot be used, or another process is writing it."""


_SHORT_CHARS: Final = 40


class Unquoted(str):
    """A description of a value that an error shows without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


NOTHING: Final = Unquoted("")
"""The given value of a ValidationError whose limit says it all."""

_FEW: Final = 20
"""The most names that a message lists."""


def suggest(given: str, known: Iterable[str]) -> str:
    """Return a hint for a wrong name: the name that it resembles, else the known ones."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for an error

    names = {name.casefold(): name for name in known}
    word = given[:_SHORT_CHARS].casefold()
    # Such as `message` of `message_handler`; of two names with the same beginning, the first.
    beginnings = {name.partition("_")[0]: name for name in reversed(names)}
    if close := get_close_matches(word, names, 1) or get_close_matches(word, beginnings, 1):
        return f"did you mean {names[beginnings.get(close[0], close[0])]}?"
    if len(names) <= _FEW or not word:
        return f"choose one of {', '.join(names.values()) or 'none'}"
    nearest = get_close_matches(word, names, 3, 0.0)
    return f"the nearest are {', '.join(names[each] for each in nearest)}"


def abbreviate(value: object) -> object:
    """Return a value for an error message: itself if it is short, else its beginning."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, Unquoted):
        return value
    if isinstance(value, str):
        return _cut(str.__str__(value))
    if isinstance(value, int):
        # An int of more than 4,300 digits has no repr.
        small = value.bit_length() <= _SHORT_CHARS
        return value if small else Unquoted(f"an int of {value.bit_length()} bits")
    try:
        described = reprlib.repr(value)
    except (ValueError, RecursionError):
        described = f"<{type(value).__name__}>"
    return Unquoted(_cut(described))


def _cut(text: str) -> str:
    return text if len(text) <= _SHORT_CHARS else f"{text[: _SHORT_CHARS - 1]}…"
