"""What became of a subscriber sync."""

from typing import Literal

import attrs

from cliq_async.errors import CliqError

__all__ = ["BotSync", "SyncProgress", "SyncReport"]


@attrs.frozen
class BotSync:
    """What a sync did for one bot. One that was resumed counts from its beginning.

    Attributes:
        bot: The bot, as it was given.
        kind: `full` or `incremental`; None if it did not come to that.
        new: Subscribers who are there now and were not before, those who came back included.
        changed: Those with another name or email address than before.
        left: Those who were there before and are not any more; only a full sync finds them.
        present: How many subscribers the file has now.
        pages: Pages read.
        resumed: Whether it went on with a sync that had been broken off.
        note: Why it is not the kind of sync that was due, or began anew; empty otherwise.
        error: Why it did not come to its end, or None.
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
    """How far a sync is.

    Attributes:
        bots: How many bots there are.
        done: How many of them are done, or failed.
        pages: Pages read.
        subscribers: Subscribers in those pages.
    """

    bots: int
    done: int = 0
    pages: int = 0
    subscribers: int = 0


@attrs.frozen
class SyncReport:
    """What became of a sync.

    Attributes:
        bots: What it did for each bot, in the order in which they were given.
    """

    bots: tuple[BotSync, ...] = ()

    @property
    def errors(self) -> dict[str, CliqError]:
        """The bots that failed, and why."""
        return {each.bot: each.error for each in self.bots if each.error is not None}
