"""The check that an access token can be obtained."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cliq_async.cli.settings.resolution import ResolvedSettings
from cliq_async.quota.stores.registry import lease
from cliq_async.session import token_provider
from cliq_async.transport.base import TokenProvider, Transport

__all__ = ["obtain_token", "open_token_provider"]


@asynccontextmanager
async def open_token_provider(
    resolved: ResolvedSettings, transport: Transport
) -> AsyncIterator[TokenProvider]:
    """Open the token provider of a client; the transport stays open.

    Raises:
        CliError: There are no credentials.
        ValidationError: A setting is out of its range.
    """
    store = resolved.store()
    provider = token_provider(resolved.validated(), resolved.auth(), transport, store)
    async with lease(store):
        try:
            yield provider
        finally:
            await provider.close()


async def obtain_token(resolved: ResolvedSettings, transport: Transport, max_wait_s: float) -> None:
    """Obtain an access token from the cache, or have one issued.

    Raises:
        AuthError: No access token can be obtained.
        QuotaWaitError: No more tokens can be issued within that time.
        QuotaStoreError: The store failed.
    """
    async with open_token_provider(resolved, transport) as provider:
        clock = resolved.store().clock
        await provider.token(clock() + max_wait_s)
