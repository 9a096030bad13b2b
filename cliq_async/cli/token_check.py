"""Whether an access token can be had, and the credentials behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cliq_async.auth import Authority, authority
from cliq_async.cli.effective import Effective
from cliq_async.quota.opening import open_store, release, retain
from cliq_async.transport import Transport

__all__ = ["authority_of", "have_token"]


@asynccontextmanager
async def authority_of(effective: Effective, transport: Transport) -> AsyncIterator[Authority]:
    """Where the access tokens come from, as a client has it; the transport stays open.

    Raises:
        Failure: There are no credentials.
        ValidationError: A setting is out of its range.
    """
    settings = effective.checked()
    store = open_store(effective.options().get("quota"))
    source = authority(
        effective.auth(),
        transport,
        store,
        accounts_url=settings.accounts_url,
        data_center=settings.data_center if settings.base_url is None else None,
        time_scale=settings.time_scale,
        margin_s=settings.margin_s,
        straggler_s=settings.straggler_s,
    )
    retain(store)
    try:
        yield source
    finally:
        try:
            await source.close()
        finally:
            await release(store)


async def have_token(effective: Effective, transport: Transport, max_wait_s: float) -> None:
    """Have an access token made if none is shared that is good.

    Raises:
        AuthError: There is none to be had.
        QuotaWaitError: No more may be made within that time.
        QuotaStoreError: The store failed.
    """
    async with authority_of(effective, transport) as source:
        clock = open_store(effective.options().get("quota")).clock
        await source.token(clock() + max_wait_s)
