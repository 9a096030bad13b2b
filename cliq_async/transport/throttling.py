"""Recognition of throttles: answers that say that Cliq locked an endpoint, and for how long.

A throttle shows in the status 429, or in a name: a top-level `code`, or the `title` of an
`error` object, whatever the status. Texts are written for people: they are never searched for the
fact itself, only for how long to wait once the fact is known.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import attrs

__all__ = ["Throttle", "detect_throttle"]

_TOO_MANY = 429
_NAME = re.compile(r"URL_\w+_THROTTLES_LIMIT_EXCEEDED", re.IGNORECASE)
_CODES = frozenset({"request_limit_exceeded", "too_many_requests"})
_AGAIN = re.compile(r"again\s+(?:after|in)\s+(\d{1,6})\s*(second|minute|hour)", re.IGNORECASE)
_UNITS_S = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
_LONGEST_S = 86_400.0


@attrs.frozen
class Throttle:
    """A request that was refused because of the threshold. It was not executed.

    Attributes:
        code: The name that the server gave, or None.
        message: The server's text.
        wait_s: How long the server says to wait, in its own seconds, or None.
    """

    code: str | None
    message: str
    wait_s: float | None


def detect_throttle(status: int, headers: Mapping[str, str], body: object) -> Throttle | None:
    """Return the throttle that an answer reports, or None. Knows every form that was seen.

    Args:
        status: The HTTP status.
        headers: The answer's headers, looked up without regard to case.
        body: The decoded JSON body, or None.
    """
    answer = body if isinstance(body, Mapping) else {}
    error = answer.get("error")
    error = error if isinstance(error, Mapping) else {}
    name = next((n for n in (answer.get("code"), error.get("title")) if _is_throttle(n)), None)
    if name is None and status != _TOO_MANY:
        return None
    details = error.get("details")
    details = details if isinstance(details, Mapping) else {}
    texts = [
        text
        for text in (answer.get("message"), details.get("message"), error.get("message"))
        if isinstance(text, str)
    ]
    waits = [*(_parse_wait(text) for text in texts), _retry_after(headers.get("Retry-After"))]
    longest = max((wait for wait in waits if wait is not None), default=None)
    return Throttle(name, texts[0] if texts else "", longest)


def _is_throttle(name: object) -> bool:
    return isinstance(name, str) and (name.lower() in _CODES or _NAME.fullmatch(name) is not None)


def _parse_wait(text: str) -> float | None:
    match = _AGAIN.search(text)
    if match is None:
        return None
    return _clamp(int(match[1]) * _UNITS_S[match[2].lower()])


def _retry_after(header: str | None) -> float | None:
    if header is None:
        return None
    header = header.strip()
    if header.isdecimal():
        return _clamp(float(header))
    try:
        at = parsedate_to_datetime(header)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return _clamp((at - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError, TypeError, IndexError):
        return None  # the parser of dates is not made for hostile input


def _clamp(wait_s: float) -> float | None:
    return min(wait_s, _LONGEST_S) if wait_s > 0 else None
