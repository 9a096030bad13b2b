"""Find the bots in Cliq by the lock file or by their names, and read them."""

from collections.abc import AsyncIterator, Collection, Container, Iterable
from typing import cast

import attrs

from cliq_async.client import CliqClient
from cliq_async.deploy.actual import ActualBot
from cliq_async.deploy.desired import MENU, DesiredBot
from cliq_async.deploy.errors import DeployError
from cliq_async.deploy.lock import LockEntry, LockFile, bare_id
from cliq_async.errors import NotFoundError
from cliq_async.models.bot import Bot
from cliq_async.models.handler import HANDLER_TYPES, Handler, HandlerType

__all__ = ["find_bots", "find_by_name", "read_handlers", "select_bots"]


async def find_bots(
    client: CliqClient, wanted: Iterable[DesiredBot], lock: LockFile
) -> dict[str, ActualBot]:
    """Find the bots that exist, by their keys. One request each, and a listing for new ones.

    Raises:
        DeployError: Several bots have the name of a new one, or two keys stand for one bot.
        CliqError: A bot cannot be read.
    """
    found: dict[str, ActualBot] = {}
    missing = []
    for bot in wanted:
        actual = await _find_locked(client, lock.entries(bot.key))
        if actual is None:
            missing.append(bot)
        else:
            found[bot.key] = actual
    listed = [each async for each in client.bots.iter()] if missing else []
    for bot in missing:
        same = [each for each in listed if each.name == bot.name]
        if len(same) > 1:
            ids = ", ".join(f"{each.id} ({each.unique_name})" for each in same)
            raise DeployError(
                f"bots.{bot.key}: several bots are called {bot.name!r}: {ids}; rename all but one"
            )
        if same:
            found[bot.key] = ActualBot.of(await client.bots.get(same[0].id))
    owners: dict[str, str] = {}
    for key, actual in found.items():
        if (owner := owners.setdefault(bare_id(actual.bot.id), key)) != key:
            raise DeployError(f"bots.{key} and bots.{owner} are the same bot, {actual.bot.id}")
    return found


async def find_by_name(client: CliqClient, name: str) -> Bot | None:
    """Return the bot with a name; None if there is not exactly one.

    Raises:
        CliqError: The bots cannot be listed.
    """
    same = [each async for each in client.bots.iter() if each.name == name]
    return await client.bots.get(same[0].id) if len(same) == 1 else None


async def select_bots(client: CliqClient, references: Collection[str]) -> AsyncIterator[Bot]:
    """Yield bots by ids, unique names or names; without any, all that people have made.

    Raises:
        DeployError: There is no such bot, or there are several.
        CliqError: The bots cannot be listed.
    """
    listed = [each async for each in client.bots.iter()]
    if not references:
        for bot in listed:
            if not bot.default and bot.type in ("", "custom"):
                yield bot
        return
    for reference in references:
        named = [each for each in listed if reference in (each.unique_name, each.name)]
        same = [each for each in listed if bare_id(each.id) == bare_id(reference)] or named
        if len(same) != 1:
            many = "there is no bot" if not same else "there are several bots"
            raise DeployError(f"{many} called {reference}: see `cliq bots list`")
        yield same[0]


async def read_handlers(
    client: CliqClient, actual: ActualBot, places: Container[int] | None = None
) -> ActualBot:
    """Read the handlers of a bot at some indexes, or all. One request each.

    Raises:
        CliqError: A handler cannot be read.
    """
    handlers = [
        await _read_handler(client, actual.bot.id, each)
        if places is None or index in places
        else each
        for index, each in enumerate(actual.handlers)
    ]
    return attrs.evolve(actual, handlers=tuple(each for each in handlers if each is not None))


async def _find_locked(client: CliqClient, entries: Iterable[LockEntry]) -> ActualBot | None:
    for entry in entries:
        try:
            bot = await client.bots.get(entry.id)
        except NotFoundError:
            continue
        # The ids of a sandbox that starts afresh come again.
        if bot.unique_name == entry.unique_name:
            return ActualBot.of(bot, entry)
    return None


async def _read_handler(client: CliqClient, bot_id: str, known: Handler) -> Handler | None:
    if known.type not in HANDLER_TYPES:
        return known
    try:
        read = await client.handlers.get(
            bot_id,
            cast("HandlerType", known.type),
            handler_id=(known.id or None) if known.type == MENU else None,
        )
    except NotFoundError:
        return None  # deleted since the bot was read
    return attrs.evolve(
        known,
        id=known.id or read.id,
        name=known.name or read.name,
        icon=known.icon or read.icon,
        sub_actions=known.sub_actions or read.sub_actions,
        script=read.script,
        permissions=read.permissions,
    )
