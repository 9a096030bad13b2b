"""The receivers of events that are compared: ours, the same work by hand, and other frameworks.

Each greets the user by name, in the body of its response. The public key is in the environment.
"""

import asyncio
import base64
import json
import os
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from hashlib import blake2b
from typing import Any

import attrs
import msgspec
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from installed import version_of

from cliq_async.webhooks import MessageEvent, WebhookBot

SECRET = "secret"
PATH = "/cliq"
_SIGNATURE = "x-cliq-signature"
_MAX_AGE_S = 300.0
_MAX_SEEN = 10_000

Serve = Callable[[socket.socket], Awaitable[object]]


@attrs.frozen
class Receiver:
    """One of them.

    Attributes:
        name: What it is.
        serve: Serves on a socket for ever.
        packages: The distributions it needs besides those of cliq_async.
        events: Whose events it takes: `cliq`, `slack` or `telegram`.
        checks: It refuses the events of others.
        over: The receiver with which it is compared.
        bar: How many times the CPU of that one it may take; None for no limit.
    """

    name: str
    serve: Serve
    packages: tuple[str, ...] = ()
    events: str = "cliq"
    checks: bool = True
    over: str = ""
    bar: float | None = None

    @property
    def installed(self) -> bool:
        """Whether it can take part."""
        return all(version_of(package) is not None for package in self.packages)


# --- servers --------------------------------------------------------------------------------


async def _uvicorn(made: Callable[[], Any], listening: socket.socket, *, http: str = "h11") -> None:
    import uvicorn  # noqa: PLC0415 - not everywhere

    config = uvicorn.Config(made(), http=http, loop="asyncio", log_level="warning")
    await uvicorn.Server(config).serve(sockets=[listening])


async def _aiohttp(made: Callable[[], web.Application], listening: socket.socket) -> None:
    runner = web.AppRunner(made(), access_log=None)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    await asyncio.Event().wait()


# --- ours -----------------------------------------------------------------------------------


def _bot() -> WebhookBot:
    bot = WebhookBot(os.environ["CLIQ_PUBLIC_KEY"])

    @bot.message
    async def greet(event: MessageEvent) -> str:
        return f"Hi {event.user.first_name}"

    return bot


def _starlette_app(endpoint: Any, lifespan: Any = None) -> Any:
    from starlette.applications import Starlette  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    # An ASGI app has no methods of its own, an endpoint has POST.
    methods = None if isinstance(endpoint, WebhookBot) else ["POST"]
    return Starlette(routes=[Route(PATH, endpoint, methods=methods)], lifespan=lifespan)


def _ours_in_starlette() -> Any:
    bot = _bot()

    @asynccontextmanager
    async def lifespan(_app: Any):
        async with bot:
            yield

    return _starlette_app(bot, lifespan)


def _ours_on_aiohttp() -> web.Application:
    bot, app = _bot(), web.Application()
    app.add_routes([web.route("*", PATH, bot.aiohttp)])
    app.cleanup_ctx.append(bot.running)
    return app


# --- by hand --------------------------------------------------------------------------------


def _is_signed() -> Callable[[bytes, str], bool]:
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


def _bare_starlette() -> Any:
    from starlette.requests import Request  # noqa: PLC0415
    from starlette.responses import JSONResponse  # noqa: PLC0415

    async def greet(request: Request) -> JSONResponse:
        return JSONResponse(_greeting(json.loads(await request.body())))

    return _starlette_app(greet)


def _starlette_by_hand() -> Any:
    from starlette.requests import Request  # noqa: PLC0415
    from starlette.responses import JSONResponse  # noqa: PLC0415

    is_signed = _is_signed()
    seen: OrderedDict[bytes, float] = OrderedDict()

    async def greet(request: Request) -> JSONResponse:
        body = await request.body()
        if not is_signed(body, request.headers.get(_SIGNATURE, "")):
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

    return _starlette_app(greet)


def _bare_asgi() -> Any:
    is_signed = _is_signed()
    decode, encode = msgspec.json.decode, msgspec.json.encode
    header = _SIGNATURE.encode()

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


def _bare_aiohttp() -> web.Application:
    async def greet(request: web.Request) -> web.Response:
        return web.json_response(_greeting(json.loads(await request.read())))

    return _aiohttp_app(greet)


def _aiohttp_by_hand() -> web.Application:
    is_signed = _is_signed()

    async def greet(request: web.Request) -> web.Response:
        body = await request.read()
        if not is_signed(body, request.headers.get(_SIGNATURE, "")):
            return web.json_response({"code": "signature_invalid"}, status=401)
        return web.json_response(_greeting(json.loads(body)))

    return _aiohttp_app(greet)


# --- other frameworks -----------------------------------------------------------------------


def _fastapi() -> Any:
    from fastapi import FastAPI, HTTPException, Request  # noqa: PLC0415
    from pydantic import BaseModel, ConfigDict  # noqa: PLC0415

    class Model(BaseModel):
        model_config = ConfigDict(extra="allow")

    class User(Model):
        id: str
        first_name: str = ""
        last_name: str = ""
        email: str = ""

    class Member(Model):
        id: str = ""
        first_name: str = ""

    class Chat(Model):
        id: str = ""
        type: str = ""
        members: tuple[Member, ...] = ()

    class Params(Model):
        user: User
        chat: Chat = Chat()
        message: str = ""

    class Event(Model):
        handler: dict[str, str]
        timestamp: int
        params: Params

    is_signed = _is_signed()
    app = FastAPI()

    @app.post(PATH)
    async def greet(request: Request) -> dict[str, Any]:
        body = await request.body()
        if not is_signed(body, request.headers.get(_SIGNATURE, "")):
            raise HTTPException(401)
        event = Event.model_validate_json(body)
        return {"output": {"text": f"Hi {event.params.user.first_name}"}}

    return app


def _bolt() -> Any:
    from slack_bolt.adapter.starlette.async_handler import (  # noqa: PLC0415
        AsyncSlackRequestHandler,
    )
    from slack_bolt.async_app import AsyncApp  # noqa: PLC0415
    from slack_bolt.authorization import AuthorizeResult  # noqa: PLC0415

    async def authorize(enterprise_id, team_id):
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token="xoxb-1")

    app = AsyncApp(signing_secret=SECRET, authorize=authorize)

    @app.command("/greet")
    async def greet(ack, command):
        await ack(f"Hi {command['user_name']}")

    return _starlette_app(AsyncSlackRequestHandler(app).handle)


def _aiogram() -> web.Application:
    from aiogram import Bot, Dispatcher  # noqa: PLC0415
    from aiogram.types import Message  # noqa: PLC0415
    from aiogram.webhook.aiohttp_server import (  # noqa: PLC0415
        SimpleRequestHandler,
        setup_application,
    )

    dispatcher, app = Dispatcher(), web.Application()

    @dispatcher.message()
    async def greet(message: Message):
        return message.answer(f"Hi {message.from_user.first_name}")

    bot = Bot("1:x")
    SimpleRequestHandler(dispatcher, bot, handle_in_background=False, secret_token=SECRET).register(
        app, path=PATH
    )
    setup_application(app, dispatcher, bot=bot)
    return app


_H11 = ("starlette", "uvicorn")
_STARLETTE = "Starlette, the same checks by hand"
_ASGI = "bare ASGI, signature by hand"
_AIOHTTP = "bare aiohttp, signature by hand"
_OURS_STARLETTE = "cliq_async in Starlette"
_OURS_AIOHTTP = "cliq_async on aiohttp"
_HTTPTOOLS = " (httptools)"

RECEIVERS = {
    each.name: each
    for each in [
        Receiver("bare Starlette", partial(_uvicorn, _bare_starlette), _H11, checks=False),
        Receiver(_STARLETTE, partial(_uvicorn, _starlette_by_hand), _H11),
        Receiver(
            _OURS_STARLETTE, partial(_uvicorn, _ours_in_starlette), _H11, over=_STARLETTE, bar=1.35
        ),
        Receiver(_ASGI, partial(_uvicorn, _bare_asgi), ("uvicorn",)),
        Receiver(
            "cliq_async alone on uvicorn",
            partial(_uvicorn, _bot),
            ("uvicorn",),
            over=_ASGI,
            bar=1.5,
        ),
        Receiver("bare aiohttp", partial(_aiohttp, _bare_aiohttp), checks=False),
        Receiver(_AIOHTTP, partial(_aiohttp, _aiohttp_by_hand)),
        Receiver(_OURS_AIOHTTP, partial(_aiohttp, _ours_on_aiohttp), over=_AIOHTTP, bar=1.6),
        Receiver(
            _ASGI + _HTTPTOOLS,
            partial(_uvicorn, _bare_asgi, http="httptools"),
            ("uvicorn", "httptools"),
        ),
        Receiver(
            "cliq_async alone on uvicorn" + _HTTPTOOLS,
            partial(_uvicorn, _bot, http="httptools"),
            ("uvicorn", "httptools"),
            over=_ASGI + _HTTPTOOLS,
        ),
        Receiver(
            "FastAPI and pydantic, signature by hand",
            partial(_uvicorn, _fastapi),
            ("fastapi", "uvicorn"),
            over=_OURS_STARLETTE,
        ),
        Receiver(
            "Slack's Bolt in Starlette, HMAC",
            partial(_uvicorn, _bolt),
            ("slack-bolt", *_H11),
            events="slack",
            over=_OURS_STARLETTE,
        ),
        Receiver(
            "aiogram on aiohttp, secret header",
            partial(_aiohttp, _aiogram),
            ("aiogram",),
            events="telegram",
            over=_OURS_AIOHTTP,
        ),
    ]
}
