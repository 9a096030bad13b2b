"""The sandbox without its server: the bodies it accepts, and a transport that calls it."""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from cliq_async.sandbox.endpoints import ENDPOINT_HANDLERS, Call as Request
from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.router import Router
from cliq_async.sandbox.state.state import State
from cliq_async.testing import FakeTransport

ROUTER = Router()


def sandbox_accepts(read: Any, plain: Any, *arguments: Any) -> bool:
    """Return whether the sandbox's check of a body accepts this data."""
    try:
        read(msgspec.json.encode(plain), *arguments)
    except ApiFault:
        return False
    return True


def offline_sandbox() -> tuple[State, FakeTransport]:
    """Return a sandbox's state, and a transport that calls it."""
    state = State.initial(bots=1, subscribers=3)

    def answer(request):
        endpoint, parameters = ROUTER.find(request.method, urlsplit(request.url).path)
        body = b"" if request.json is None else msgspec.json.encode(request.json)
        try:
            status, reply = ENDPOINT_HANDLERS[endpoint](
                state, Request("ann", parameters, request.query, body)
            )
        except ApiFault as fault:
            return fault.status, {"code": fault.code, "message": fault.message}
        return status if reply is None else (status, reply)

    return state, FakeTransport(answer)
