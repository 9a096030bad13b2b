"""Caches of access tokens: one that processes share through the quota store, and a local one."""

from collections.abc import Callable
from typing import Final
from uuid import uuid4

import attrs

from cliq_async.auth.credentials import AccessToken, is_token
from cliq_async.auth.oauth import TokenGrant
from cliq_async.quota.stores.records import Record, SharedRecords

__all__ = ["CachedToken", "Cooldown", "LocalTokenCache", "SharedTokenCache"]

_LOCK_S: Final = 20.0
"""How long the lock of a dead process blocks the others; longer than a request takes."""
_REMEMBER_S: Final = 600.0
"""How long failures in a row are counted after a cool-down, in server seconds: the quota's window,
so that calls far apart use up no more of it than calls at once."""
_REFRESH_EARLY_S: Final = 60.0
_EXPIRE_EARLY_S: Final = 5.0
_KINDS: Final = {"passing": False, "lasting": True}


@attrs.frozen
class CachedToken:
    """An access token and its times, on the store's clock.

    Attributes:
        access: The token.
        refresh_at: When to refresh it.
        usable_until: When to stop using it, so that no request arrives after it has expired.
    """

    access: AccessToken
    refresh_at: float
    usable_until: float

    @classmethod
    def of(
        cls, access: AccessToken, *, until: float, lifetime_s: float, second_s: float
    ) -> "CachedToken":
        """Build a token that expires at a moment, after a lifetime in real seconds."""
        early_s = min(_REFRESH_EARLY_S * second_s, lifetime_s / 4)
        return cls(access, until - early_s, until - min(_EXPIRE_EARLY_S, early_s / 2))


@attrs.frozen
class Cooldown:
    """A pause after failures, in which the accounts server is not asked.

    Attributes:
        failures: The number of failures in a row.
        reason: The last failure.
        until: The end of the pause, on the store's clock.
        lasting: True if the credentials were refused.
    """

    failures: int
    reason: str
    until: float
    lasting: bool = False


class SharedTokenCache:
    """The access token that processes share, and the lock that lets one of them refresh it."""

    def __init__(
        self, records: SharedRecords, grant: TokenGrant, clock: Callable[[], float]
    ) -> None:
        self._records = records
        self._name = grant.record_name
        self._cipher = grant.cipher()
        # Processes of other versions read records of these names.
        self._lock_name = grant.record_name + " claim"
        self._cooldown_name = grant.cooldown_name
        self._second_s = grant.quota.second_s
        self._clock = clock
        self._owner = uuid4().hex
        self._lock_requested = False
        self._rejected: Record | None = None
        self._cooldown: Record | None = None

    async def load(self, rejected: AccessToken | None) -> CachedToken | None:
        """Return the shared token, or None if it is missing or the rejected one."""
        record = await self._records.get_record(self._name)
        if record is None:
            return None
        lifetime, _, value = (self._cipher.decrypt(record.text) or "").partition(" ")
        try:
            lifetime_s = float(lifetime)
        except ValueError:
            return None
        if not lifetime_s > 0 or not is_token(value):
            return None
        access = AccessToken(value)
        if access == rejected:
            self._rejected = record
            return None
        return CachedToken.of(
            access, until=record.until, lifetime_s=lifetime_s, second_s=self._second_s
        )

    async def acquire_lock(self) -> bool:
        """Acquire or extend the lock for a refresh. Return False if another process holds it."""
        self._lock_requested = True
        until = self._clock() + _LOCK_S
        return await self._records.add_record(self._lock_name, self._owner, until=until)

    def store(self, access: AccessToken, *, until: float, lifetime_s: float) -> None:
        """Share a token, encrypted. Never waits."""
        text = self._cipher.encrypt(f"{lifetime_s!r} {access.value}")
        self._records.set_record(self._name, text, until=until)

    def evict_rejected(self) -> None:
        """Delete the shared token if Cliq has rejected it. Never waits."""
        if self._rejected is not None:
            self._records.delete_record(self._name, self._rejected.text)

    async def load_cooldown(self) -> Cooldown | None:
        """Return the last failure of any process; None if it was long ago."""
        self._cooldown = record = await self._records.get_record(self._cooldown_name)
        if record is None:
            return None
        failures, kind, reason = [*record.text.split(" ", 2), "", ""][:3]
        if not failures.isdecimal() or kind not in _KINDS:
            return None
        until = record.until - _REMEMBER_S * self._second_s
        return Cooldown(int(failures), reason, until, lasting=_KINDS[kind])

    def start_cooldown(self, cooldown: Cooldown) -> None:
        """Record a failure for all processes and start the cool-down. Never waits."""
        kind = "lasting" if cooldown.lasting else "passing"
        text = f"{cooldown.failures} {kind} {cooldown.reason}"
        until = cooldown.until + _REMEMBER_S * self._second_s
        self._records.set_record(self._cooldown_name, text, until=until)

    def reset_cooldown(self) -> None:
        """Clear the failures for all processes. Never waits."""
        if self._cooldown is not None:
            self._records.delete_record(self._cooldown_name, self._cooldown.text)

    def release_lock(self) -> None:
        """Release the lock if this process holds it. Never waits."""
        if self._lock_requested:
            self._records.delete_record(self._lock_name, self._owner)


class LocalTokenCache:
    """The cache of one client, where no store can share the token: it keeps failures only."""

    def __init__(self) -> None:
        self._cooldown: Cooldown | None = None

    async def load(self, rejected: AccessToken | None) -> CachedToken | None:  # noqa: ARG002
        """Return None: the client itself holds its token."""
        return None

    async def acquire_lock(self) -> bool:
        """Return True: no other process refreshes the token."""
        return True

    def store(self, access: AccessToken, *, until: float, lifetime_s: float) -> None:
        """Do nothing: there is no shared cache."""

    def evict_rejected(self) -> None:
        """Do nothing: there is no shared token."""

    async def load_cooldown(self) -> Cooldown | None:
        """Return the last failure."""
        return self._cooldown

    def start_cooldown(self, cooldown: Cooldown) -> None:
        """Record a failure and start the cool-down."""
        self._cooldown = cooldown

    def reset_cooldown(self) -> None:
        """Clear the failures."""
        self._cooldown = None

    def release_lock(self) -> None:
        """Do nothing: there is no lock."""
