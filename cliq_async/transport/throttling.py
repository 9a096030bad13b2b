"""Recognition of throttles: answers that say that Cliq locked an endpoint, and for how long.

A throttle shows in the status 429, or in a name that the answer gives its error, whatever the
status. Texts are written for people: they are never searched for the fact itself, only for how long
to wait once the fact is known.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import pairwise
from math import ceil
from typing import Any

import attrs

__all__ = ["Throttle", "detect_throttle", "error_names", "error_texts"]

_TOO_MANY = 429
_NAME = re.compile(r"URL_\w+_THROTTLES_LIMIT_EXCEEDED", re.IGNORECASE)
_CODES = frozenset({"request_limit_exceeded", "too_many_requests"})
_WORD = re.compile(r"\w+")
_NUMBER = r"\d+(?:\.\d+)?"
_SECONDS = re.compile(rf"\+?{_NUMBER}")
_AGAIN = re.compile(rf"again\s+(?:after|in)\s+({_NUMBER})\s*(sec|min|hour|hr)", re.IGNORECASE)
_UNITS_S = {"sec": 1.0, "min": 60.0, "hour": 3600.0, "hr": 3600.0}
_LONGEST_S = 86_400.0
_LONGEST_HEADER = 10_000


@attrs.frozen
class Throttle:
    """A request that was refused because of the threshold. It was not executed.

    Attributes:
        code: The name that the server gave, or None.
        message: The server's text.
        wait_s: How long the server says to wait, in its own seconds, or None.
        headers: The answer's headers, for its exception.
        body: The beginning of the answer's body, for its exception.
    """

    code: str | None
    message: str
    wait_s: float | None
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    body: str = attrs.field(default="", repr=False)


def detect_throttle(status: int, headers: Mapping[str, str], body: object) -> Throttle | None:
    """Return the throttle that an answer reports, or None. Knows every form that was seen.

    Args:
        status: The HTTP status.
        headers: The answer's headers, looked up without regard to case.
        body: The decoded JSON body, or None.
    """
    answer = body if isinstance(body, Mapping) else {}
    name = next((name for name in error_names(answer) if _is_throttle(name)), None)
    if name is None and status != _TOO_MANY:
        return None
    texts = error_texts(answer)
    waits = [wait for text in texts if (wait := _parse_wait(text)) is not None]
    waits += _retry_after(headers.get("Retry-After", ""))
    longest = max((wait for wait in waits if wait > 0), default=None)
    wait_s = None if longest is None else float(ceil(min(longest, _LONGEST_S)))
    return Throttle(name, texts[0] if texts else "", wait_s)


def error_names(answer: Mapping[str, Any]) -> list[str]:
    """Return the names for programs that an answer gives its error, in all places they were seen.

    An `error` that is a text is a name if it is one word, else a text for people.
    """
    error = answer.get("error")
    nested = error if isinstance(error, Mapping) else {}
    word = error if isinstance(error, str) and _WORD.fullmatch(error) else None
    names = (answer.get("code"), nested.get("code"), nested.get("title"), word)
    return [name for name in names if isinstance(name, str) and name.strip()]


def error_texts(answer: Mapping[str, Any]) -> list[str]:
    """Return the texts for people in an answer, in all places they were seen, the fullest first.

    The name of an error comes last: it stands in for a missing text.
    """
    error = answer.get("error")
    nested = error if isinstance(error, Mapping) else {}
    details = nested.get("details")
    detail = details.get("message") if isinstance(details, Mapping) else details
    texts = (answer.get("message"), detail, nested.get("message"), error, nested.get("title"))
    return [text for text in texts if isinstance(text, str) and text.strip()]


def _is_throttle(name: str) -> bool:
    return name.lower() in _CODES or _NAME.fullmatch(name) is not None


def _parse_wait(text: str) -> float | None:
    match = _AGAIN.search(text)
    return None if match is None else float(match[1]) * _UNITS_S[match[2].lower()]


def _retry_after(header: str) -> list[float]:
    """Return the waits in a header: seconds and dates, in a list if proxies have joined several."""
    parts = [part.strip() for part in header[:_LONGEST_HEADER].split(",")]
    waits = [float(part) for part in parts if _SECONDS.fullmatch(part)]
    for date in (*parts, *(f"{day}, {rest}" for day, rest in pairwise(parts))):
        try:
            at = parsedate_to_datetime(date)
            at = at if at.tzinfo else at.replace(tzinfo=UTC)
            waits.append((at - datetime.now(UTC)).total_seconds())
        except (ValueError, OverflowError, TypeError, IndexError):
            continue  # the parser of dates is not made for hostile input
    return waits
