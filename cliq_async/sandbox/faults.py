"""What goes wrong on purpose: lost answers, broken connections, failures, locks.

A fault is written `KIND:RATE` or `KIND:RATE@ENDPOINT`, as `lost:0.01@send_message`.
"""

import math
import random
from collections.abc import Iterable
from typing import Any, Final

import attrs

from cliq_async.endpoints import ENDPOINTS, Limit

__all__ = ["KINDS", "THROTTLES", "Fault", "Faults", "parse_fault", "throttle_answer"]

THROTTLES: Final = ("throttle-429", "throttle-400", "throttle-nested", "throttle-200")
KINDS: Final = ("lost", "reset", "refuse", "500", "502", *THROTTLES)


@attrs.frozen
class Fault:
    """One kind of mishap.

    Attributes:
        kind: One of `KINDS`.
        rate: The share of requests it happens to, from 0 to 1.
        endpoint: The endpoint it happens at; None for all.
    """

    kind: str
    rate: float
    endpoint: str | None = None


def parse_fault(text: str) -> Fault:
    """Read `KIND:RATE[@ENDPOINT]`.

    Raises:
        ValueError: It is not of that form; the message says what is allowed.
    """
    spec, at, endpoint = text.partition("@")
    kind, _, rate_text = spec.partition(":")
    if kind not in KINDS:
        raise ValueError(f"faults: KIND is one of {', '.join(KINDS)}; got {text!r}")
    try:
        rate = float(rate_text)
    except ValueError:
        rate = math.nan
    if not 0 <= rate <= 1:
        raise ValueError(f"faults: KIND:RATE[@ENDPOINT] with a RATE from 0 to 1; got {text!r}")
    if at and endpoint not in ENDPOINTS:
        raise ValueError(f"faults: ENDPOINT is one of {', '.join(ENDPOINTS)}; got {text!r}")
    return Fault(kind, rate, endpoint or None)


class Faults:
    """Draws faults by their rates, the same ones for the same seed and requests."""

    def __init__(self, faults: Iterable[Fault] = (), *, seed: int = 0) -> None:
        rows = tuple(faults)
        self._rng = random.Random(f"{seed}/faults")
        # `refuse` strikes before Cliq sees the request, the others once it has counted it.
        self._early = {name: _rows(rows, name, early=True) for name in ENDPOINTS}
        self._late = {name: _rows(rows, name, early=False) for name in ENDPOINTS}

    def refuses(self, endpoint: str) -> bool:
        """Whether this request's connection breaks before anything is done."""
        return any(self._rng.random() < fault.rate for fault in self._early[endpoint])

    def draw(self, endpoint: str) -> str | None:
        """The kind of fault this counted request meets, if any; the first one that strikes."""
        for fault in self._late[endpoint]:
            if self._rng.random() < fault.rate:
                return fault.kind
        return None

    def coin(self) -> bool:
        """Heads or tails."""
        return self._rng.random() < 0.5  # noqa: PLR2004 - the two sides of a coin


def _rows(faults: tuple[Fault, ...], endpoint: str, *, early: bool) -> tuple[Fault, ...]:
    return tuple(
        fault
        for fault in faults
        if fault.endpoint in {None, endpoint} and (fault.kind == "refuse") is early
    )


def throttle_answer(kind: str | None, limit: Limit, left_s: float) -> tuple[int, dict[str, Any]]:
    """How a locked endpoint answers, in one of the four forms that were seen.

    Args:
        kind: One of `THROTTLES`; None for the plain one.
        limit: The endpoint's threshold.
        left_s: What is left of the lock, in seconds.

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
