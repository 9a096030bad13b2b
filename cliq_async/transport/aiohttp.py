"""The transport over aiohttp. No other module on the path of a call imports aiohttp."""

import asyncio
import errno
import os
import re
import select
import socket
import ssl
import struct
import sys
from contextlib import suppress
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_exceptions import UnixClientConnectorError
from yarl import URL

from cliq_async.transport.api_key import UrlWithKey
from cliq_async.transport.base import (
    CONNECT_S,
    REFUSAL_BYTES,
    NoAnswerError,
    Request,
    Response,
    SendPermit,
)

__all__ = ["AiohttpTransport", "reason_of"]


_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: reset instead of flush
_USER: Final = re.compile(r"//[^/\s]*@")
_UNACKNOWLEDGED_MS: Final = 30_000  # how long the kernel tries to deliver
_FAILURES: Final = (aiohttp.ClientError, OSError, TimeoutError)
_CONNECTIONS: Final = 3
"""How many connections to try if the server has closed them before anything was written."""
_TURNS: Final = 4
"""In how many turns of the loop a closed connection is seen: read one turn later, TLS included."""
_SOON_S: Final = 0.001  # zero would be no timeout
_LONG: Final = 2**20
_REFUSED: Final = 400
_WRITES_LATER: Final = sys.version_info < (3, 12)
"""aiohttp writes a request with a body in a task of its own."""


class _NotAllowedError(aiohttp.ClientError):
    """The permit was refused: too late, or for a second time."""


class _ClosedConnectionError(aiohttp.ClientConnectionError):
    """The server has closed the connection, and nothing was written to it."""


class _TooLongError(aiohttp.ClientError):
    """The body of an answer is longer than the request allows."""


class _Sending:
    """One request in progress, looked up by the hooks in the request class."""

    __slots__ = ("_conn", "_permit", "_transport", "api_key", "connected", "owner")

    def __init__(self, owner: "AiohttpTransport", permit: SendPermit, api_key: str) -> None:
        self.owner = owner
        self.api_key = api_key
        self.connected = False
        self._permit = permit
        self._conn: Any = None
        self._transport: asyncio.Transport | None = None

    @property
    def unwritten(self) -> bool:
        """True if there was a connection, and it ended before the right to send was claimed."""
        return self.connected and self._conn is None

    def claim(self, conn: Any) -> None:
        """Claim the right to send on a connection, and make the connection safe to break.

        Raises:
            _NotAllowedError: It is too late, or the request has left already.
        """
        if not self._permit.claim():
            raise _NotAllowedError("too late to send, or sent already")
        self._conn = conn
        self._transport = transport = conn.transport
        if transport is not None and self.owner.prepares:
            _prepare(transport.get_extra_info("socket"))

    def abort(self) -> None:
        """Break the connection so that nothing it still holds is delivered."""
        conn, transport = self._conn, self._transport
        if conn is None or transport is None:
            return
        # A whole answer puts the connection back in the pool before its reader runs: it may
        # carry another request by now.
        if conn.protocol is not None or transport.is_closing():
            transport.abort()


# By the task that sends, which is where aiohttp calls the hooks. Not a context variable: cancelled
# timers keep their contexts, and with them what was sent, until the loop clears them out.
_sendings: dict[asyncio.Task[Any] | None, _Sending] = {}


def _prepare(sock: socket.socket | None) -> None:
    """Have a connection reset when it is closed, by aiohttp or by the end of a killed process.

    After a plain close the kernel goes on delivering, minutes later if the network was down. An
    idle connection, whose answer has arrived, loses nothing by a reset.
    """
    if sock is not None:
        with suppress(OSError):  # closed in the meantime, or not a TCP socket
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)


def _is_unused(conn: Any) -> bool:
    """Return True if nothing has come in on a connection: neither its end nor an answer.

    The socket is asked as well, since the loop has not seen what came in while it was busy.
    """
    transport = conn.transport
    if transport is None or transport.is_closing() or conn.protocol.should_close:
        return False
    sock = transport.get_extra_info("socket")
    if sock is None:
        return True
    if (fd := sock.fileno()) < 0:
        return False
    if sys.platform == "win32":
        return not select.select([fd], [], [], 0)[0]
    poll = select.poll()  # not `select`, which fails for the descriptors from 1024
    poll.register(fd, select.POLLIN)
    return not poll.poll(0)


async def _check(conn: Any) -> None:
    """Check that a connection is open once the loop has read what came in on it.

    That may be a part of the TLS handshake.

    Raises:
        _ClosedConnectionError: The server has closed it, or sent what was not asked for.
    """
    for _ in range(_TURNS):
        await asyncio.sleep(0)
        if _is_unused(conn):
            return
    raise _ClosedConnectionError("the server closed the connection before the request was sent")


class _GuardedRequest(aiohttp.ClientRequest):
    """A request that claims its permit when nothing is written yet to a connection that is open.

    However aiohttp comes to send a second time, it comes through here and is refused.
    """

    def send(self, conn: Any) -> Any:  # returns the coroutine: one more around it costs time
        """Write the request if its permit allows it."""
        self._sending = sending = _sendings[asyncio.current_task(self.loop)]
        self._claimed, sending.connected = False, True
        if sending.api_key:
            self.url: Any = UrlWithKey(self.original_url, sending.api_key)
        if _WRITES_LATER and self.body:
            return super().send(conn)
        if not _is_unused(conn):
            return self._send_checked(conn)
        self._claim(conn)
        return super().send(conn)

    async def _send_checked(self, conn: Any) -> Any:
        await _check(conn)
        self._claim(conn)
        return await super().send(conn)

    def _claim(self, conn: Any) -> None:
        self._sending.claim(conn)
        self._claimed = True

    if _WRITES_LATER:

        async def write_bytes(
            self, writer: AbstractStreamWriter, conn: Any, content_length: int | None = None
        ) -> None:
            """Write the body and, before it, the headers.

            Before Python 3.12 this is a separate task, which runs a turn of the loop after `send`.
            Whatever happened in that turn, the permit is claimed after it.
            """
            if not self._claimed:
                try:
                    if not _is_unused(conn):
                        await _check(conn)
                    self._claim(conn)
                except aiohttp.ClientError as error:
                    if conn.protocol is not None:
                        conn.protocol.set_exception(error)
                    return
            if conn.protocol is not None:  # the request was not aborted
                await super().write_bytes(writer, conn, content_length)


def _socket(address: aiohttp.AddrInfoType) -> socket.socket:
    sock = socket.socket(*address[:3])
    _prepare(sock)
    return sock


def _data(body: bytes) -> bytes | BytesIO | None:
    # aiohttp warns of long bytes: only a file object is written in pieces.
    return BytesIO(body) if len(body) > _LONG else body or None


@lru_cache(maxsize=64)
def _timeout(timeout_s: float | None) -> aiohttp.ClientTimeout:
    connect_s = CONNECT_S if timeout_s is None else min(CONNECT_S, timeout_s)
    return aiohttp.ClientTimeout(total=timeout_s, connect=connect_s)


@lru_cache(maxsize=1024)
def _url(url: str) -> URL:
    return URL(url, encoded=True)


async def _read(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read an answer's body, unpacked in pieces, so that a small one cannot unfold without end.

    Raises:
        _TooLongError: It is longer than the limit.
    """
    if answer.status >= _REFUSED:
        limit = min(limit, REFUSAL_BYTES)
    blocks, left = [], limit
    while block := await answer.content.readany():
        left -= len(block)
        if left < 0:
            raise _TooLongError(f"it is longer than {limit:,} bytes")
        blocks.append(block)
    if answer.connection is not None:  # the rest of the body is still being written, in vain
        await answer.wait_for_close()
    return blocks[0] if len(blocks) == 1 else b"".join(blocks)


class AiohttpTransport:
    """The transport over aiohttp. Open it inside the event loop that uses it.

    Args:
        connector: Your own connector, which is closed with this transport. By default one
            without a limit, since the quota bounds the requests in flight.
        proxy: The URL of an HTTP proxy.
        trust_env: True to use the proxies that the environment names, if `proxy` is None.
    """

    def __init__(
        self,
        *,
        connector: aiohttp.BaseConnector | None = None,
        proxy: str | None = None,
        trust_env: bool = False,
    ) -> None:
        self._proxy = proxy
        self._loop = asyncio.get_running_loop()
        self._session = aiohttp.ClientSession(
            connector=connector or aiohttp.TCPConnector(limit=0, socket_factory=_socket),
            cookie_jar=aiohttp.DummyCookieJar(),
            request_class=_GuardedRequest,
            trust_env=trust_env,
        )
        # Requests bring their own credentials: those of a .netrc file would be one too many.
        self._session._get_netrc_auth = _no_auth  # type: ignore[method-assign]
        # aiohttp would repeat GET and DELETE on a new connection when a kept one is found dead,
        # which the guard refuses. Its test client switches that off in the same way.
        self._session._retry_connection = False
        self.prepares = connector is not None  # the sockets of a user's connector are not made here

    async def send(self, request: Request, permit: SendPermit) -> Response:
        """See `Transport.send`."""
        if self._session.closed:
            raise NoAnswerError("the client was closed")
        task = asyncio.current_task(self._loop)
        sending = _sendings[task] = _Sending(self, permit, request.api_key)
        try:
            answer = await self._start(request, sending)
            try:
                body = await _read(answer, request.max_response_bytes)
            except BaseException as error:
                answer.close()
                if not isinstance(error, _FAILURES):
                    raise
                sending.abort()
                too_long = isinstance(error, _TooLongError)
                return Response(answer.status, answer.headers, None, reason_of(error), too_long)
            return Response(answer.status, answer.headers, body)
        except _FAILURES as error:
            sending.abort()
            raise NoAnswerError(reason_of(error)) from error
        except BaseException:
            sending.abort()
            raise
        finally:
            del _sendings[task]

    async def _start(self, request: Request, sending: _Sending) -> aiohttp.ClientResponse:
        """Send a request and return its answer's start; take another connection for a closed one.

        The permit is claimed when the connection is known to be open, so that a closed one costs
        nothing. A kept one that was closed takes the loop to see it, and the others with it: the
        next connection is good, or the server closes new ones too.
        """
        began_at, timeout_s, connections = self._loop.time(), request.timeout_s, 0
        while True:
            connections += 1
            sending.connected = False
            try:
                answer = await self._session.request(
                    request.method,
                    _url(request.url),
                    headers=request.headers,
                    data=_data(request.body),
                    timeout=_timeout(timeout_s),
                    allow_redirects=False,
                    proxy=self._proxy,
                )
                if not sending.unwritten:
                    return answer
                answer.close()
                raise _ClosedConnectionError("an answer came before the request was sent")
            except aiohttp.ClientConnectionError:
                if not sending.unwritten or connections == _CONNECTIONS:
                    raise
            if request.timeout_s is not None:
                timeout_s = max(_SOON_S, request.timeout_s + began_at - self._loop.time())

    async def close(self) -> None:
        """See `Transport.close`."""
        for sending in tuple(_sendings.values()):
            if sending.owner is self:
                sending.abort()  # or aiohttp would go on writing the rest
        await self._session.close()


def _no_auth(host: str) -> None:
    """Return no credentials for a host."""


def reason_of(error: Exception) -> str:
    """Describe a failure, without the user and password that a proxy's URL may hold."""
    text = str(error)
    if isinstance(error, aiohttp.ClientConnectorError):
        text = _describe_connect(error) or text
    return _USER.sub("//", text) or type(error).__name__


def _describe_connect(error: aiohttp.ClientConnectorError) -> str:
    """Say which address could not be reached, and why; "" for a socket of the file system."""
    if isinstance(error, UnixClientConnectorError):
        return ""
    host = f"[{error.host}]" if ":" in error.host else error.host
    is_proxy = isinstance(error, aiohttp.ClientProxyConnectionError)
    kind = "the proxy " if is_proxy else ""
    cause: Exception = error.os_error
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
    code = getattr(cause, "errno", None) or 0
    if code in errno.errorcode and not isinstance(cause, ssl.SSLError | socket.gaierror):
        why = os.strerror(code).lower()
    else:
        why = str(getattr(cause, "strerror", None) or cause)
    return f"cannot connect to {kind}{host}:{error.port}: {why}"
