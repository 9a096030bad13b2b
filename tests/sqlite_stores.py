"""SQLite stores on a clock that tests move, and what is done with their tokens."""

from stores import a_quota

from cliq_async.quota.sqlite import SqliteStore


def a_store(path, clock, boot="one", **options):
    return SqliteStore(path, clock=clock, boot=boot, **options)


async def take(store, token, quota=None):
    return await store.take(quota or a_quota(3), token, lease_s=131.0)


async def spend(store, *tokens):
    for token in tokens:
        assert isinstance(await take(store, token), float)


async def snapshot(store, quota=None):
    (found,) = await store.snapshots([quota or a_quota(3)])
    return found
