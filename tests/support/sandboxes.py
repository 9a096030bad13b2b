"""A sandbox that is asked over HTTP, and its state that is asked without a server."""

from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest

from cliq_async.sandbox import Sandbox
from cliq_async.sandbox.endpoints import ENDPOINT_HANDLERS, Call
from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.state.state import State

SEND = "/api/v3/bots/supportbot/message"
BOTS = "/api/v3/bots"
SUBSCRIBERS = "/api/v3/bots/supportbot/subscribers"
FIRST, SECOND, THIRD = "55743307", "55743310", "55743313"


class Caller:
    """Asks one sandbox, as the user `ann` unless told otherwise."""

    def __init__(self, sandbox, session):
        self.sandbox = sandbox
        self.session = session

    async def ask(self, method, path, *, token: Any = "ann", **options):
        headers = {"Authorization": f"Bearer {token}"} | options.pop("headers", {})
        url = self.sandbox.url + path
        async with self.session.request(method, url, headers=headers, **options) as answer:
            text = await answer.text()
            is_json = answer.content_type == "application/json"
            return answer.status, (await answer.json() if is_json else text)

    async def get(self, path, **query):
        return await self.ask("GET", path, params=query)

    async def send(self, *, token="ann", query=None, **message):
        body = {"text": "hi"} | message
        return await self.ask("POST", SEND, token=token, json=body, params=query or {})

    async def report(self, **query):
        status, body = await self.ask("GET", "/sandbox/report", token="", params=query)
        assert status == 200
        return body


@asynccontextmanager
async def running(**options):
    async with Sandbox(**options) as sandbox, aiohttp.ClientSession() as session:
        yield Caller(sandbox, session)


class World:
    """A state that is asked without a server, as the user `ann` unless told otherwise."""

    def __init__(self, *, bots=1, subscribers=3, **options):
        self.state = State.initial(bots=bots, subscribers=subscribers, **options)

    def ask(self, name, *parameters, body: Any = b"", query=None, user: Any = "ann") -> Any:
        """The status and the body of an endpoint's answer."""
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return ENDPOINT_HANDLERS[name](self.state, Call(user, parameters, query or {}, data))

    def refusal(self, name, *parameters, **options):
        """The status and the code of an endpoint's error."""
        with pytest.raises(ApiFault) as caught:
            self.ask(name, *parameters, **options)
        assert caught.value.message
        return caught.value.status, caught.value.code

    def create(self, name="Pipeline Bot", *, user="ann", **fields):
        """The record of a new bot."""
        body = {"name": name, "description": "Tells of builds"} | fields
        status, answer = self.ask("create_bot", body=body, user=user)
        assert (status, answer["url"], answer["type"]) == (200, "/api/v3/bots", "bot")
        return answer["data"]

    def webhook(self, name="Hook Bot", **fields):
        """The record of a new webhook bot."""
        url = "https://example.com/hook"
        return self.create(name, execution_type="webhook", execution_url=url, **fields)

    def sync(self, token=None):
        """The list of bots, or what changed in it."""
        _, page = self.ask("list_bots", query={"sync_token": token} if token else {})
        return page
