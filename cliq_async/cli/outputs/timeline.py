"""Requests and deliveries of a job over time, in a bounded number of points."""

import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import attrs

from cliq_async.bulk.report import BroadcastProgress
from cliq_async.hooks import Hooks, LockDetails, RequestDetails

__all__ = ["Point", "Timeline"]

_MAX_POINTS: Final = 360
_POINTS_PER_WINDOW: Final = 30


@attrs.define
class Point:
    """A short time of a job.

    Attributes:
        requests: The most requests that were answered in a window that ends in this time.
        delivered: The recipients delivered to by the end of this time.
    """

    requests: int
    delivered: int


class Timeline:
    """The requests that one endpoint answered, and the recipients delivered to, over time.

    Points get longer with the job, so that their number is bounded.

    Args:
        endpoint: The endpoint's name.
        window_s: The window of its threshold, in real seconds.
        clock: Returns the time.

    Attributes:
        points: The points so far; each takes `width_s`.
        width_s: The duration of a point, in real seconds.
        began: The time of the start.
        took_s: The duration so far.
        first: The recipients delivered to at the start, by earlier runs; None if there is no
            progress yet.
        locks: The start and the end of each lock, in seconds since the start.
    """

    def __init__(
        self, endpoint: str, window_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._start = clock()
        self._recent: deque[float] = deque()
        self._delivered = 0
        self.window_s = window_s
        self.points: list[Point] = []
        self.width_s = window_s / _POINTS_PER_WINDOW
        self.began = datetime.now().astimezone()
        self.took_s = 0.0
        self.first: int | None = None
        self.locks: list[tuple[float, float]] = []

    @property
    def hooks(self) -> Hooks:
        """The hooks that record requests and locks."""
        return Hooks(on_request=self._record_request, on_lock=self._record_lock)

    @property
    def peak(self) -> int:
        """The most requests in any window."""
        return max((each.requests for each in self.points), default=0)

    def record_progress(self, now: BroadcastProgress) -> None:
        """Record the recipients delivered to."""
        if self.first is None:
            self.first = self._delivered = now.delivered
        point = self._point()
        self._delivered = point.delivered = now.delivered

    def _record_request(self, details: RequestDetails) -> None:
        if details.endpoint == self._endpoint and details.outcome != "unsent":
            point = self._point()
            self._recent.append(self._start + self.took_s)
            point.requests = max(point.requests, len(self._recent))

    def _record_lock(self, details: LockDetails) -> None:
        if details.endpoint == self._endpoint:
            self._point()
            left_s = (details.until - datetime.now(UTC)).total_seconds()
            self.locks.append((self.took_s, self.took_s + max(0.0, left_s)))

    def _point(self) -> Point:
        """Return the point of now, after those that have passed since the last one."""
        self.took_s = self._clock() - self._start
        while (index := int(self.took_s / self.width_s)) >= _MAX_POINTS:
            self._merge()
        while len(self.points) <= index:
            self._forget(self._start + len(self.points) * self.width_s)
            self.points.append(Point(len(self._recent), self._delivered))
        self._forget(self._start + self.took_s)
        return self.points[-1]

    def _forget(self, now: float) -> None:
        while self._recent and self._recent[0] <= now - self.window_s:
            self._recent.popleft()

    def _merge(self) -> None:
        """Make one point of each two."""
        pairs = (self.points[each : each + 2] for each in range(0, len(self.points), 2))
        self.points = [
            Point(max(each.requests for each in pair), pair[-1].delivered) for pair in pairs
        ]
        self.width_s *= 2
