"""Late answers: one POST to the address that came with the event."""

import asyncio
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from cliq_async.client import CliqClient
from cliq_async.data_centers import DATA_CENTERS, is_loopback, normalize_host
from cliq_async.errors import ValidationError
from cliq_async.transport.aiohttp import AiohttpTransport
from cliq_async.transport.base import NoAnswerError, Request, Transport

__all__ = ["LateAnswers"]

_TIMEOUT_S: Final = 15.0
_PAUSES_S: Final = (1.0, 3.0)
"""The pauses before an answer that was never sent is sent again. Real seconds."""
_AT_ONCE: Final = 100
_HEADERS: Final = {"Content-Type": "application/json"}
_PATH: Final = re.compile(r"[!-~]*")
_ZOHO: Final = frozenset(urlsplit(center.api_url).netloc for center in DATA_CENTERS.values())


class _Permit:
    """The right to send once, which needs no token: the API does not count late answers."""

    sent = False

    def claim(self) -> bool:
        """Claim the right; see `SendPermit`."""
        first, self.sent = not self.sent, True
        return first


class LateAnswers:
    """Sends late answers, over connections that are open only while there are some.

    Args:
        client: Its server may get answers, too, and its proxy is used.
        hosts: Other hosts that may, as `host`, `host:port`, or a URL of scheme and host.
        transport: A transport to use instead of aiohttp; it is not closed.

    Raises:
        ValidationError: A host is not one.
    """

    def __init__(
        self,
        *,
        client: CliqClient | None = None,
        hosts: Iterable[str] = (),
        transport: Transport | None = None,
    ) -> None:
        self._allowed = {("https", host) for host in _ZOHO}
        self._proxy, self._trust_env = None, False
        if client is not None:
            settings = client._settings
            self._proxy, self._trust_env = settings.proxy, settings.trust_env
            if settings.base_url is not None:
                self.allow(settings.base_url)
        for host in [hosts] if isinstance(hosts, str) else hosts:
            self.allow(host)
        self._given = transport
        self._pauses_s = _PAUSES_S
        self._open: tuple[Transport, asyncio.Semaphore] | None = None
        self._users = 0

    def allow(self, url: str) -> None:
        """Let another host get answers; see `hosts`."""
        scheme, separator, _ = url.lower().partition("://")
        host = normalize_host("response_hosts", url if separator else f"https://{url}")
        self._allowed.add((scheme if separator else "https", host))
        if not separator and is_loopback(host):
            self._allowed.add(("http", host))

    def refusal(self, url: str) -> str | None:
        """Return why an answer may not be sent to a URL, in words, or None."""
        # Split by hand, and strictly: parsers disagree about odd URLs, and an event that is not
        # verified may hold one that an attacker has made.
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        try:
            host = normalize_host("response_url", f"{scheme}://{host}")
        except ValidationError:
            return "its response_url is not a valid URL"
        if not _PATH.fullmatch(path) or (scheme.lower(), host) not in self._allowed:
            return f"its response_url is on {scheme}://{host}, which is not a host of Cliq's"
        return None

    async def send(self, url: str, body: bytes) -> str | None:
        """Send an answer; return the reason if it is lost or may be, or None."""
        if reason := self.refusal(url):
            return reason
        if self._open is None:
            transport = self._given or AiohttpTransport(
                proxy=self._proxy, trust_env=self._trust_env
            )
            self._open = (transport, asyncio.Semaphore(_AT_ONCE))
        transport, slots = self._open
        self._users += 1
        try:
            async with slots:
                return await self._post(transport, url, body)
        finally:
            self._users -= 1
            if not self._users:
                self._open = None
                if self._given is None:
                    await transport.close()

    async def _post(self, transport: Transport, url: str, body: bytes) -> str | None:
        request = Request("POST", url, _HEADERS, body, _TIMEOUT_S)
        for pause_s in (*self._pauses_s, None):
            permit = _Permit()
            try:
                response = await transport.send(request, permit)
            except NoAnswerError as error:
                if permit.sent:
                    return f"response_url did not answer, so it may be lost: {error}"
                if pause_s is None:
                    return f"response_url cannot be reached: {error}"
                await asyncio.sleep(pause_s)
            else:
                accepted = 200 <= response.status < 300  # noqa: PLR2004 - the range of HTTP
                return None if accepted else f"response_url answered HTTP {response.status}"
        raise AssertionError
