"""Pages read and followed, the same for every listing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from cliq_async.endpoints import Endpoint
from cliq_async.errors import ApiError
from cliq_async.models.page import Page
from cliq_async.models.serialization import DecodeError, structure_page

__all__ = ["follow", "read_page"]

T = TypeVar("T")

_OK = 200


def read_page(endpoint: Endpoint, data: object, cls: type[T]) -> Page[T]:
    """A listing's answer as a page.

    Raises:
        ApiError: It does not have the documented form.
    """
    try:
        return structure_page(data, cls)
    except DecodeError as error:
        raise ApiError(_OK, None, f"not a page: {error}", endpoint.name) from error


async def follow(
    endpoint: Endpoint, fetch: Callable[[str | None], Awaitable[Page[T]]]
) -> AsyncIterator[T]:
    """Everything from the first page to the one without a next_token.

    Raises:
        ApiError: The server gives a next_token a second time, so the listing would never end.
    """
    token: str | None = None
    seen: set[int] = set()  # hashes, since a long listing has thousands of pages
    while True:
        found = await fetch(token)
        for item in found.data:
            yield item
        token = found.next_token
        if not token:
            return
        if hash(token) in seen:
            raise ApiError(_OK, None, "the listing goes round in a circle", endpoint.name)
        seen.add(hash(token))
