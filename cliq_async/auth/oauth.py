"""The OAuth protocol of Zoho's accounts servers: token requests and their responses. No I/O.

Failures come with any status, HTTP 200 included, and with texts in any language: a response is a
success only if it contains an access token.

Source: Zoho's OAuth documents, and public reports of the accounts servers' responses.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import attrs
import msgspec

from cliq_async.auth.credentials import AccessToken, ClientCredentials, RefreshToken, is_token
from cliq_async.auth.encryption import TokenCipher
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
from cliq_async.transport.throttling import detect_throttle, error_texts

__all__ = [
    "TIMEOUT_S",
    "IssuedToken",
    "TokenFailure",
    "TokenGrant",
    "form_request",
    "json_object",
    "parse_token_response",
    "unread_reason",
]

ENDPOINT: Final = "access_token"
TIMEOUT_S: Final = 10.0
"""The timeout of one request, in real seconds."""

_LIMIT: Final = Limit(10, 600.0, 600.0)
"""The access tokens that Zoho issues for one refresh token."""
_ASSUME_SPENT: Final = 5
"""The number of these that count as spent in a store without a memory. If all did, a newly started
machine would have no token for ten minutes; and one request too many costs no more than that."""
_LIFETIME_S: Final = 3600.0
"""The lifetime of an access token at Zoho."""
_MILLISECONDS: Final = 86_400.0
"""A lifetime beyond this is in milliseconds, as in some responses."""
_MAX_RESPONSE_BYTES: Final = 2**16
_MAX_CHARS: Final = 200
_SHORT_SECRET: Final = 8
_REQUEST_TIMEOUT, _SERVER_ERROR = 408, 500
_REFUSALS: Final = ("unauthorized_client", "unsupported_grant_type")


@attrs.frozen
class IssuedToken:
    """A newly issued access token.

    Attributes:
        access: The token.
        lifetime_s: Its lifetime, in the server's seconds.
        data_center: The account's data center, if the response names it.
    """

    access: AccessToken
    lifetime_s: float
    data_center: str | None


@attrs.frozen
class TokenFailure:
    """A response without an access token, or no response.

    Attributes:
        reason: The reason to show, without a secret.
        lasting: True if these credentials were refused: only other ones can help.
        counted: True if the accounts server itself has answered, so that no request is in flight.
        wait_s: How long the server says to wait, in its own seconds, or None.
    """

    reason: str
    lasting: bool = False
    counted: bool = False
    wait_s: float | None = None


@attrs.frozen
class TokenGrant:
    """The credentials that access tokens are issued for, and the quota for that.

    Attributes:
        url: The token endpoint.
        host: Its host and port.
        credentials: The credentials.
        quota: The limit on token requests, counted in the same store as requests to Cliq.
        record_name: The name of the shared access token; it does not reveal the credentials.
        cooldown_name: The name of the shared failures. Another secret has another name: it may be
            the right one.
        scale: The factor by which the server's time runs faster.
    """

    url: str
    host: str
    credentials: RefreshToken | ClientCredentials
    quota: Quota
    record_name: str
    cooldown_name: str
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
        """Build the grant of some credentials.

        Args:
            credentials: The credentials.
            accounts_url: The data center's accounts server, unless the credentials name one.
            time_scale: The time scale of the sandbox, if the accounts server is one.
            margin_s: The safety margin before a token of the quota comes back.
            straggler_s: The longest delay of an abandoned request on its way to the server.
        """
        base_url = (credentials.accounts_url or accounts_url).rstrip("/")
        host = normalize_host("accounts_url", base_url)
        scale = 1.0 if is_zoho(host) else time_scale
        match credentials:
            case RefreshToken():
                digest = _digest(credentials.refresh_token)
            case ClientCredentials():
                digest = _digest(credentials.client_id, *credentials.scopes)
        names = (credentials.client_id, digest, host, f"{scale:g}")
        record_name = "encrypted_token " + _digest(*names)
        return cls(
            url=base_url + "/oauth/v2/token",
            host=host,
            credentials=credentials,
            quota=Quota.of(
                ENDPOINT,
                _LIMIT,
                host=host,
                account=digest[:32],
                time_scale=scale,
                margin_s=margin_s,
                straggler_s=straggler_s,
                assume_spent=_ASSUME_SPENT,
            ),
            record_name=record_name,
            cooldown_name=_digest(record_name, *_secrets(credentials)) + " trouble",
            scale=scale,
        )

    def cipher(self) -> TokenCipher:
        """Return the cipher of the shared access token."""
        return TokenCipher(_secrets(self.credentials), self.record_name)

    def request(self) -> Request:
        """Return the request for an access token."""
        return form_request(self.url, _form(self.credentials))

    def redact(self, text: object) -> str:
        """Shorten a text of the server and remove the secrets that it may echo."""
        words = " ".join(str(text).split())
        for secret in _secrets(self.credentials):
            # A short secret may be part of any word.
            edge = "" if len(secret) > _SHORT_SECRET else r"\b"
            words = re.sub(edge + re.escape(secret) + edge, "…", words)
        return words[:_MAX_CHARS]

    def error(self, reason: str) -> AuthError:
        """Return the error for a missing token; it names the server."""
        center = data_center_of(self.url)
        where = self.url if center is None else f"{self.url} (data center {center})"
        return AuthError(f"{where} gave no access token: {reason}")

    def other_data_center(self, issued: IssuedToken, expected: str | None) -> str | None:
        """Return the account's data center if it is not the expected one, else None."""
        if expected is None or is_loopback(self.host) or issued.data_center == expected:
            return None
        return issued.data_center


def form_request(url: str, form: Mapping[str, str]) -> Request:
    """Build a request to an accounts server."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Request("POST", url, headers, urlencode(form).encode(), TIMEOUT_S, _MAX_RESPONSE_BYTES)


def parse_token_response(grant: TokenGrant, response: Response) -> IssuedToken | TokenFailure:
    """Parse any response to a token request. Never raises."""
    status, body = response.status, response.body
    if body is None:
        return TokenFailure(unread_reason(response))
    answer = json_object(body)
    value = answer.get("access_token")
    if status < _SERVER_ERROR and is_token(value):
        center = data_center_of(answer.get("api_domain"))
        return IssuedToken(AccessToken(value), _lifetime_s(answer), center)
    gateway = status == _REQUEST_TIMEOUT or status >= _SERVER_ERROR
    throttle = detect_throttle(status, response.headers, answer)
    return TokenFailure(
        _reason(grant, status, answer),
        lasting=not gateway and throttle is None and _refuses_credentials(answer.get("error")),
        counted=not gateway,
        wait_s=None if throttle is None else throttle.wait_s,
    )


def unread_reason(response: Response) -> str:
    """Return the reason why a response has no body."""
    if response.too_long:
        return f"the response could not be read: {response.problem}"
    return "the response was cut off"


def json_object(body: bytes) -> dict[str, Any]:
    """Return the fields of a response; none if it is not a JSON object."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _refuses_credentials(error: object) -> bool:
    """Return whether an error is about the credentials themselves, so that it will not pass."""
    name = error.strip().lower() if isinstance(error, str) else ""
    return name.startswith("invalid_") or name in _REFUSALS


def _reason(grant: TokenGrant, status: int, answer: dict[str, Any]) -> str:
    error, description = answer.get("error"), answer.get("error_description")
    if not isinstance(error, str) or not error.strip():
        words = " ".join(error_texts(answer)[:1])
        return (
            f"HTTP {status}: {grant.redact(words)}" if words else f"HTTP {status} without a reason"
        )
    reason = grant.redact(error)
    if isinstance(description, str) and description.strip():
        reason += f" ({grant.redact(description)})"
    match error.strip().lower():
        case "invalid_client" | "invalid_client_secret" | "invalid_code":
            what = "refresh token" if error.strip().lower() == "invalid_code" else "client"
            return (
                f"{reason}: this data center does not know the {what}; if the account belongs to "
                f"another one, set data_center= or CLIQ_DATA_CENTER ({', '.join(DATA_CENTERS)})"
            )
        case "access denied" | "access_denied":
            return (
                f"{reason}: Zoho issues 10 access tokens in 10 minutes for one refresh token; "
                "wait ten minutes"
            )
        case _:
            return reason


def _lifetime_s(answer: dict[str, Any]) -> float:
    """Return the lifetime of a token: an hour at most, and by default."""
    for name in ("expires_in_sec", "expires_in"):
        value = answer.get(name)
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            try:
                lifetime_s = float(value)
            except (ValueError, OverflowError):
                continue
            if lifetime_s > 0:
                return min(
                    lifetime_s / 1000 if lifetime_s > _MILLISECONDS else lifetime_s, _LIFETIME_S
                )
    return _LIFETIME_S


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
