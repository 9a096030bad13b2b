"""The bot as an ASGI app: on a real uvicorn, and by hand where a server does not lead."""

import asyncio
import socket
import time
from contextlib import asynccontextmanager

import aiohttp
import msgspec
import pytest
from support.webhook_bots import CLIQ, HangUp, ResponseUrl, a_bot, takes

from cliq_async.webhooks import WebhookBot

uvicorn = pytest.importorskip("uvicorn", reason="the group `examples` is not installed")


@asynccontextmanager
async def served(bot, **options):
    """Serve an app by uvicorn; yields its URL."""
    config = uvicorn.Config(bot, port=0, log_level="critical", ws="none", **options)
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        serving = asyncio.create_task(server._serve([listening]))
        while not server.started and not serving.done():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/any/path"
        finally:
            server.should_exit = True
            await serving


async def post(session, url, event, **options):
    headers = {"X-Cliq-Signature": event.signature}
    async with session.post(url, data=event.body, headers=headers, **options) as answer:
        return answer.status, await answer.json()


async def test_bot_answers_by_uvicorn():
    async with served(a_bot(max_body=5_000)) as url, aiohttp.ClientSession() as session:
        assert await post(session, url, CLIQ.say("ö")) == (200, {"output": {"text": "ö"}})
        event = CLIQ.say("hi")
        status, refusal = await post(
            session, url, type(event)((event.body + b" ", event.signature))
        )
        assert (status, refusal["code"]) == (401, "signature_invalid")
        assert (await post(session, url, CLIQ.sign(b"x" * 5_001)))[0] == 413
        async with session.get(url) as probe:
            assert (probe.status, await probe.read()) == (200, b"")
        async with session.head(url) as probe:
            assert probe.status == 200
        async with session.put(url, data=b"{}") as wrong:
            assert (wrong.status, wrong.headers["allow"]) == (405, "GET, HEAD, POST")
            assert (await wrong.json())["code"] == "method_not_allowed"
        async with session.post(url, data=event.body) as unsigned:
            assert unsigned.status == 401


async def chunks(body, size):
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def test_body_may_come_in_pieces_and_is_counted():
    async with served(a_bot(max_body=5_000)) as url, aiohttp.ClientSession() as session:
        event = CLIQ.say("hi")
        headers = {"X-Cliq-Signature": event.signature}
        for body, status in ((event.body, 200), (b"x" * 5_001, 413)):
            async with session.post(url, data=chunks(body, 200), headers=headers) as answer:
                assert answer.status == status


async def test_client_that_hangs_up_is_noticed():
    url_of_cliq, client = ResponseUrl(), HangUp()
    bot = a_bot(client.handler, transport=url_of_cliq, time_scale=20.0)
    async with served(bot) as url:
        await client.run(int(url.split(":")[2].partition("/")[0]), "/any/path")
    assert [body for _, body in url_of_cliq.posts] == [b'{"output":{"text":"done"}}']


async def test_server_that_ends_delivers_what_is_late():
    url_of_cliq = ResponseUrl()
    bot = a_bot(takes(1.0), transport=url_of_cliq, time_scale=30.0)
    async with served(bot) as url, aiohttp.ClientSession() as session:
        assert await post(session, url, CLIQ.say("hi")) == (200, {"output": ""})
        assert url_of_cliq.posts == []
    assert len(url_of_cliq.posts) == 1


# By hand.


class Server:
    """What a server does with an app, by hand."""

    def __init__(self, *messages):
        self.messages = list(messages)
        self.sent = []

    async def receive(self):
        if not self.messages:
            await asyncio.Event().wait()
        return self.messages.pop(0)

    async def send(self, message):
        self.sent.append(message)

    async def serve(self, bot, kind="http", method="POST", headers=()):
        scope = {"type": kind, "method": method, "headers": list(headers)}
        await bot(scope, self.receive, self.send)
        return self.sent


async def test_body_that_is_broken_off_is_refused_since_middleware_wants_an_answer():
    server = Server(
        {"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}
    )
    start, end = await server.serve(a_bot())
    assert start["status"] == 400
    assert msgspec.json.decode(end["body"])["code"] == "body_incomplete"


async def test_body_is_not_read_if_its_length_is_too_long():
    start, _ = await Server().serve(a_bot(), headers=[(b"content-length", b"9" * 5_000)])
    assert start["status"] == 413


async def test_lifespan_opens_and_drains():
    bot, server = a_bot(), Server({"type": "lifespan.startup"})
    serving = asyncio.create_task(server.serve(bot, "lifespan"))
    await asyncio.sleep(0.01)
    assert [each["type"] for each in server.sent] == ["lifespan.startup.complete"]
    assert not bot._dispatcher.is_busy
    serving.cancel()
    await asyncio.wait((serving,))
    other = a_bot()
    both = Server({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    sent = await both.serve(other, "lifespan")
    assert [each["type"] for each in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert other._dispatcher.is_busy


async def test_lifespan_that_fails_says_so():
    bot = a_bot()
    async with bot:
        server = Server({"type": "lifespan.startup"})
        with pytest.raises(RuntimeError):
            await server.serve(bot, "lifespan")
    (failed,) = server.sent
    assert failed["type"] == "lifespan.startup.failed"
    assert "open already" in failed["message"]


async def test_websockets_are_not_served():
    with pytest.raises(ValueError, match="not websocket"):
        await Server().serve(WebhookBot(CLIQ.public_key), "websocket")


async def test_client_that_waits_is_answered_by_a_server_that_hides_hang_ups():
    event = CLIQ.say("hi")
    body = {"type": "http.request", "body": event.body}
    headers = [(b"x-cliq-signature", event.signature.encode())]
    bot = a_bot(takes(0.1), time_scale=10.0)
    start, end = await Server(body).serve(bot, headers=headers)
    assert start["status"] == 200
    assert (b"content-type", b"application/json") in start["headers"]
    assert msgspec.json.decode(end["body"]) == {"output": {"text": "done"}}


async def test_hang_up_is_noticed_in_a_busy_loop_behind_middleware():
    event = CLIQ.say("hi")
    server, url_of_cliq = Server({"type": "http.request", "body": event.body}), ResponseUrl()

    async def receive():
        if server.messages:
            return server.messages.pop(0)
        for _ in range(6):
            time.sleep(0.01)  # noqa: ASYNC251 - as long as all that a server waits
            await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    headers = [(b"x-cliq-signature", event.signature.encode())]
    scope = {"type": "http", "method": "POST", "headers": headers}
    bot = a_bot(takes(0.1), transport=url_of_cliq, time_scale=100.0)
    async with bot:
        await bot(scope, receive, server.send)
    assert [body for _, body in url_of_cliq.posts] == [b'{"output":{"text":"done"}}']
