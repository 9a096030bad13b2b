"""Counts requests and locks endpoints as Cliq does.

Written apart from the client's quota on purpose: a check that shares the code it checks proves
nothing. Nothing here reads a clock: every method takes `now`, in seconds, and `now` never goes
back. Requests count where they arrive, refused or not.
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
    """Counts the arrivals of one user at one endpoint."""

    def arrive(self, now: float) -> bool:
        """Count one arrival; True while the threshold holds."""
        ...


class Rolling:
    """At most `threshold` arrivals in any window, whatever its beginning; exact.

    Two arrivals that lie a whole window apart are not in the same one.
    """

    __slots__ = ("_arrivals", "_threshold", "_window_s")

    def __init__(self, threshold: int, window_s: float) -> None:
        self._threshold = threshold
        self._window_s = window_s
        # Only whether the arrival `threshold` ago is still in the window matters.
        self._arrivals: deque[float] = deque(maxlen=threshold)

    def arrive(self, now: float) -> bool:
        """Count one arrival; True while the threshold holds."""
        arrivals = self._arrivals
        full = len(arrivals) == self._threshold
        within = not full or arrivals[0] + self._window_s <= now
        arrivals.append(now)
        return within


class _Windows:
    """Windows side by side; the first begins at `phase_s`, or whole windows before it."""

    __slots__ = ("_start", "_window_s")

    def __init__(self, window_s: float, phase_s: float) -> None:
        self._window_s = window_s
        self._start = phase_s

    def advance(self, now: float) -> int:
        """Move to the window of `now`; return how many windows further that is."""
        window_s = self._window_s
        # A sum, not a quotient: what comes a window later must not round into the same one.
        if self._start <= now < self._start + window_s:
            return 0
        steps = math.floor((now - self._start) / window_s) or 1
        self._start = min(self._start + steps * window_s, now)
        return steps

    def elapsed(self, now: float) -> float:
        """How much of the window of `now` is over, from 0 to 1."""
        return (now - self._start) / self._window_s


class Fixed:
    """At most `threshold` arrivals in each of the windows that begin every `window_s`."""

    __slots__ = ("_count", "_threshold", "_windows")

    def __init__(self, threshold: int, window_s: float, phase_s: float = 0.0) -> None:
        self._threshold = threshold
        self._windows = _Windows(window_s, phase_s)
        self._count = 0

    def arrive(self, now: float) -> bool:
        """Count one arrival; True while the threshold holds."""
        if self._windows.advance(now):
            self._count = 0
        self._count += 1
        return self._count <= self._threshold


class Bucket:
    """`threshold` tokens at first, refilled evenly at `threshold` per `window_s`."""

    __slots__ = ("_last", "_rate", "_threshold", "_tokens")

    # Sums of small refills must not fall short of the whole token they add up to.
    _TOLERANCE: Final = 1e-9

    def __init__(self, threshold: int, window_s: float) -> None:
        self._threshold = float(threshold)
        self._rate = threshold / window_s
        self._tokens = float(threshold)
        self._last = -math.inf

    def arrive(self, now: float) -> bool:
        """Count one arrival; True if there was a token for it."""
        tokens = self._tokens + (now - self._last) * self._rate
        tokens = min(tokens, self._threshold)
        self._last = now
        within = tokens >= 1.0 - self._TOLERANCE
        self._tokens = max(tokens - 1.0, 0.0) if within else tokens
        return within


class Weighted:
    """The current window's count plus the previous one's, weighted by what overlaps of it.

    An estimate of the rolling window that supposes even arrivals. It refuses where the rolling
    window would not when the arrivals came late in the previous window.
    """

    __slots__ = ("_current", "_previous", "_threshold", "_windows")

    def __init__(self, threshold: int, window_s: float, phase_s: float = 0.0) -> None:
        self._threshold = threshold
        self._windows = _Windows(window_s, phase_s)
        self._previous = 0
        self._current = 0

    def arrive(self, now: float) -> bool:
        """Count one arrival; True while the estimate is within the threshold."""
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
    """What became of one arrival.

    Attributes:
        allowed: It may go on.
        locked_until: When the lock that refused it ends; None if it was allowed.
        new_lock: It began that lock, being one request too many.
    """

    allowed: bool
    locked_until: float | None
    new_lock: bool


_ALLOWED: Final = Verdict(allowed=True, locked_until=None, new_lock=False)


@attrs.define
class Lock:
    """One lock of one user's endpoint.

    Attributes:
        at: When it began.
        until: When it ends or ended.
        injected: The fault that began it; None if the user's own requests did.
    """

    at: float
    until: float
    injected: str | None = None


class EndpointCounter:
    """One user's way to one endpoint: a counter and its locks.

    Attributes:
        arrivals: How many requests came, refused ones included.
        refused_while_locked: How many of them came during a lock.
        locks: All its locks, the latest last.
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
        """Count one arrival and say whether it may go on."""
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
    """The gates of all users.

    Args:
        algorithm: One of `ALGORITHMS`.
        limits: Thresholds by endpoint name, in place of the documented ones.
        seed: Decides the phases of windows.
        penalize: Whether asking during a lock begins its time anew.

    Raises:
        KeyError: There is no such algorithm, or, later, no such endpoint.
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
        """Count one request of a user to an endpoint and say whether it may go on."""
        gate = self._endpoint_counters.get((user, endpoint))
        return (gate or self.endpoint_counter(user, endpoint)).arrive(now)

    def limit(self, endpoint: str) -> Limit:
        """The threshold that is held."""
        return self._limits[endpoint]

    def endpoint_counter(self, user: str, endpoint: str) -> EndpointCounter:
        """The gate of a user and an endpoint; made at its first use."""
        gate = self._endpoint_counters.get((user, endpoint))
        if gate is None:
            limit = self._limits[endpoint]
            # Its own numbers for each gate: a phase must not depend on who came first.
            rng = random.Random(f"{self._seed}/{user}/{endpoint}")
            gate = EndpointCounter(
                self._make_counter(limit, rng), limit.lock_s, penalize=self._penalize
            )
            self._endpoint_counters[user, endpoint] = gate
        return gate

    def endpoint_counters(
        self, user: str | None = None
    ) -> Iterator[tuple[str, str, EndpointCounter]]:
        """All gates in use as (user, endpoint, gate), or one user's."""
        for (owner, endpoint), gate in list(self._endpoint_counters.items()):
            if user is None or user == owner:
                yield owner, endpoint, gate
