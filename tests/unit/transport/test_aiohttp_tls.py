"""The transport under TLS, and through proxies."""

import asyncio

import aiohttp
import pytest
from support.polling import soon, until
from support.tcp_servers import (
    OnePermit,
    Server,
    a_transport,
    answering,
    given_up,
    lost,
    relay,
    request,
    silent,
)


@pytest.mark.parametrize("how", ["timeout", "cancelled", "closed"])
async def test_giving_up_resets_a_connection_under_tls(tls, how):
    connector = aiohttp.TCPConnector(ssl=tls[1])
    async with (
        Server(silent, ssl_context=tls[0]) as server,
        Server(lambda exchange: relay(exchange, server.port)) as between,
        a_transport(connector=connector) as transport,
    ):
        permit = OnePermit()
        url = between.url.replace("http", "https")
        coming = request(url, "POST", b"{}", 1.0 if how == "timeout" else 5.0)
        sending = asyncio.create_task(transport.send(coming, permit))
        await until(lambda: server.requests or sending.done())
        await given_up(how, sending, transport)
        assert permit.sent
        await soon(between.ended)
        assert between.endings == ["reset"]


async def test_certificate_of_nobody_known_leaves_the_permit_unused(tls):
    async with Server(silent, ssl_context=tls[0]) as server, a_transport() as transport:
        permit = OnePermit()
        error = await lost(transport, request(server.url), permit)
        assert permit.asked == 0
        assert isinstance(error.__cause__, aiohttp.ClientConnectorCertificateError)


async def test_proxy_that_refuses_the_tunnel_leaves_the_permit_unused_and_its_password_unsaid():
    async def refuse(exchange):
        await exchange.request()
        await exchange.answer(
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
        )

    async with Server(refuse) as server:
        proxy = f"http://ann:hidden@127.0.0.1:{server.port}"
        async with a_transport(proxy=proxy) as transport:
            permit = OnePermit()
            error = await lost(transport, request("https://cliq.invalid/"), permit)
            assert permit.asked == 0
            assert server.arrived[0].startswith(b"CONNECT cliq.invalid:443")
            assert "hidden" not in str(error)


async def test_request_through_a_proxy_asks_its_permit_once():
    async with (
        Server(answering) as server,
        a_transport(proxy=f"http://127.0.0.1:{server.port}") as transport,
    ):
        for _ in range(2):
            permit = OnePermit()
            got = await transport.send(request("http://cliq.invalid/api"), permit)
            assert (got.status, permit.asked) == (200, 1)
        assert server.arrived[0].startswith(b"GET http://cliq.invalid/api HTTP/1.1")
        assert server.connections == 1
