"""The check of a request's addressee and sender, against web pages that attack a sandbox.

A page that a browser shows can post to a server on the same machine, and can read its answers if
the page's own name resolves to the loopback address (DNS rebinding). Programs are not affected:
they name the sandbox as their host and send no `Origin`.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from aiohttp import web

from cliq_async.sandbox.errors import cross_site, unknown_host

__all__ = ["Origins", "host_name", "is_host"]

_AUTHORITY: Final = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:/?#@\s\\]+)(?::[0-9]*)?", re.IGNORECASE)
_ORIGIN: Final = re.compile(rf"https?://({_AUTHORITY.pattern})", re.IGNORECASE)
_OTHER_SITES: Final = frozenset({"cross-site", "same-site"})


def host_name(authority: str) -> str:
    """Return the host of `host[:port]` in lower case, without brackets; "" if it is not valid."""
    match = _AUTHORITY.fullmatch(authority)
    return match[1].strip("[]").lower().removesuffix(".") if match else ""


def is_host(text: str) -> bool:
    """Return whether a text is a host's name or its address, without a port."""
    return text != "" and (host_name(text) == text.lower() or _parse_address(text) is not None)


class Origins:
    """The hosts that requests may be addressed to, and the sites that may send them.

    Args:
        hosts: The names and addresses that are allowed besides those of the loopback interface.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = frozenset(map(str.lower, hosts))

    def check(self, request: web.BaseRequest) -> None:
        """Check the headers that a browser sets and a page cannot change.

        Raises:
            ApiFault: The request is for another host, or comes from another site.
        """
        headers = request.headers
        if not all(map(self._is_allowed, headers.getall("Host", [""]))):
            raise unknown_host()
        if not self._is_allowed(request.host):  # a target with a host takes precedence
            raise unknown_host()
        for origin in headers.getall("Origin", []):
            match = _ORIGIN.fullmatch(origin)
            if match is None or not self._is_allowed(match[1]):
                raise cross_site()
        if _OTHER_SITES.intersection(headers.getall("Sec-Fetch-Site", [])):
            raise cross_site()

    def _is_allowed(self, authority: str) -> bool:
        host = host_name(authority)
        return host in self._hosts or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _parse_address(host)
    return address is not None and address.is_loopback


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
