"""Ten thousand events around the deadline: each is answered once, and none is lost."""

import asyncio

import msgspec
from support.webhook_bots import CLIQ, Reports, ResponseUrl, a_bot

from cliq_async.testing import run_in_virtual_time
from cliq_async.webhooks import MessageEvent


def test_ten_thousand_events_around_the_deadline_are_each_answered_once():
    run_in_virtual_time(ten_thousand_events())


async def ten_thousand_events():
    url, reports = ResponseUrl(), Reports()

    async def handler(event: MessageEvent) -> str:
        await asyncio.sleep(float(event.text))
        return event.text

    bot = a_bot(
        handler,
        public_key=None,
        transport=url,
        hooks=reports.hooks,
        max_in_flight=10_000,
        drain_s=100.0,
    )
    payload = CLIQ.say("").payload
    on_connection = []

    async def serve(number):
        seconds = 12.0 + 5.0 * number / 10_000
        payload["params"] |= {"message": f"{seconds}", "raw_message": ""}
        serving = asyncio.create_task(bot.receive(msgspec.json.encode(payload), None))
        if number % 7 == 0:  # the server cancels what its client has left
            await asyncio.sleep(number % 16)
            if serving.cancel():
                await asyncio.wait((serving,))
                return
        gone = msgspec.json.decode((await serving).body)["output"]
        on_connection.extend([gone["text"]] if gone else [])

    async with bot:
        await asyncio.gather(*(serve(number) for number in range(10_000)))
    by_url = [msgspec.json.decode(body)["output"]["text"] for _, body in url.posts]
    everything = on_connection + by_url
    assert len(set(everything)) == len(everything) == 10_000
    assert (reports.lost, reports.failed) == ([], [])
    assert min(at for at, _ in url.posts) >= 16.0
    assert all(float(text) <= 13.0 for text in on_connection)
