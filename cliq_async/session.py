"""What is there while a client is open: built when it opens, let go of when it closes."""

from collections.abc import Callable, Mapping

import attrs

from cliq_async.auth.provider import Auth, make_token_provider
from cliq_async.config import Settings
from cliq_async.hooks import Hooks
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.model import Quota
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.registry import release, retain
from cliq_async.transport.base import TokenProvider, Transport
from cliq_async.transport.executor import RequestExecutor
from cliq_async.transport.negotiation import DialectNegotiator
from cliq_async.transport.pacing import pacers

__all__ = ["Session", "token_provider"]


@attrs.define(kw_only=True)
class Session:
    """Shared by a client and all that `with_options` made of it.

    Attributes:
        settings: Where to, and how long to wait.
        auth: The credentials.
        store: The quota's, kept open with it.
        quotas: The quota of each endpoint, by the endpoint's name.
        connect: Makes a transport.
        hooks: Functions that are told what happens.
        transport: What carries requests; None while it is closed.
        authority: Where access tokens come from; None while it is closed.
        speaker: What makes calls; None while it is closed.
    """

    settings: Settings
    auth: Auth = attrs.field(repr=False)
    store: QuotaStore
    quotas: Mapping[str, Quota]
    connect: Callable[[], Transport]
    hooks: Hooks | None
    transport: Transport | None = None
    authority: TokenProvider | None = None
    speaker: DialectNegotiator | None = None

    def build(self) -> None:
        """Make what calls go through."""
        retain(self.store)
        self.transport = transport = self.connect()
        self.authority = token_provider(self.settings, self.auth, transport, self.store)
        caller = RequestExecutor(
            base_url=self.settings.root_url,
            quotas=self.quotas,
            limiter=Limiter.of(self.store),
            transport=transport,
            authority=self.authority,
            pacers=pacers(self.settings, self.quotas),
            hooks=self.hooks,
        )
        self.speaker = DialectNegotiator(caller, self.store, self.settings.root_url)

    async def close(self) -> None:
        """Let go of it. What is under way is given up."""
        transport, self.transport, self.speaker = self.transport, None, None
        source, self.authority = self.authority, None
        if transport is not None:
            try:
                if source is not None:
                    await source.close()
            finally:
                try:
                    await transport.close()
                finally:
                    await release(self.store)


def token_provider(
    settings: Settings, auth: Auth, transport: Transport, store: QuotaStore
) -> TokenProvider:
    """Make the source of a client's access tokens."""
    return make_token_provider(
        auth,
        transport,
        store,
        accounts_url=settings.accounts_url,
        data_center=settings.data_center if settings.base_url is None else None,
        time_scale=settings.time_scale,
        margin_s=settings.margin_s,
        straggler_s=settings.straggler_s,
    )
