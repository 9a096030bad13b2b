"""Rate limits: count requests and lock endpoints as Cliq does.

This code is independent of the client's quota on purpose: a check that shares the code it checks
proves nothing. Nothing here reads a clock: every method takes `now`, in seconds, which must never
decrease. All requests count, including refused ones.
"""

import math
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, Protocol

import attrs

from cliq_async.endpoints import ENDPOINTS, Limit

__all__ = [
    "ALGORITHMS",
    "Bucket",
    "Counter",
    "EndpointCounter",
    "Fixed",
    "Lock",
    "Rolling",
    "Throttle",
    "Verdict",
    "Weighted",
]


class Counter(Protocol):
    """A counter of one user's requests to one endpoint."""

    def arrive(self, now: float) -> bool:
        """Count one arrival and return whether it is within the threshold."""
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
        passed = self._windows.advance(now)
        if passed:
            self._previous = self._current if passed == 1 else 0
            self._current = 0
        self._current += 1
        overlap = 1.0 - self._windows.elapsed(now)
        return self._previous * overlap + self._current <= self._threshold


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


class Verdict(NamedTuple):
    """The decision on one arrival.

    Attributes:
        allowed: True if the request is within the threshold and no lock is active.
        locked_until: The end of the lock that refused the request; None if it was allowed.
        new_lock: True if the request began that lock.
    """

    allowed: bool
    locked_until: float | None
    new_lock: bool


_ALLOWED: Final = Verdict(allowed=True, locked_until=None, new_lock=False)


@attrs.define
class Lock:
    """One lock of one user's endpoint.

    Attributes:
        at: The time it began.
        until: The time it ends or ended.
        injected: The fault that began it; None if too many requests did.
    """

    at: float
    until: float
    injected: str | None = None


class EndpointCounter:
    """The counter and the locks of one user at one endpoint.

    Attributes:
        arrivals: The number of requests, including refused ones.
        refused_while_locked: The number of requests during a lock.
        locks: All locks, the latest last.
    """

    __slots__ = (
        "_counter",
        "_lock_s",
        "_penalize",
        "_until",
        "arrivals",
        "locks",
        "refused_while_locked",
    )

    def __init__(self, counter: Counter, lock_s: float, *, penalize: bool = False) -> None:
        self._counter = counter
        self._lock_s = lock_s
        self._penalize = penalize
        self._until = -math.inf
        self.arrivals = 0
        self.refused_while_locked = 0
        self.locks: list[Lock] = []

    def arrive(self, now: float) -> Verdict:
        """Count one arrival and decide whether to allow it."""
        self.arrivals += 1
        within = self._counter.arrive(now)
        if now < self._until:
            self.refused_while_locked += 1
            if self._penalize:
                self._until = self.locks[-1].until = now + self._lock_s
            return Verdict(allowed=False, locked_until=self._until, new_lock=False)
        if within:
            return _ALLOWED
        return Verdict(allowed=False, locked_until=self.lock(now).until, new_lock=True)

    def lock(self, now: float, *, injected: str | None = None) -> Lock:
        """Begin a lock at `now`."""
        lock = Lock(now, now + self._lock_s, injected)
        self._until = lock.until
        self.locks.append(lock)
        return lock


class Throttle:
    """The rate limiter of all users and endpoints.

    Args:
        algorithm: One of `ALGORITHMS`.
        limits: Thresholds by endpoint name that replace the documented ones.
        seed: The seed of the windows' phases.
        penalize: Restart a lock on every request during it.

    Raises:
        KeyError: The algorithm, or later an endpoint, does not exist.
    """

    def __init__(
        self,
        algorithm: str = "rolling",
        *,
        limits: Mapping[str, Limit] | None = None,
        seed: int = 0,
        penalize: bool = False,
    ) -> None:
        self._make_counter = ALGORITHMS[algorithm]
        self._limits = {name: row.limit for name, row in ENDPOINTS.items()} | dict(limits or {})
        self._seed = seed
        self._penalize = penalize
        self._endpoint_counters: dict[tuple[str, str], EndpointCounter] = {}

    def arrive(self, user: str, endpoint: str, now: float) -> Verdict:
        """Count one request of a user to an endpoint and decide whether to allow it."""
        counter = self._endpoint_counters.get((user, endpoint))
        return (counter or self.endpoint_counter(user, endpoint)).arrive(now)

    def limit(self, endpoint: str) -> Limit:
        """Return the threshold of an endpoint."""
        return self._limits[endpoint]

    def endpoint_counter(self, user: str, endpoint: str) -> EndpointCounter:
        """Return the counter of a user and an endpoint; the first use creates it."""
        counter = self._endpoint_counters.get((user, endpoint))
        if counter is None:
            limit = self._limits[endpoint]
            # Seeded for each counter: a phase must not depend on the order of users.
            rng = random.Random(f"{self._seed}/{user}/{endpoint}")
            counter = EndpointCounter(
                self._make_counter(limit, rng), limit.lock_s, penalize=self._penalize
            )
            self._endpoint_counters[user, endpoint] = counter
        return counter

    def endpoint_counters(
        self, user: str | None = None
    ) -> Iterator[tuple[str, str, EndpointCounter]]:
        """Yield (user, endpoint, counter) for all users or for one."""
        for (owner, endpoint), counter in list(self._endpoint_counters.items()):
            if user is None or user == owner:
                yield owner, endpoint, counter
