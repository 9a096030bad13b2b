"""base."""

from collections.abc import Mapping
from typing import Final, Protocol

import msgspec

from cliq_async.auth.credentials import (
    AccessToken,
)

__all__ = ["NoAnswerError", "Request", "Response", "SendPermit", "TokenProvider", "Transport"]


CONNECT_S: Final = 10.0
"""How long a connection may take to stand; a token is held meanwhile. Real seconds."""


class Request(msgspec.Struct, frozen=True):  # made for every request: an eighth of attrs' time
    """An HTTP request, ready to be written.

    Attributes:
        method: The HTTP method.
        url: The whole URL, quoted.
        headers: All headers but those that follow from URL and body.
        body: The body; empty for none.
        timeout_s: From now to the last byte of the answer, in real seconds; None for no limit.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    timeout_s: float | None = None

    def __repr__(self) -> str:
        """Without headers and body: there may be secrets in both."""
        return f"Request({self.method!r}, {self.url!r})"


class Response(msgspec.Struct, frozen=True):
    """An HTTP answer.

    Attributes:
        status: The HTTP status.
        headers: The headers, looked up without regard to case.
        body: The whole body, or None where the connection broke after the headers.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | None

    def __repr__(self) -> str:
        """Without the rest: an accounts server's answer is a secret."""
        return f"Response({self.status})"


class NoAnswerError(Exception):
    """No final status came. Whether the request left stands in the permit."""


class SendPermit(Protocol):
    """The right to send one request once: a token of the quota."""

    @property
    def sent(self) -> bool:
        """Whether the request was allowed to leave."""
        ...

    def claim(self) -> bool:
        """Ask just before the first byte is written; True at most once."""
        ...


class Transport(Protocol):
    """What carries requests. Put another one in with `CliqClient(transport=...)`."""

    async def send(self, request: Request, permit: SendPermit) -> Response:
        """Send a request and return its answer, whatever the status.

        Follows no redirect and tries nothing twice. Asks `permit.claim()` just before the
        first byte leaves, and sends nothing if that is False. When it gives up, or is
        cancelled, it sees to it that what it wrote does not arrive later, as far as it can.

        Raises:
            NoAnswerError: No final status came; what went wrong is the cause.
        """
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...


class TokenProvider(Protocol):
    """Where a client's access tokens come from."""

    def current(self) -> AccessToken | None:
        """The access token in use, while it is good for a while. Costs next to nothing."""
        ...

    async def token(self, deadline: float | None = None) -> AccessToken:
        """An access token that is thought to be good.

        Args:
            deadline: When waiting for the right to make one is no longer of use, on the store's
                clock; None to wait for as long as it takes.

        Raises:
            AuthError: There is none to be had.
            QuotaWaitError: No more may be made before the deadline.
            QuotaStoreError: The store failed.
        """
        ...

    def invalidate(self, access: AccessToken) -> bool:
        """Take note that a token was not accepted. True if asking again may give another one."""
        ...

    async def close(self) -> None:
        """Give up what is under way."""
        ...
