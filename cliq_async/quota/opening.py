"""Quota stores by their URLs."""

import threading
from typing import Literal
from urllib.parse import parse_qs

from cliq_async.errors import ValidationError
from cliq_async.quota.memory import MemoryStore
from cliq_async.quota.store import Clock, QuotaStore

__all__ = ["open_store"]

_KNOWN = "a store, or memory:// with ?cold_start=full or spent"

_shared: list[MemoryStore] = []
_opening = threading.Lock()


def open_store(quota: QuotaStore | str | None, clock: Clock | None = None) -> QuotaStore:
    """The store that a client uses.

    Args:
        quota: A store, its URL, or None for `memory://`.
        clock: A clock of the caller's own, which gives it a store of its own too.

    Raises:
        ValidationError: There is no such store.
    """
    if quota is not None and not isinstance(quota, str):
        return quota
    scheme, slashes, rest = (quota or "memory://").partition("://")
    place, _, query = rest.partition("?")
    options = parse_qs(query, keep_blank_values=True)
    start = options.pop("cold_start", ["full"])[-1]
    known = slashes and scheme.lower() == "memory" and start in {"full", "spent"}
    if not known or place.strip("/") or options:
        raise ValidationError("quota", _KNOWN, f"{scheme[:20]}://…")  # there may be a password
    cold_start: Literal["full", "spent"] = "spent" if start == "spent" else "full"
    if clock is not None:
        return MemoryStore(clock=clock, cold_start=cold_start)
    with _opening:
        if not _shared:
            # One per process, however it was asked for: two that count apart add up to too much.
            _shared.append(MemoryStore(cold_start=cold_start))
        return _shared[0]
