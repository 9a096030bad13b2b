"""OAuth at Zoho's accounts server: what is asked, and what an answer means. No I/O.

Failures come with any status, HTTP 200 included, and with texts in any language: an answer is a
success if there is an access token in it, and only then.

Source: Zoho's OAuth documents, and public reports of what the accounts servers answer.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import attrs
import msgspec

from cliq_async.auth.credentials import AccessToken, ClientCredentials, RefreshToken, is_token
from cliq_async.data_centers import (
    DATA_CENTERS,
    data_center_of,
    is_loopback,
    is_zoho,
    normalize_host,
)
from cliq_async.endpoints import Limit
from cliq_async.errors import AuthError
from cliq_async.quota.model import Quota
from cliq_async.transport.base import Request, Response

__all__ = [
    "TIMEOUT_S",
    "IssuedToken",
    "TokenFailure",
    "TokenGrant",
    "form_request",
    "json_object",
    "parse_token_response",
]

ENDPOINT: Final = "access_token"
TIMEOUT_S: Final = 10.0
"""For one request, in real seconds."""

_LIMIT: Final = Limit(10, 600.0, 600.0)
"""Access tokens that Zoho makes for one refresh token."""
_UNKNOWN: Final = 5
"""How many of these count as made where nobody knows: with all of them, a machine that was started
anew would have no token for ten minutes, and too many lead to no more than that either."""
_LIFE_S: Final = 3600.0
"""How long an access token lives at Zoho."""
_MILLISECONDS: Final = 86_400.0
"""No life is as long as this; some answers count in milliseconds."""
_LONGEST: Final = 200
_SHORT: Final = 8
_REQUEST_TIMEOUT, _TOO_MANY, _SERVER_ERROR = 408, 429, 500


@attrs.frozen
class IssuedToken:
    """An access token that was made.

    Attributes:
        access: The token.
        life_s: How long it lives, in the server's seconds.
        data_center: Where the account lives, if the answer says so.
    """

    access: AccessToken
    life_s: float
    data_center: str | None


@attrs.frozen
class TokenFailure:
    """No access token.

    Attributes:
        reason: Why, for people, without a secret.
        again: Whether asking again may help.
        counted: Whether the accounts server itself has answered, and nothing of it is under way.
    """

    reason: str
    again: bool
    counted: bool


@attrs.frozen
class TokenGrant:
    """By what access tokens are made, and how many may be.

    Attributes:
        url: Where.
        host: Host and port of that.
        credentials: By what.
        quota: How many; counted where the requests to Cliq are.
        note: Names the access token where it is shared, without giving away what made it.
        scale: How much faster the server's time passes.
    """

    url: str
    host: str
    credentials: RefreshToken | ClientCredentials
    quota: Quota
    note: str
    scale: float

    @classmethod
    def of(
        cls,
        credentials: RefreshToken | ClientCredentials,
        accounts_url: str,
        *,
        time_scale: float = 1.0,
        margin_s: float = 1.0,
        straggler_s: float = 30.0,
    ) -> "TokenGrant":
        """What credentials are good for.

        Args:
            credentials: By what.
            accounts_url: The data center's accounts server, where they name none.
            time_scale: The sandbox's, should the accounts server be one.
            margin_s: How much later than needed the quota's token is back.
            straggler_s: How late a request that was given up may arrive.
        """
        base_url = (credentials.accounts_url or accounts_url).rstrip("/")
        host = normalize_host("accounts_url", base_url)
        scale = 1.0 if is_zoho(host) else time_scale
        match credentials:
            case RefreshToken():
                maker = _digest(credentials.refresh_token)
            case ClientCredentials():
                maker = _digest(credentials.client_id, *credentials.scopes)
        return cls(
            url=base_url + "/oauth/v2/token",
            host=host,
            credentials=credentials,
            quota=Quota.of(
                ENDPOINT,
                _LIMIT,
                host=host,
                account=maker[:32],
                time_scale=scale,
                margin_s=margin_s,
                straggler_s=straggler_s,
                assume_spent=_UNKNOWN,
            ),
            note="access_token " + _digest(credentials.client_id, maker, host, f"{scale:g}"),
            scale=scale,
        )

    def request(self) -> Request:
        """The request for a token."""
        return form_request(self.url, _form(self.credentials))

    def redact(self, text: object) -> str:
        """Something that a server said, for people: short, and without what it may echo."""
        words = " ".join(str(text).split())
        for secret in _secrets(self.credentials):
            # One that is short may be a part of any word.
            edge = "" if len(secret) > _SHORT else r"\b"
            words = re.sub(edge + re.escape(secret) + edge, "…", words)
        return words[:_LONGEST]

    def error(self, reason: str) -> AuthError:
        """The exception that says why there is no token, and who was asked."""
        center = data_center_of(self.url)
        where = self.url if center is None else f"{self.url} (data center {center})"
        return AuthError(f"{where} gave no access token: {reason}")

    def other_data_center(self, made: IssuedToken, expected: str | None) -> str | None:
        """The data center that an account turns out to live in, if it is not the expected one."""
        if expected is None or is_loopback(self.host) or made.data_center == expected:
            return None
        return made.data_center


def form_request(url: str, form: Mapping[str, str]) -> Request:
    """A request to an accounts server."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Request("POST", url, headers, urlencode(form).encode(), TIMEOUT_S)


def parse_token_response(grant: TokenGrant, response: Response) -> IssuedToken | TokenFailure:
    """Say what an answer means. Never fails, whatever it is."""
    status, body = response.status, response.body
    if body is None:
        return TokenFailure("the answer was cut off", again=True, counted=False)
    answer = json_object(body)
    value = answer.get("access_token")
    if status < _SERVER_ERROR and is_token(value):
        center = data_center_of(answer.get("api_domain"))
        return IssuedToken(AccessToken(value), _life_s(answer), center)
    gateway = status == _REQUEST_TIMEOUT or status >= _SERVER_ERROR
    return TokenFailure(
        _reason(grant, status, answer),
        again=gateway or status == _TOO_MANY,
        counted=not gateway,
    )


def json_object(body: bytes) -> dict[str, Any]:
    """The fields of an answer, whatever it is; none if it is no JSON object."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _reason(grant: TokenGrant, status: int, answer: dict[str, Any]) -> str:
    error, description = answer.get("error"), answer.get("error_description")
    if not isinstance(error, str) or not error.strip():
        return f"HTTP {status}, and nothing that says why"
    reason = grant.redact(error)
    if isinstance(description, str) and description.strip():
        reason += f" ({grant.redact(description)})"
    match error.strip().lower():
        case "invalid_client" | "invalid_client_secret" | "invalid_code":
            what = "refresh token" if error.strip().lower() == "invalid_code" else "client"
            return (
                f"{reason}: no such {what} there; check that the account lives in this data "
                f"center, and else name its own with data_center= or CLIQ_DATA_CENTER "
                f"({', '.join(DATA_CENTERS)})"
            )
        case "access denied" | "access_denied":
            return f"{reason}: Zoho makes 10 access tokens in 10 minutes for one refresh token"
        case _:
            return reason


def _life_s(answer: dict[str, Any]) -> float:
    """How long a token lives; an hour where the answer does not say, and never longer."""
    for name in ("expires_in_sec", "expires_in"):
        said = answer.get(name)
        if isinstance(said, int | float | str) and not isinstance(said, bool):
            try:
                life_s = float(said)
            except (ValueError, OverflowError):
                continue
            if life_s > 0:
                return min(life_s / 1000 if life_s > _MILLISECONDS else life_s, _LIFE_S)
    return _LIFE_S


def _form(credentials: RefreshToken | ClientCredentials) -> dict[str, str]:
    client = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
    match credentials:
        case RefreshToken():
            own = {"refresh_token": credentials.refresh_token}
            return {"grant_type": "refresh_token"} | client | own
        case ClientCredentials():
            own = {"scope": ",".join(credentials.scopes)}
            return {"grant_type": "client_credentials"} | client | own


def _secrets(credentials: RefreshToken | ClientCredentials) -> tuple[str, ...]:
    if isinstance(credentials, RefreshToken):
        return credentials.refresh_token, credentials.client_secret
    return (credentials.client_secret,)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
