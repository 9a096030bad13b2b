"""What the benchmarks ask of a client, and what the server has to answer it."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import attrs
from answering import Answer
from installed import version_of


@attrs.frozen
class Client:
    """A client that is open.

    Attributes:
        send: Sends a message.
        page: Gets a page of 50.
    """

    send: Callable[[], Awaitable[object]]
    page: Callable[[], Awaitable[object]]


@attrs.frozen
class Peer:
    """One client.

    Attributes:
        name: Its distribution.
        result: What a send gives.
        pages: What a page is made of.
        send: The request that sends, as the server sees it.
        page: The request that gets a page.
        answers: What is answered to these, and to what it asks for when it is opened.
        opened: Opens it, for a server's URL.
    """

    name: str
    result: str
    pages: str
    send: str
    page: str
    answers: dict[str, Answer]
    opened: Callable[[str], AbstractAsyncContextManager[Client]]

    @property
    def installed(self) -> bool:
        """Whether it can take part."""
        return version_of(self.name) is not None
