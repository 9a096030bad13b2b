"""A tiny HTTP proxy that leads every host to one port of this machine."""

import asyncio
import contextlib
from base64 import b64encode
from urllib.parse import urlsplit


class Proxy:
    """Opens tunnels and forwards requests; `asked` has what for, `users` who asked.

    Args:
        port: Where everything goes.
        password: What `ann` has to give, or None.
    """

    def __init__(self, port, password=None):
        self._port = port
        self._wanted = None
        if password is not None:
            self._wanted = b"Basic " + b64encode(f"ann:{password}".encode())
        self.asked = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await asyncio.sleep(0)

    async def _serve(self, reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.split(b" ", 2)
            self.asked.append(f"{method.decode()} {target.decode()}")
            if self._wanted is not None and self._wanted not in head:
                writer.write(b"HTTP/1.1 407 Who are you?\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
            else:
                await self._connect(reader, writer, method, target, head)
        writer.transport.abort()

    async def _connect(self, reader, writer, method, target, head):
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._port)
        if method == b"CONNECT":
            writer.write(b"HTTP/1.1 200 Tunnel\r\n\r\n")
        else:
            path = urlsplit(target).path + (b"?" + urlsplit(target).query).rstrip(b"?")
            server_writer.write(head.replace(target, path, 1))
        back = asyncio.create_task(copy(server_reader, writer))
        try:
            await copy(reader, server_writer)
        finally:
            back.cancel()
            server_writer.transport.abort()


async def copy(reader, writer):
    """Pass bytes on."""
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
