"""Quota stores by their URLs, each place opened once a process."""

import os
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from cliq_async.clock import Clock, system_clock
from cliq_async.errors import ValidationError
from cliq_async.quota.stores.base import ColdStart, QuotaStore
from cliq_async.quota.stores.memory import MemoryStore

__all__ = ["default_path", "lease", "open_store", "release", "retain"]

_KNOWN: Final = (
    "a store, or sqlite:///path, redis://host:port/db or memory://, with ?cold_start=full or spent"
)

_shared: dict[str, QuotaStore] = {}
_users: Counter[int] = Counter()
_opening = threading.Lock()


def default_path() -> Path:
    """Where the quota is kept if nobody says otherwise: the platform's place for state."""
    from platformdirs import user_state_path  # noqa: PLC0415 - who names a place needs none

    return user_state_path("cliq_async", appauthor=False) / "quota.db"


def open_store(quota: QuotaStore | str | None, clock: Clock | None = None) -> QuotaStore:
    """The store that a client uses.

    Args:
        quota: A store, its URL, or None for the SQLite file at `default_path()`.
        clock: A clock of the caller's own, which gives it a store of its own too: in memory,
            unless a URL says otherwise.

    Raises:
        ValidationError: There is no such store.
    """
    if quota is not None and not isinstance(quota, str):
        return quota
    if not quota and clock is not None:
        return MemoryStore(clock=clock)
    place, make = _parse_url(quota or f"sqlite:///{default_path()}")
    if clock is not None:
        return make(clock)
    with _opening:
        # One a process and place, however it was asked for: two that count apart add up to too
        # much, and two that share a file wait for each other.
        if place not in _shared:
            _shared[place] = make(system_clock)
        return _shared[place]


def _parse_url(url: str) -> tuple[str, Callable[[Clock], QuotaStore]]:
    """A store's place, by which it is shared, and what opens it."""
    scheme, slashes, rest = url.partition("://")
    place, _, query = rest.partition("?")
    options = parse_qs(query, keep_blank_values=True)
    start = options.pop("cold_start", ["full"])[-1]
    if not slashes or start not in {"full", "spent"} or options:
        raise _unknown(scheme)
    cold_start: ColdStart = "spent" if start == "spent" else "full"
    match scheme.lower():
        case "memory" if not place.strip("/"):
            return "memory", lambda clock: MemoryStore(clock=clock, cold_start=cold_start)
        case "sqlite" if place.startswith("/") and place.strip("/"):
            return _sqlite(unquote(place), cold_start)
        case "redis" | "rediss" if place.strip("/"):
            return _redis(f"{scheme}://{place}", cold_start)
    raise _unknown(scheme)


def _sqlite(place: str, cold_start: ColdStart) -> tuple[str, Callable[[Clock], QuotaStore]]:
    from cliq_async.quota.stores.sqlite import SqliteStore  # noqa: PLC0415 - not everybody has one

    # Three slashes stand before an absolute path; on Windows a drive's letter follows.
    name = place[1:] if place[2:3] == ":" or place.startswith("/~") else place
    path = Path(os.path.realpath(Path(name).expanduser()))  # a file has one name
    return f"sqlite {path}", lambda clock: SqliteStore(path, clock=clock, cold_start=cold_start)


def _redis(url: str, cold_start: ColdStart) -> tuple[str, Callable[[Clock], QuotaStore]]:
    try:
        from cliq_async.quota.stores.redis import RedisStore  # noqa: PLC0415 - it comes with an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "redis":
            raise
        what = "a server: `pip install 'cliq-async[redis]'`"
        raise ValidationError("quota", what, "redis://…") from None
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise _unknown("redis") from None
    return url, lambda clock: RedisStore(url, clock=clock, cold_start=cold_start)


def _unknown(scheme: str) -> ValidationError:
    return ValidationError("quota", _KNOWN, f"{scheme[:20]}://…")  # there may be a password


def retain(store: QuotaStore) -> None:
    """Note that a client uses a store."""
    with _opening:
        _users[id(store)] += 1


async def release(store: QuotaStore) -> None:
    """Note that a client uses a store no more; the last one closes it."""
    with _opening:
        _users[id(store)] -= 1
        last = not _users[id(store)]
        if last:
            del _users[id(store)]
    if last:
        await store.close()


@asynccontextmanager
async def lease(store: QuotaStore) -> AsyncIterator[QuotaStore]:
    """Use a store within the body; the last one who does closes it."""
    retain(store)
    try:
        yield store
    finally:
        await release(store)


def _in_child() -> None:
    """After a fork: the parent's clients are not ours, and a lock that it held stays locked."""
    global _opening  # noqa: PLW0603 - a lock cannot be made anew
    _opening = threading.Lock()
    _users.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
