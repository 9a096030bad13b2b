"""The resources an open client holds: created on open, released on close."""

import _thread
import asyncio
from collections.abc import Callable
from typing import Final

import attrs

from cliq_async.auth.provider import Auth, make_token_provider
from cliq_async.config import Settings
from cliq_async.endpoints import Endpoint
from cliq_async.hooks import Hooks
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.model import Quota
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.registry import release, retain
from cliq_async.transport.base import TokenProvider, Transport
from cliq_async.transport.executor import RequestExecutor
from cliq_async.transport.headers import base_headers
from cliq_async.transport.negotiation import DialectNegotiator
from cliq_async.transport.pacing import make_pacers

__all__ = ["Session", "token_provider"]

_NOT_OPEN: Final = (
    "the client is not open: use `async with CliqClient(...) as client`, or `await client.open()`"
)
_OTHER_LOOP: Final = (
    "the client was opened in another event loop: each event loop, and so each `asyncio.run` and "
    "each forked worker, needs a separate client"
)
_GREEN_THREADS: Final = (
    "{} has replaced the threads of this process, and an event loop and the quota need real ones: "
    "use workers that are processes or threads, such as --pool=prefork or --pool=threads of "
    "Celery, or gthread of gunicorn"
)


@attrs.define(kw_only=True)
class Session:
    """Connections and access tokens, shared by a client and all that `with_options` made of it.

    Attributes:
        settings: Where to send, and how long to wait.
        auth: The credentials.
        store: The quota store, kept open while the session is.
        quotas: The quota of each endpoint, by the endpoint's name.
        connect: Makes a transport.
        hooks: The user's callbacks.
        transport: Carries requests; None while the session is closed.
        provider: Gives the access tokens; None while the session is closed.
        executor: Makes calls; None while the session is closed.
        loop: The event loop that it was opened in, and the only one that may use it.
    """

    settings: Settings
    auth: Auth = attrs.field(repr=False)
    store: QuotaStore
    quotas: dict[str, Quota]
    connect: Callable[[], Transport]
    hooks: Hooks | None
    transport: Transport | None = None
    provider: TokenProvider | None = None
    executor: RequestExecutor | None = None
    loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Create what calls go through.

        Raises:
            RuntimeError: The threads of the process are not real ones.
        """
        patched_by = _thread.start_new_thread.__module__.partition(".")[0]
        if patched_by != "_thread":
            raise RuntimeError(_GREEN_THREADS.format(patched_by))
        self.loop = asyncio.get_running_loop()
        retain(self.store)
        self.transport = transport = self.connect()
        self.provider = token_provider(self.settings, self.auth, transport, self.store)
        settings = self.settings
        self.executor = RequestExecutor(
            base_url=settings.root_url,
            quotas=self.quotas,
            limiter=Limiter.of(self.store),
            transport=transport,
            provider=self.provider,
            pacers=make_pacers(self.quotas, pace=settings.pace, max_rate=settings.max_rate),
            negotiator=DialectNegotiator(self.store, settings.root_url),
            hooks=self.hooks,
            max_response_bytes=settings.max_response_bytes,
            headers=base_headers(settings.user_agent, settings.headers),
        )

    def ready(self) -> RequestExecutor:
        """Return what makes calls.

        Raises:
            RuntimeError: The client is not open, or was opened in another event loop.
        """
        if self.executor is None:
            raise RuntimeError(_NOT_OPEN)
        if asyncio._get_running_loop() is not self.loop:  # one that does not raise
            raise RuntimeError(_OTHER_LOOP)
        return self.executor

    def add_endpoint(self, endpoint: Endpoint) -> None:
        """Guard an endpoint that is not in the table by its own limit.

        Raises:
            RuntimeError: As for `ready`.
        """
        executor, settings = self.ready(), self.settings
        quota = settings.quota(endpoint.name, endpoint.limit)
        self.quotas[endpoint.name] = quota
        if endpoint.name not in executor.pacers:
            new = {endpoint.name: quota}
            executor.pacers |= make_pacers(new, pace=settings.pace, max_rate=None)

    async def close(self) -> None:
        """Close the transport and release the store. In-flight requests are aborted.

        Raises:
            RuntimeError: The event loop that the client was opened in is another one, and runs.
        """
        ended = self.loop is not None and self.loop.is_closed()
        if self.loop is not None and not ended and self.loop is not asyncio.get_running_loop():
            raise RuntimeError(_OTHER_LOOP)
        transport, self.transport, self.executor = self.transport, None, None
        provider, self.provider = self.provider, None
        if transport is not None:
            try:
                if provider is not None and not ended:
                    await provider.close()
            finally:
                try:
                    await transport.close()
                finally:
                    await release(self.store)


def token_provider(
    settings: Settings, auth: Auth, transport: Transport, store: QuotaStore
) -> TokenProvider:
    """Create the source of a client's access tokens."""
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
