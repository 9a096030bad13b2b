"""Announcements of waits: one for each group of callers, and another one if a lock prolongs it.

A group is a job, or the callers of a client that belong to none. A job waits again and again, for
each window, and is announced once; other callers are announced again after none of them waited.
"""

from collections.abc import Callable
from math import inf
from typing import Final

import attrs

from cliq_async.errors import WaitReason
from cliq_async.quota.model import Denied, Lane, Quota

__all__ = ["WaitAnnouncer", "WaitListener"]

WaitListener = Callable[[Quota, Lane, float, WaitReason], None]
"""Called with a quota, a lane, the expected end on the client's clock, and the cause of a wait."""

_SHORTEST_S: Final = 1.0
"""The shortest wait that is announced."""
_LONGER_S: Final = 10.0
"""By how much a lock has to end later than it was announced to be announced again."""
_FORGET_S: Final = 3600.0
"""How long a job that no longer waits is known, in real seconds."""


@attrs.define(eq=False)
class _Group:
    """Callers that are announced together.

    Attributes:
        quota: The quota that they wait for.
        waiting: The number of its callers that wait now.
        announced: True if they were announced.
        locked_until: The end of the lock as it was announced.
        idle_at: The moment at which no one was seen to wait.
    """

    quota: Quota
    waiting: int = 0
    announced: bool = False
    locked_until: float = -inf
    idle_at: float = inf


class WaitAnnouncer:
    """The groups of callers that wait in one lane for one key."""

    def __init__(self) -> None:
        self._groups: dict[tuple[WaitListener, object], _Group] = {}

    def join(self, listener: WaitListener, job: object, quota: Quota) -> None:
        """Count a caller who begins to wait."""
        group = self._groups.get((listener, job))
        if group is None:
            group = self._groups[listener, job] = _Group(quota)
        group.waiting += 1
        group.idle_at = inf

    def leave(self, listener: WaitListener, job: object) -> None:
        """Count a caller who no longer waits."""
        group = self._groups[listener, job]
        group.waiting -= 1
        if job is None and not group.waiting:
            del self._groups[listener, job]

    def announce(self, lane: Lane, denied: Denied, now: float) -> None:
        """Tell the listeners of all groups that have not heard of a wait."""
        for (listener, job), group in list(self._groups.items()):
            if group.waiting:
                _announce(listener, group, lane, denied, now)
            elif now - group.idle_at > _FORGET_S:
                del self._groups[listener, job]
            else:
                group.idle_at = min(group.idle_at, now)

    def announce_to(
        self, listener: WaitListener, job: object, lane: Lane, denied: Denied, now: float
    ) -> None:
        """Tell a listener of a wait that it joins, unless it knows of it."""
        group = self._groups.get((listener, job))
        if group is not None:
            _announce(listener, group, lane, denied, now)


def _announce(
    listener: WaitListener, group: _Group, lane: Lane, denied: Denied, now: float
) -> None:
    until, second_s = denied.earliest_at, group.quota.second_s
    if until - now < _SHORTEST_S * second_s:
        return
    if denied.locked:
        if until < group.locked_until + _LONGER_S * second_s:
            return
        group.locked_until = until
    elif group.announced:
        return
    group.announced = True
    listener(group.quota, lane, until, denied.reason)
