"""Kept connections that the server closes while the loop is busy: the next request takes another.

The servers close in the same turn of the loop in which the request begins, so that the transport
has to find out by itself.
"""

import asyncio
import sys

import aiohttp
import pytest
from support.tcp_servers import (
    OnePermit,
    Server,
    a_transport,
    answering,
    lost,
    relay,
    request,
)

from cliq_async import CliqClient

UNASKED = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def fin(server):
    server.hang_up()


def timeout_answer(server):
    for writer in server.writers:
        writer.write(UNASKED)


def timeout_answer_and_fin(server):
    timeout_answer(server)
    fin(server)


CLOSINGS = [fin, timeout_answer, timeout_answer_and_fin]


async def sent(transport, url, method):
    """Send; the request has to go through, once, at the first permit."""
    permit = OnePermit()
    body = b"{}" if method == "POST" else b""
    got = await transport.send(request(url, method, body), permit)
    assert (got.status, got.body, permit.asked) == (200, b"{}", 1)


@pytest.mark.parametrize("own_connector", [False, True])
@pytest.mark.parametrize("close", CLOSINGS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_closed_connection_costs_nothing(method, close, own_connector):
    connector = aiohttp.TCPConnector(limit=1) if own_connector else None
    async with Server(answering) as server, a_transport(connector=connector) as transport:
        for number in range(1, 4):
            await sent(transport, server.url, method)
            assert (server.requests, server.connections) == (number, number)
            close(server)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_unasked_answer_that_the_loop_has_seen_is_not_the_next_requests_answer(method):
    async with Server(answering) as server, a_transport() as transport:
        await sent(transport, server.url, method)
        server.writers[0].write(UNASKED.replace(b"Connection: close\r\n", b""))
        await asyncio.sleep(0.01)
        await sent(transport, server.url, method)
        assert server.connections == 2


@pytest.mark.parametrize("close", CLOSINGS)
async def test_many_closed_connections_cost_nothing(close):
    async def together(exchange):
        await exchange.request()
        arrived.append(exchange)
        if len(arrived) % 20 == 0:
            for other in arrived[-20:]:
                await other.answer()
        await answering(exchange)

    arrived = []
    async with Server(together) as server, a_transport() as transport:
        await asyncio.gather(*(sent(transport, server.url, "POST") for _ in range(20)))
        close(server)
        await asyncio.gather(*(sent(transport, server.url, "POST") for _ in range(20)))
        assert (server.requests, server.connections) == (40, 40)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="writes before the loop turns")
async def test_connection_closed_between_the_send_and_the_write_costs_nothing():
    async with Server(answering) as server, a_transport() as transport:
        await sent(transport, server.url, "POST")
        sending = asyncio.create_task(sent(transport, server.url, "POST"))
        await asyncio.sleep(0)
        fin(server)
        await sending
        assert server.requests == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_server_that_closes_every_connection_is_asked_three_times(method):
    async def slam(exchange):
        pass

    async def connect(*_args, **_options):
        proto = await real(*_args, **_options)
        await asyncio.sleep(0.01)  # the loop is busy, and the end arrives
        return proto

    connector = aiohttp.TCPConnector()
    real = connector._create_connection
    connector._create_connection = connect
    async with Server(slam) as server, a_transport(connector=connector) as transport:
        permit = OnePermit()
        await lost(transport, request(server.url, method, b"{}"), permit)
        assert (permit.asked, permit.sent) == (0, False)
        assert server.connections == 3


@pytest.mark.parametrize("how", ["close_notify", "fin", "both"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_connection_closed_under_tls_costs_nothing(tls, method, how):
    connector = aiohttp.TCPConnector(ssl=tls[1])
    async with (
        Server(answering, ssl_context=tls[0]) as server,
        a_transport(connector=connector) as transport,
    ):
        for _ in range(3):
            await sent(transport, server.url, method)
            if how != "fin":
                for writer in server.writers:
                    writer.close()
            if how != "close_notify":
                server.hang_up()
        assert (server.requests, server.connections) == (3, 3)


async def test_tunnel_that_the_proxy_closes_costs_nothing(tls):
    connector = aiohttp.TCPConnector(ssl=tls[1])

    async def tunnel(exchange):
        await exchange.request()
        await exchange.answer(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await relay(exchange, server.port)

    async with (
        Server(answering, ssl_context=tls[0]) as server,
        Server(tunnel) as proxy,
        a_transport(connector=connector, proxy=f"http://127.0.0.1:{proxy.port}") as transport,
    ):
        for number in range(1, 4):
            await sent(transport, server.url, "POST")
            assert (server.requests, proxy.connections) == (number, number)
            proxy.hang_up()


async def test_connection_that_the_proxy_closes_costs_nothing():
    async with (
        Server(answering) as proxy,
        a_transport(proxy=f"http://127.0.0.1:{proxy.port}") as transport,
    ):
        for number in range(1, 4):
            await sent(transport, "http://cliq.invalid/api", "POST")
            assert (proxy.requests, proxy.connections) == (number, number)
            proxy.hang_up()


async def test_job_fed_by_a_slow_generator_reaches_everyone_for_one_token_each():
    def ids():
        for number in range(30):
            if number % 7 == 6:
                server.hang_up()
            yield str(number)

    async with Server(answering) as server:
        url = server.url.removesuffix("/api")
        async with CliqClient("token", base_url=url, quota="memory://") as client:
            report = await client.broadcast("bot", "Hello", ids(), batch_size=1)
            free = (await client.quota_status())["send_message"].free
        assert (report.delivered, report.unknown, report.failed) == (30, 0, 0)
        assert (report.requests, server.requests) == (30, 30)
        assert free == 20
