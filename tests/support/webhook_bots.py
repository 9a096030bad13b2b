"""Bots and events for the tests of webhooks."""

import asyncio
from typing import Any

from cliq_async.testing import FakeCliq
from cliq_async.transport.base import NoAnswerError, Response
from cliq_async.webhooks import Event, MessageEvent, WebhookBot, WebhookHooks

CLIQ = FakeCliq()


class ResponseUrl:
    """A transport for late answers that a test makes fail: it notes when each came."""

    def __init__(self, *steps: Any, delay_s: float = 0.0) -> None:
        self.steps = list(steps)
        self.delay_s = delay_s
        self.posts: list[Any] = []
        self.urls: list[str] = []
        self.closed = 0

    async def send(self, request, permit):
        step = self.steps.pop(0) if self.steps else 200
        if step == "unsent":
            raise NoAnswerError("refused")
        assert permit.claim()
        assert not permit.claim()
        self.urls.append(request.url)
        self.posts.append((asyncio.get_running_loop().time(), request.body))
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if isinstance(step, Exception):
            raise step
        return Response(step, {}, b"")

    async def close(self):
        self.closed += 1


class Reports:
    """The hooks of a bot, which keep what they are told."""

    def __init__(self) -> None:
        self.failed: list[Any] = []
        self.lost: list[Any] = []

    @property
    def hooks(self) -> WebhookHooks:
        return WebhookHooks(on_event_failed=self.failed.append, on_answer_lost=self.lost.append)


def a_bot(handler: Any = None, **options: Any) -> WebhookBot:
    """A bot that knows the key of `CLIQ`, and answers messages by a handler, or by their text."""

    async def echo(event: MessageEvent) -> str:
        return event.text

    bot = WebhookBot(options.pop("public_key", CLIQ.public_key), **options)
    bot.message(handler or echo)
    return bot


def takes(seconds: float, answer: Any = "done") -> Any:
    """A handler that takes some time."""

    async def handler(_event: Event) -> Any:
        await asyncio.sleep(seconds)
        return answer

    return handler


class HangUp:
    """A client that hangs up while the handler of its event is at work, over a real socket."""

    def __init__(self) -> None:
        self.started, self.hung_up = asyncio.Event(), asyncio.Event()

    async def handler(self, _event: Event) -> str:
        self.started.set()
        await self.hung_up.wait()
        await asyncio.sleep(0.1)  # the server notices it
        return "done"

    async def run(self, port: int, path: str) -> None:
        """Send an event and hang up."""
        body, signature = CLIQ.say("hi")
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}X-Cliq-Signature: {signature}\r\n\r\n".encode() + body)
        await self.started.wait()
        writer.close()
        await writer.wait_closed()
        self.hung_up.set()
