"""The credentials that a client accepts as `auth`, validated when they are created."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar, Final, TypeGuard

import attrs

from cliq_async.data_centers import normalize_host
from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import NOTHING, ValidationError

__all__ = [
    "AccessToken",
    "ApiKey",
    "Auth",
    "ClientCredentials",
    "RefreshToken",
    "is_token",
    "validate_auth",
]


def is_token(value: object) -> TypeGuard[str]:
    """Return whether a value can be sent as a token in a header."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        return False
    return value != "" and " " not in value


def _secret(_model: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not is_token(value):
        what = type(value).__name__  # never the secret itself
        raise ValidationError(attribute.name, "one or more visible ASCII characters", what)


def _address(_model: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if value is not None:
        normalize_host(attribute.name, value if isinstance(value, str) else "")


def _flag(_model: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, bool):
        raise ValidationError(attribute.name, "True or False", type(value).__name__)


@attrs.frozen
class AccessToken:
    """A fixed access token; `CliqClient("1000.ab…")` is short for it.

    Attributes:
        value: The token. It expires after an hour at Zoho; then calls raise AuthenticationError.

    Raises:
        ValidationError: The value is not a valid token.
    """

    in_query: ClassVar[bool] = False
    value: str = attrs.field(repr=False, validator=_secret)


@attrs.frozen
class ApiKey:
    """A webhook token of Cliq, sent as `zapikey` in the query, for want of an OAuth token.

    It does not expire and has no scopes. Cliq's documents name it for version 2 of the API; that
    version 3, which the client calls, accepts it is not confirmed. URLs are logged by proxies on
    the way: prefer a `RefreshToken`.

    Attributes:
        value: The key. Sent over HTTPS only, and over plain HTTP to this machine.

    Raises:
        ValidationError: The value is not a valid key.
    """

    in_query: ClassVar[bool] = True
    value: str = attrs.field(repr=False, validator=_secret)


@attrs.frozen
class RefreshToken:
    """A refresh token, from which the client obtains its access tokens.

    Attributes:
        client_id: The client's id in Zoho's API console.
        client_secret: Its secret.
        refresh_token: The refresh token.
        accounts_url: The accounts server, as scheme and host, if it is not the data center's.
        share: Whether to keep the access token in the quota store, so that all processes that
            share the quota share it too.

    Raises:
        ValidationError: A field is not valid.
    """

    client_id: str = attrs.field(validator=_secret)
    client_secret: str = attrs.field(repr=False, validator=_secret)
    refresh_token: str = attrs.field(repr=False, validator=_secret)
    accounts_url: str | None = attrs.field(default=None, kw_only=True, validator=_address)
    share: bool = attrs.field(default=True, kw_only=True, validator=_flag)


_USERS_ONLY: Final = "ZohoCliq.Channels.UPDATE"

_SCOPES: Final = tuple(
    sorted(
        {
            scope
            for row in ENDPOINTS.values()
            if row.path.startswith("/bots")
            for scope in row.scopes
        }
        - {_USERS_ONLY}
    )
)


def _as_scopes(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split(","))
    return tuple(value) if isinstance(value, Iterable) else ()  # which is not valid


def _scopes(_model: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, tuple) or not value or not all(map(is_token, value)):
        raise ValidationError(attribute.name, "names of scopes, at least one", repr(value))


@attrs.frozen
class ClientCredentials:
    """The credentials of a client that acts for itself, without a refresh token.

    Zoho grants it less than a user: its tokens send messages, but Cliq rejects them where an
    endpoint requires `ZohoCliq.Channels.UPDATE`, as `bots.associate` does. Use a `RefreshToken`
    there.

    Attributes:
        client_id: The client's id in Zoho's API console.
        client_secret: Its secret.
        accounts_url: The accounts server, as scheme and host, if it is not the data center's.
        scopes: The scopes to request; by default all that the Bots API needs, except that one.
        share: As for `RefreshToken`.

    Raises:
        ValidationError: A field is not valid.
    """

    client_id: str = attrs.field(validator=_secret)
    client_secret: str = attrs.field(repr=False, validator=_secret)
    accounts_url: str | None = attrs.field(default=None, kw_only=True, validator=_address)
    scopes: tuple[str, ...] = attrs.field(
        default=_SCOPES, kw_only=True, converter=_as_scopes, validator=_scopes
    )
    share: bool = attrs.field(default=True, kw_only=True, validator=_flag)


Auth = str | AccessToken | ApiKey | RefreshToken | ClientCredentials | Callable[[], Awaitable[str]]
"""The types that a client accepts as `auth`."""


def validate_auth(
    auth: Auth,
) -> AccessToken | ApiKey | RefreshToken | ClientCredentials | Callable[[], Awaitable[str]]:
    """Return the credentials that `auth` stands for: a string becomes an `AccessToken`.

    Raises:
        ValidationError: The string is not a valid token, or `auth` has an unsupported type.
    """
    kind = type(auth).__name__
    if isinstance(auth, str):
        if is_token(auth):
            return AccessToken(auth)
        del auth  # a traceback may show what is here
        raise ValidationError("auth", "one or more visible ASCII characters", NOTHING)
    known = AccessToken | ApiKey | RefreshToken | ClientCredentials
    if not isinstance(auth, known) and not callable(auth):
        del auth
        what = (
            "an access token, a RefreshToken, ClientCredentials, an ApiKey or an async function "
            "that returns a token"
        )
        raise ValidationError("auth", what, kind)
    return auth
