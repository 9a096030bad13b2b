"""Pagination, the same for every listing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

from cliq_async.endpoints import Endpoint
from cliq_async.errors import ApiError
from cliq_async.models.page import Page
from cliq_async.models.serialization import DecodeError, structure_page

__all__ = ["follow", "read_page"]

T = TypeVar("T")

_OK: Final = 200
_LOOP: Final = "pagination loop: the server returned the same next_token twice"


def read_page(endpoint: Endpoint, data: object, cls: type[T]) -> Page[T]:
    """Decode a listing's answer as a page.

    Raises:
        ApiError: The answer does not have the documented form.
    """
    try:
        return structure_page(data, cls)
    except DecodeError as error:
        raise ApiError(_OK, None, f"not a page: {error}", endpoint.name) from error


async def follow(
    endpoint: Endpoint, fetch: Callable[[str | None], Awaitable[Page[T]]]
) -> AsyncIterator[T]:
    """Yield all items, from the first page to the one without a next_token.

    Raises:
        ApiError: The server returned a next_token twice, so the listing would never end.
    """
    token: str | None = None
    seen: set[int] = set()  # hashes, since a long listing has thousands of pages
    while True:
        page = await fetch(token)
        for item in page.data:
            yield item
        token = page.next_token
        if not token:
            return
        if hash(token) in seen:
            raise ApiError(_OK, None, _LOOP, endpoint.name)
        seen.add(hash(token))
