"""Injected faults: lost responses, dropped connections, server errors, locks, bad events.

A fault is written `KIND:RATE` or `KIND:RATE@ENDPOINT`, for example `lost:0.01@send_message`. The
rate is a probability, or `x` and a number: `500:x2` fails the first two requests.
"""

import math
import random
import re
from collections.abc import Iterable
from typing import Any, Final

import attrs

from cliq_async.endpoints import ENDPOINTS, Limit
from cliq_async.errors import suggest
from cliq_async.sandbox.validation.functions import FUNCTION_HANDLER_TYPES
from cliq_async.sandbox.validation.handlers import HANDLER_TYPES

__all__ = [
    "ACCOUNTS",
    "ACCOUNTS_KINDS",
    "EVENT_KINDS",
    "KINDS",
    "NO_RECIPIENT",
    "SEND_KINDS",
    "THROTTLES",
    "Fault",
    "Faults",
    "parse_fault",
    "throttle_answer",
]

ACCOUNTS: Final = "access_token"
"""The accounts server, as the endpoint of a fault; only faults that name it apply to it."""

THROTTLES: Final = ("throttle-429", "throttle-400", "throttle-nested", "throttle-200")
_ANYWHERE: Final = ("lost", "reset", "refuse", "500", "502")
_OAUTH: Final = (
    "denied-200",
    "denied-400",
    "denied-localized",
    "invalid-client",
    "invalid-code",
    "no-token",
    "html",
    "milliseconds",
)
KINDS: Final = (*_ANYWHERE, "401", *THROTTLES)
NO_RECIPIENT: Final = "no-recipient"
SEND_KINDS: Final = (*KINDS, NO_RECIPIENT)
ACCOUNTS_KINDS: Final = (*_ANYWHERE, "408", "429", *_OAUTH)
_KINDS_AT: Final = {ACCOUNTS: ACCOUNTS_KINDS, "send_message": SEND_KINDS}
EVENT_KINDS: Final = ("event-twice", "event-badsig", "event-stale", "event-slow", "event-hangup")
"""Faults of the events that webhook bots get; a handler's type stands in place of an endpoint."""

_EVENT_HANDLERS: Final = (*HANDLER_TYPES, *FUNCTION_HANDLER_TYPES)


@attrs.frozen
class Fault:
    """A kind of fault and its rate.

    Attributes:
        kind: One of `KINDS`, of `EVENT_KINDS`, or of `SEND_KINDS` and `ACCOUNTS_KINDS` at the
            endpoints `send_message` and `access_token`.
        rate: The probability per request, from 0 to 1.
        endpoint: The endpoint or handler type it affects; None for all.
        times: The maximum number of requests it affects; None for no limit.
    """

    kind: str
    rate: float
    endpoint: str | None = None
    times: int | None = None


def parse_fault(text: str) -> Fault:
    """Parse `KIND:RATE[@ENDPOINT]`.

    Raises:
        ValueError: The text is not of that form; the message says what is allowed.
    """
    spec, at, endpoint = text.partition("@")
    kind, _, rate_text = spec.partition(":")
    kinds = _KINDS_AT.get(endpoint, KINDS)
    if endpoint != ACCOUNTS:
        kinds = (*kinds, *EVENT_KINDS)
    if kind not in kinds:
        where = f" at {endpoint}" if endpoint in _KINDS_AT else ""
        hint = suggest(kind, kinds)
        raise ValueError(f"faults: there is no kind {kind!r}{where}; {hint}")
    times = re.fullmatch(r"x([1-9][0-9]{0,8})", rate_text)
    try:
        rate = 1.0 if times else float(rate_text)
    except ValueError:
        rate = math.nan
    if not 0 <= rate <= 1:
        form = "KIND:RATE[@ENDPOINT] with a RATE from 0 to 1, or xNUMBER"
        raise ValueError(f"faults: {form}, got {text!r}")
    places = _EVENT_HANDLERS if kind in EVENT_KINDS else (*ENDPOINTS, ACCOUNTS)
    if at and endpoint not in places:
        word = "handler" if kind in EVENT_KINDS else "endpoint"
        raise ValueError(f"faults: there is no {word} {endpoint!r}; {suggest(endpoint, places)}")
    return Fault(kind, rate, endpoint or None, int(times[1]) if times else None)


@attrs.define(eq=False)
class _ActiveFault:
    """A fault and the number of requests it can still affect."""

    fault: Fault
    remaining: float

    def strikes(self, rng: random.Random) -> bool:
        if self.remaining < 1 or rng.random() >= self.fault.rate:
            return False
        self.remaining -= 1
        return True


class Faults:
    """A random source of faults; the same seed and requests give the same faults."""

    def __init__(self, faults: Iterable[Fault] = (), *, seed: int = 0) -> None:
        rows = tuple(
            _ActiveFault(fault, math.inf if fault.times is None else fault.times)
            for fault in faults
        )
        self._rng = random.Random(f"{seed}/faults")
        self._event_rng = random.Random(f"{seed}/events")
        self._events = [row for row in rows if row.fault.kind in EVENT_KINDS]
        names = (*ENDPOINTS, ACCOUNTS)
        # `refuse` strikes before the request is counted, all other faults after it.
        self._early = {name: _matching_faults(rows, name, early=True) for name in names}
        self._late = {name: _matching_faults(rows, name, early=False) for name in names}

    def refuses_connection(self, endpoint: str) -> bool:
        """Return whether to drop this request's connection before handling it."""
        return any(row.strikes(self._rng) for row in self._early[endpoint])

    def draw(self, endpoint: str) -> str | None:
        """Return the kind of the first fault that strikes this request; None without one."""
        for row in self._late[endpoint]:
            if row.strikes(self._rng):
                return row.fault.kind
        return None

    def draw_event(self, handler_type: str) -> str | None:
        """Return the kind of the first fault that strikes an event to a type of handler."""
        for row in self._events:
            affects = row.fault.endpoint in {None, handler_type}
            if affects and row.strikes(self._event_rng):
                return row.fault.kind
        return None

    def flip_coin(self) -> bool:
        """Return True or False with equal probability."""
        return self._rng.random() < 0.5  # noqa: PLR2004 - the two sides of a coin


def _matching_faults(
    rows: tuple[_ActiveFault, ...], endpoint: str, *, early: bool
) -> tuple[_ActiveFault, ...]:
    everywhere = {endpoint} if endpoint == ACCOUNTS else {None, endpoint}
    return tuple(
        row
        for row in rows
        if row.fault.kind not in EVENT_KINDS
        and row.fault.endpoint in everywhere
        and (row.fault.kind == "refuse") is early
    )


def throttle_answer(kind: str | None, limit: Limit, left_s: float) -> tuple[int, dict[str, Any]]:
    """Return the response of a locked endpoint, in one of the four observed forms.

    Args:
        kind: One of `THROTTLES`; None for the plain form.
        limit: The endpoint's threshold.
        left_s: The remaining seconds of the lock.

    Returns:
        The HTTP status and the JSON body.
    """
    if kind is None or kind == "throttle-429":
        return 429, {"message": "Too many requests within a certain time frame."}
    if kind == "throttle-400":
        return 400, {
            "code": "request_limit_exceeded",
            "message": "You have exceeded the URL throttle limits.",
        }
    minutes = max(1, math.ceil(left_s / 60))
    text = (
        f"Cannot execute more than {limit.threshold} requests per API in "
        f"{limit.window_s / 60:g} minutes. Try again after {minutes} minutes."
    )
    error = {
        "status_code": 400,
        "title": "URL_ROLLING_THROTTLES_LIMIT_EXCEEDED",
        "details": {"message": text},
    }
    return (200 if kind == "throttle-200" else 400), {"error": error}
