"""A send and a page of 50: client CPU, beside a tuned bare aiohttp client and other clients.

The server is a process of its own that answers from memory, so that the CPU counted here is the
client's alone. Each client is beside a bare one that asks for and reads the very same answers, in
the same run: the ratio is what the client adds.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.util import find_spec

import aiohttp
import orjson
from answering import answered, answering_server, concurrently
from installed import left_out
from measuring import Row, cpu_in_turn, per_item_us, ratio
from peers import CLIQ, PEERS, Client, Peer
from yarl import URL

_BODY = {"text": "Hello", "user_ids": "55743307"}
_SENDS = 400
_PAGES = 100


@asynccontextmanager
async def bare_aiohttp() -> AsyncIterator[Callable[[str, str], Callable[[], Awaitable[object]]]]:
    """Yield a maker of functions that send one request and decode its answer, and no more."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        json_serialize=lambda data: orjson.dumps(data).decode(),
    )
    headers = {"Authorization": "Bearer token"}

    def made(url: str, request: str) -> Callable[[], Awaitable[object]]:
        method, _, path = request.partition(" ")
        built = URL(f"{url}{path}?limit=50" if method == "GET" else url + path, encoded=True)

        async def post() -> object:
            body = orjson.dumps(_BODY)
            json = headers | {"Content-Type": "application/json"}
            async with session.post(built, data=body, headers=json) as answer:
                content = await answer.read()
            return orjson.loads(content) if content else None

        async def get() -> object:
            async with session.get(built, headers=headers) as answer:
                return orjson.loads(await answer.read())

        return get if method == "GET" else post

    async with session:
        yield made


def calls(repeat: int, sends: int = _SENDS, pages: int = _PAGES) -> list[Row]:
    """Send one at a time and 64 at once, and get a page of 50; then the same with uvloop."""
    with asyncio.Runner() as runner:
        rows = runner.run(_calls(repeat, sends, pages, ""))
    if find_spec("uvloop") is None:
        return [*rows, left_out("with uvloop")]
    import uvloop  # noqa: PLC0415 - where there is one

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return rows + runner.run(_calls(repeat, sends, pages, ", uvloop"))


async def _calls(repeat: int, sends: int, pages: int, loop: str) -> list[Row]:
    """Measure all clients in turn."""
    there = [peer for peer in PEERS if peer is CLIQ or peer.installed]
    rows = [left_out(f"{peer.name}{loop}") for peer in PEERS if peer not in there]
    answers = {request: answer for peer in there for request, answer in peer.answers.items()}
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(answering_server(answers))
        bare = await stack.enter_async_context(bare_aiohttp())
        open_ones = [
            (peer, await stack.enter_async_context(peer.opened(url)), _bare(bare, url, peer))
            for peer in there
        ]
        for kind, what, total, at_once, bar in (
            ("send", "send, one at a time", sends, 1, 1.25),
            ("send", "send, 64 at once", sends, 64, 1.45),
            ("page", "page of 50", pages, 1, 2.0),
        ):
            rounds = {}
            for peer, client, plain in open_ones:
                for name, one in ((f"bare {peer.name}", plain), (peer.name, client)):
                    rounds[name] = partial(concurrently, getattr(one, kind), total, at_once)
            before = await answered(url)
            seconds = await cpu_in_turn(rounds, repeat)
            after = await answered(url)
            for peer in there:
                # By the bare one and by the peer's own, once more to warm up, and none twice.
                request = getattr(peer, kind)
                assert after[request] - before[request] == 2 * (repeat + 1) * total
            for peer in there:
                result = peer.result if kind == "send" else peer.pages
                each = [
                    [s / total for s in seconds[name]] for name in (peer.name, f"bare {peer.name}")
                ]
                # The bars are those of asyncio's own loop.
                rows += _rows(peer, f"{what}{loop}", result, each, None if loop else bar)
    return rows


def _bare(bare, url: str, peer: Peer) -> Client:
    return Client(bare(url, peer.send), bare(url, peer.page))


def _rows(
    peer: Peer, what: str, result: str, each_s: list[list[float]], bar: float | None
) -> list[Row]:
    """One of the peer; ours has that of the bare client with it, and a bar where there is one."""
    times, (us, plain_us) = ratio(*each_s), (per_item_us(seconds, 1) for seconds in each_s)
    numbers = {"us": us, "bare_us": plain_us, "ratio": times}
    name = f"{what}: {peer.name} ({result})"
    if peer is not CLIQ:
        return [Row(name, f"{us:.0f} µs", times, numbers=numbers)]
    hold = "" if bar is None else f"≤ {bar} x bare aiohttp"
    held = bar is None or times <= bar
    return [
        Row(f"{what}: bare aiohttp", f"{plain_us:.0f} µs", numbers={"us": plain_us}),
        Row(name, f"{us:.0f} µs", times, hold, held, numbers=numbers),
    ]
