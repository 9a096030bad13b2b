"""The seam to the network: requests, answers, permits to send, and access tokens."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Protocol

import msgspec

__all__ = [
    "CONNECT_S",
    "MAX_RESPONSE_BYTES",
    "REFUSAL_BYTES",
    "Access",
    "NoAnswerError",
    "Request",
    "Response",
    "SendPermit",
    "TokenProvider",
    "Transport",
]

CONNECT_S: Final = 10.0
"""How long a connection may take to open. A token is held for that long. Real seconds."""

MAX_RESPONSE_BYTES: Final = 16 * 2**20
"""The longest body of an answer, unpacked, unless the client says otherwise."""

REFUSAL_BYTES: Final = 2**20
"""The longest body of a refusal: an answer with a status from 400."""


# Structs, since one is made for every request: an eighth of the time of a frozen attrs class.
class Request(msgspec.Struct, frozen=True):
    """An HTTP request, ready to be written.

    Attributes:
        method: The HTTP method.
        url: The URL, quoted; the API key is not in it.
        headers: All headers but those that follow from URL and body.
        body: The body; empty for none.
        timeout_s: From now to the last byte of the answer, in real seconds; None for no limit.
        max_response_bytes: The longest body of an answer to read, unpacked; that of a refusal is
            never longer than 1 MiB.
        api_key: A key to send in the query as `zapikey`, or "". It is kept apart from the URL,
            which logs and errors show.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    timeout_s: float | None = None
    max_response_bytes: int = MAX_RESPONSE_BYTES
    api_key: str = ""

    def __repr__(self) -> str:
        """Return method and URL alone: headers and body may hold secrets."""
        return f"Request({self.method!r}, {self.url!r})"


class Response(msgspec.Struct, frozen=True):
    """An HTTP answer.

    Attributes:
        status: The HTTP status.
        headers: The headers, looked up without regard to case.
        body: The whole body, or None if it could not be read after the headers.
        problem: The reason why the body is None, in words.
        too_long: True if the reason is that the body is longer than the request allowed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | None
    problem: str = ""
    too_long: bool = False

    def __repr__(self) -> str:
        """Return the status alone: an accounts server's answer is a secret."""
        return f"Response({self.status})"


class NoAnswerError(Exception):
    """No final status came. The permit says whether the request left."""


class SendPermit(Protocol):
    """The right to send one request once: a token of the quota."""

    @property
    def sent(self) -> bool:
        """True once the request was allowed to leave."""
        ...

    def claim(self) -> bool:
        """Claim the right just before the first byte is written. Returns True at most once."""
        ...


class Transport(Protocol):
    """A carrier of requests. Pass your own as `CliqClient(transport=...)`."""

    async def send(self, request: Request, permit: SendPermit) -> Response:
        """Send a request and return its answer, whatever the status.

        Follows no redirect and repeats nothing. Calls `permit.claim()` just before the first
        byte leaves, and sends nothing if that returns False. When it gives up or is cancelled, it
        resets the connection, so that nothing it wrote arrives later, as far as it can tell.

        Raises:
            NoAnswerError: No final status came; the cause says what went wrong.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class Access(Protocol):
    """An access token or an API key, as far as a request needs it."""

    @property
    def value(self) -> str:
        """The token or the key itself."""
        ...

    in_query: ClassVar[bool]
    """True if it is sent in the query, as a key is, and not in a header."""


class TokenProvider(Protocol):
    """The source of a client's access tokens."""

    def current(self) -> Access | None:
        """Return the access token in use if it is good for a while longer. Cheap."""
        ...

    async def token(self, deadline: float | None = None) -> Access:
        """Return an access token that is believed to be good; issue one if necessary.

        Args:
            deadline: Until when to wait for the right to issue one, or for the end of trouble at
                the accounts server, on the store's clock; None to wait for as long as it takes.

        Raises:
            AuthError: No token could be issued.
            QuotaWaitError: None may be issued before the deadline.
            QuotaStoreError: The store failed.
        """
        ...

    def invalidate(self, access: Any) -> bool:
        """Drop a token that Cliq refused. Returns True if another one may be had."""
        ...

    async def close(self) -> None:
        """Cancel requests for access tokens that are in progress."""
        ...
