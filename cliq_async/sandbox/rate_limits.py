"""Rate limits: count the requests of each user and lock endpoints as Cliq does.

Independent of the client's quota, like the algorithms: nothing here reads a clock, and every method
takes `now`, in seconds, which must never decrease.
"""

import math
import random
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import attrs

from cliq_async.endpoints import ENDPOINTS, Limit
from cliq_async.sandbox.algorithms import ALGORITHMS, Counter

__all__ = ["EndpointCounter", "Lock", "Throttle", "Verdict"]


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


_BIN_S: Final = 5.0
_BINS: Final = 36

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


class _History:
    """The arrivals of the last three minutes, in steps of five seconds."""

    __slots__ = ("_bins",)

    def __init__(self) -> None:
        self._bins: deque[list[int]] = deque(maxlen=_BINS)

    def add(self, now: float) -> None:
        """Count one arrival."""
        index = int(now / _BIN_S)
        if self._bins and self._bins[-1][0] == index:
            self._bins[-1][1] += 1
        else:
            self._bins.append([index, 1])

    def counts(self, now: float) -> list[int]:
        """Return the number of arrivals in each step, the latest last."""
        first = int(now / _BIN_S) - _BINS + 1
        counts = [0] * _BINS
        for index, count in self._bins:
            if index >= first:
                counts[index - first] = count
        return counts


class EndpointCounter:
    """The counter and the locks of one user at one endpoint.

    Attributes:
        arrivals: The number of requests, including refused ones.
        refused_while_locked: The number of requests during a lock.
        locks: All locks, the latest last.
    """

    __slots__ = (
        "_counter",
        "_history",
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
        self._history = _History()
        self.arrivals = 0
        self.refused_while_locked = 0
        self.locks: list[Lock] = []

    def arrive(self, now: float) -> Verdict:
        """Count one arrival and decide whether to allow it."""
        self.arrivals += 1
        self._history.add(now)
        within = self._counter.arrive(now)
        if now < self._until:
            self.refused_while_locked += 1
            if self._penalize:
                self._until = self.locks[-1].until = now + self._lock_s
            return Verdict(allowed=False, locked_until=self._until, new_lock=False)
        if within:
            return _ALLOWED
        return Verdict(allowed=False, locked_until=self.lock(now).until, new_lock=True)

    def used(self, now: float) -> float:
        """Return how much of the threshold is used up."""
        return self._counter.used(now)

    def locked_until_s(self, now: float) -> float | None:
        """Return the end of the lock; None without a lock."""
        return self._until if now < self._until else None

    def history(self, now: float) -> list[int]:
        """Return the arrivals of the last three minutes, in steps of five seconds."""
        return self._history.counts(now)

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
