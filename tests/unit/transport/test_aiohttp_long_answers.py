"""Answers without end: each is given up at a limit, while it is read and while it is unpacked."""

import asyncio
import contextlib
import gzip
import tracemalloc
import zlib
from typing import Any

import attrs
import msgspec
import pytest
from support.polling import soon
from support.tcp_servers import (
    CHUNKED,
    OnePermit,
    Server,
    a_transport,
    answering,
    lost,
    request,
)

from cliq_async import CliqClient
from cliq_async.errors import BadRequestError, TransportError
from cliq_async.transport.base import MAX_RESPONSE_BYTES, REFUSAL_BYTES

LIMIT = 100_000


def limited(url, method="GET", limit=LIMIT):
    return msgspec.structs.replace(request(url, method), max_response_bytes=limit)


def whole(body, status=200, encoding=""):
    coding = f"Content-Encoding: {encoding}\r\n" if encoding else ""
    return f"HTTP/1.1 {status} X\r\n{coding}Content-Length: {len(body)}\r\n\r\n".encode() + body


@attrs.define(eq=False)
class Play:
    """Answers every request with the same bytes, then with more of others until the end."""

    start: bytes
    more: bytes = b""

    async def __call__(self, exchange):
        while True:
            await exchange.request()
            await exchange.answer(self.start)
            while self.more:
                await exchange.answer(self.more)


def bomb(size, pack=gzip.compress, encoding="gzip"):
    """Answer with zeros, packed a thousand times smaller."""
    return whole(pack(b"\0" * size, 1), 200, encoding)


ENDLESS = {
    "length": Play(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n", b"x" * 65536),
    "chunked": Play(CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n"),
    "until the end": Play(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"x" * 65536),
    "gzip": Play(bomb(2**20)),
    "deflate": Play(bomb(2**20, zlib.compress, "deflate")),
}


@pytest.mark.parametrize("play", ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_body_longer_than_the_limit_is_none_and_the_status_stays(play, method):
    async with Server(play) as server, a_transport() as transport:
        permit = OnePermit()
        got = await transport.send(limited(server.url, method), permit)
        assert (got.status, got.body, got.too_long, permit.sent) == (200, None, True, True)
        assert got.problem == "it is longer than 100,000 bytes"


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate"])
async def test_body_as_long_as_the_limit_is_read(encoding):
    body = b"x" * LIMIT
    pack = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress}[encoding]
    async with Server(Play(whole(pack(body), 200, encoding))) as server, a_transport() as transport:
        got = await transport.send(limited(server.url), OnePermit())
        assert (got.body, got.problem, got.too_long) == (body, "", False)
        got = await transport.send(limited(server.url, limit=LIMIT - 1), OnePermit())
        assert (got.body, got.too_long) == (None, True)


async def test_refusal_has_a_limit_of_its_own():
    assert REFUSAL_BYTES < MAX_RESPONSE_BYTES
    body = b"x" * (REFUSAL_BYTES + 1)
    async with Server(Play(whole(body, 400))) as server, a_transport() as transport:
        got = await transport.send(request(server.url), OnePermit())
        assert (got.status, got.body) == (400, None)
        assert got.problem == "it is longer than 1,048,576 bytes"
    async with Server(Play(whole(body[:-1], 500))) as server, a_transport() as transport:
        got = await transport.send(request(server.url), OnePermit())
        assert got.body == body[:-1]


async def test_bomb_takes_no_more_memory_than_the_limit():
    async with Server(Play(bomb(2**25))) as server, a_transport() as transport:
        await transport.send(limited(server.url), OnePermit())
        tracemalloc.start()
        try:
            got = await transport.send(limited(server.url, limit=2**20), OnePermit())
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert got.too_long
    assert peak < 5 * 2**20


async def test_body_of_a_byte_at_a_time_ends_at_the_timeout():
    async def trickle(exchange):
        await exchange.request()
        await exchange.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while True:
                await exchange.answer(b" ")
                await asyncio.sleep(0.01)
        exchange.server.ended.set()

    async with Server(trickle) as server, a_transport() as transport:
        got = await transport.send(request(server.url, timeout_s=0.5), OnePermit())
        assert (got.status, got.body, got.too_long) == (200, None, False)
        await soon(server.ended)


@pytest.mark.parametrize("line", [b"X-Long: " + b"x" * 65536, b"X-More: 1\r\n" * 1000])
async def test_headers_without_end_are_no_answer(line):
    play = Play(b"HTTP/1.1 200 OK\r\n", line)
    async with Server(play) as server, a_transport() as transport:
        permit = OnePermit()
        await lost(transport, request(server.url, "POST", b"{}"), permit)
        assert permit.sent


async def test_answer_to_a_body_that_was_not_read_gives_up_the_connection():
    async def early(exchange):
        await exchange.reader.readuntil(b"\r\n\r\n")
        await exchange.answer()
        if exchange.server.connections > 1:
            await answering(exchange)
        await exchange.reader.read(1)
        await exchange.until_the_end()

    async with Server(early, limit=1024) as server, a_transport() as transport:
        got = await transport.send(request(server.url, "POST", b"x" * 5_000_000), OnePermit())
        assert (got.status, got.body) == (200, b"{}")
        got = await transport.send(request(server.url), OnePermit())
        assert (got.status, server.connections) == (200, 2)


async def test_client_has_the_limit_and_says_what_to_do():
    async with Server(Play(whole(b'{"data": [' + b" " * 100 + b"]}"))) as server:
        url = server.url.removesuffix("/api")
        options: dict[str, Any] = {"base_url": url, "quota": "memory://"}
        async with CliqClient("token", **options) as client:
            assert not (await client.bots.list()).data
        async with CliqClient("token", max_response_bytes=100, **options) as client:
            with pytest.raises(TransportError, match="100 bytes; raise max_response_bytes"):
                await client.bots.list()
            await client.messages.send("bot", "Hello", user_ids=["1"])  # it has happened
    async with Server(Play(whole(b" " * 101, 400))) as server:
        options["base_url"] = server.url.removesuffix("/api")
        async with CliqClient("token", max_response_bytes=100, **options) as client:
            with pytest.raises(BadRequestError, match="it is longer than 100 bytes"):
                await client.bots.list()
