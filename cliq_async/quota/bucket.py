"""The token bucket whose tokens come back late. Pure: no clock, no waiting, no I/O.

A bucket holds N tokens. A request takes one, and the token comes back a window and a margin
after the request has *ended*, not after it began. A request reaches the server at some moment
a between being sent and being answered, a <= e. Its token's next request is sent at or after
e + T, so it arrives at or after e + T >= a + T. N tokens, each at least T apart at the server,
put at most N requests into any window of length T, whatever the network does. So a rolling
window, a fixed window and a bucket of N refilled over T are all satisfied.

How a request ends decides when its token is back:

- never sent: at once.
- answered: T + margin after the answer.
- sent and given up, or answered by a gateway: it may still be on its way, so straggler_s later.
- its process died: when the token's lease ends.

A refusal closes the bucket until the lock is over; then a single request probes it. A lock
although the threshold was kept means that the server is stricter than its documents, or that
another program spends this user's quota: the bucket learns to use less (see `AdaptiveLimit`).
"""

from bisect import bisect_right, insort
from math import inf

import attrs

from cliq_async.quota.adaptive import AdaptiveLimit
from cliq_async.quota.fair_share import Share, tokens_owed
from cliq_async.quota.model import (
    Denied,
    Lane,
    Lock,
    QueueId,
    Quota,
    Snapshot,
    TokenId,
    TokenOutcome,
)

__all__ = ["Bucket"]

# Before Python 3.12, reading a member of an enum costs as much as the whole decision.
_NEVER_SENT, _ANSWERED, _ABANDONED = (
    TokenOutcome.NEVER_SENT,
    TokenOutcome.ANSWERED,
    TokenOutcome.ABANDONED,
)
_SOON_S = 0.04
_SOON_SHARE = 0.04
"""Tokens that come back within this time of each other are waited for together."""
_LATE_S = 0.25
"""The grace in which a queue may ask again before others stop leaving it a token."""
_PASSING_S = 0.05
"""The pause before asking again for a token that another queue is about to take. Real seconds."""
_CEILING_S = 24 * 3600.0


@attrs.define
class Bucket:
    """The tokens of one key.

    Attributes:
        held: The tokens of requests in flight, each with the end of its lease.
        returning: The moments at which the spent tokens come back, in order.
        locked_until: The end of the last lock.
        reopening: True from a lock until a request has succeeded after it.
        probe: The token of the single request that tests whether the lock is over.
        opened_at: The moment of that request's success.
        adaptive: The limit that locks have taught, or None.
        waiting: For each queue with interactive callers: until when batches leave it tokens, and
            how many.
        shares: For each queue with a batch: its share, see `tokens_owed`.
    """

    held: dict[TokenId, float] = attrs.Factory(dict)
    returning: list[float] = attrs.Factory(list)
    locked_until: float = -inf
    reopening: bool = False
    probe: TokenId | None = None
    opened_at: float = -inf
    adaptive: AdaptiveLimit | None = None
    waiting: dict[QueueId, tuple[float, int]] = attrs.Factory(dict)
    shares: dict[QueueId, Share] = attrs.Factory(dict)

    def acquire(
        self,
        quota: Quota,
        token: TokenId,
        now: float,
        lease_s: float,
        *,
        reserve: int = 0,
        lane: Lane = Lane.INTERACTIVE,
        queue_id: QueueId | None = None,
        waiters: int = 1,
        max_sleep_s: float = inf,
    ) -> Denied | None:
        """Take a token and return None, or return when to ask again.

        Args:
            quota: The threshold.
            token: The token's id.
            now: The moment.
            lease_s: The time after which the token is back if it never ends.
            reserve: The number of tokens to leave to others.
            lane: A batch leaves a token to each interactive caller in another queue.
            queue_id: The queue that asks, and will ask again; None for a caller in no queue.
            waiters: The number of callers in that queue and lane, this one included.
            max_sleep_s: The longest time until a refused queue asks again.
        """
        ahead = granted = 0
        batch = queue_id if lane is Lane.BULK else None
        if self.waiting:
            self.waiting = {queue: wait for queue, wait in self.waiting.items() if wait[0] > now}
            if lane is Lane.BULK:
                ahead = sum(many for queue, (_, many) in self.waiting.items() if queue != queue_id)
        if batch is not None and self.shares:
            granted, owed = tokens_owed(self.shares, batch, now, reserve)
            if owed:
                ahead += owed + reserve
        if self.try_take(quota, token, now, lease_s, reserve, ahead=ahead):
            if batch is not None:
                self.shares[batch] = Share(now + _LATE_S, waiters - 1, reserve, granted + 1)
            self._set_waiting(queue_id, lane, now, waiters - 1)
            return None
        denied = self.next_chance(quota, now, reserve, ahead)
        if max_sleep_s < inf:
            soon = now + max_sleep_s
            retry_at, retry_many_at = min(denied.retry_at, soon), min(denied.retry_many_at, soon)
            denied = denied._replace(retry_at=retry_at, retry_many_at=retry_many_at)
        if batch is not None:
            self.shares[batch] = Share(denied.retry_many_at + _LATE_S, waiters, reserve, granted)
        self._set_waiting(queue_id, lane, denied.retry_many_at, waiters)
        return denied

    def _set_waiting(
        self, queue_id: QueueId | None, lane: Lane, retry_at: float, waiters: int
    ) -> None:
        """Record when a queue with interactive callers will ask again."""
        if queue_id is not None:
            self.waiting.pop(queue_id, None)
            if lane is Lane.INTERACTIVE and waiters > 0:
                self.waiting[queue_id] = (retry_at + _LATE_S, waiters)

    def try_take(
        self,
        quota: Quota,
        token: TokenId,
        now: float,
        lease_s: float,
        reserve: int = 0,
        *,
        ahead: int = 0,
    ) -> bool:
        """Take a token, if one is free in addition to the `reserve` left to others.

        Return True as well for a token that is held already, and take no second one. The tokens
        of the `ahead` callers who go first are left to them in any case.
        """
        capacity = quota.threshold if self.adaptive is None else self.capacity(quota, now)
        usable = capacity - min(reserve, capacity - 1) if reserve else capacity
        if ahead:
            usable = min(usable, capacity - ahead)
        held = self.held
        if held.get(token, now) > now:
            return True
        if len(held) + len(self.returning) >= usable:
            self._forget(now)
            if len(held) + len(self.returning) >= usable:
                return False
        if self.reopening and not self._may_probe(token, now):
            return False
        held[token] = now + lease_s
        return True

    def end(self, quota: Quota, token: TokenId, now: float, ending: TokenOutcome) -> bool:
        """End a token. Return True if a refused caller may now go sooner than it was told.

        A token that is not held was refunded or has outlived its lease; a request that was sent
        is counted all the same.
        """
        held = self.held.pop(token, None) is not None
        if ending is not _NEVER_SENT:
            back_at = now + (
                quota.period_s if self.adaptive is None else self._period_s(quota, now)
            )
            if ending is _ABANDONED:
                back_at += quota.straggler_s
            insort(self.returning, back_at)
        if self.reopening and token == self.probe:
            self.probe = None
            if ending is _ANSWERED:
                self.reopening = False
                self.opened_at = now
            return True
        return held and ending is _NEVER_SENT

    def refuse(
        self, quota: Quota, token: TokenId, now: float, taken_at: float, wait_s: float | None
    ) -> Lock:
        """End a token whose request was refused, and close the bucket.

        Args:
            quota: The threshold.
            token: The refused request's token.
            now: The moment of the refusal.
            taken_at: The moment at which the token was taken. The refusal of a request from
                before the bucket reopened belongs to the previous lock.
            wait_s: The wait that the refusal asks for; None for the documented lock period.
        """
        self.held.pop(token, None)
        insort(self.returning, now + self._period_s(quota, now))
        first = not self.reopening and taken_at >= self.opened_at
        wait_s = quota.lock_s if wait_s is None else wait_s
        # A request in the very second in which the lock ends is refused again.
        self.locked_until = max(self.locked_until, now + wait_s + quota.second_s)
        self.reopening = True
        if self.probe == token:
            self.probe = None
        if first:
            self._learn(quota, now)
        return Lock(self.locked_until, first, self.capacity(quota, now))

    def capacity(self, quota: Quota, now: float) -> int:
        """Return the number of tokens: the threshold, or the limit that locks have taught."""
        learned = self.adaptive
        if learned is None:
            return quota.threshold
        learned.recover(now, quota.second_s)
        if learned.capacity >= quota.threshold and now >= learned.ceiling_until:
            self.adaptive = None
        return min(learned.capacity, quota.threshold)

    def snapshot(self, quota: Quota, now: float) -> Snapshot:
        """Return the tokens that are free now and later."""
        self._forget(now)
        return Snapshot(
            now=now,
            threshold=quota.threshold,
            capacity=self.capacity(quota, now),
            leases=tuple(self.held.values()),
            returns=tuple(self.returning),
            period_s=self._period_s(quota, now),
            locked_until=self.locked_until,
            reopening=self.reopening,
            probe_until=None if self.probe is None else self.held.get(self.probe),
            waiting=sum(many for until, many in self.waiting.values() if until > now)
            + sum(share.waiting for share in self.shares.values() if share.until > now),
        )

    def next_chance(self, quota: Quota, now: float, reserve: int = 0, ahead: int = 0) -> Denied:
        """Return when a take that was refused just now can succeed."""
        if now < self.locked_until:
            until = self.locked_until
            return Denied(until, until, until, "locked")
        if self.reopening and self.probe in self.held:
            until = self.held[self.probe]
            return Denied(now, until, until, "reopening")
        earliest = self._earliest(quota, now, reserve)
        soon_s = min(_SOON_S, quota.window_s * _SOON_SHARE)
        place = bisect_right(self.returning, earliest + soon_s)
        retry_many_at = max(earliest, self.returning[place - 1]) if place else earliest
        if ahead and earliest <= now:  # one is free, but another queue is about to take it
            retry_at = now + _PASSING_S
            return Denied(earliest, retry_at, retry_at, "reserved")
        spent = len(self.held) + len(self.returning) >= self.capacity(quota, now)
        return Denied(earliest, earliest, retry_many_at, "spent" if spent else "reserved")

    def _earliest(self, quota: Quota, now: float, reserve: int) -> float:
        """Return when a token is free in addition to the reserve.

        A request in flight counts as answered now.
        """
        capacity = self.capacity(quota, now)
        usable = capacity - min(reserve, capacity - 1)
        index = len(self.held) + len(self.returning) - usable
        if index < 0:
            return now
        answered_now = now + self._period_s(quota, now)
        returning, leases = self.returning, self.held.values()
        sooner = index < len(returning) and returning[index] <= answered_now
        if sooner and (not leases or min(leases) >= returning[index]):
            return returning[index]
        return sorted([*returning, *(min(end, answered_now) for end in leases)])[index]

    def _period_s(self, quota: Quota, now: float) -> float:
        """Return the time from an answer until its token is back."""
        self.capacity(quota, now)  # the adaptive limit may have ended
        return quota.period_s if self.adaptive is None else quota.window_s + self.adaptive.margin_s

    def _forget(self, now: float) -> None:
        """Forget the tokens that are back, and the held ones whose lease has ended."""
        if self.returning and self.returning[0] <= now:
            del self.returning[: bisect_right(self.returning, now)]
        if self.held and min(self.held.values()) <= now:
            # A copy: the garbage collector may end a token at any time (see MemoryStore).
            for token, end in self.held.copy().items():
                if end <= now:
                    self.held.pop(token, None)

    def _may_probe(self, token: TokenId, now: float) -> bool:
        if now < self.locked_until:
            return False
        if self.probe not in (None, token) and self.held.get(self.probe, now) > now:
            return False
        self.probe = token
        return True

    def _learn(self, quota: Quota, now: float) -> None:
        used = self.capacity(quota, now)
        margin_s = quota.margin_s if self.adaptive is None else self.adaptive.margin_s
        self.adaptive = AdaptiveLimit(
            capacity=max(1, used - max(1, used // 5)),
            margin_s=max(margin_s, min(max(2.0 * margin_s, quota.second_s), quota.window_s)),
            ceiling=used,
            ceiling_until=now + _CEILING_S * quota.second_s,
            strikes=1 if self.adaptive is None else self.adaptive.strikes + 1,
            grown_at=self.locked_until,
        )
