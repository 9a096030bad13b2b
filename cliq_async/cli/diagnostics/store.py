"""Checks of the quota store, and of locks by Cliq."""

import uuid
from collections.abc import AsyncIterator
from typing import Final

from cliq_async.cli.diagnostics.result import OK, WRONG, Check
from cliq_async.cli.errors import describe
from cliq_async.cli.settings.resolution import ResolvedSettings
from cliq_async.cli.text import clean, moment
from cliq_async.errors import CliqError, QuotaStoreError
from cliq_async.quota.model import Snapshot
from cliq_async.quota.status import QuotaStatus
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.memory import MemoryStore
from cliq_async.quota.stores.records import keeps_records
from cliq_async.quota.stores.registry import lease

__all__ = ["store_checks"]

_RECORD_S: Final = 5.0
_SHARE: Final = (
    "wait; and have every program that acts as this Cliq user share this quota, under this "
    "account's name"
)


async def store_checks(resolved: ResolvedSettings) -> AsyncIterator[Check]:
    """Check that the store can be read and written, and look for locks."""
    try:
        store = resolved.store()
    except CliqError as error:
        yield Check("quota store", WRONG, describe(error))
        return
    settings = resolved.validated()
    quotas = list(settings.quotas().values())
    try:
        async with lease(store):
            snapshots = await store.snapshots(quotas)
            await _write_record(store)
    except QuotaStoreError as error:
        advice = "see 'When a store fails' in docs/quota.md"
        yield Check("quota store", WRONG, describe(error), advice)
        return
    yield _check_store(store)
    found = dict(zip([quota.endpoint for quota in quotas], snapshots, strict=True))
    yield _check_locks(found, store, settings.account)


async def _write_record(store: QuotaStore) -> None:
    until = store.clock() + _RECORD_S
    if keeps_records(store):
        name = f"doctor {uuid.uuid4().hex}"
        await store.add_record(name, "written", until=until)
        store.delete_record(name, "written")


def _check_store(store: QuotaStore) -> Check:
    name = "quota store"
    if isinstance(store, MemoryStore):
        problem = "memory:// is not shared: each command starts with a full quota, so Cliq can lock"
        return Check(name, WRONG, problem, "name a file or a server with --quota or CLIQ_QUOTA")
    path = getattr(store, "path", None)
    where = "the Redis server" if path is None else clean(path)
    return Check(name, OK, f"{where} can be read and written")


def _check_locks(snapshots: dict[str, Snapshot], store: QuotaStore, account: str) -> Check:
    statuses = {
        name: QuotaStatus.of(snapshot, snapshot.waiting, store.clock)
        for name, snapshot in snapshots.items()
    }
    locked = [
        f"{name} until {moment(status.locked_until)}"
        for name, status in statuses.items()
        if status.locked_until is not None
    ]
    if locked:
        return Check("locks", WRONG, f"Cliq has locked {', '.join(locked)}", _SHARE)
    return Check("locks", OK, f"no endpoint of account {clean(account)} is locked")
