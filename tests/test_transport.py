"""The transport over real sockets, against servers that misbehave."""

import asyncio
import contextlib
import gzip
import socket
import ssl
import struct
import subprocess
import sys
from typing import Any

import aiohttp
import attrs
import pytest
from aioresponses import aioresponses

from cliq_async import transport as module
from cliq_async.transport import AiohttpTransport, NoAnswerError, Request, Response

BIG = b"x" * 5_000_000
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@attrs.define(eq=False)
class OnePermit:
    """Allows one send, and counts the questions."""

    allowed: bool = True
    sent: bool = False
    asked: int = 0

    def may_send(self) -> bool:
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


@contextlib.asynccontextmanager
async def a_transport(**options):
    transport = AiohttpTransport(**options)
    try:
        yield transport
    finally:
        await transport.close()


async def soon(event):
    async with asyncio.timeout(5):
        await event.wait()


async def until(holds):
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - it happens in a server without an event for it
            await asyncio.sleep(0)


def request(url, method="GET", body=b"", timeout_s: float | None = 5.0):
    return Request(method, url, {"Authorization": "Bearer t"}, body, timeout_s)


def connector_of(transport) -> Any:
    return transport._session.connector


async def lost(transport, asked, permit):
    with pytest.raises(NoAnswerError) as caught:
        await transport.send(asked, permit)
    return caught.value


# What comes back.


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


# Never sent.


async def test_refused_connection_leaves_the_permit_unused():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        async with a_transport() as transport:
            permit = OnePermit()
            url = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
            error = await lost(transport, request(url), permit)
            assert (permit.asked, permit.sent) == (0, False)
            assert isinstance(error.__cause__, aiohttp.ClientConnectorError)


async def test_unknown_host_leaves_the_permit_unused(monkeypatch):
    async def nowhere(*_args, **_options):
        raise OSError("no such host")

    async with a_transport() as transport:
        monkeypatch.setattr(connector_of(transport)._resolver, "resolve", nowhere)
        permit = OnePermit()
        error = await lost(transport, request("http://nowhere.invalid/"), permit)
        assert permit.asked == 0
        assert isinstance(error.__cause__, aiohttp.ClientConnectorDNSError)


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


async def test_permission_gone_stale_in_a_blocked_loop_sends_nothing(monkeypatch):
    # Before Python 3.12 the body is written a turn of the loop after the permission.
    ahead_s = 0.0
    real = module.system_clock
    monkeypatch.setattr(module, "system_clock", lambda: real() + ahead_s)

    class Blocking(OnePermit):
        def may_send(self):
            asyncio.get_running_loop().call_soon(self.block)
            return super().may_send()

        def block(self):
            nonlocal ahead_s
            ahead_s = 3600.0

    async def keep(exchange):
        await exchange.until_the_end()

    async with Server(keep) as server, a_transport() as transport:
        permit = Blocking()
        coming = request(server.url, "POST", b"{}", timeout_s=1.0)
        await lost(transport, coming, permit)
        assert permit.sent  # counted, since nobody can be sure
        await soon(server.ended)
        if sys.version_info < (3, 12):
            assert server.arrived == [b""]


# Sent, and not answered.


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
        timeout_s = 1.0 if play is silent else 5.0  # longer than it takes to connect
        await lost(transport, request(server.url, method, body, timeout_s), permit)
        assert permit.sent
        assert server.requests == 1


@pytest.mark.parametrize("own_retry", [False, True])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_dead_kept_connection_is_not_answered_by_a_second_send(method, own_retry):
    async def once_a_connection(exchange):
        await exchange.request()
        await exchange.answer()
        await exchange.request()  # and then closes, having read it

    async with Server(once_a_connection) as server, a_transport() as transport:
        transport._session._retry_connection = own_retry  # the guard alone must do, too
        await transport.send(request(server.url, method), OnePermit())
        permit = OnePermit()
        await lost(transport, request(server.url, method), permit)
        assert permit.sent
        assert server.requests == 2
        again = OnePermit()
        got = await transport.send(request(server.url, method), again)
        assert (got.status, server.requests) == (200, 3)


@pytest.mark.parametrize("how", ["timeout", "cancelled", "closed"])
async def test_giving_up_resets_the_connection(how):
    async with Server(silent) as server, a_transport() as transport:
        permit = OnePermit()
        timeout_s = 1.0 if how == "timeout" else 5.0
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
        coming = request(server.url, "POST", BIG, 1.0 if how == "timeout" else None)
        permit = OnePermit()
        sending = asyncio.create_task(transport.send(coming, permit))
        await until(lambda: permit.sent and server.connections)
        (under_way,) = module._sendings.values()
        carrier = under_way._transport
        assert carrier is not None
        await until(lambda: carrier.get_write_buffer_size() > 10_000)
        async with asyncio.timeout(5):
            if how == "cancelled":
                sending.cancel()
            elif how == "closed":
                await transport.close()
            with pytest.raises((NoAnswerError, asyncio.CancelledError)):
                await sending
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


# On the socket.


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


# TLS and proxies.


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
        if how == "cancelled":
            sending.cancel()
        elif how == "closed":
            await transport.close()
        with pytest.raises((NoAnswerError, asyncio.CancelledError)):
            await sending
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


async def test_closed_transport_says_so_and_sends_nothing():
    transport = AiohttpTransport()
    await transport.close()
    permit = OnePermit()
    with pytest.raises(NoAnswerError, match="closed"):
        await transport.send(request("http://127.0.0.1:9/"), permit)
    assert permit.asked == 0
