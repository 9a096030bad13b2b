"""Those who wait in one lane: jobs take turns, and within a job who came first goes first.

In order of arrival alone, a lane would belong to whoever has the most callers in it: beside a
broadcast with 50 requests under way, one with 5 would get a tenth of the quota, and two equal
ones would get all of it for a window each, in turn. So each job has a line of its own, and after
each token the next job is served. This is max-min fairness: a job never waits for one that has
got more, and what it does not ask for goes to the others. Callers who belong to no job are one
job together.

A job whose turn it is, and that leaves more tokens to others than are free, is passed over by
those that leave fewer: it is them it leaves the tokens to.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from itertools import chain, islice, zip_longest
from math import inf

import attrs

from cliq_async.quota.model import Lane, Quota
from cliq_async.quota.token import Token

__all__ = ["FairQueue", "Waiter"]


@attrs.define(eq=False)
class Waiter:
    """One caller in line.

    Attributes:
        quota: What it waits for.
        lane: In which line.
        future: Resolved with its token, or with the reason why there will be none.
        deadline: When waiting is no longer of use, or None.
        reserve: How many tokens it leaves to others.
        lease_s: When its token is back if it never ends.
        send_within_s: How soon after the take its request has to leave.
        job: With whom it shares a turn; None for all who belong to no job.
    """

    quota: Quota
    lane: Lane
    future: asyncio.Future[Token]
    deadline: float | None
    reserve: int
    lease_s: float
    send_within_s: float
    job: object = None

    def covers(self, other: "Waiter") -> bool:
        """Whether what was taken or learned for another holds for this one too."""
        return self.quota is other.quota and self.reserve <= other.reserve


class FairQueue:
    """Those who wait in one lane, in the order in which they will be served."""

    def __init__(self) -> None:
        # By job, the next one first. Not deques: who gives up leaves at once, from anywhere.
        self._jobs: dict[object, OrderedDict[Waiter, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, waiter: Waiter) -> bool:
        return waiter in self._jobs.get(waiter.job, ())

    def __iter__(self) -> Iterator[Waiter]:
        jobs = self._jobs.values()
        rounds = chain.from_iterable(zip_longest(*jobs))
        return (each for each in rounds if each is not None)

    def first(self, below: float = inf) -> Waiter | None:
        """Who is served next, of those who leave less to others than a number of tokens."""
        for own in self._jobs.values():
            waiter = next(iter(own))
            if waiter.reserve < below:
                return waiter
        return None

    def is_head(self, waiter: Waiter) -> bool:
        """Whether somebody in line is the first of their job."""
        return next(iter(self._jobs[waiter.job])) is waiter

    def ahead_of(self, newcomer: Waiter) -> list[Waiter]:
        """Who is sure to be served before a newcomer, if all stay."""
        job, reserve = newcomer.job, newcomer.reserve
        own = self._jobs.get(job)
        if own is not None and len(self._jobs) == 1:
            return list(own)
        rounds = zip_longest(*self._jobs.values())
        found = list(chain.from_iterable(islice(rounds, 0 if own is None else len(own))))
        place = None if own is None else list(self._jobs).index(job)
        found += next(rounds, ())[:place]
        return [each for each in found if each and (each.job is job or each.reserve <= reserve)]

    def add(self, waiter: Waiter, *, first: bool = False) -> None:
        """Let somebody stand in line, behind those of the same job or before everybody."""
        own = self._jobs.get(waiter.job)
        if own is None:
            own = self._jobs[waiter.job] = OrderedDict()
        own[waiter] = None
        self._count += 1
        if first:
            own.move_to_end(waiter, last=False)
            self._jobs = {waiter.job: own} | self._jobs

    def remove(self, waiter: Waiter) -> None:
        """Let somebody leave who stands in line."""
        own = self._jobs[waiter.job]
        del own[waiter]
        self._count -= 1
        if not own:
            del self._jobs[waiter.job]

    def pop_served(self, waiter: Waiter) -> None:
        """Let somebody leave with a token: the next job's turn."""
        own = self._jobs.pop(waiter.job)
        del own[waiter]
        self._count -= 1
        if own:
            self._jobs[waiter.job] = own
