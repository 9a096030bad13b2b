"""OAuth: gives out access tokens as the accounts server does, and knows whose they are.

Nothing here reads a clock: every method takes `now`, in seconds, and `now` never goes back.
"""

import hashlib
import random
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import attrs

from cliq_async.sandbox.refusals import not_authorised

__all__ = ["Tokens", "user_label"]

_LIFE_S: Final = 3600
_WINDOW_S: Final = 600.0
_MOST_IN_WINDOW: Final = 10
_MOST_ALIVE: Final = 15
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

    given: deque[float] = attrs.field(factory=lambda: deque(maxlen=_MOST_IN_WINDOW))
    alive: deque[_Issued] = attrs.field(factory=deque)


class Tokens:
    """All access tokens that were given out.

    Args:
        seed: Decides their texts.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self._rng = random.Random(f"{seed}/tokens")
        self._issued: dict[str, _Issued] = {}
        self._grants: dict[str, _Grant] = {}
        self._used_codes: set[str] = set()

    def user(self, token: str, now: float) -> str | None:
        """The label of a token's user; None if the token was not given out here.

        Raises:
            Refused: It has expired, or newer ones killed it.
        """
        issued = self._issued.get(token)
        if issued is None:
            return None
        if now >= issued.until:
            raise not_authorised()
        return issued.user

    def count(self, user: str | None = None) -> int:
        """How many were given out, to all users or to one."""
        if user is None:
            return len(self._issued)
        return sum(issued.user == user for issued in self._issued.values())

    def answer(self, form: Mapping[str, str], now: float) -> Answer:
        """Answer a request for a token: the HTTP status and the JSON body."""
        grant = form.get("grant_type", "")
        if grant not in _GRANTS:
            return _failed("unsupported_grant_type")
        if any(form.get(name, "") in _INVALID for name in ("client_id", "client_secret")):
            return _failed("invalid_client")
        if grant == "client_credentials":
            return 200, self._issue(user_label(form["client_id"]), _Grant(), now)
        if grant == "refresh_token":
            return self._refresh(form.get("refresh_token", ""), now)
        return self._exchange(form.get("code", ""), now)

    def _refresh(self, refresh_token: str, now: float) -> Answer:
        if refresh_token in _INVALID:
            return _failed("invalid_code")
        grant = self._grants.setdefault(refresh_token, _Grant())
        if len(grant.given) == _MOST_IN_WINDOW and now < grant.given[0] + _WINDOW_S:
            text = "Too many access tokens were asked for with this refresh token."
            return 400, {"error": "Access Denied", "error_description": text, "status": "failure"}
        return 200, self._issue(user_label(refresh_token), grant, now)

    def _exchange(self, code: str, now: float) -> Answer:
        if code in _INVALID or code in self._used_codes:
            return _failed("invalid_code")
        self._used_codes.add(code)
        refresh_token = self._text()
        status, answer = self._refresh(refresh_token, now)
        return status, answer | {"refresh_token": refresh_token}

    def _issue(self, user: str, grant: _Grant, now: float) -> dict[str, Any]:
        while grant.alive and grant.alive[0].until <= now:
            grant.alive.popleft()
        if len(grant.alive) == _MOST_ALIVE:
            grant.alive.popleft().until = now
        issued = _Issued(self._text(), user, now + _LIFE_S)
        self._issued[issued.token] = issued
        grant.given.append(now)
        grant.alive.append(issued)
        return {
            "access_token": issued.token,
            "expires_in": _LIFE_S,
            "api_domain": "https://www.zohoapis.com",
            "token_type": "Bearer",
        }

    def _text(self) -> str:
        return f"1000.{self._rng.getrandbits(128):032x}.{self._rng.getrandbits(128):032x}"


def _failed(error: str) -> Answer:
    return 200, {"error": error}
