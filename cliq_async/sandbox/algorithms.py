"""Algorithms that count requests: rolling and fixed windows, token bucket, sliding counter.

This code is independent of the client's quota on purpose: a check that shares the code it checks
proves nothing. Nothing here reads a clock: every method takes `now`, in seconds, which must never
decrease. All requests count, including refused ones.
"""

import math
import random
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from cliq_async.endpoints import Limit

__all__ = ["ALGORITHMS", "Bucket", "Counter", "Fixed", "Rolling", "Weighted"]


class Counter(Protocol):
    """A counter of one user's requests to one endpoint."""

    def arrive(self, now: float) -> bool:
        """Count one arrival and return whether it is within the threshold."""
        ...

    def used(self, now: float) -> float:
        """Return how much of the threshold is used up."""
        ...


class Rolling:
    """An exact rolling window: at most `threshold` arrivals in any window.

    Two arrivals exactly one window apart are not in the same window.
    """

    __slots__ = ("_arrivals", "_threshold", "_window_s")

    def __init__(self, threshold: int, window_s: float) -> None:
        self._threshold = threshold
        self._window_s = window_s
        # Only whether the arrival `threshold` ago is still in the window matters.
        self._arrivals: deque[float] = deque(maxlen=threshold)

    def arrive(self, now: float) -> bool:
        """Count one arrival and return whether it is within the threshold."""
        arrivals = self._arrivals
        full = len(arrivals) == self._threshold
        within = not full or arrivals[0] + self._window_s <= now
        arrivals.append(now)
        return within

    def used(self, now: float) -> float:
        """Return the number of arrivals in the window, at most the threshold."""
        return sum(at + self._window_s > now for at in self._arrivals)


class _Windows:
    """Consecutive windows; one of them begins at `phase_s`."""

    __slots__ = ("_start", "_window_s")

    def __init__(self, window_s: float, phase_s: float) -> None:
        self._window_s = window_s
        self._start = phase_s

    def advance(self, now: float) -> int:
        """Move to the window of `now` and return the number of windows passed."""
        window_s = self._window_s
        # A sum, not a quotient: rounding must not put an arrival one window later into this one.
        if self._start <= now < self._start + window_s:
            return 0
        steps = math.floor((now - self._start) / window_s) or 1
        self._start = min(self._start + steps * window_s, now)
        return steps

    def elapsed(self, now: float) -> float:
        """Return the elapsed fraction of the window of `now`, from 0 to 1."""
        return (now - self._start) / self._window_s


class Fixed:
    """A fixed window: at most `threshold` arrivals in each of consecutive windows."""

    __slots__ = ("_count", "_threshold", "_windows")

    def __init__(self, threshold: int, window_s: float, phase_s: float = 0.0) -> None:
        self._threshold = threshold
        self._windows = _Windows(window_s, phase_s)
        self._count = 0

    def arrive(self, now: float) -> bool:
        """Count one arrival and return whether it is within the threshold."""
        if self._windows.advance(now):
            self._count = 0
        self._count += 1
        return self._count <= self._threshold

    def used(self, now: float) -> float:
        """Return the number of arrivals in the window, at most the threshold."""
        if self._windows.advance(now):
            self._count = 0
        return min(self._count, self._threshold)


class Bucket:
    """A token bucket of `threshold` tokens, refilled evenly at `threshold` per `window_s`."""

    __slots__ = ("_last", "_rate", "_threshold", "_tokens")

    # Small refills that add up to a whole token must not fall short of it by rounding.
    _TOLERANCE: Final = 1e-9

    def __init__(self, threshold: int, window_s: float) -> None:
        self._threshold = float(threshold)
        self._rate = threshold / window_s
        self._tokens = float(threshold)
        self._last = -math.inf

    def arrive(self, now: float) -> bool:
        """Count one arrival and return whether there was a token for it."""
        tokens = self._tokens + (now - self._last) * self._rate
        tokens = min(tokens, self._threshold)
        self._last = now
        within = tokens >= 1.0 - self._TOLERANCE
        self._tokens = max(tokens - 1.0, 0.0) if within else tokens
        return within

    def used(self, now: float) -> float:
        """Return the number of tokens that are missing."""
        tokens = self._tokens + (now - self._last) * self._rate
        return self._threshold - min(tokens, self._threshold)


class Weighted:
    """A sliding window counter: the current count plus the weighted count of the previous window.

    It estimates the rolling window by assuming that the previous window's arrivals were evenly
    spread. It refuses more than the rolling window when they came early, and less when late.
    """

    __slots__ = ("_current", "_previous", "_threshold", "_windows")

    def __init__(self, threshold: int, window_s: float, phase_s: float = 0.0) -> None:
        self._threshold = threshold
        self._windows = _Windows(window_s, phase_s)
        self._previous = 0
        self._current = 0

    def arrive(self, now: float) -> bool:
        """Count one arrival and return whether the estimate is within the threshold."""
        self._advance(now)
        self._current += 1
        return self._estimate(now) <= self._threshold

    def used(self, now: float) -> float:
        """Return the estimate, at most the threshold."""
        self._advance(now)
        return min(self._estimate(now), self._threshold)

    def _advance(self, now: float) -> None:
        passed = self._windows.advance(now)
        if passed:
            self._previous = self._current if passed == 1 else 0
            self._current = 0

    def _estimate(self, now: float) -> float:
        return self._previous * (1.0 - self._windows.elapsed(now)) + self._current


ALGORITHMS: Final[dict[str, Callable[[Limit, random.Random], Counter]]] = {
    "rolling": lambda limit, _: Rolling(limit.threshold, limit.window_s),
    "fixed": lambda limit, rng: Fixed(
        limit.threshold, limit.window_s, rng.random() * limit.window_s
    ),
    "bucket": lambda limit, _: Bucket(limit.threshold, limit.window_s),
    "counter": lambda limit, rng: Weighted(
        limit.threshold, limit.window_s, rng.random() * limit.window_s
    ),
}
