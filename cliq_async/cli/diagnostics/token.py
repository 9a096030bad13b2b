"""Whether an access token can be had, and the credentials behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cliq_async.cli.settings.resolution import ResolvedSettings
from cliq_async.quota.stores.registry import lease, open_store
from cliq_async.session import token_provider
from cliq_async.transport.base import TokenProvider, Transport

__all__ = ["authority_of", "have_token"]


@asynccontextmanager
async def authority_of(
    effective: ResolvedSettings, transport: Transport
) -> AsyncIterator[TokenProvider]:
    """Where the access tokens come from, as a client has it; the transport stays open.

    Raises:
        Failure: There are no credentials.
        ValidationError: A setting is out of its range.
    """
    store = open_store(effective.options().get("quota"))
    source = token_provider(effective.checked(), effective.auth(), transport, store)
    async with lease(store):
        try:
            yield source
        finally:
            await source.close()


async def have_token(effective: ResolvedSettings, transport: Transport, max_wait_s: float) -> None:
    """Have an access token made if none is shared that is good.

    Raises:
        AuthError: There is none to be had.
        QuotaWaitError: No more may be made within that time.
        QuotaStoreError: The store failed.
    """
    async with authority_of(effective, transport) as source:
        clock = open_store(effective.options().get("quota")).clock
        await source.token(clock() + max_wait_s)
