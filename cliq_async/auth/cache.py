"""Sharing access tokens by the notes of a store: the token itself, and who makes the next."""

from collections.abc import Callable
from typing import Final
from uuid import uuid4

import attrs

from cliq_async.auth.credentials import AccessToken, is_token
from cliq_async.auth.oauth import TokenGrant
from cliq_async.quota.stores.records import Record, SharedRecords

__all__ = ["CachedToken", "Cooldown", "LocalTokenCache", "SharedTokenCache"]

_CLAIM_S: Final = 20.0
"""How long a process that has died holds up the others. An attempt and its pause are shorter."""
_EARLY_S: Final = 60.0
_SPARE_S: Final = 5.0


@attrs.frozen
class CachedToken:
    """An access token. All moments are readings of the store's clock.

    Attributes:
        access: The token.
        renew_at: From when on another one is to be made.
        good_until: From when on it is of no use: requests must not arrive after its end.
    """

    access: AccessToken
    renew_at: float
    good_until: float

    @classmethod
    def of(
        cls, access: AccessToken, *, until: float, life_s: float, second_s: float
    ) -> "CachedToken":
        """A token that lives until some moment, and `life_s` real seconds in all."""
        early_s = min(_EARLY_S * second_s, life_s / 4)
        return cls(access, until - early_s, until - min(_SPARE_S, early_s / 2))


@attrs.frozen
class Cooldown:
    """The accounts server has not answered as it should.

    Attributes:
        times: How often, one after another.
        reason: What went wrong the last time.
        until: Until when it is left alone, on the store's clock.
    """

    times: int
    reason: str
    until: float


class SharedTokenCache:
    """The shared token, and the claim to the making of the next, for one who needs one."""

    def __init__(self, notes: SharedRecords, grant: TokenGrant, clock: Callable[[], float]) -> None:
        self._notes = notes
        self._name = grant.note
        self._claim_name = grant.note + " claim"
        self._trouble_name = grant.note + " trouble"
        self._second_s = grant.quota.second_s
        self._clock = clock
        self._mark = uuid4().hex
        self._asked = False
        self._refused: Record | None = None
        self._trouble: Record | None = None

    async def load(self, refused: AccessToken | None) -> CachedToken | None:
        """The shared token, if there is one and it is not the refused one."""
        note = await self._notes.get_record(self._name)
        if note is None:
            return None
        life, _, value = note.text.partition(" ")
        try:
            life_s = float(life)
        except ValueError:
            return None
        if not life_s > 0 or not is_token(value):
            return None
        access = AccessToken(value)
        if access == refused:
            self._refused = note
            return None
        return CachedToken.of(access, until=note.until, life_s=life_s, second_s=self._second_s)

    async def claim(self) -> bool:
        """Claim the making of the next token, or prolong the claim; False if somebody else has."""
        self._asked = True
        until = self._clock() + _CLAIM_S
        return await self._notes.add_record(self._claim_name, self._mark, until=until)

    def store(self, access: AccessToken, *, until: float, life_s: float) -> None:
        """Share a token. Never waits."""
        self._notes.set_record(self._name, f"{life_s!r} {access.value}", until=until)

    def evict_rejected(self) -> None:
        """Throw the refused token away for all, if it is the shared one."""
        if self._refused is not None:
            self._notes.delete_record(self._name, self._refused.text)

    async def cooldown(self) -> Cooldown | None:
        """What went wrong last, wherever, unless that is long ago."""
        self._trouble = note = await self._notes.get_record(self._trouble_name)
        if note is None:
            return None
        times, pause, reason = [*note.text.split(" ", 2), "", ""][:3]
        try:
            return Cooldown(int(times), reason, note.until - float(pause))
        except ValueError:
            return None

    def start_cooldown(self, times: int, reason: str, pause_s: float) -> None:
        """Share what went wrong, and for how long to leave the server alone. Never waits."""
        # Known for as long again, so that the next failure is known to be one of several.
        until = self._clock() + 2 * pause_s
        self._notes.set_record(self._trouble_name, f"{times} {pause_s!r} {reason}", until=until)

    def reset_cooldown(self) -> None:
        """Forget what went wrong, for all. Never waits."""
        if self._trouble is not None:
            self._notes.delete_record(self._trouble_name, self._trouble.text)

    def release(self) -> None:
        """Give up the claim, if there is one. Never waits."""
        if self._asked:
            self._notes.delete_record(self._claim_name, self._mark)


class LocalTokenCache:
    """The same where nothing is shared."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._trouble: tuple[Cooldown, float] | None = None

    async def load(self, refused: AccessToken | None) -> CachedToken | None:  # noqa: ARG002
        """No token."""
        return None

    async def claim(self) -> bool:
        """Nobody else makes any."""
        return True

    def store(self, access: AccessToken, *, until: float, life_s: float) -> None:
        """Keep it to oneself."""

    def evict_rejected(self) -> None:
        """There is none."""

    async def cooldown(self) -> Cooldown | None:
        """What went wrong last, unless that is long ago."""
        if self._trouble is None or self._clock() >= self._trouble[1]:
            return None
        return self._trouble[0]

    def start_cooldown(self, times: int, reason: str, pause_s: float) -> None:
        """Take note of what went wrong, and for how long to leave the server alone."""
        now = self._clock()
        self._trouble = Cooldown(times, reason, now + pause_s), now + 2 * pause_s

    def reset_cooldown(self) -> None:
        """Forget what went wrong."""
        self._trouble = None

    def release(self) -> None:
        """There is no claim."""
