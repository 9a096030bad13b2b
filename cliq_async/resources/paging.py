"""Pagination: reading a page of a listing, following its pages, and detecting a loop."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

from cliq_async.endpoints import Endpoint
from cliq_async.errors import ApiError
from cliq_async.models.deserialization import DecodeError, structure_page
from cliq_async.models.page import Page

__all__ = ["LoopGuard", "follow", "read_page"]

T = TypeVar("T")

_OK: Final = 200
_LOOP: Final = "pagination loop: the server returned the same next_token twice"


def read_page(endpoint: Endpoint, data: object, cls: type[T]) -> Page[T]:
    """Return the page in the response of a listing.

    Raises:
        ApiError: The response does not have the documented form.
    """
    try:
        return structure_page(data, cls)
    except DecodeError as error:
        raise ApiError(_OK, None, f"not a page: {error}", endpoint.name) from error


class LoopGuard:
    """A check that a listing ends: no next_token of it may come twice.

    Args:
        endpoint: The endpoint's name, for the error.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._seen: set[int] = set()  # hashes, since a long listing has thousands of pages

    def check(self, next_token: str | None) -> None:
        """Check the next_token of a page.

        Raises:
            ApiError: An earlier page had the same one, so the listing would never end.
        """
        if not next_token:
            return
        if hash(next_token) in self._seen:
            raise ApiError(_OK, None, _LOOP, self._endpoint)
        self._seen.add(hash(next_token))


async def follow(
    endpoint: Endpoint, fetch: Callable[[str | None], Awaitable[Page[T]]]
) -> AsyncIterator[T]:
    """Yield the items of all pages, up to the page without a next_token.

    Raises:
        ApiError: The server returned the same next_token twice, so the listing would never end.
    """
    token: str | None = None
    guard = LoopGuard(endpoint.name)
    while True:
        page = await fetch(token)
        for item in page.data:
            yield item
        token = page.next_token
        if not token:
            return
        guard.check(token)
