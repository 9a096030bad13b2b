"""HTTP proxies: which URLs name one, and which one the environment names for a server."""

import os
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import attrs

from cliq_async.errors import Unquoted, ValidationError

__all__ = ["EnvironmentProxy", "check_proxy", "proxy_from_env"]

_SCHEMES: Final = ("http", "https")
_LIMIT: Final = "the URL of an HTTP proxy, such as http://proxy.example.com:3128"


@attrs.frozen
class EnvironmentProxy:
    """A proxy that the environment names.

    Attributes:
        url: Its URL, which may hold a user and a password.
        source: The variable that names it.
    """

    url: str = attrs.field(repr=False)
    source: str


def check_proxy(field: str, value: object, schemes: tuple[str, ...] = _SCHEMES) -> str:
    """Return the URL of a proxy if it is valid.

    Args:
        field: The setting's name, for the error.
        value: The URL.
        schemes: The schemes that it may have.

    Raises:
        ValidationError: It is not valid. The error does not show it: there may be a password.
    """
    if not isinstance(value, str):
        raise ValidationError(field, _LIMIT, type(value).__name__)
    scheme, found, _ = value.partition("://")
    if not found:
        raise ValidationError(field, _LIMIT, Unquoted("a text without http://"))
    if scheme.lower() not in schemes:
        raise ValidationError(field, _LIMIT, f"{scheme[:20]}://…")
    if not _is_origin(value):
        raise ValidationError(field, _LIMIT, f"{scheme}://… without a valid host or port")
    return value


def _is_origin(url: str) -> bool:
    """Return whether a URL has a valid host and port, and nothing after them."""
    try:
        parts = urlsplit(url)
        valid_port = parts.port != 0
    except ValueError:
        return False
    behind = parts.path.strip("/") or parts.query or parts.fragment
    return bool(parts.hostname) and valid_port and not behind and not set(url) & set(" \t\r\n")


def proxy_from_env(url: str) -> EnvironmentProxy | None:
    """Return the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY choose for a server, or None.

    The same one as aiohttp's `trust_env`, which takes no `https://` proxies.

    Raises:
        ValidationError: The variable does not hold the URL of an HTTP proxy.
    """
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if not proxy or proxy_bypass(parts.hostname or ""):
        return None
    lower = f"{parts.scheme}_proxy"
    names = (name for name in (lower, lower.upper()) if os.environ.get(name))
    source = next(names, "the system's settings")
    return EnvironmentProxy(check_proxy(source, proxy, ("http",)), source)
