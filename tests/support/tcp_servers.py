"""TCP servers whose part a test plays byte by byte, and a transport that sends to them."""

import asyncio
import contextlib
import socket
import ssl
from typing import Any

import attrs
import pytest

from cliq_async.transport.aiohttp import AiohttpTransport
from cliq_async.transport.base import NoAnswerError, Request

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@attrs.define(eq=False)
class OnePermit:
    """Allows one send, and counts the questions."""

    allowed: bool = True
    sent: bool = False
    asked: int = 0

    def claim(self) -> bool:
        self.asked += 1
        if self.sent or not self.allowed:
            return False
        self.sent = True
        return True


class Server:
    """A TCP server that keeps what arrived and lets a function play the rest."""

    def __init__(self, play, *, ssl_context=None, **listen):
        self.play = play
        self.ssl_context = ssl_context
        self.listen = listen
        self.arrived = []  # one bytearray a connection
        self.endings = []  # how each connection ended: b"" or an exception
        self.ended = asyncio.Event()
        self.connections = 0
        self.writers = []
        self.sockets = []

    async def __aenter__(self):
        self.server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self.ssl_context, **self.listen
        )
        self.port = self.server.sockets[0].getsockname()[1]
        scheme = "https" if self.ssl_context else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}/api"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for writer in self.writers:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader, writer):
        self.connections += 1
        self.writers.append(writer)
        self.sockets.append(self.raw(writer))
        mine = bytearray()
        self.arrived.append(mine)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await self.play(Exchange(self, reader, writer, mine))
        writer.transport.abort()

    @property
    def requests(self):
        return sum(data.count(b" HTTP/1.1\r\n") for data in self.arrived)

    def raw(self, writer):
        return writer.get_extra_info("socket")

    def hang_up(self):
        """Close all connections at once: the end arrives before the loop takes another turn."""
        for raw in self.sockets:
            with contextlib.suppress(OSError):  # closed already
                raw.shutdown(socket.SHUT_WR)


@attrs.define(eq=False)
class Exchange:
    server: Server
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    data: bytearray

    async def request(self):
        """Read one request with its body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        self.data += head
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                self.data += await self.reader.readexactly(int(line.split(b":")[1]))
        return head

    async def until_the_end(self):
        """Read on; note whether it ended by FIN or by a reset."""
        try:
            while data := await self.reader.read(65536):
                self.data += data
            self.server.endings.append("eof")
        except ConnectionResetError:
            self.server.endings.append("reset")
        finally:
            self.server.ended.set()

    async def answer(self, data=ANSWER):
        self.writer.write(data)
        await self.writer.drain()


async def answering(exchange):
    while True:
        await exchange.request()
        await exchange.answer()


async def silent(exchange):
    await exchange.request()
    await exchange.until_the_end()


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


@contextlib.asynccontextmanager
async def a_transport(**options):
    transport = AiohttpTransport(**options)
    try:
        yield transport
    finally:
        await transport.close()


def request(url, method="GET", body=b"", timeout_s: float | None = 5.0, *, api_key=""):
    return Request(method, url, {"Authorization": "Bearer t"}, body, timeout_s, api_key=api_key)


def connector_of(transport) -> Any:
    return transport._session.connector


async def lost(transport, asked, permit):
    with pytest.raises(NoAnswerError) as caught:
        await transport.send(asked, permit)
    return caught.value


async def given_up(how, sending, transport):
    """A send that comes to its end: cancelled, with its transport closed, or at its timeout."""
    if how == "cancelled":
        sending.cancel()
    elif how == "closed":
        await transport.close()
    with pytest.raises((NoAnswerError, asyncio.CancelledError)):
        await sending
