"""A client of a running sandbox, and a sandbox that is called without a server."""

from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest

from cliq_async.sandbox import Sandbox
from cliq_async.sandbox.dialect import DIALECTS
from cliq_async.sandbox.endpoints import Call
from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.state.state import State

SEND = "/api/v3/bots/supportbot/message"
BOTS = "/api/v3/bots"
SUBSCRIBERS = "/api/v3/bots/supportbot/subscribers"
FIRST, SECOND, THIRD = "55743307", "55743310", "55743313"


class Caller:
    """A client of one sandbox; the user is `ann` by default."""

    def __init__(self, sandbox, session):
        self.sandbox = sandbox
        self.session = session

    async def request(self, method, path, *, token: Any = "ann", **options):
        headers = {"Authorization": f"Bearer {token}"} | options.pop("headers", {})
        url = self.sandbox.url + path
        async with self.session.request(method, url, headers=headers, **options) as answer:
            text = await answer.text()
            is_json = answer.content_type == "application/json"
            return answer.status, (await answer.json() if is_json else text)

    async def get(self, path, **query):
        return await self.request("GET", path, params=query)

    async def send(self, *, token="ann", query=None, **message):
        body = {"text": "hi"} | message
        return await self.request("POST", SEND, token=token, json=body, params=query or {})

    async def report(self, **query):
        status, body = await self.request("GET", "/sandbox/report", token="", params=query)
        assert status == 200
        return body


@asynccontextmanager
async def running(**options):
    async with Sandbox(**options) as sandbox, aiohttp.ClientSession() as session:
        yield Caller(sandbox, session)


class OfflineSandbox:
    """A sandbox's state, called without a server; the user is `ann` by default."""

    def __init__(self, *, bots=1, subscribers=3, dialect="seed", **options):
        self.dialect = DIALECTS[dialect]
        self.state = State.initial(bots=bots, subscribers=subscribers, **options)

    def request(self, name, *parameters, body: Any = b"", query=None, user: Any = "ann") -> Any:
        """Return the status and the body of an endpoint's response."""
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        call = Call(user, parameters, query or {}, data)
        try:
            return self.dialect.handlers[name](self.state, call)
        except ApiFault as fault:
            raise self.dialect.translate(fault) from None

    def refusal(self, name, *parameters, **options):
        """Return the status and the code of an endpoint's error."""
        with pytest.raises(ApiFault) as caught:
            self.request(name, *parameters, **options)
        assert caught.value.message
        return caught.value.status, caught.value.code

    def create_bot(self, name="Pipeline Bot", *, user="ann", **fields):
        """Create a bot and return its record."""
        body = {"name": name, "description": "Tells of builds"} | fields
        status, answer = self.request("create_bot", body=body, user=user)
        assert (status, answer["url"], answer["type"]) == (200, "/api/v3/bots", "bot")
        return answer["data"]

    def create_webhook_bot(self, name="Hook Bot", **fields):
        """Create a webhook bot and return its record."""
        url = "https://example.com/hook"
        return self.create_bot(name, execution_type="webhook", execution_url=url, **fields)

    def list_bots(self, token=None):
        """Return a page of the bots, or of those changed since a sync token."""
        _, page = self.request("list_bots", query={"sync_token": token} if token else {})
        return page
