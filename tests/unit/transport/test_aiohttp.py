"""What comes back over the transport: answers as they are, and one error for whatever fails."""

import asyncio
import gzip
from typing import Any

import aiohttp
import pytest
from aioresponses import aioresponses
from support.polling import soon
from support.tcp_servers import (
    ANSWER,
    CHUNKED,
    OnePermit,
    Server,
    a_transport,
    answering,
    lost,
    request,
)

from cliq_async.transport import aiohttp as module


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
async def test_answer_comes_back_whole_and_its_connection_is_used_again(method):
    async with Server(answering) as server, a_transport() as transport:
        for number in range(3):
            permit = OnePermit()
            body = b"" if method in {"GET", "DELETE"} else b"{}"
            got = await transport.send(request(server.url, method, body), permit)
            assert (got.status, got.body, permit.asked) == (200, b"{}", 1)
            assert got.headers["content-LENGTH"] == "2"
            assert server.requests == number + 1
        assert server.connections == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_an_answer_and_is_not_followed(status):
    async def redirect(exchange):
        await exchange.request()
        await exchange.answer(
            b"HTTP/1.1 %d Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n" % status
        )
        await exchange.until_the_end()

    async with Server(redirect) as server, a_transport() as transport:
        got = await transport.send(request(server.url), OnePermit())
        assert (got.status, got.headers["Location"]) == (status, "/elsewhere")
        assert server.requests == 1


async def test_cookies_are_neither_kept_nor_sent():
    async def with_cookie(exchange):
        while True:
            await exchange.request()
            await exchange.answer(ANSWER.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n"))

    async with Server(with_cookie) as server, a_transport() as transport:
        for _ in range(2):
            await transport.send(request(server.url), OnePermit())
        assert b"ookie" not in b"".join(server.arrived)


@pytest.mark.parametrize(
    "body",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        CHUNKED + b"5\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"
        + gzip.compress(b"{}", mtime=0)[:5]
        + b"\r\n",
    ],
    ids=["length", "chunked", "gzip that is none", "gzip cut short"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_body_lost_after_the_headers_is_none_and_the_status_stays(body, method):
    async def half(exchange):
        await exchange.request()
        await exchange.answer(body)

    async with Server(half) as server, a_transport() as transport:
        permit = OnePermit()
        got = await transport.send(request(server.url, method), permit)
        assert (got.status, got.body, permit.sent) == (200, None, True)
        assert server.requests == 1


async def test_body_that_stalls_until_the_timeout_is_none_and_its_connection_is_reset():
    async def stall(exchange):
        await exchange.request()
        await exchange.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await exchange.until_the_end()

    async with Server(stall) as server, a_transport() as transport:
        got = await transport.send(request(server.url, timeout_s=1.0), OnePermit())
        assert (got.status, got.body) == (200, None)
        await soon(server.ended)
        assert server.endings == ["reset"]


async def test_interim_answers_are_passed_over():
    async def early_hints(exchange):
        await exchange.request()
        await exchange.answer(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n")
        await exchange.answer()

    async with Server(early_hints) as server, a_transport() as transport:
        got = await transport.send(request(server.url, "POST", b"{}"), OnePermit())
        assert (got.status, got.body) == (200, b"{}")


# What no server does on request.


class FakeResponse(aiohttp.ClientResponse):
    """What aioresponses makes lacks the writer that aiohttp 3.14 asks for."""

    def __init__(self, *args, **options):
        written: Any = Written()
        super().__init__(*args, stream_writer=written, **options)


class Written:
    output_size = 0


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientOSError(104, "reset"),
        aiohttp.ClientConnectionResetError("Cannot write to closing transport"),
        aiohttp.ClientPayloadError(),
        aiohttp.ServerTimeoutError(),
        aiohttp.SocketTimeoutError(),
        aiohttp.ConnectionTimeoutError(),
        aiohttp.InvalidURL("x"),
        TimeoutError(),
        ConnectionResetError(),
        BrokenPipeError(),
        OSError(101, "network unreachable"),
    ],
)
async def test_whatever_aiohttp_raises_is_one_error_with_a_reason(error):
    async with a_transport() as transport:
        with aioresponses() as mocked:
            mocked.get("http://cliq.test/", exception=error)
            caught = await lost(transport, request("http://cliq.test/"), OnePermit())
    assert str(caught)
    assert caught.__cause__ is error


@pytest.mark.parametrize("error", [asyncio.CancelledError(), RuntimeError("a bug"), KeyError()])
async def test_what_is_no_failure_of_the_network_is_passed_on(error):
    async with a_transport() as transport:
        with aioresponses() as mocked:
            mocked.get("http://cliq.test/", exception=error)
            with pytest.raises(type(error)):
                await transport.send(request("http://cliq.test/"), OnePermit())
    assert not module._sendings


@pytest.mark.parametrize("status", [200, 204, 299, 304, 399, 400, 418, 451, 500, 599, 999])
async def test_every_status_is_an_answer(status):
    async with a_transport() as transport:
        with aioresponses() as mocked:
            mocked.get(
                "http://cliq.test/", status=status, body=b"\xff", response_class=FakeResponse
            )
            got = await transport.send(request("http://cliq.test/"), OnePermit())
    assert (got.status, got.body) == (status, b"\xff")
