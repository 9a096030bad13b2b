"""Receivers of events in other frameworks. Each greets the user by name."""

from typing import Any

from aiohttp import web
from webhook_by_hand import PATH, SIGNATURE, signature_check, starlette_app

SECRET = "secret"


def fastapi() -> Any:
    """Return an app whose models are typed."""
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

    is_signed = signature_check()
    app = FastAPI()

    @app.post(PATH)
    async def greet(request: Request) -> dict[str, Any]:
        body = await request.body()
        if not is_signed(body, request.headers.get(SIGNATURE, "")):
            raise HTTPException(401)
        event = Event.model_validate_json(body)
        return {"output": {"text": f"Hi {event.params.user.first_name}"}}

    return app


def bolt() -> Any:
    """Return an app that answers a command of Slack's."""
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

    return starlette_app(AsyncSlackRequestHandler(app).handle)


def aiogram() -> web.Application:
    """Return an app that answers an update of Telegram's, before it responds."""
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
