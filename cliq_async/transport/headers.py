"""The headers that a user adds to requests: checked so that they change nothing else."""

import re
from collections.abc import Mapping
from typing import Final

from cliq_async._version import __version__
from cliq_async.errors import Unquoted, ValidationError

__all__ = ["base_headers", "check_headers", "check_user_agent"]

_USER_AGENT: Final = f"cliq-async/{__version__}"
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,4094}[\x21-\x7e])?")
_OURS: Final = frozenset(
    (
        "accept-encoding",
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    )
)


def check_headers(field: str, headers: object) -> None:
    """Check the headers to add to each request. Errors show no value: it may be a secret.

    Raises:
        ValidationError: A name or a value is not valid, or the client sets that header itself.
    """
    if not isinstance(headers, Mapping):
        given = Unquoted(f"a {type(headers).__name__}")
        raise ValidationError(field, "a dict of values by name", given)
    seen: set[str] = set()
    for name, value in headers.items():
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise ValidationError(field, "names of headers", name)
        if name.lower() in _OURS:
            raise ValidationError(field, "headers that the client does not set itself", name)
        if name.lower() in seen:
            raise ValidationError(field, "each header once", name)
        seen.add(name.lower())
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            limit = f"printable ASCII on one line for {name}, up to 4,096 characters"
            raise ValidationError(field, limit, Unquoted("another value"))


def check_user_agent(field: str, suffix: object) -> None:
    """Check the text to add to the header User-Agent.

    Raises:
        ValidationError: It is not printable ASCII on one line.
    """
    if not isinstance(suffix, str) or not (suffix == "" or _VALUE.fullmatch(suffix)):
        raise ValidationError(field, "printable ASCII on one line, such as 'shop/2.1'", suffix)


def base_headers(user_agent: str = "", headers: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the headers that all requests of a client have in common."""
    agent = f"{_USER_AGENT} {user_agent}" if user_agent else _USER_AGENT
    return {"User-Agent": agent, **(headers or {})}
