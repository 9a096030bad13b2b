"""A network and a Cliq in virtual time that lose, delay, break and refuse at random."""

import asyncio
import math
from collections import Counter, defaultdict
from random import Random
from urllib.parse import parse_qsl, urlsplit

import msgspec
from support.simulation import a_delay_s, deliver, give_up

from cliq_async.sandbox.endpoints import ENDPOINT_HANDLERS, Call
from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.rate_limits import Throttle
from cliq_async.sandbox.router import Router
from cliq_async.sandbox.state.state import State
from cliq_async.transport.base import NoAnswerError, Request, Response, SendPermit

STRAGGLER_S = 29.9
SPARED = 0.97
"""The share of refusals that are none: each teaches the client to use less than it may."""
BLOCKED = 97
"""People whose ids end so may not be messaged, nor whoever shares a request with them."""

FAULTS = ["unsent", "vanish", "lost", "lost", "500 before", "500 after", "502 before", "502 after"]
FAULTS += ["401", "throttle", "throttle long"]

OWN_FAILURE = Response(500, {}, b'{"message":"Cliq server encountered an error"}')
GATEWAY = Response(502, {}, b"<html>Bad Gateway</html>")
AGAIN = Response(429, {}, b'{"message":"Too many requests. Try again after 1 minutes."}')
LATER = Response(400, {}, b'{"code":"request_limit_exceeded","message":"throttled"}')
FORBIDDEN = Response(403, {}, b'{"code":"bot_unauthorized_message_access","message":"some"}')
INSTEAD = {
    "401": Response(401, {}, b'{"message":"invalid AuthToken"}'),
    "500 before": OWN_FAILURE,
    "502 before": GATEWAY,
    "throttle": AGAIN,
    "throttle long": LATER,
}
AFTER = {"500 after": OWN_FAILURE, "502 after": GATEWAY}


class World:
    """Carries requests to a server that counts them in three ways at once, and does them.

    Args:
        rng: Decides what goes wrong.

    Attributes:
        fault_rate: The share of requests with which something goes wrong.
        sent: By text, how often whom a message reached.
        lockouts: The requests that were too many.
        arrived: How many arrived.
        subscribers: How many the bot has.
    """

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.fault_rate = 0.02
        self.sent: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.lockouts: list[tuple[float, str]] = []
        self.arrived = 0
        self.subscribers = 180
        self._state = State.initial(bots=2, subscribers=self.subscribers)
        self._router = Router()
        self._throttles = [Throttle(each, seed=1) for each in ("rolling", "fixed", "bucket")]
        self._last = 0.0

    async def send(self, request: Request, permit: SendPermit) -> Response:
        fault = self.rng.choice(FAULTS) if self.rng.random() < self.fault_rate else ""
        if fault.startswith("throttle") and self.rng.random() < SPARED:
            fault = "lost"
        await asyncio.sleep(a_delay_s(self.rng) / 2)
        if fault == "unsent":
            raise NoAnswerError("no connection")
        if not permit.claim():
            raise NoAnswerError("not sent")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Response] = loop.create_future()
        at = loop.time() + (math.inf if fault == "vanish" else a_delay_s(self.rng))
        on_its_way = None if at == math.inf else self._carry(at, request, fault, answer)
        timeout_s = 300.0 if request.timeout_s is None else request.timeout_s
        giving_up = loop.call_later(timeout_s, give_up, answer)
        try:
            return await answer
        except BaseException:
            if on_its_way is not None and at > loop.time():
                on_its_way.cancel()
                late_s = self.rng.uniform(0.0, STRAGGLER_S)
                self._carry(loop.time() + late_s, request, "lost", answer)
            raise
        finally:
            giving_up.cancel()

    async def close(self) -> None:
        pass

    def _carry(self, at, request, fault, answer):
        # When it arrives does not depend on whether the client's machine is asleep.
        loop = asyncio.get_running_loop()
        return loop.call_at(at, self._arrive, at, request, fault, answer)

    def _arrive(self, at, request, fault, answer):
        self.arrived += 1
        self._last = at = max(at, self._last)
        endpoint, parameters = self._router.find(request.method, urlsplit(request.url).path)
        for throttle in self._throttles:
            if not throttle.arrive("user", endpoint, at).allowed:
                self.lockouts.append((at, endpoint))
        response = INSTEAD.get(fault) or self._done(endpoint, parameters, request)
        response = AFTER.get(fault, response)
        if fault != "lost":
            asyncio.get_running_loop().call_later(a_delay_s(self.rng), deliver, answer, response)
        elif self.rng.random() < 0.5:  # a connection that breaks is noticed
            asyncio.get_running_loop().call_later(a_delay_s(self.rng), give_up, answer)

    def _done(self, endpoint, parameters, request):
        if endpoint == "send_message":
            body = msgspec.json.decode(request.body)
            ids = body["user_ids"].split(",")
            if any(int(each) % 10_000 % 1_000 == BLOCKED for each in ids):
                return FORBIDDEN
            self.sent[body["text"]].update(ids)
            return Response(204, {}, b"")
        query = dict(parse_qsl(urlsplit(request.url).query))
        try:
            call = Call("ann", parameters, query, request.body)
            status, found = ENDPOINT_HANDLERS[endpoint](self._state, call)
        except ApiFault as refused:
            status, found = refused.status, {"code": refused.code, "message": refused.message}
        return Response(status, {}, b"" if found is None else msgspec.json.encode(found))
