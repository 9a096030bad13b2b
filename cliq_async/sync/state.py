"""State of one bot's sync: its progress and the page to read next. No I/O."""

from typing import Final, Literal, Self

import attrs

__all__ = ["FULL", "INCREMENTAL", "BotState", "ConcurrentSyncError", "Kind"]

Kind = Literal["full", "incremental"]

FULL: Final[Kind] = "full"
INCREMENTAL: Final[Kind] = "incremental"


class ConcurrentSyncError(Exception):
    """Another process has written a page of this bot in the meantime."""


@attrs.frozen(kw_only=True)
class BotState:
    """A bot's row: its last finished sync, and its current or latest one.

    Attributes:
        bot: The bot, as named by the user.
        version: Number of pages ever written. A writer must know it to write the next page.
        sync_token: For the next incremental sync; None if the next one must be full.
        synced_at: Start of the last finished sync; None until the first one has finished.
        kind: Kind of the current or latest sync.
        began: Start of that sync.
        first: The version after its first page.
        next_token: Token of its next page; None before its first page and after its last one.
        new_token: The sync token to store when it has finished.
        added: Number of subscribers it added.
        changed: Number of subscribers whose name or address has changed.
        departed: Number of subscribers who have left.
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
    def in_progress(self) -> bool:
        """True if a page was written and more pages follow."""
        return self.next_token is not None

    @property
    def pages(self) -> int:
        """The number of pages written by this sync."""
        return self.version - self.first + 1

    def plan(self, now: str, *, full: bool) -> Self:
        """Return the sync to run: the interrupted one, or a new one.

        Args:
            now: The current time.
            full: True to require a full sync.
        """
        if self.in_progress and (self.kind == FULL or not full):
            return self
        return self.start(FULL if full or self.sync_token is None else INCREMENTAL, now)

    def start(self, kind: Kind, now: str) -> Self:
        """Return the state of a new sync."""
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
        """Return the query parameters that request the next page."""
        if self.next_token is not None:
            return {"next_token": self.next_token}
        return {"sync_token": self.sync_token if self.kind == INCREMENTAL else None}

    def advance(
        self, next_token: str | None, sync_token: str | None, *, added: int, changed: int
    ) -> Self:
        """Return the state after a page with these tokens.

        The first sync token of a listing is kept, so that changes made while its pages are read
        are part of the next sync.
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
        if state.in_progress:
            return state
        previous_token = self.sync_token if self.kind == INCREMENTAL else None
        return attrs.evolve(state, sync_token=new_token or previous_token, synced_at=self.began)
