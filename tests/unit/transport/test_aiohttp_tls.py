"""The transport under TLS, and through proxies."""

import asyncio
import contextlib
import ssl
import subprocess

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
    request,
    silent,
)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    command = (
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        f"-keyout {key} -out {certificate} -subj /CN=localhost "
        f"-addext subjectAltName=IP:127.0.0.1,DNS:localhost"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=str(certificate))


async def relay(exchange, port):
    """Pass bytes on to a port of this machine, and note how the client's side ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def back():
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await exchange.answer(data)

    backwards = asyncio.create_task(back())
    try:
        while data := await exchange.reader.read(65536):
            writer.write(data)
        exchange.server.endings.append("eof")
    except ConnectionResetError:
        exchange.server.endings.append("reset")
    finally:
        exchange.server.ended.set()
        writer.transport.abort()
        backwards.cancel()


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
