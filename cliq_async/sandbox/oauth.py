"""OAuth: issue and revoke access tokens, with the limits of Zoho's accounts server.

Nothing here reads a clock: every method takes `now`, in seconds, which must never decrease.
"""

import hashlib
import random
from collections import deque
from collections.abc import Collection, Mapping
from typing import Any, Final

import attrs

__all__ = ["Tokens", "denied", "user_label"]

_WINDOW_S: Final = 600.0
_MAX_PER_WINDOW: Final = 10
_MAX_ACTIVE: Final = 15
_INVALID: Final = ("", "invalid")
_GRANTS: Final = ("refresh_token", "authorization_code", "client_credentials")

Answer = tuple[int, dict[str, Any]]


def user_label(token: str) -> str:
    """Return the name of a token's user in reports, which does not reveal the token."""
    return "user-" + hashlib.sha256(token.encode()).hexdigest()[:8]


@attrs.define(eq=False)
class _Issued:
    """An access token, its user, and the time it expires or was ended."""

    token: str
    user: str
    until: float


@attrs.define(eq=False)
class _Grant:
    """The tokens issued for a refresh token: recent times of issue, and those still active."""

    issued_at: deque[float] = attrs.field(factory=lambda: deque(maxlen=_MAX_PER_WINDOW))
    active: deque[_Issued] = attrs.field(factory=deque)


class Tokens:
    """The issuer of access tokens.

    Args:
        seed: The seed of the token texts.
        life_s: The lifetime of a token in seconds.
        scopes: The scopes of all tokens, which the responses name; None for all scopes.

    Attributes:
        requests: The number of token requests.
    """

    def __init__(
        self, *, seed: int = 0, life_s: float = 3600, scopes: Collection[str] | None = None
    ) -> None:
        self.requests = 0
        self._scope = {} if scopes is None else {"scope": " ".join(sorted(scopes))}
        self._life_s = life_s
        self._rng = random.Random(f"{seed}/tokens")
        self._issued: dict[str, _Issued] = {}
        self._grants: dict[str, _Grant] = {}
        self._used_codes: set[str] = set()
        self._revoked: set[str] = set()

    def user_of(self, token: str) -> str | None:
        """Return the label of a token's user; None if this issuer did not issue the token."""
        issued = self._issued.get(token)
        return None if issued is None else issued.user

    def has_ended(self, token: str, now: float) -> bool:
        """Return whether an issued token has expired, was revoked, or was ended by newer ones."""
        issued = self._issued.get(token)
        return issued is not None and now >= issued.until

    def revoke(self, now: float, user: str | None = None) -> int:
        """Revoke the active tokens of all users or of one and return their number."""
        ended = [
            each
            for each in self._issued.values()
            if each.until > now and (user is None or each.user == user)
        ]
        for each in ended:
            each.until = now
        return len(ended)

    def revoke_refresh_token(self, refresh_token: str, now: float) -> Answer:
        """Revoke a refresh token and its access tokens."""
        if refresh_token in _INVALID or refresh_token in self._revoked:
            return 400, {"error": "invalid_code"}
        self._revoked.add(refresh_token)
        self.revoke(now, user_label(refresh_token))
        return 200, {"status": "success"}

    def count(self, user: str | None = None) -> int:
        """Return the number of tokens issued to all users or to one."""
        if user is None:
            return len(self._issued)
        return sum(issued.user == user for issued in self._issued.values())

    def answer(self, form: Mapping[str, str], now: float) -> Answer:
        """Return the HTTP status and the JSON body for a token request."""
        grant = form.get("grant_type", "")
        if grant not in _GRANTS:
            return _error("unsupported_grant_type")
        if any(form.get(name, "") in _INVALID for name in ("client_id", "client_secret")):
            return _error("invalid_client")
        if grant == "client_credentials":
            return 200, self._issue(user_label(form["client_id"]), _Grant(), now)
        if grant == "refresh_token":
            return self._refresh(form.get("refresh_token", ""), now)
        return self._exchange(form.get("code", ""), now)

    def _refresh(self, refresh_token: str, now: float) -> Answer:
        if refresh_token in _INVALID or refresh_token in self._revoked:
            return _error("invalid_code")
        grant = self._grants.setdefault(refresh_token, _Grant())
        if len(grant.issued_at) == _MAX_PER_WINDOW and now < grant.issued_at[0] + _WINDOW_S:
            return denied(400)
        return 200, self._issue(user_label(refresh_token), grant, now)

    def _exchange(self, code: str, now: float) -> Answer:
        if code in _INVALID or code in self._used_codes:
            return _error("invalid_code")
        self._used_codes.add(code)
        refresh_token = self._random_token()
        status, answer = self._refresh(refresh_token, now)
        return status, answer | {"refresh_token": refresh_token}

    def _issue(self, user: str, grant: _Grant, now: float) -> dict[str, Any]:
        while grant.active and grant.active[0].until <= now:
            grant.active.popleft()
        if len(grant.active) == _MAX_ACTIVE:
            grant.active.popleft().until = now
        issued = _Issued(self._random_token(), user, now + self._life_s)
        self._issued[issued.token] = issued
        grant.issued_at.append(now)
        grant.active.append(issued)
        return {
            "access_token": issued.token,
            "expires_in": self._life_s,
            "api_domain": "https://www.zohoapis.com",
            "token_type": "Bearer",
        } | self._scope

    def _random_token(self) -> str:
        return f"1000.{self._rng.getrandbits(128):032x}.{self._rng.getrandbits(128):032x}"


def denied(status: int) -> Answer:
    """Return the response to more token requests than a refresh token allows."""
    text = "Too many access tokens were asked for with this refresh token."
    return status, {"error": "Access Denied", "error_description": text, "status": "failure"}


def _error(error: str) -> Answer:
    return 200, {"error": error}
