"""OAuth: gives out access tokens as the accounts server does, and knows whose they are.

Nothing here reads a clock: every method takes `now`, in seconds, and `now` never goes back.
"""

import hashlib
import random
from collections import deque
from collections.abc import Mapping
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
    """The name of a token's user in reports, which does not give the token away."""
    return "user-" + hashlib.sha256(token.encode()).hexdigest()[:8]


@attrs.define(eq=False)
class _Issued:
    """An access token: its text, its user, when it expires or was killed."""

    token: str
    user: str
    until: float


@attrs.define(eq=False)
class _Grant:
    """What access tokens are given for: when the last ones were given, and which may be alive."""

    issued_at: deque[float] = attrs.field(factory=lambda: deque(maxlen=_MAX_PER_WINDOW))
    active: deque[_Issued] = attrs.field(factory=deque)


class Tokens:
    """All access tokens that were given out.

    Args:
        seed: Decides their texts.
        life_s: How long each of them lives.

    Attributes:
        requests: How many requests for tokens there were.
    """

    def __init__(self, *, seed: int = 0, life_s: float = 3600) -> None:
        self.requests = 0
        self._life_s = life_s
        self._rng = random.Random(f"{seed}/tokens")
        self._issued: dict[str, _Issued] = {}
        self._grants: dict[str, _Grant] = {}
        self._used_codes: set[str] = set()
        self._revoked: set[str] = set()

    def user_of(self, token: str) -> str | None:
        """The label of a token's user; None if the token was not given out here."""
        issued = self._issued.get(token)
        return None if issued is None else issued.user

    def has_ended(self, token: str, now: float) -> bool:
        """Whether a token that was given out has expired, was revoked, or newer ones ended it."""
        issued = self._issued.get(token)
        return issued is not None and now >= issued.until

    def revoke(self, now: float, user: str | None = None) -> int:
        """End the tokens that are alive, of all users or of one; returns how many there were."""
        ended = [
            each
            for each in self._issued.values()
            if each.until > now and (user is None or each.user == user)
        ]
        for each in ended:
            each.until = now
        return len(ended)

    def revoke_refresh_token(self, refresh_token: str, now: float) -> Answer:
        """End a refresh token, and the access tokens that it gave."""
        if refresh_token in _INVALID or refresh_token in self._revoked:
            return 400, {"error": "invalid_code"}
        self._revoked.add(refresh_token)
        self.revoke(now, user_label(refresh_token))
        return 200, {"status": "success"}

    def count(self, user: str | None = None) -> int:
        """How many were given out, to all users or to one."""
        if user is None:
            return len(self._issued)
        return sum(issued.user == user for issued in self._issued.values())

    def answer(self, form: Mapping[str, str], now: float) -> Answer:
        """Answer a request for a token: the HTTP status and the JSON body."""
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
        }

    def _random_token(self) -> str:
        return f"1000.{self._rng.getrandbits(128):032x}.{self._rng.getrandbits(128):032x}"


def denied(status: int) -> Answer:
    """How more tokens than a refresh token gives are refused."""
    text = "Too many access tokens were asked for with this refresh token."
    return status, {"error": "Access Denied", "error_description": text, "status": "failure"}


def _error(error: str) -> Answer:
    return 200, {"error": error}
