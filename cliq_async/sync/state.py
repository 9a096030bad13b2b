"""How far the sync of one bot's subscribers is, and which page comes next. No I/O."""

from typing import Final, Literal, Self

import attrs

__all__ = ["FULL", "INCREMENTAL", "BotState", "ConcurrentSyncError", "Kind"]

Kind = Literal["full", "incremental"]

FULL: Final[Kind] = "full"
INCREMENTAL: Final[Kind] = "incremental"


class ConcurrentSyncError(Exception):
    """Somebody else has written a page of the bot meanwhile."""


@attrs.frozen(kw_only=True)
class BotState:
    """A bot's row: its last finished sync, and the one that is under way or was the last.

    Attributes:
        bot: The bot, as the user names it.
        version: How many pages were ever written. Whoever writes the next one has to know it.
        sync_token: For the next incremental sync; None if only a full one will do.
        synced_at: When the last finished sync began; None before the first one has ended.
        kind: What kind of sync is under way, or was the last.
        began: When that began.
        first: The version that its first page made.
        next_token: Its next page; None before its first one and after its last one.
        new_token: The sync token that it will leave.
        added: How many it found who were not there.
        changed: How many it found with another name or address.
        departed: How many it found to have left.
    """

    bot: str
    version: int = 0
    sync_token: str | None = None
    synced_at: str | None = None
    kind: Kind = FULL
    began: str = ""
    first: int = 1
    next_token: str | None = None
    new_token: str | None = None
    added: int = 0
    changed: int = 0
    departed: int = 0

    @property
    def is_under_way(self) -> bool:
        """Whether pages were written and more are to come."""
        return self.next_token is not None

    @property
    def pages(self) -> int:
        """How many pages of this sync were written."""
        return self.version - self.first + 1

    def planned(self, now: str, *, full: bool) -> Self:
        """The sync to make: the one that was broken off, or a new one.

        Args:
            now: The moment.
            full: Whether nothing less than a full sync will do.
        """
        if self.is_under_way and (self.kind == FULL or not full):
            return self
        return self.begun(FULL if full or self.sync_token is None else INCREMENTAL, now)

    def begun(self, kind: Kind, now: str) -> Self:
        """A sync that begins now."""
        return attrs.evolve(
            self,
            kind=kind,
            began=now,
            first=self.version + 1,
            next_token=None,
            new_token=None,
            added=0,
            changed=0,
            departed=0,
        )

    def query(self) -> dict[str, str | None]:
        """The tokens that ask for the next page."""
        if self.next_token is not None:
            return {"next_token": self.next_token}
        return {"sync_token": self.sync_token if self.kind == INCREMENTAL else None}

    def after(
        self, next_token: str | None, sync_token: str | None, *, added: int, changed: int
    ) -> Self:
        """The state after a page, whose tokens these are.

        The first sync token of a listing is kept: what changes while its pages are read is then
        part of the next sync, and not lost.
        """
        new_token = self.new_token or sync_token or None
        state = attrs.evolve(
            self,
            version=self.version + 1,
            next_token=next_token or None,
            new_token=new_token,
            added=self.added + added,
            changed=self.changed + changed,
        )
        if state.is_under_way:
            return state
        kept = self.sync_token if self.kind == INCREMENTAL else None
        return attrs.evolve(state, sync_token=new_token or kept, synced_at=self.began)
