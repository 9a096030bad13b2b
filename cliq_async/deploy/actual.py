"""A bot in Cliq, as far as it has been read. Pure; no I/O."""

from collections.abc import Iterable
from typing import Final

import attrs

from cliq_async.deploy.desired import MENU
from cliq_async.deploy.lock import LockEntry
from cliq_async.models.bot import Bot, BotHandler
from cliq_async.models.handler import Handler, NewHandler

__all__ = ["ActualBot", "match_handler"]

_ALIASES: Final = {"alert_handler": "call_handler"}
"""Types by which Cliq also calls a handler."""


@attrs.frozen(kw_only=True)
class ActualBot:
    """A bot in Cliq.

    Attributes:
        bot: The bot.
        entry: Its entry in the lock file.
        adopted: True if it was found by its name, and the lock file has no entry yet.
        handlers: Its handlers. Only those that were read have a script or permissions.
    """

    bot: Bot
    entry: LockEntry
    adopted: bool = False
    handlers: tuple[Handler, ...] = ()

    @classmethod
    def of(cls, bot: Bot, entry: LockEntry | None = None) -> "ActualBot":
        """Return a bot whose handlers have not been read; without an entry, it is adopted."""
        return cls(
            bot=bot,
            entry=entry or LockEntry(id=bot.id, unique_name=bot.unique_name),
            adopted=entry is None,
            handlers=tuple(map(_summarized, bot.handlers)),
        )


def match_handler(handler: NewHandler | Handler, handlers: Iterable[Handler]) -> Handler | None:
    """Return the handler of the same type, for a menu action also of the same name."""
    for each in handlers:
        if each.type == handler.type and (each.type != MENU or each.name == handler.name):
            return each
    return None


def _summarized(handler: BotHandler) -> Handler:
    return Handler(
        type=_ALIASES.get(handler.type, handler.type),
        id=handler.id,
        name=handler.name,
        icon=handler.icon,
        sub_actions=handler.sub_actions,
    )
