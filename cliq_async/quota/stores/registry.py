"""Quota stores by their URLs, each place opened once per process."""

import os
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from cliq_async.clock import Clock, system_clock
from cliq_async.errors import QuotaStoreError, ValidationError
from cliq_async.quota.stores.base import ColdStart, QuotaStore
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.storage.redis import REDIS_SCHEMES, RedisAddress
from cliq_async.storage.user_folders import expand_home, state_folder

__all__ = ["default_path", "lease", "open_store", "release", "retain"]

_KNOWN: Final = (
    "a store, or sqlite:///path, redis://host:port/db or memory://, with ?cold_start=full or spent"
)
_NO_HOME: Final = (
    "there is no place for the quota file: this user has no home folder; name one with quota= "
    "or CLIQ_QUOTA, such as sqlite:///var/lib/app/quota.db, or set HOME or XDG_STATE_HOME"
)

_shared: dict[Hashable, QuotaStore] = {}
_users: Counter[int] = Counter()
_opening = threading.Lock()


def default_path() -> Path:
    """Return the default place of the quota's file, in the platform's directory for state.

    Raises:
        QuotaStoreError: This user has no home, and so no such place.
    """
    folder = state_folder()
    if folder is None:
        raise QuotaStoreError(_NO_HOME)
    return folder / "quota.db"


def open_store(quota: QuotaStore | str | None, clock: Clock | None = None) -> QuotaStore:
    """Return the store that a client uses.

    Args:
        quota: A store, its URL, or None for the SQLite file at `default_path()`.
        clock: The caller's clock, with which no other client shares the store: one in memory,
            unless a URL says otherwise.

    Raises:
        ValidationError: The URL does not name a store.
        QuotaStoreError: The URL, or the default, needs a home folder that does not exist.
    """
    if quota is not None and not isinstance(quota, str):
        return quota
    if not quota and clock is not None:
        return MemoryStore(clock=clock)
    place, make = _parse_url(quota or f"sqlite:///{default_path()}")
    if clock is not None:
        return make(clock)
    with _opening:
        # One per process and place, whatever the URL: two that count separately add up to too
        # much, and two that share a file wait for each other.
        if place not in _shared:
            _shared[place] = make(system_clock)
        return _shared[place]


def _parse_url(url: str) -> tuple[Hashable, Callable[[Clock], QuotaStore]]:
    """Return a store's place, by which it is shared, and a function that opens it."""
    scheme, slashes, rest = url.partition("://")
    place, _, query = rest.partition("?")
    options = [part for part in query.split("&") if part]
    starts = [part for part in options if part.startswith("cold_start=")]
    start = starts[-1].removeprefix("cold_start=") if starts else "full"
    if not slashes or start not in {"full", "spent"}:
        raise _unknown(scheme)
    cold_start: ColdStart = "spent" if start == "spent" else "full"
    if scheme.lower() in REDIS_SCHEMES:
        others = "&".join(part for part in options if part not in starts)
        return _redis(f"{scheme}://{place}" + (f"?{others}" if others else ""), cold_start)
    if len(options) > len(starts):
        raise _unknown(scheme)
    match scheme.lower():
        case "memory" if not place.strip("/"):
            return "memory", lambda clock: MemoryStore(clock=clock, cold_start=cold_start)
        case "sqlite" if place.startswith("/") and place.strip("/"):
            return _sqlite(unquote(place), cold_start)
    raise _unknown(scheme)


def _sqlite(place: str, cold_start: ColdStart) -> tuple[str, Callable[[Clock], QuotaStore]]:
    from cliq_async.quota.stores.sqlite import SqliteStore  # noqa: PLC0415 - not every program has one

    # Three slashes stand before an absolute path; on Windows a drive's letter follows.
    name = place[1:] if place[2:3] == ":" or place.startswith("/~") else place
    expanded = expand_home(name)
    if expanded is None:
        user = name.partition("/")[0]
        raise QuotaStoreError(
            f"{user} in sqlite:///{name} has no home folder; name an absolute path"
        )
    path = Path(os.path.realpath(expanded))  # a file has one name
    return f"sqlite {path}", lambda clock: SqliteStore(path, clock=clock, cold_start=cold_start)


def _redis(url: str, cold_start: ColdStart) -> tuple[Hashable, Callable[[Clock], QuotaStore]]:
    try:
        from cliq_async.quota.stores.redis import RedisStore  # noqa: PLC0415 - it comes with an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "redis":
            raise
        what = "a server: `pip install 'cliq-async[redis]'`"
        raise ValidationError("quota", what, "redis://…") from None
    scheme = url.partition("://")[0]
    try:
        address = RedisAddress.parse(url)
    except ValueError as error:
        raise ValidationError("quota", f"a server's URL, but {error}", f"{scheme}://…") from None
    return address, lambda clock: RedisStore(address, clock=clock, cold_start=cold_start)


def _unknown(scheme: str) -> ValidationError:
    return ValidationError("quota", _KNOWN, f"{scheme[:20]}://…")  # there may be a password


def retain(store: QuotaStore) -> None:
    """Count a client that uses a store."""
    with _opening:
        _users[id(store)] += 1


async def release(store: QuotaStore) -> None:
    """Discount a client that no longer uses a store; the last one closes it."""
    with _opening:
        _users[id(store)] -= 1
        last = not _users[id(store)]
        if last:
            del _users[id(store)]
    if last:
        await store.close()


@asynccontextmanager
async def lease(store: QuotaStore) -> AsyncIterator[QuotaStore]:
    """Use a store within the body; the last user closes it."""
    retain(store)
    try:
        yield store
    finally:
        await release(store)


def _in_child() -> None:
    """Forget the parent's clients after a fork; a lock that the parent held stays locked."""
    global _opening  # noqa: PLW0603 - a lock cannot be reset
    _opening = threading.Lock()
    _users.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
