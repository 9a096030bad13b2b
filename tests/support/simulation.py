"""A network and a server in virtual time; everything else in these tests is the real client."""

import asyncio
import math
import random

import attrs

from cliq_async.client import CliqClient
from cliq_async.endpoints import Limit
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.sandbox.rate_limits import Throttle
from cliq_async.transport.base import NoAnswerError, Request, Response, SendPermit

MEDIAN_S = 0.08
P99_S = 1.5
_SIGMA = math.log(P99_S / MEDIAN_S) / 2.3263  # the 99th percentile of a standard normal

DONE = Response(204, {}, b"")
REFUSED = Response(429, {}, b'{"message":"Too many requests within a certain time frame."}')


def a_delay_s(rng: random.Random) -> float:
    """One way through a network with a heavy tail."""
    return rng.lognormvariate(math.log(MEDIAN_S), _SIGMA)


@attrs.define(eq=False)
class Network:
    """Carries requests to a server that counts, with a heavy tail of delays each way.

    The server counts in several ways at once; one that refuses is enough. A request that is
    given up on its way still arrives, up to `straggler_s` later.
    """

    throttles: list[Throttle]
    random: random.Random
    straggler_s: float = 30.0
    even_delay_s: float | None = None
    arrivals: list[float] = attrs.Factory(list)
    refused: int = 0

    def delay_s(self) -> float:
        return a_delay_s(self.random) if self.even_delay_s is None else self.even_delay_s

    async def send(self, request: Request, permit: SendPermit) -> Response:
        if not permit.claim():
            raise NoAnswerError("not sent")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Response] = loop.create_future()
        on_its_way = loop.call_later(self.delay_s(), self.arrive, answer)
        giving_up = None
        if request.timeout_s is not None:
            giving_up = loop.call_later(request.timeout_s, give_up, answer)
        try:
            return await answer
        except BaseException:
            if on_its_way.when() > loop.time():
                on_its_way.cancel()
                loop.call_later(self.random.uniform(0.0, self.straggler_s), self.arrive, answer)
            raise
        finally:
            if giving_up is not None:
                giving_up.cancel()

    def arrive(self, answer: "asyncio.Future[Response]") -> None:
        loop = asyncio.get_running_loop()
        self.arrivals.append(loop.time())
        verdicts = [
            throttle.arrive("user", "send_message", loop.time()) for throttle in self.throttles
        ]
        allowed = all(verdict.allowed for verdict in verdicts)
        self.refused += not allowed
        loop.call_later(self.delay_s(), deliver, answer, DONE if allowed else REFUSED)

    async def close(self) -> None:
        pass

    @property
    def lockouts(self) -> list[float]:
        """When locks began."""
        return [
            lock.at
            for throttle in self.throttles
            for _, _, gate in throttle.endpoint_counters()
            for lock in gate.locks
        ]


def deliver(answer: "asyncio.Future[Response]", response: Response) -> None:
    if not answer.done():
        answer.set_result(response)


def give_up(answer: "asyncio.Future[Response]") -> None:
    if not answer.done():
        answer.set_exception(NoAnswerError("timed out"))


def a_server(*algorithms: str, seed: int, limit: Limit | None = None) -> Network:
    """A network with a server behind it; the same seed gives the same delays."""
    limits = {} if limit is None else {"send_message": limit}
    throttles = [Throttle(algorithm, seed=seed, limits=limits) for algorithm in algorithms]
    return Network(throttles, random.Random(seed))


def a_client(network: Network, **options) -> CliqClient:
    """The real client on the running loop's time, in front of a simulated network."""
    clock = asyncio.get_running_loop().time
    return CliqClient("token", transport=network, quota=MemoryStore(clock=clock), **options)
