"""Access tokens: a fixed one, one from a function, or one refreshed once for everyone."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeGuard
from urllib.parse import urlencode

import attrs
import msgspec

from cliq_async.errors import AuthError, ValidationError
from cliq_async.transport import NoAnswerError, Request, Transport

__all__ = ["AccessToken", "Auth", "Authority", "RefreshToken", "authority", "checked"]

_EARLY_S = 60.0
_LIFE_S = 3600.0
"""How long an access token lives at Zoho. Some answers give the life in milliseconds."""


def _is_token(value: object) -> TypeGuard[str]:
    """Whether it can stand in a header."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value


def _secret(_model: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not value or not _is_token(value):
        what = type(value).__name__  # never the secret itself
        raise ValidationError(attribute.name, "visible ASCII characters, at least one", what)


@attrs.frozen
class AccessToken:
    """A fixed access token, as `CliqClient("1000.ab…")` also makes one.

    Attributes:
        value: The token. It lives an hour at Zoho; afterwards calls raise AuthenticationError.
    """

    value: str = attrs.field(repr=False, validator=_secret)


@attrs.frozen
class RefreshToken:
    """What it takes to make access tokens: one refresh, shared by all calls that wait for it.

    Attributes:
        client_id: The client's id in Zoho's API console.
        client_secret: Its secret.
        refresh_token: The refresh token.
        accounts_url: The accounts server, when it is not the data centre's own.
    """

    client_id: str = attrs.field(validator=_secret)
    client_secret: str = attrs.field(repr=False, validator=_secret)
    refresh_token: str = attrs.field(repr=False, validator=_secret)
    accounts_url: str | None = attrs.field(default=None, kw_only=True)


Auth = str | AccessToken | RefreshToken | Callable[[], Awaitable[str]]
"""What a client takes for its `auth`."""


class Authority(Protocol):
    """Where a client's access tokens come from."""

    async def token(self) -> str:
        """An access token that is thought to be good.

        Raises:
            AuthError: There is none to be had.
        """
        ...

    def expired(self, token: str) -> bool:
        """Take note that a token was not accepted. True if asking again gives another one."""
        ...


def checked(auth: Auth) -> AccessToken | RefreshToken | Callable[[], Awaitable[str]]:
    """Anything that a client takes as `auth`, with a bare token wrapped up.

    Raises:
        ValidationError: It cannot be a token, or is none of the forms.
    """
    if isinstance(auth, str):
        return AccessToken(auth)
    if not isinstance(auth, AccessToken | RefreshToken) and not callable(auth):
        what = "an access token, a RefreshToken or an async function that returns a token"
        raise ValidationError("auth", what, type(auth).__name__)
    return auth


def authority(
    auth: Auth,
    transport: Transport,
    *,
    accounts_url: str,
    clock: Callable[[], float],
    time_scale: float = 1.0,
) -> Authority:
    """Where the access tokens come from, for anything that a client takes as `auth`."""
    auth = checked(auth)
    if isinstance(auth, AccessToken):
        return _Fixed(auth.value)
    if isinstance(auth, RefreshToken):
        return _Refreshed(auth, transport, auth.accounts_url or accounts_url, clock, time_scale)
    return _Asked(auth)


@attrs.frozen
class _Fixed:
    value: str = attrs.field(repr=False)

    async def token(self) -> str:
        return self.value

    def expired(self, token: str) -> bool:  # noqa: ARG002 - there is only the one
        return False


@attrs.frozen
class _Asked:
    """Asks the user's function each time: whether to keep a token is its own business."""

    ask: Callable[[], Awaitable[str]]

    async def token(self) -> str:
        try:
            value: object = await self.ask()
        except Exception as error:
            raise AuthError(f"the auth function failed: {type(error).__name__}") from error
        if not value or not _is_token(value):
            raise AuthError("the auth function gave no access token")
        return value

    def expired(self, token: str) -> bool:  # noqa: ARG002 - it is asked again in any case
        return True


class _OneSend:
    """A permit for a request that no quota counts."""

    sent = False

    def may_send(self) -> bool:
        allowed = not self.sent
        self.sent = True
        return allowed


def _look_at(task: asyncio.Task[str]) -> None:
    if not task.cancelled():
        task.exception()


class _Refreshed:
    """Holds one access token and refreshes it before it expires, or once it is refused."""

    def __init__(
        self,
        credentials: RefreshToken,
        transport: Transport,
        accounts_url: str,
        clock: Callable[[], float],
        time_scale: float,
    ) -> None:
        self._credentials = credentials
        self._transport = transport
        self._url = accounts_url.rstrip("/") + "/oauth/v2/token"
        self._clock = clock
        self._time_scale = time_scale
        self._token: str | None = None
        self._good_until = 0.0
        self._refresh: asyncio.Task[str] | None = None

    async def token(self) -> str:
        if self._token is not None and self._clock() < self._good_until:
            return self._token
        if self._refresh is None or self._refresh.done():
            self._refresh = asyncio.get_running_loop().create_task(self._fetch())
            # Whoever started it may have been cancelled when it fails.
            self._refresh.add_done_callback(_look_at)
        return await asyncio.shield(self._refresh)

    def expired(self, token: str) -> bool:
        if token == self._token:
            self._token = None
        return True

    async def _fetch(self) -> str:
        credentials = self._credentials
        form = {
            "grant_type": "refresh_token",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
            "refresh_token": credentials.refresh_token,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        request = Request("POST", self._url, headers, urlencode(form).encode(), 30.0)
        asked_at = self._clock()
        try:
            response = await self._transport.send(request, _OneSend())
        except NoAnswerError as error:
            raise AuthError(f"{self._url} did not answer: {error}") from None
        try:
            answer = msgspec.json.decode(response.body or b"")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            answer = None
        answer = answer if isinstance(answer, dict) else {}
        token = answer.get("access_token")
        if not token or not _is_token(token):
            reason = answer.get("error") or f"HTTP {response.status}"
            raise AuthError(f"{self._url} gave no access token: {reason}")
        life_s = _life_s(answer.get("expires_in"))
        self._token = token
        # The server's seconds: those of a sandbox may be shorter.
        self._good_until = asked_at + max(life_s - _EARLY_S, life_s / 2) / self._time_scale
        return token


def _life_s(said: object) -> float:
    try:
        life_s = float(said) if isinstance(said, int | float | str) else _LIFE_S
    except (ValueError, OverflowError):
        return _LIFE_S
    return min(life_s, _LIFE_S) if life_s > 0 else _LIFE_S
