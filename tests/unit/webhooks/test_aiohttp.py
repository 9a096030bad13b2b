"""The bot in an app of aiohttp, on real sockets."""

from io import BytesIO

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from support.webhook_bots import CLIQ, HangUp, ResponseUrl, a_bot


def served(bot, **options):
    app = web.Application()
    app.add_routes([web.route("*", "/cliq", bot.aiohttp)])
    app.cleanup_ctx.append(bot.running)
    return TestClient(TestServer(app), **options)


async def post(client, event, **options):
    headers = {"X-Cliq-Signature": event.signature}
    async with client.post("/cliq", data=event.body, headers=headers, **options) as answer:
        return answer.status, await answer.json()


async def chunks(body, size):
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def test_bot_answers_in_an_app():
    async with served(a_bot(max_body=2_000_000)) as client:
        assert await post(client, CLIQ.say("ö")) == (200, {"output": {"text": "ö"}})
        event = CLIQ.say("hi")
        changed = type(event)((event.body + b" ", event.signature))
        status, refusal = await post(client, changed)
        assert (status, refusal["code"]) == (401, "signature_invalid")
        long = CLIQ.say("hi", extra="x" * 1_500_000)  # more than an app takes by itself
        headers = {"X-Cliq-Signature": long.signature}
        async with client.post("/cliq", data=BytesIO(long.body), headers=headers) as answer:
            assert await answer.json() == {"output": {"text": "hi"}}
        async with client.get("/cliq") as probe:
            assert (probe.status, await probe.read()) == (200, b"")
        async with client.head("/cliq") as probe:
            assert probe.status == 200
        async with client.put("/cliq") as wrong:
            assert (wrong.status, wrong.headers["allow"]) == (405, "GET, HEAD, POST")
            assert wrong.content_type == "application/json"


async def test_body_is_counted():
    async with served(a_bot(max_body=5_000)) as client:
        event = CLIQ.say("hi")
        headers = {"X-Cliq-Signature": event.signature}
        async with client.post("/cliq", data=b"x" * 5_001) as answer:
            assert answer.status == 413
        for body, status in ((event.body, 200), (b"x" * 5_001, 413)):
            async with client.post("/cliq", data=chunks(body, 200), headers=headers) as answer:
                assert answer.status == status


async def test_body_that_cannot_be_read_is_refused():
    async with served(a_bot()) as client:
        event = CLIQ.say("hi")
        headers = {"X-Cliq-Signature": event.signature, "Content-Encoding": "gzip"}
        async with client.post("/cliq", data=event.body, headers=headers) as answer:
            assert (answer.status, (await answer.json())["code"]) == (400, "body_incomplete")


@pytest.mark.parametrize("handler_cancellation", [False, True])
async def test_client_that_hangs_up_is_noticed(handler_cancellation):
    url_of_cliq, client = ResponseUrl(), HangUp()
    bot = a_bot(client.handler, transport=url_of_cliq, time_scale=20.0)
    app = web.Application()
    app.add_routes([web.route("*", "/cliq", bot.aiohttp)])
    app.cleanup_ctx.append(bot.running)
    runner = web.AppRunner(app, handler_cancellation=handler_cancellation)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await client.run(runner.addresses[0][1], "/cliq")
    await runner.cleanup()
    assert [body for _, body in url_of_cliq.posts] == [b'{"output":{"text":"done"}}']
