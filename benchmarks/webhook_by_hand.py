"""Receivers of events by hand: with no checks, with the signature, and with all that a bot checks.

Each greets the user by name. The public key is in the environment.
"""

import base64
import json
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

import msgspec
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

PATH = "/cliq"
SIGNATURE = "x-cliq-signature"
_MAX_AGE_S = 300.0
_MAX_SEEN = 10_000


def starlette_app(endpoint: Any, lifespan: Any = None) -> Any:
    """Return an app with one route."""
    from starlette.applications import Starlette  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    return Starlette(routes=[Route(PATH, endpoint, methods=["POST"])], lifespan=lifespan)


def signature_check() -> Callable[[bytes, str], bool]:
    """Return a check of signatures, as one would write it by hand."""
    key = load_der_public_key(base64.b64decode(os.environ["CLIQ_PUBLIC_KEY"]))
    verify: Any = key.verify  # type: ignore[union-attr]
    padding, digest = PKCS1v15(), SHA256()

    def is_signed(body: bytes, signature: str) -> bool:
        try:
            verify(base64.b64decode(signature), body, padding, digest)
        except InvalidSignature:
            return False
        return True

    return is_signed


def _greeting(event: Mapping[str, Any]) -> dict[str, Any]:
    return {"output": {"text": f"Hi {event['params']['user']['first_name']}"}}


def bare_starlette() -> Any:
    """Return an app that checks nothing."""
    from starlette.requests import Request  # noqa: PLC0415
    from starlette.responses import JSONResponse  # noqa: PLC0415

    async def greet(request: Request) -> JSONResponse:
        return JSONResponse(_greeting(json.loads(await request.body())))

    return starlette_app(greet)


def starlette_by_hand() -> Any:
    """Return an app that checks what a bot of cliq_async checks."""
    from starlette.requests import Request  # noqa: PLC0415
    from starlette.responses import JSONResponse  # noqa: PLC0415

    is_signed = signature_check()
    seen: OrderedDict[bytes, float] = OrderedDict()

    async def greet(request: Request) -> JSONResponse:
        body = await request.body()
        if not is_signed(body, request.headers.get(SIGNATURE, "")):
            return JSONResponse({"code": "signature_invalid"}, 401)
        event = json.loads(body)
        if abs(time.time() - event["timestamp"] / 1000) > _MAX_AGE_S:
            return JSONResponse({"code": "timestamp_invalid"}, 401)
        digest = blake2b(body, digest_size=16).digest()
        if digest in seen:
            return JSONResponse({"output": ""})
        seen[digest] = time.time()
        if len(seen) > _MAX_SEEN:
            seen.popitem(last=False)
        if event["handler"]["type"] != "message_handler":
            return JSONResponse({"output": ""})
        return JSONResponse(_greeting(event))

    return starlette_app(greet)


def bare_asgi() -> Any:
    """Return the least that checks signatures."""
    is_signed = signature_check()
    decode, encode = msgspec.json.decode, msgspec.json.encode
    header = SIGNATURE.encode()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        signature = dict(scope["headers"])[header].decode()
        status, answer = 401, b'{"code":"signature_invalid"}'
        if is_signed(body, signature):
            status, answer = 200, encode(_greeting(decode(body)))
        length = str(len(answer)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return app


def _aiohttp_app(greet: Any) -> web.Application:
    app = web.Application()
    app.add_routes([web.post(PATH, greet)])
    return app


def bare_aiohttp() -> web.Application:
    """Return an app that checks nothing."""

    async def greet(request: web.Request) -> web.Response:
        return web.json_response(_greeting(json.loads(await request.read())))

    return _aiohttp_app(greet)


def aiohttp_by_hand() -> web.Application:
    """Return an app that checks signatures."""
    is_signed = signature_check()

    async def greet(request: web.Request) -> web.Response:
        body = await request.read()
        if not is_signed(body, request.headers.get(SIGNATURE, "")):
            return web.json_response({"code": "signature_invalid"}, status=401)
        return web.json_response(_greeting(json.loads(body)))

    return _aiohttp_app(greet)
