"""One page of a listing."""

from typing import Generic, TypeVar

import attrs

from cliq_async.models.base import Model
from cliq_async.models.extra import NO_EXTRA, Unknown

__all__ = ["Page"]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Page(Model, Generic[T]):
    """One page of a listing. Tokens are opaque: pass them back exactly as they came.

    Attributes:
        data: The items, in Cliq's order.
        next_token: Token of the next page; None on the last one.
        sync_token: Token for a later listing of the changes since this one; None if Cliq gave none.
        deleted: The ids of the items deleted since, in a listing by `sync_token`.
        extra: All other fields of the response, unchanged.
    """

    data: tuple[T, ...]
    next_token: str | None = None
    sync_token: str | None = None
    deleted: tuple[str, ...] = ()
    extra: Unknown = attrs.field(default=NO_EXTRA, hash=False)
