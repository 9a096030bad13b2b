"""The executor of a client's calls: what they share, and the loop over their attempts.

The only way to the network. `PendingCall` is one call, in two steps that alternate until it is
answered for good:

    acquire()   wait for an access token and for a token of the endpoint's quota
    send()      send once, end the token by what happened, decide what to do next

The steps are apart so that a bulk job can mark a batch between them: the token is in hand, and
nothing has left. `retry` decides what to do after an attempt, `negotiation` which form the server
takes; both are pure.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cliq_async.hooks import Hooks
from cliq_async.quota.limiter import Limiter
from cliq_async.quota.model import Quota
from cliq_async.transport.base import MAX_RESPONSE_BYTES, TokenProvider, Transport
from cliq_async.transport.headers import base_headers
from cliq_async.transport.instrumentation import Instrumentation
from cliq_async.transport.negotiation import DialectNegotiator
from cliq_async.transport.pending_call import CallOptions, PendingCall
from cliq_async.transport.protocol import ApiCall

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

__all__ = ["RequestExecutor"]


class RequestExecutor:
    """Sends calls for one client.

    Args:
        base_url: Scheme, host and network, without a slash at the end.
        quotas: The quota of each endpoint, by the endpoint's name.
        limiter: Hands out the tokens.
        transport: Carries the requests.
        provider: Gives the access tokens.
        pacers: Spread the requests; see `pacing`.
        negotiator: Knows which form the server takes; None for the documented one.
        hooks: Called with what happens.
        max_response_bytes: The longest body of an answer to read.
        headers: The headers that all requests have in common; see `base_headers`.
    """

    def __init__(
        self,
        *,
        base_url: str,
        quotas: Mapping[str, Quota],
        limiter: Limiter,
        transport: Transport,
        provider: TokenProvider,
        pacers: "dict[str, AsyncLimiter]",
        negotiator: DialectNegotiator | None = None,
        hooks: Hooks | None = None,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.base_url = base_url
        self.max_response_bytes = max_response_bytes
        self.headers = base_headers() if headers is None else headers
        self.quotas = quotas
        self.limiter = limiter
        self.clock = limiter.store.clock
        self.transport = transport
        self.provider = provider
        self.pacers = pacers
        self.negotiator = negotiator
        self.instrumentation = Instrumentation(hooks, self.clock)
        self.wait_listener = self.instrumentation.wait_listener()

    async def execute(self, call: ApiCall, options: CallOptions) -> object:
        """Send a call until it is answered for good.

        Returns:
            The decoded JSON of a 2xx, or None if it had none that could be read.

        Raises:
            ApiError: Cliq refused it.
            QuotaWaitError: The quota leaves no room within `max_wait_s`; nothing was sent.
            AuthError: There is no access token; nothing was sent.
            OutcomeUnknownError: It may or may not have happened.
            TransportError: No answer, and nothing changed.
            QuotaStoreError: The quota store failed; nothing was sent.
        """
        pending = PendingCall(self, call, options)
        error: BaseException | None = None
        try:  # not `with`: this is the hot path
            while not pending.answered:
                await pending.acquire()
                await pending.send()
        except BaseException as raised:
            error = raised
            raise
        finally:
            pending.close(error)
        return pending.data

    def begin(self, call: ApiCall, options: CallOptions) -> "PendingCall":
        """Return a call to be made step by step; use it as a context manager."""
        return PendingCall(self, call, options)
