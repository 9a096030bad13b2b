"""The webhook bots of the package against the sandbox's strict reading of the deadline."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from support.event_bots import Api

from cliq_async.sandbox import Sandbox
from cliq_async.webhooks import MessageEvent, WebhookBot

SCALE = 10.0
FIRST = 55743307


@asynccontextmanager
async def served(*, wait_s, bot_waits_s=None, scale=SCALE, **options):
    """A sandbox that waits so long, and a bot whose handler takes as long as the message says."""
    async with Sandbox(time_scale=scale, event_wait_s=wait_s, **options) as sandbox:
        host = sandbox.url.removeprefix("http://")
        bot = WebhookBot(
            sandbox.public_key,
            cliq_waits_s=bot_waits_s or wait_s,
            time_scale=scale,
            response_hosts=[host],
        )

        @bot.message
        async def answer(event: MessageEvent) -> str:
            seconds, _, text = event.text.partition(" ")
            await asyncio.sleep(float(seconds) / scale)
            return f"after {seconds}{text}"

        app = web.Application()
        app.add_routes([web.route("*", "/cliq", bot.aiohttp)])
        app.cleanup_ctx.append(bot.running)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/cliq"
        async with aiohttp.ClientSession() as session:
            permissions = {"message_handler": ("message", "user")}
            await Api(sandbox, session).create_bot(url, permissions=permissions)
        try:
            yield sandbox
        finally:
            await runner.cleanup()


async def ask_all(sandbox, delays):
    """Let one person each ask with a delay; return the deliveries."""
    people = [str(FIRST + 3 * number) for number in range(len(delays))]
    sandbox.subscribe("hook", *people)
    return await asyncio.gather(
        *(
            sandbox.say("hook", f"{delay:g}", user=person)
            for delay, person in zip(delays, people, strict=True)
        )
    )


def answers(sandbox):
    return sorted(message["body"]["text"] for message in sandbox.messages)


@pytest.mark.parametrize("wait_s", [10, 15, 40])
async def test_every_answer_arrives_once_however_long_the_handler_takes(wait_s):
    edges = (-6, -3, -2, -1.9, -1, -0.1, 0, 0.1, 0.9, 1, 1.1, 3, 20)
    delays = [0, 0.4, 0.6, 1, *(wait_s + edge for edge in edges)]
    async with served(wait_s=wait_s) as sandbox:
        deliveries = await ask_all(sandbox, delays)
        assert [each.error for each in deliveries] == [None] * len(delays)
        assert answers(sandbox) == sorted(f"after {delay:g}" for delay in delays)
        late = {delay for delay, each in zip(delays, deliveries, strict=True) if each.late}
        assert {each for each in delays if each >= wait_s - 1} <= late
        assert not late & {0, 0.4, 0.6, 1}


async def test_a_sandbox_that_waits_less_than_the_bot_believes_still_gets_every_answer():
    delays = [0, 8, 9, 11, 12, 14, 17]
    async with served(wait_s=10, bot_waits_s=15) as sandbox:
        deliveries = await ask_all(sandbox, delays)
        assert answers(sandbox) == sorted(f"after {delay:g}" for delay in delays)
        assert {each.error for each in deliveries} == {None}


async def test_answers_survive_hang_ups():
    delays = [3, 5, 12, 14, 17]
    async with served(wait_s=15, scale=5, faults="event-hangup:1") as sandbox:
        deliveries = await ask_all(sandbox, delays)
        assert answers(sandbox) == sorted(f"after {delay:g}" for delay in delays)
        assert {each.late for each in deliveries} == {True}


async def test_bad_events_are_refused_and_repeated_ones_answered_once():
    faults = ["event-badsig:x1", "event-stale:x1", "event-twice:x1", "event-slow:x1"]
    async with served(wait_s=15, faults=faults) as sandbox:
        deliveries = [await sandbox.say("hook", f"0 {number}") for number in range(5)]
        first = {each.fault: each for each in deliveries}
        assert (first["event-badsig"].status, first["event-stale"].status) == (401, 401)
        assert first["event-slow"].answer == {"text": "after 03"}
        assert answers(sandbox) == ["after 02", "after 03", "after 04"]
        original, repeated = (each for each in sandbox.deliveries if each.fault == "event-twice")
        assert original.body == repeated.body
        assert (repeated.status, repeated.answer, repeated.error) == (200, None, None)


async def test_a_thousand_people_write_at_once():
    asyncio.get_running_loop().set_debug(False)  # a thousand stacks take their time
    people = [str(FIRST + 3 * number) for number in range(1000)]
    async with served(wait_s=15, scale=1.0) as sandbox:
        sandbox.subscribe("hook", *people)
        deliveries = await asyncio.gather(
            *(sandbox.say("hook", f"0.1 {person}", user=person) for person in people)
        )
        assert {each.error for each in deliveries} == {None}
        assert answers(sandbox) == sorted(f"after 0.1{person}" for person in people)
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{sandbox.url}/sandbox/chat?bot=hook&user={people[-1]}") as response,
        ):
            items = (await response.json())["items"]
        assert [item["kind"] for item in items] == ["text", "message"]
