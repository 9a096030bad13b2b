"""Records: short texts in a quota store that all processes can read until they expire.

Processes share access tokens by them. One record holds the token, encrypted. Another one is the
claim of the process that is getting the next token; only one process can have it, and it expires if
that process dies. A lost record costs one more request for a token: the quota never rests on it.
"""

from typing import Protocol, TypeGuard

import attrs

__all__ = ["Record", "SharedRecords", "keeps_records"]


@attrs.frozen
class Record:
    """A record.

    Attributes:
        text: The text. Others may read the store, so secrets are encrypted.
        until: The moment at which the record expires, on the store's clock.
    """

    text: str = attrs.field(repr=False)
    until: float


class SharedRecords(Protocol):
    """The part of a store that keeps records. All moments are readings of its clock.

    The operations of one caller on a record are done in their order.
    """

    async def get_record(self, name: str) -> Record | None:
        """Return the record of a name, or None if it is missing or has expired.

        Raises:
            QuotaStoreError: The store failed.
        """
        ...

    async def add_record(self, name: str, text: str, *, until: float) -> bool:
        """Write a record unless one with another text exists. Return whether it was written.

        Raises:
            QuotaStoreError: The store failed; the record may have been written all the same.
        """
        ...

    def set_record(self, name: str, text: str, *, until: float) -> None:
        """Write a record, replacing any other. Never waits; tried again if it fails."""
        ...

    def delete_record(self, name: str, text: str) -> None:
        """Delete a record if it has this text. Never waits, not even in a cancelled task."""
        ...


def keeps_records(store: object) -> TypeGuard[SharedRecords]:
    """Return whether a store keeps records; a user-defined one need not."""
    names = ("get_record", "add_record", "set_record", "delete_record")
    return all(callable(getattr(store, name, None)) for name in names)
