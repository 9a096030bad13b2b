"""Read the bots in Cliq, with as few requests as possible, and plan."""

from collections.abc import Callable, Collection, Mapping

from cliq_async.client import CliqClient
from cliq_async.deploy.actual import ActualBot, match_handler
from cliq_async.deploy.desired import DesiredBot
from cliq_async.deploy.lock import LockFile
from cliq_async.deploy.plan import Plan, plan_bot
from cliq_async.deploy.reader import find_bots, read_handlers

__all__ = ["OnReading", "announce_reading", "estimate_s", "make_plan"]

OnReading = Callable[[Mapping[str, int], float], None]
"""Called before bots or handlers are read, with the requests by endpoint and the seconds."""


async def estimate_s(client: CliqClient, requests: Mapping[str, int]) -> float:
    """Return the shortest time in which the quota allows requests, in real seconds.

    Args:
        client: An open client.
        requests: The number of requests by endpoint.
    """
    times = [await client.estimate_s(name, count) for name, count in requests.items()]
    return max(times, default=0.0)


async def announce_reading(
    client: CliqClient, on_reading: OnReading | None, requests: Mapping[str, int]
) -> None:
    """Call `on_reading` with the time that the quota makes the requests take."""
    if on_reading is not None and any(requests.values()):
        on_reading(requests, await estimate_s(client, requests))


async def make_plan(
    client: CliqClient,
    bots: Collection[DesiredBot],
    lock: LockFile,
    *,
    prune: bool = False,
    on_reading: OnReading | None = None,
) -> Plan:
    """Read the bots, and those of their handlers that have to be compared, and plan.

    Args:
        client: An open client.
        bots: The bots as `cliq.toml` describes them.
        lock: The lock file.
        prune: True to delete handlers that the descriptions do not name.
        on_reading: Called before bots or handlers are read.

    Raises:
        DeployError: A bot cannot be changed into the desired one.
        ValidationError: A new bot lacks a field.
        CliqError: A bot cannot be read.
    """
    await announce_reading(client, on_reading, {"get_bot": len(bots)})
    found = await find_bots(client, bots, lock)
    for bot in bots:  # a bot that cannot be planned costs no further request
        plan_bot(bot, found.get(bot.key), prune=prune)
    needed = {bot.key: _to_compare(bot, found[bot.key]) for bot in bots if bot.key in found}
    await announce_reading(client, on_reading, {"get_handler": sum(map(len, needed.values()))})
    read = {key: await read_handlers(client, found[key], places) for key, places in needed.items()}
    return Plan(tuple(plan_bot(bot, read.get(bot.key), prune=prune) for bot in bots))


def _to_compare(desired: DesiredBot, actual: ActualBot) -> set[int]:
    """Return the indexes of the handlers that match desired ones."""
    handlers = list(actual.handlers)
    matches = (match_handler(each, handlers) for each in desired.handlers)
    return {handlers.index(each) for each in matches if each is not None}
