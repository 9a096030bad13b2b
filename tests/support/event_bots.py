"""A webhook bot of the tests' own, on aiohttp alone, and a sandbox that has it."""

import base64
import inspect
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from cliq_async.sandbox import Sandbox

PERMISSIONS = {
    "welcome_handler": ("user",),
    "message_handler": ("attachments", "chat", "location", "message", "user"),
    "mention_handler": ("chat", "location", "message", "user"),
    "context_handler": ("attachments", "chat", "user"),
    "participation_handler": ("chat", "user"),
    "incoming_webhook_handler": ("user",),
    "menu_handler": ("chat", "location", "user"),
    "call_handler": ("user",),
}
JAMES = "65113112"


def is_signed(public_key, body, signature):
    """Whether a signature is right, by `cryptography` alone."""
    key = load_der_public_key(base64.b64decode(public_key))
    assert isinstance(key, RSAPublicKey)
    assert key.key_size == 2048
    try:
        key.verify(base64.b64decode(signature), body, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def echo(event):
    return {"text": f"re: {event['params'].get('message')}"}


class TestBot:
    """A bot that answers by a function of the test; it keeps the events it got.

    `answer` takes an event and returns the output, or a whole response.
    """

    __test__ = False

    def __init__(self, answer: Any = None):
        self.answer: Any = answer or (
            lambda event: {"text": f"re: {event['params'].get('message')}"}
        )
        self.requests: list[tuple[bytes, str]] = []
        self.events: list[dict[str, Any]] = []
        self.url = ""
        self.sandbox: Any = None

    async def handle(self, request):
        body = await request.read()
        signature = request.headers["X-Cliq-Signature"]
        self.requests.append((body, signature))
        if not is_signed(self.sandbox.public_key, body, signature):
            return web.json_response({"code": "signature_invalid"}, status=401)
        event = json.loads(body)
        self.events.append(event)
        output = self.answer(event)
        if inspect.isawaitable(output):
            output = await output
        if isinstance(output, web.StreamResponse):
            return output
        return web.json_response({"output": output})

    async def respond_late(self, event, output):
        async with (
            aiohttp.ClientSession() as session,
            session.post(event["response_url"], json={"output": output}) as response,
        ):
            return response.status, await response.json()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/cliq", self.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/cliq"
        try:
            yield self.url
        finally:
            await runner.cleanup()


class Api:
    """The API of a sandbox, as far as these tests need it."""

    def __init__(self, sandbox, session):
        self.sandbox = sandbox
        self.session = session

    async def post(self, path, body, **options) -> Any:
        headers = {"Authorization": "Bearer ann"}
        url = f"{self.sandbox.url}/api/v3{path}"
        async with self.session.post(url, json=body, headers=headers, **options) as response:
            assert response.status < 300, await response.text()
            return await response.json() if response.status == 200 else None

    async def create_bot(self, url, *, name="Hook", permissions=None, menu=("Raise",), **fields):
        """Create a webhook bot with handlers; return its unique name."""
        form = {
            "name": name,
            "description": "d",
            "execution_type": "webhook",
            "execution_url": url,
            "channel_participation": ["listen_message"],
            "calls": "enabled",
        }
        bot = (await self.post("/bots", form | fields))["data"]
        for handler, allowed in (PERMISSIONS if permissions is None else permissions).items():
            names = menu if handler == "menu_handler" else (None,)
            for each in names:
                body = {"type": handler, "permissions": list(allowed)}
                await self.post(
                    f"/bots/{bot['id']}/handlers", body | ({"name": each} if each else {})
                )
        return bot["unique_name"]

    async def sandbox_post(self, path, **body):
        async with self.session.post(f"{self.sandbox.url}/sandbox/{path}", json=body) as response:
            return response.status, await response.json()

    async def sandbox_get(self, path, **query):
        async with self.session.get(f"{self.sandbox.url}/sandbox/{path}", params=query) as response:
            return response.status, await response.json()


@asynccontextmanager
async def hooked(answer=None, *, bot_fields=None, **options):
    """A sandbox whose bot `hook` is served by a `TestBot`: yields sandbox, bot and API."""
    bot = TestBot(answer)
    async with (
        bot.serving() as url,  # ends last: aiohttp leaves a connection open that comes meanwhile
        Sandbox(**options) as sandbox,
        aiohttp.ClientSession() as session,
    ):
        bot.sandbox = sandbox
        api = Api(sandbox, session)
        await api.create_bot(url, **(bot_fields or {}))
        yield sandbox, bot, api
