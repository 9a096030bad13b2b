"""A send and a page of 50 bots: client CPU, beside a tuned bare aiohttp client.

The server is a process of its own that answers from memory, so that the CPU counted here is the
client's alone.
"""

import asyncio
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import orjson
from measuring import Row, cpu_in_turn, per_item_us, ratio
from yarl import URL

from cliq_async import CliqClient, Limit, MemoryStore

_FAST = Limit(10**6, 0.001)
_BODY = {"text": "Hello", "user_ids": "55743307"}


@asynccontextmanager
async def answering_server():
    server = Path(__file__).with_name("server.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(server), stdout=asyncio.subprocess.PIPE
    )
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


async def concurrently(one, total: int, at_once: int) -> None:
    left = iter(range(total))

    async def worker() -> None:
        for _ in left:
            await one()

    await asyncio.gather(*(worker() for _ in range(at_once)))


async def calls(repeat: int, sends: int = 400, pages: int = 100) -> list[Row]:
    """Send one at a time and 64 at once, and list a page of 50 bots."""
    rows = []
    limits = dict.fromkeys(("send_message", "list_bots"), _FAST)
    bare = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        json_serialize=lambda data: orjson.dumps(data).decode(),
    )
    headers = {"Authorization": "Bearer token"}
    async with answering_server() as url, bare:
        message_url = URL(f"{url}/api/v3/bots/supportbot/message", encoded=True)
        page_url = URL(f"{url}/api/v3/bots?limit=50", encoded=True)
        quota = MemoryStore()
        async with CliqClient("token", base_url=url, quota=quota, limits=limits) as client:

            async def bare_send() -> None:
                body = orjson.dumps(_BODY)
                json = headers | {"Content-Type": "application/json"}
                async with bare.post(message_url, data=body, headers=json) as answer:
                    await answer.read()

            async def our_send() -> None:
                await client.messages.send("supportbot", "Hello", user_ids="55743307")

            async def bare_page() -> None:
                async with bare.get(page_url, headers=headers) as answer:
                    orjson.loads(await answer.read())

            async def our_page() -> None:
                await client.bots.list(limit=50)

            for what, bare_one, our_one, total, at_once, hold in (
                ("send, one at a time", bare_send, our_send, sends, 1, 1.25),
                ("send, 64 at once", bare_send, our_send, sends, 64, 1.45),
                ("page of 50 bots, typed", bare_page, our_page, pages, 1, 2.0),
            ):
                rounds = {
                    "bare": lambda b=bare_one, t=total, n=at_once: concurrently(b, t, n),
                    "ours": lambda o=our_one, t=total, n=at_once: concurrently(o, t, n),
                }
                seconds = await cpu_in_turn(rounds, repeat)
                times_bare = ratio(seconds["ours"], seconds["bare"])
                rows.append(
                    Row(f"bare aiohttp: {what}", f"{per_item_us(seconds['bare'], total):.0f} µs")
                )
                rows.append(
                    Row(
                        what,
                        f"{per_item_us(seconds['ours'], total):.0f} µs",
                        times_bare,
                        f"≤ {hold} x bare aiohttp",
                        times_bare <= hold,
                    )
                )
    return rows
