"""A lane's wait queue: round-robin between jobs, FIFO within a job.

With FIFO alone, the job with the most callers would get the lane: next to a broadcast with 50
concurrent requests, one with 5 would get a tenth of the quota, and two equal ones would get all of
it for a window each, in turn. So each job has a queue of its own, and after each token the next
job is served. This is max-min fairness: a job never waits for one that has received more, and what
it does not ask for goes to the others. All callers without a job are one job together.

A job may have a larger reserve than there are free tokens when its turn comes. Jobs with a smaller
reserve then pass it: the reserve is for them.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from itertools import chain, islice, zip_longest
from math import inf

import attrs

from cliq_async.quota.announcer import WaitAnnouncer, WaitListener
from cliq_async.quota.model import Lane, Quota
from cliq_async.quota.token import Token

__all__ = ["FairQueue", "Waiter"]


@attrs.define(eq=False)
class Waiter:
    """A waiting caller.

    Attributes:
        quota: The quota it waits for.
        lane: The lane it waits in.
        future: Resolved with its token, or with the error that ends the wait.
        deadline: The last useful moment for a token, or None.
        reserve: The number of tokens it leaves to other callers.
        lease_s: The time after which its token comes back if it is never ended.
        send_within_s: The time in which its request has to be sent.
        job: The job it shares a turn with; None for callers without a job.
        listener: Told of the wait when it begins, or None.
    """

    quota: Quota
    lane: Lane
    future: asyncio.Future[Token]
    deadline: float | None
    reserve: int
    lease_s: float
    send_within_s: float
    job: object = None
    listener: WaitListener | None = None

    def covers(self, other: "Waiter") -> bool:
        """Return whether a token taken for another waiter, or its denial, holds for this one."""
        return self.quota is other.quota and self.reserve <= other.reserve


class FairQueue:
    """The waiters of one lane, in the order in which they will be served.

    Attributes:
        announcer: Knows which of them have been told of their wait.
    """

    def __init__(self) -> None:
        # By job, the next one first. Not deques, so that removing a waiter takes constant time.
        self._jobs: dict[object, OrderedDict[Waiter, None]] = {}
        self._count = 0
        self.announcer = WaitAnnouncer()

    def __len__(self) -> int:
        return self._count

    def __contains__(self, waiter: Waiter) -> bool:
        return waiter in self._jobs.get(waiter.job, ())

    def __iter__(self) -> Iterator[Waiter]:
        jobs = self._jobs.values()
        rounds = chain.from_iterable(zip_longest(*jobs))
        return (each for each in rounds if each is not None)

    def first(self, below: float = inf) -> Waiter | None:
        """Return the next waiter of those with a reserve below a number."""
        for own in self._jobs.values():
            waiter = next(iter(own))
            if waiter.reserve < below:
                return waiter
        return None

    def is_head(self, waiter: Waiter) -> bool:
        """Return whether a waiter in the queue is the first of its job."""
        return next(iter(self._jobs[waiter.job])) is waiter

    def ahead_of(self, new: Waiter) -> list[Waiter]:
        """Return the waiters that are certain to be served before a new one if all stay."""
        job, reserve = new.job, new.reserve
        own = self._jobs.get(job)
        if own is not None and len(self._jobs) == 1:
            return list(own)
        rounds = zip_longest(*self._jobs.values())
        ahead = list(chain.from_iterable(islice(rounds, 0 if own is None else len(own))))
        place = None if own is None else list(self._jobs).index(job)
        ahead += next(rounds, ())[:place]
        return [each for each in ahead if each and (each.job is job or each.reserve <= reserve)]

    def add(self, waiter: Waiter, *, first: bool = False) -> None:
        """Add a waiter behind those of its job, or before all others."""
        own = self._jobs.get(waiter.job)
        if own is None:
            own = self._jobs[waiter.job] = OrderedDict()
        own[waiter] = None
        self._count += 1
        if waiter.listener is not None:
            self.announcer.join(waiter.listener, waiter.job, waiter.quota)
        if first:
            own.move_to_end(waiter, last=False)
            self._jobs = {waiter.job: own} | self._jobs

    def remove(self, waiter: Waiter) -> None:
        """Remove a waiter that leaves without a token."""
        own = self._jobs[waiter.job]
        self._drop(own, waiter)
        if not own:
            del self._jobs[waiter.job]

    def pop_served(self, waiter: Waiter) -> None:
        """Remove a waiter that is served. The turn passes to the next job."""
        own = self._jobs.pop(waiter.job)
        self._drop(own, waiter)
        if own:
            self._jobs[waiter.job] = own

    def _drop(self, own: OrderedDict[Waiter, None], waiter: Waiter) -> None:
        del own[waiter]
        self._count -= 1
        if waiter.listener is not None:
            self.announcer.leave(waiter.listener, waiter.job)
