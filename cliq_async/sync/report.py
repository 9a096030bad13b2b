"""Results and progress of a subscriber sync."""

from typing import Literal

import attrs

from cliq_async.errors import CliqError

__all__ = ["BotSync", "SyncProgress", "SyncReport"]


@attrs.frozen
class BotSync:
    """The result of a sync for one bot. A resumed sync counts from its original start.

    Attributes:
        bot: The bot, as given.
        kind: `full` or `incremental`; None if no page was requested.
        new: Subscribers who joined since the last sync, including returning ones.
        changed: Subscribers whose name or email address has changed.
        left: Subscribers who have left; only a full sync detects them.
        present: Number of subscribers in the file now.
        pages: Number of pages read.
        resumed: True if the sync resumed an interrupted one.
        note: The reason if the sync was restarted, or is full where an incremental one was due;
            empty otherwise.
        error: The reason that the sync did not finish, or None.
    """

    bot: str
    kind: Literal["full", "incremental"] | None = None
    new: int = 0
    changed: int = 0
    left: int = 0
    present: int = 0
    pages: int = 0
    resumed: bool = False
    note: str = ""
    error: CliqError | None = attrs.field(default=None, eq=False)


@attrs.frozen
class SyncProgress:
    """Progress of a sync.

    Attributes:
        bots: Number of bots.
        done: Number of bots that are finished or have failed.
        pages: Number of pages read.
        subscribers: Number of subscribers in those pages.
    """

    bots: int
    done: int = 0
    pages: int = 0
    subscribers: int = 0


@attrs.frozen
class SyncReport:
    """The result of a sync.

    Attributes:
        bots: The result for each bot, in the order given.
    """

    bots: tuple[BotSync, ...] = ()

    @property
    def errors(self) -> dict[str, CliqError]:
        """The errors of the bots that failed, by bot."""
        return {each.bot: each.error for each in self.bots if each.error is not None}
