"""What every contender has before it: a network that is watched, and a user who heeds a lock.

The user has so many messages to send and sixty workers to do it. Whoever is refused does what
is sensible: nothing is sent until the documented lock has ended since the first refusal was
heard, then the refused ones ask the limiter again and are sent again. What left and was not
answered counts as done, since it may have been.
"""

# ruff: noqa: D102 - what overrides or has a protocol does what that says

import asyncio
import math

import attrs
from support.simulation import REFUSED, Network

from cliq_async.endpoints import ENDPOINTS
from cliq_async.transport.base import NoAnswerError, Request, Response, SendPermit

LIMIT = ENDPOINTS["send_message"].limit
WORKERS = 60


@attrs.define(eq=False)
class Watched(Network):
    """A network that remembers what was accepted, and when."""

    accepted: list[float] = attrs.Factory(list)

    def arrive(self, answer: "asyncio.Future[Response]") -> None:
        refused = self.refused
        super().arrive(answer)
        if self.refused == refused:
            self.accepted.append(asyncio.get_running_loop().time())


class _Always:
    """A permit that somebody else's limiter has given."""

    sent = False

    def claim(self) -> bool:
        return True


@attrs.define
class _Noted:
    """A permit whose use is written down."""

    permit: SendPermit
    line: "Line"

    @property
    def sent(self) -> bool:
        return self.permit.sent

    def claim(self) -> bool:
        allowed = self.permit.claim()
        if allowed:
            self.line.departures.append(asyncio.get_running_loop().time())
            self.line.done += 1
        return allowed


@attrs.define(eq=False)
class Line:
    """One program's way to the network.

    Attributes:
        done: How many left and were not heard to be refused.
        departures: When each left.
    """

    network: Network
    done: int = 0
    departures: list[float] = attrs.Factory(list)

    async def send(self, request: Request, permit: SendPermit) -> Response:
        response = await self.network.send(request, _Noted(permit, self))
        self.done -= response.status == REFUSED.status
        return response

    async def close(self) -> None:
        pass


@attrs.define(eq=False)
class User:
    """One program that has messages to send.

    Attributes:
        waiting: How many no worker has taken yet.
    """

    line: Line
    waiting: int
    timeout_s: float | None
    closed_until: float = -math.inf

    def claim(self) -> bool:
        """Take one of the messages; False if there is none left."""
        if self.waiting == 0:
            return False
        self.waiting -= 1
        return True

    @property
    def closed(self) -> bool:
        """Whether there is a lock, as far as is known."""
        return asyncio.get_running_loop().time() < self.closed_until

    async def until_open(self) -> None:
        """Wait until no lock that is known stands."""
        left_s = self.closed_until - asyncio.get_running_loop().time()
        if left_s > 0.0:
            await asyncio.sleep(left_s)

    async def attempt(self) -> bool:
        """Send one message, unless there is a lock; whether it is done."""
        if self.closed:
            return False
        loop = asyncio.get_running_loop()
        left_at = loop.time()
        request = Request("POST", "https://cliq.zoho.com", {}, timeout_s=self.timeout_s)
        try:
            response = await self.line.send(request, _Always())
        except NoAnswerError:
            return True
        if response.status != REFUSED.status:
            return True
        if left_at >= self.closed_until:  # or it left before the lock was known
            self.closed_until = loop.time() + LIMIT.lock_s
        return False
