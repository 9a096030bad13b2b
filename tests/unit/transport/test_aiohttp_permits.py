"""What the transport asks of a permit: once, before the first byte; or nothing is sent."""

import asyncio
import socket
import sys

import aiohttp
import pytest
from support.tcp_servers import (
    OnePermit,
    Server,
    a_transport,
    answering,
    connector_of,
    lost,
    request,
)

from cliq_async.transport import aiohttp as module
from cliq_async.transport.aiohttp import AiohttpTransport
from cliq_async.transport.base import NoAnswerError, Response


async def test_refused_connection_leaves_the_permit_unused():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        async with a_transport() as transport:
            permit = OnePermit()
            url = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
            error = await lost(transport, request(url), permit)
            assert (permit.asked, permit.sent) == (0, False)
            assert isinstance(error.__cause__, aiohttp.ClientConnectorError)
            address = url.removeprefix("http://").rstrip("/")
            assert str(error) == f"cannot connect to {address}: connection refused"


async def test_unknown_host_leaves_the_permit_unused(monkeypatch):
    async def nowhere(*_args, **_options):
        raise OSError("no such host")

    async with a_transport() as transport:
        monkeypatch.setattr(connector_of(transport)._resolver, "resolve", nowhere)
        permit = OnePermit()
        error = await lost(transport, request("http://nowhere.invalid/"), permit)
        assert permit.asked == 0
        assert isinstance(error.__cause__, aiohttp.ClientConnectorDNSError)
        assert str(error) == "cannot connect to nowhere.invalid:80: no such host"


async def test_failed_tls_handshake_leaves_the_permit_unused():
    async def no_tls(exchange):
        await exchange.reader.read(1)
        await exchange.answer(b"this is not TLS")

    async with Server(no_tls) as server, a_transport() as transport:
        permit = OnePermit()
        url = server.url.replace("http", "https")
        error = await lost(transport, request(url), permit)
        assert permit.asked == 0
        assert isinstance(error.__cause__, aiohttp.ClientConnectorError)
        assert str(error).startswith("cannot connect to 127.0.0.1:")
        assert "ssl:default" not in str(error)


@pytest.mark.parametrize("whole_s", [None, 5.0])
async def test_connecting_that_takes_too_long_leaves_the_permit_unused(monkeypatch, whole_s):
    async def nobody_answers(exchange):  # the handshake of TLS never ends
        await exchange.until_the_end()

    monkeypatch.setattr(module, "CONNECT_S", 0.05)
    module._timeout.cache_clear()
    async with Server(nobody_answers) as server, a_transport() as transport:
        permit = OnePermit()
        url = server.url.replace("http", "https")
        error = await lost(transport, request(url, timeout_s=whole_s), permit)
        assert permit.asked == 0
        assert isinstance(error.__cause__, aiohttp.ConnectionTimeoutError)
    module._timeout.cache_clear()


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_refused_permit_sends_nothing(method):
    async with Server(answering) as server, a_transport() as transport:
        permit = OnePermit(allowed=False)
        await lost(transport, request(server.url, method, b"{}"), permit)
        assert (permit.asked, permit.sent) == (1, False)
        await transport.send(request(server.url), OnePermit())
        assert server.requests == 1


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="writes before the loop turns")
async def test_permit_that_runs_out_while_the_loop_is_blocked_sends_nothing_and_stays_unused():
    # Before Python 3.12 the body is written a turn of the loop after `send`.
    async with Server(answering) as server, a_transport() as transport:
        await transport.send(request(server.url), OnePermit())
        permit = OnePermit()
        sending = asyncio.create_task(transport.send(request(server.url, "POST", b"{}"), permit))
        await asyncio.sleep(0)
        permit.allowed = False
        with pytest.raises(NoAnswerError):
            await sending
        assert (permit.asked, permit.sent) == (1, False)
        assert server.requests == 1


async def test_sends_at_once_ask_their_own_permits():
    async def last_first(exchange):
        await exchange.request()
        waiting.append(exchange)
        if len(waiting) == 20:
            for other in reversed(waiting):
                await other.answer()
        await exchange.until_the_end()

    waiting = []
    async with Server(last_first) as server, a_transport() as transport:
        permits = [OnePermit(allowed=number % 3 > 0) for number in range(30)]
        got = await asyncio.gather(
            *(transport.send(request(server.url, "POST", b"{}"), permit) for permit in permits),
            return_exceptions=True,
        )
        assert [isinstance(each, Response) for each in got] == [p.allowed for p in permits]
        assert [permit.asked for permit in permits] == [1] * 30
        assert server.requests == 20
        assert not module._sendings


async def test_closed_transport_says_so_and_sends_nothing():
    transport = AiohttpTransport()
    await transport.close()
    permit = OnePermit()
    with pytest.raises(NoAnswerError, match="closed"):
        await transport.send(request("http://127.0.0.1:9/"), permit)
    assert permit.asked == 0
