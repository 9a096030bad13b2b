"""Zoho's data centers, and checks of server URLs."""

import re
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import attrs

from cliq_async.errors import Unquoted, ValidationError, abbreviate

__all__ = [
    "DATA_CENTERS",
    "DataCenter",
    "check_secure",
    "data_center_of",
    "is_loopback",
    "is_zoho",
    "normalize_host",
]

_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?)"
    r"(:(?P<port>[0-9]{1,5})?)?",
    re.IGNORECASE | re.ASCII,
)
_MAX_PORT: Final = 65_535
_PORTS: Final = {"http": 80, "https": 443}
_ZOHO: Final = re.compile(r"(.+\.)?zoho(cloud|apis)?\.(com|eu|in|com\.au|com\.cn|jp|sa|uk|ca)")


@attrs.frozen
class DataCenter:
    """One of Zoho's data centers.

    Attributes:
        api_url: The Cliq server.
        accounts_url: The server that issues access tokens.
        api_domain: The host that identifies the data center in token responses.
    """

    api_url: str
    accounts_url: str
    api_domain: str

    @classmethod
    def from_domain(cls, domain: str, tld: str) -> "DataCenter":
        """Build the data center of a domain such as `zoho.eu`, whose API domain ends in `tld`."""
        return cls(f"https://cliq.{domain}", f"https://accounts.{domain}", f"www.zohoapis.{tld}")


DATA_CENTERS: Final[Mapping[str, DataCenter]] = {
    "us": DataCenter.from_domain("zoho.com", "com"),
    "eu": DataCenter.from_domain("zoho.eu", "eu"),
    "in": DataCenter.from_domain("zoho.in", "in"),
    "au": DataCenter.from_domain("zoho.com.au", "com.au"),
    "cn": DataCenter.from_domain("zoho.com.cn", "com.cn"),
    "jp": DataCenter.from_domain("zoho.jp", "jp"),
    "sa": DataCenter.from_domain("zoho.sa", "sa"),
    "uk": DataCenter.from_domain("zoho.uk", "uk"),
    "ca": DataCenter.from_domain("zohocloud.ca", "ca"),
}

_BY_HOST: Final = {
    host: name
    for name, center in DATA_CENTERS.items()
    for host in (center.api_domain, urlsplit(center.accounts_url).netloc)
}


def data_center_of(location: object) -> str | None:
    """Return the name of the data center of an accounts URL or an `api_domain`, or None."""
    if not isinstance(location, str):
        return None
    host = location.lower().rpartition("://")[2].partition("/")[0].partition(":")[0]
    return _BY_HOST.get(host)


def normalize_host(field: str, url: str) -> str:
    """Return the normalized host and port of a URL, which identify a quota.

    Raises:
        ValidationError: The URL is not just scheme and host.
    """
    match = _URL.fullmatch(url.rstrip("/"))
    if match is None or not int(match["port"] or 1) <= _MAX_PORT:
        # The error must not show a password, or a key in a query.
        given = Unquoted("a URL with a user") if "@" in url else abbreviate(url.partition("?")[0])
        raise ValidationError(field, "only scheme and host, such as https://host", given)
    scheme, host, port = match["scheme"].lower(), match["host"].lower(), match["port"]
    host = host.removesuffix(".")
    return host if not port or int(port) == _PORTS[scheme] else f"{host}:{int(port)}"


def check_secure(field: str, url: str, allow_http: Collection[str]) -> None:
    """Check that secrets are sent to a server only over an encrypted connection.

    Args:
        field: The setting's name, for the error.
        url: The server.
        allow_http: Hosts, with or without a port, that may be used over plain HTTP.

    Raises:
        ValidationError: The URL is not https, and the server is neither this machine nor listed in
            `allow_http`.
    """
    host = normalize_host(field, url)
    allowed = {host, host.rpartition(":")[0] or host} & {each.lower() for each in allow_http}
    if not url.lower().startswith("https:") and not allowed and not is_loopback(host):
        raise ValidationError(field, "https, or a host listed in allow_http", f"http://{host}")


def is_zoho(host: str) -> bool:
    """Return whether a host, with or without a port, belongs to Zoho."""
    return _ZOHO.fullmatch(host.partition(":")[0]) is not None


def is_loopback(host: str) -> bool:
    """Return whether a host, with or without a port, is this machine."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
