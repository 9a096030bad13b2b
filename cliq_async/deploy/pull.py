"""Take bots over: read all of them, and write them into `cliq.toml`, scripts and the lock file."""

import tomllib
from collections.abc import Collection, Container, Iterable
from pathlib import Path

import attrs

from cliq_async.client import CliqClient
from cliq_async.deploy.actual import ActualBot
from cliq_async.deploy.errors import DeployError
from cliq_async.deploy.export import Export, export_bot
from cliq_async.deploy.lock import LockFile, write_shared
from cliq_async.deploy.planner import OnReading, announce_reading
from cliq_async.deploy.reader import read_handlers, select_bots

__all__ = ["PulledBot", "pull_bots", "write_bots"]


@attrs.frozen
class PulledBot:
    """A bot, and the form in which `cliq.toml` has it."""

    actual: ActualBot
    export: Export

    @property
    def key(self) -> str:
        """The bot's key in `cliq.toml`."""
        return self.actual.bot.unique_name


async def pull_bots(
    client: CliqClient,
    references: Collection[str],
    *,
    described: Container[str] = (),
    on_reading: OnReading | None = None,
) -> list[PulledBot]:
    """Read bots with all their handlers.

    Args:
        client: An open client.
        references: Ids, unique names or names; none for all bots that people have made, and that
            `cliq.toml` does not describe.
        described: The keys that `cliq.toml` has already.
        on_reading: Called before bots or handlers are read.

    Raises:
        DeployError: There is no such bot, or `cliq.toml` describes it already.
        CliqError: A bot cannot be read.
    """
    selected = [each async for each in select_bots(client, references)]
    chosen = [each for each in selected if each.unique_name not in described]
    if references and len(chosen) < len(selected):
        key = next(each.unique_name for each in selected if each not in chosen)
        raise DeployError(
            f"cliq.toml already describes {key}: remove [bots.{key}] first, or see "
            f"`cliq bots plan {key}`"
        )
    await announce_reading(client, on_reading, {"get_bot": len(chosen)})
    found = [ActualBot.of(await client.bots.get(bot.id)) for bot in chosen]
    handlers = sum(len(each.handlers) for each in found)
    await announce_reading(client, on_reading, {"get_handler": handlers})
    read = [await read_handlers(client, each) for each in found]
    return [PulledBot(each, export_bot(each.bot.unique_name, each)) for each in read]


def write_bots(path: Path, lock: LockFile, pulled: Iterable[PulledBot]) -> list[str]:
    """Write bots into `cliq.toml`, below what it has, and return the names of the scripts.

    Writes the scripts first and the lock file last, since each needs those before it.

    Args:
        path: `cliq.toml`, which need not exist.
        lock: The lock file.
        pulled: The bots.

    Raises:
        DeployError: A script's file exists and is another, or `cliq.toml` cannot be extended.
        OSError: A file cannot be written.
    """
    bots = list(pulled)
    files = {name: text.encode() for bot in bots for name, text in bot.export.files.items()}
    for name, script in files.items():
        place = path.parent / name
        if place.exists() and place.read_bytes() != script:
            raise DeployError(f"{place} exists: move it aside first")
    before = path.read_bytes().rstrip() if path.exists() else b""
    added = "\n".join(bot.export.toml for bot in bots).encode()
    after = before + b"\n\n" + added if before else added
    try:
        tomllib.loads(after.decode("utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise DeployError(f"{path}: no tables can be added to it: {error}") from None
    for name, script in files.items():
        place = path.parent / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(script)
    write_shared(path, after)
    for bot in bots:
        lock.put(bot.key, bot.actual.entry)
    return list(files)
