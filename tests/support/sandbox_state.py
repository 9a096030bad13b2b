"""The sandbox without its server: what it accepts, and a transport that it answers."""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from cliq_async.sandbox.endpoints import ENDPOINT_HANDLERS, Call as Request
from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.router import Router
from cliq_async.sandbox.state.state import State
from cliq_async.testing import FakeTransport

ROUTER = Router()


def sandbox_takes(read: Any, plain: Any, *more: Any) -> bool:
    try:
        read(msgspec.json.encode(plain), *more)
    except ApiFault:
        return False
    return True


def a_world() -> tuple[State, FakeTransport]:
    """A sandbox's state, and a transport whose requests it answers."""
    state = State.initial(bots=1, subscribers=3)

    def answer(request):
        endpoint, parameters = ROUTER.find(request.method, urlsplit(request.url).path)
        body = b"" if request.json is None else msgspec.json.encode(request.json)
        try:
            status, found = ENDPOINT_HANDLERS[endpoint](
                state, Request("ann", parameters, request.query, body)
            )
        except ApiFault as refused:
            return refused.status, {"code": refused.code, "message": refused.message}
        return status if found is None else (status, found)

    return state, FakeTransport(answer)
