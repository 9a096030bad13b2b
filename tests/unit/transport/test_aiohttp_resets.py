"""What the transport sent and gave up: it went once, and nothing of it arrives afterwards."""

import asyncio
import socket
import struct

import aiohttp
import pytest
from support.polling import soon, until
from support.tcp_servers import (
    CHUNKED,
    OnePermit,
    Server,
    a_transport,
    answering,
    connector_of,
    given_up,
    lost,
    request,
    silent,
)

from cliq_async.transport import aiohttp as module
from cliq_async.transport.base import NoAnswerError

BIG = b"x" * 5_000_000


async def nothing(exchange):
    await exchange.request()


async def half_a_head(exchange):
    await exchange.request()
    await exchange.answer(b"HTTP/1.1 200 OK\r\nContent-Le")


async def reset(exchange):
    await exchange.request()
    linger = struct.pack("ii", 1, 0)
    exchange.server.raw(exchange.writer).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    exchange.writer.transport.abort()


async def garbage(exchange):
    await exchange.request()
    await exchange.answer(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")


async def garbage_in_chunks(exchange):
    await exchange.request()
    await exchange.answer(CHUNKED + b"nonsense\r\n")


@pytest.mark.parametrize("play", [nothing, half_a_head, reset, garbage, garbage_in_chunks, silent])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
async def test_request_without_an_answer_was_sent_once(play, method):
    async with Server(play) as server, a_transport() as transport:
        permit = OnePermit()
        body = b"" if method in {"GET", "DELETE"} else b"{}"
        timeout_s = 0.3 if play is silent else 5.0  # longer than it takes to connect
        await lost(transport, request(server.url, method, body, timeout_s), permit)
        assert permit.sent
        assert server.requests == 1


@pytest.mark.parametrize("own_retry", [False, True])
@pytest.mark.parametrize(("method", "body"), [("GET", b""), ("DELETE", b""), ("DELETE", b"{}")])
async def test_dead_kept_connection_is_not_answered_by_a_second_send(method, body, own_retry):
    async def once_a_connection(exchange):
        await exchange.request()
        await exchange.answer()
        await exchange.request()  # and then closes, having read it

    async with Server(once_a_connection) as server, a_transport() as transport:
        transport._session._retry_connection = own_retry  # the guard alone must do, too
        await transport.send(request(server.url, method, body), OnePermit())
        permit = OnePermit()
        await lost(transport, request(server.url, method, body), permit)
        assert permit.sent
        assert server.requests == 2
        again = OnePermit()
        got = await transport.send(request(server.url, method, body), again)
        assert (got.status, server.requests) == (200, 3)


@pytest.mark.parametrize("how", ["timeout", "cancelled", "closed"])
async def test_giving_up_resets_the_connection(how):
    async with Server(silent) as server, a_transport() as transport:
        permit = OnePermit()
        timeout_s = 0.3 if how == "timeout" else 5.0
        sending = asyncio.create_task(
            transport.send(request(server.url, "POST", b"{}", timeout_s), permit)
        )
        await until(lambda: server.requests or sending.done())
        if how == "cancelled":
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
        elif how == "closed":
            await transport.close()
            with pytest.raises(NoAnswerError):
                await sending
        else:
            with pytest.raises(NoAnswerError):
                await sending
        assert permit.sent
        await soon(server.ended)
        assert server.endings == ["reset"]


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@pytest.mark.parametrize("how", ["timeout", "cancelled", "closed"])
async def test_what_is_still_to_be_written_is_not_delivered_after_giving_up(how):
    read_now = asyncio.Event()

    async def slow(exchange):
        await exchange.reader.readuntil(b"\r\n\r\n")
        exchange.writer.transport.pause_reading()
        await read_now.wait()
        exchange.writer.transport.resume_reading()
        await exchange.until_the_end()

    async with Server(slow, limit=1024) as server, a_transport() as transport:
        coming = request(server.url, "POST", BIG, 0.5 if how == "timeout" else None)
        permit = OnePermit()
        sending = asyncio.create_task(transport.send(coming, permit))
        await until(lambda: permit.sent and server.connections)
        (under_way,) = module._sendings.values()
        carrier = under_way._transport
        assert carrier is not None
        await until(lambda: carrier.get_write_buffer_size() > 10_000)
        async with asyncio.timeout(5):
            await given_up(how, sending, transport)
        assert carrier.is_closing()
        assert carrier.get_write_buffer_size() == 0
        read_now.set()
        await soon(server.ended)
        assert server.endings == ["reset"]
        assert len(server.arrived[0]) < len(BIG)


async def test_cancelled_reader_of_a_whole_answer_leaves_the_connections_next_user_alone():
    """A connection is back in the pool before the task that reads the answer has run."""
    rest = asyncio.Event()

    async def in_two_parts(exchange):
        await exchange.request()
        await exchange.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{")
        await rest.wait()
        await exchange.answer(b"}")
        await answering(exchange)

    async with Server(in_two_parts) as server, a_transport() as transport:
        connector = connector_of(transport)
        to_the_pool = connector._release

        def release(*args, **options):
            to_the_pool(*args, **options)
            first.cancel()

        first = asyncio.create_task(transport.send(request(server.url), OnePermit()))
        await until(lambda: server.requests == 1)
        connector._release = release
        rest.set()
        with pytest.raises(asyncio.CancelledError):
            await first
        connector._release = to_the_pool
        got = await transport.send(request(server.url, "POST", b"{}"), OnePermit())
        assert (got.status, server.connections) == (200, 1)


@pytest.mark.parametrize("own_connector", [False, True])
async def test_kernel_neither_delivers_after_a_close_nor_tries_for_ever(monkeypatch, own_connector):
    options = []
    connector = aiohttp.TCPConnector() if own_connector else None

    async def two(exchange):
        for _ in range(2):
            await exchange.request()
            await exchange.answer()

    async with Server(two) as server, a_transport(connector=connector) as transport:
        real_send = aiohttp.ClientRequest.send

        async def send(self, conn):
            sock = conn.transport.get_extra_info("socket")
            options.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))
            options.append(sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))
            return await real_send(self, conn)

        monkeypatch.setattr(aiohttp.ClientRequest, "send", send)
        for _ in range(2):
            await transport.send(request(server.url), OnePermit())
        assert server.connections == 1
    assert options == [30_000, struct.pack("ii", 1, 0)] * 2
