"""A command behind a proxy that opens a tunnel to a server with TLS."""

import asyncio
import os
import ssl
import subprocess

import pytest
from support.cli import PROXIES, SECRET, VARIABLES, command, zuids
from support.proxies import Proxy, copy
from support.tcp_servers import Server

from cliq_async.sandbox import Sandbox


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for cliq.invalid, and a server's context that has it."""
    folder = tmp_path_factory.mktemp("tls")
    key, path = folder / "key.pem", folder / "certificate.pem"
    made = (
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        f"-keyout {key} -out {path} -subj /CN=cliq.invalid "
        f"-addext subjectAltName=DNS:cliq.invalid"
    )
    subprocess.run(made.split(), check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path, key)
    return path, context


@pytest.mark.parametrize("variable", ["CLIQ_PROXY", "HTTPS_PROXY"])
async def test_tls_through_a_proxy_with_a_password(variable, certificate):
    path, context = certificate

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
