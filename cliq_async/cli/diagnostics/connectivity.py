"""Connectivity checks: DNS, TCP, TLS, clock offset and data center.

A probe only connects and shakes hands: no request is sent, so the quota is not used.
"""

import asyncio
import socket
import ssl
import time
from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

import attrs
import msgspec

from cliq_async.auth.accounts import scopes_in
from cliq_async.cli.errors import CliError
from cliq_async.cli.text import clean
from cliq_async.data_centers import data_center_of, is_loopback
from cliq_async.transport.base import Request, Response, SendPermit, Transport

__all__ = ["ObservingTransport", "probe"]

TIMEOUT_S: Final = 10.0
_HALF_S: Final = 0.5
_SOON_S: Final = 14 * 86_400.0
_PORTS: Final = {"http": 80, "https": 443}
_TOKEN: Final = "/oauth/v2/token"  # noqa: S105 - the path of an endpoint


async def probe(url: str, proxy: str | None = None) -> str:
    """Connect to a server and disconnect. Returns a description of the connection.

    Args:
        url: The server.
        proxy: The URL of the proxy through which to connect. It is asked for a tunnel to a server
            with TLS; to another server, only the proxy itself is reached.

    Raises:
        CliError: The server cannot be reached; the message says why and what may help.
    """
    parts = urlsplit(url)
    host, safe = parts.hostname or "", parts.scheme.lower() == "https"
    port = parts.port or (443 if safe else 80)
    if not safe and not is_loopback(f"[{host}]" if ":" in host else host):
        raise CliError("tokens would be sent unencrypted: use https://")
    started = time.monotonic()
    context = ssl.create_default_context() if safe else None
    hop_host, hop_port = host, port
    try:
        async with asyncio.timeout(TIMEOUT_S):
            if proxy is None:
                _, writer = await asyncio.open_connection(host, port, ssl=context)
            else:
                hop = urlsplit(proxy)
                hop_host, hop_port = hop.hostname or "", hop.port or _PORTS[hop.scheme.lower()]
                writer = await _connect_through(hop, (hop_host, hop_port), (host, port), context)
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise CliError(_describe_error(error, hop_host, hop_port)) from None
    took_ms = (time.monotonic() - started) * 1000
    tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    description = f"connected in {took_ms:.0f} ms" + (
        ", not encrypted" if tls is None else _describe_tls(tls)
    )
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(1.0):
            await writer.wait_closed()
    return description


async def _connect_through(
    proxy: SplitResult,
    hop: tuple[str, int],
    target: tuple[str, int],
    context: ssl.SSLContext | None,
) -> asyncio.StreamWriter:
    """Connect to a proxy and, for a server with TLS, have it open a tunnel."""
    outer = ssl.create_default_context() if proxy.scheme.lower() == "https" else None
    reader, writer = await asyncio.open_connection(*hop, ssl=outer)
    try:
        if context is not None:
            host = f"[{target[0]}]" if ":" in target[0] else target[0]
            head = f"CONNECT {host}:{target[1]} HTTP/1.1\r\nHost: {host}:{target[1]}\r\n"
            if proxy.username is not None:
                user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
                head += f"Proxy-Authorization: Basic {b64encode(user.encode()).decode()}\r\n"
            writer.write(f"{head}\r\n".encode())
            _check_tunnel(await reader.readuntil(b"\r\n\r\n"))
            await writer.start_tls(context, server_hostname=target[0])
    except BaseException:
        writer.transport.abort()
        raise
    return writer


def _check_tunnel(answer: bytes) -> None:
    status = b" ".join(answer.split(None, 2)[1:2]).decode("ascii", "replace")
    if status == "407":
        reason = "the proxy refuses the user and the password in its URL, or needs them (HTTP 407)"
        raise CliError(reason)
    if status != "200":
        raise CliError(f"the proxy does not open a tunnel to it (HTTP {clean(status, 20)})")


def _describe_tls(tls: ssl.SSLObject) -> str:
    certificate: Any = tls.getpeercert() or {}
    version = f", {tls.version()}"
    if "notAfter" not in certificate:
        return version
    until = ssl.cert_time_to_seconds(certificate["notAfter"])
    soon = ", which is soon" if until - time.time() < _SOON_S else ""
    return f"{version}, certificate until {datetime.fromtimestamp(until, UTC):%Y-%m-%d}{soon}"


def _describe_error(error: Exception, host: str, port: int) -> str:
    match error:
        case TimeoutError():
            reason = f"no answer in {TIMEOUT_S:.0f} s: check firewalls and proxies"
        case socket.gaierror():
            reason = f"no address found for {host}: check the network, DNS and the spelling"
        case ssl.SSLCertVerificationError():
            reason = (
                f"its certificate is not trusted ({error.verify_message}): check this machine's "
                "clock, and whether a proxy intercepts TLS"
            )
        case ssl.SSLError():
            reason = f"no TLS ({error.reason}): check the port"
        case asyncio.IncompleteReadError() | asyncio.LimitOverrunError():
            reason = f"{host}:{port} did not answer in HTTP: check that it is a proxy"
        case ConnectionRefusedError():
            reason = f"nothing listens on {host}:{port}"
        case OSError() if error.strerror:
            reason = error.strerror
        case _:
            reason = type(error).__name__
    return reason


@attrs.define
class ObservingTransport:
    """A transport that observes the clock and the data center of the servers.

    Attributes:
        inner: The transport that sends the requests.
        offset_s: The servers' clock minus this machine's, in seconds.
        accuracy_s: The largest error of the offset.
        data_center: The data center of the account, if a token was issued and its answer names it.
        scopes: The scopes of that token.
    """

    inner: Transport
    offset_s: float | None = None
    accuracy_s: float = 0.0
    data_center: str | None = None
    scopes: tuple[str, ...] = ()

    async def send(self, request: Request, permit: SendPermit) -> Response:
        """See `Transport.send`."""
        sent_at = time.time()
        response = await self.inner.send(request, permit)
        self._observe_date(response, sent_at, time.time())
        if urlsplit(request.url).path == _TOKEN:
            self._observe_token(response)
        return response

    async def close(self) -> None:
        """See `Transport.close`."""
        await self.inner.close()

    def _observe_date(self, response: Response, sent_at: float, now: float) -> None:
        try:
            date = parsedate_to_datetime(response.headers["Date"])
        except (KeyError, ValueError):
            return
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        # The header has whole seconds, and was written at any time during the request.
        accuracy_s = _HALF_S + (now - sent_at) / 2
        if self.offset_s is None or accuracy_s < self.accuracy_s:
            self.offset_s = date.timestamp() + _HALF_S - (sent_at + now) / 2
            self.accuracy_s = accuracy_s

    def _observe_token(self, response: Response) -> None:
        try:
            answer = msgspec.json.decode(response.body or b"")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        if isinstance(answer, dict) and "access_token" in answer:
            self.data_center = data_center_of(answer.get("api_domain"))
            self.scopes = scopes_in(answer.get("scope"))
