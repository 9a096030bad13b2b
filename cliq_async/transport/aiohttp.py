"""The transport over aiohttp. No other module on the path of a call imports aiohttp."""

import asyncio
import re
import socket
import struct
import sys
from contextlib import suppress
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from yarl import URL

from cliq_async.clock import system_clock
from cliq_async.transport.base import CONNECT_S, NoAnswerError, Request, Response, SendPermit

__all__ = ["AiohttpTransport"]


_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: reset instead of flush
_USER: Final = re.compile(r"//[^/\s]*@")
_UNACKNOWLEDGED_MS: Final = 30_000  # how long the kernel tries to deliver
_FAILURES: Final = (aiohttp.ClientError, OSError, TimeoutError)
_TURN_S: Final = 1.0
_LONG: Final = 2**20


class _NotAllowedError(aiohttp.ClientError):
    """The permit was refused: too late, or for a second time."""


class _Sending:
    """One request in progress, looked up by the hooks in the request class."""

    __slots__ = ("_allowed_at", "_conn", "_permit", "_transport", "owner")

    def __init__(self, owner: "AiohttpTransport", permit: SendPermit) -> None:
        self.owner = owner
        self._permit = permit
        self._conn: Any = None
        self._transport: asyncio.Transport | None = None
        self._allowed_at = 0.0

    def claim(self, conn: Any) -> None:
        """Claim the right to send on a connection, and make the connection safe to break.

        Raises:
            _NotAllowedError: It is too late, or the request has left already.
        """
        if not self._permit.claim():
            raise _NotAllowedError("too late to send, or sent already")
        self._allowed_at = system_clock()
        self._conn = conn
        self._transport = transport = conn.transport
        if transport is not None and self.owner.prepares:
            _prepare(transport.get_extra_info("socket"))

    @property
    def late(self) -> bool:
        """True if the right was claimed too long ago to be used."""
        return system_clock() - self._allowed_at > _TURN_S

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


class _GuardedRequest(aiohttp.ClientRequest):
    """A request that claims its permit when the connection is open and nothing is written yet.

    However aiohttp comes to send a second time, it comes through here and is refused.
    """

    def send(self, conn: Any) -> Any:  # returns the coroutine: one more around it costs time
        """Write the request if its permit allows it."""
        self._sending = _sendings[asyncio.current_task(self.loop)]
        self._sending.claim(conn)
        return super().send(conn)

    if sys.version_info < (3, 12):

        async def write_bytes(
            self, writer: AbstractStreamWriter, conn: Any, content_length: int | None = None
        ) -> None:
            """Write the body and, before it, the headers.

            Before Python 3.12 this is a separate task, which runs a turn of the loop after `send`.
            If that turn took long, the claim is stale.
            """
            if self._sending.late:
                late = _NotAllowedError("the event loop was blocked for too long")
                conn.protocol.set_exception(late)
                return
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
        sending = _sendings[task] = _Sending(self, permit)
        try:
            answer = await self._session.request(
                request.method,
                _url(request.url),
                headers=request.headers,
                data=_data(request.body),
                timeout=_timeout(request.timeout_s),
                allow_redirects=False,
                proxy=self._proxy,
            )
            try:
                body = await answer.read()  # at its end the connection is back in the pool
            except BaseException as error:
                answer.close()
                if not isinstance(error, _FAILURES):
                    raise
                sending.abort()
                body = None
            return Response(answer.status, answer.headers, body)
        except _FAILURES as error:
            sending.abort()
            raise NoAnswerError(_reason(error)) from error
        except BaseException:
            sending.abort()
            raise
        finally:
            del _sendings[task]

    async def close(self) -> None:
        """See `Transport.close`."""
        for sending in tuple(_sendings.values()):
            if sending.owner is self:
                sending.abort()  # or aiohttp would go on writing the rest
        await self._session.close()


def _no_auth(host: str) -> None:
    """Return no credentials for a host."""


def _reason(error: Exception) -> str:
    """Describe an error without the user and password that a proxy's URL may hold."""
    return _USER.sub("//", str(error)) or type(error).__name__
