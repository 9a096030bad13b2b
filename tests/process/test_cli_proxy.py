"""A command behind a proxy that opens a tunnel to a server with TLS."""

import asyncio
import os

import pytest
from support.certificates import certificate, server_context
from support.cli import PROXIES, SECRET, VARIABLES, command, zuids
from support.proxies import Proxy, copy
from support.tcp_servers import Server

from cliq_async.sandbox import Sandbox


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    """A certificate for cliq.invalid, and a server's context that has it."""
    key, path = certificate(tmp_path_factory.mktemp("tls"), "DNS:cliq.invalid")
    return path, server_context(key, path)


@pytest.mark.parametrize("variable", ["CLIQ_PROXY", "HTTPS_PROXY"])
async def test_tls_through_a_proxy_with_a_password(variable, certified):
    path, context = certified

    async def to_the_sandbox(exchange):
        port = int(sandbox.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        back = asyncio.create_task(copy(reader, exchange.writer))
        await copy(exchange.reader, writer)
        back.cancel()
        writer.transport.abort()

    async with (
        Sandbox(hosts=("cliq.invalid",)) as sandbox,
        Server(to_the_sandbox, ssl_context=context) as tls,
        Proxy(tls.port, "p@ss") as proxy,
    ):
        known = {*VARIABLES, *PROXIES}
        env = {name: value for name, value in os.environ.items() if name not in known}
        env |= {"SSL_CERT_FILE": str(path), "CLIQ_BASE_URL": "https://cliq.invalid"}
        env |= {variable: proxy.url.replace("//", "//ann:p%40ss@"), "CLIQ_ACCESS_TOKEN": SECRET}
        for args in (("send", "supportbot", "hi", "--to", zuids(1)[0]), ("doctor", "bots")):
            async with command(*args, env=env) as process:
                out, err = await process.communicate()
            assert (process.returncode, err) == (0, b"")
        assert f"through the proxy {proxy.url} ({variable}), connected in".encode() in out
        assert b"TLSv1.3, certificate until" in out
        assert set(proxy.asked) == {"CONNECT cliq.invalid:443"}
        assert sandbox.report()["requests"] == {"send_message": 1, "list_bots": 1}
