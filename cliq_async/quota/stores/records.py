"""Notes: short texts that all who share a store can read until some moment.

By them, processes share access tokens. One note holds the token; another one, which only one of
them can have, says who is making the next, and ends by itself should that one die. A note that is
lost costs a token more, and nothing else: it is never what the quota rests on.
"""

from typing import Protocol, TypeGuard

import attrs

__all__ = ["Record", "SharedRecords", "keeps_records"]


@attrs.frozen
class Record:
    """A note.

    Attributes:
        text: What it says; it may be a secret.
        until: When it is gone, on the store's clock.
    """

    text: str = attrs.field(repr=False)
    until: float


class SharedRecords(Protocol):
    """What a store does that keeps notes. All moments are readings of its clock.

    What one caller asks for is done in the order in which it asked.
    """

    async def get_record(self, name: str) -> Record | None:
        """The note of a name, or None if there is none, or none any more.

        Raises:
            QuotaStoreError: The store failed.
        """
        ...

    async def add_record(self, name: str, text: str, *, until: float) -> bool:
        """Write a note unless there is one that says something else. True if it is there now.

        Raises:
            QuotaStoreError: The store failed; the note may be there all the same.
        """
        ...

    def set_record(self, name: str, text: str, *, until: float) -> None:
        """Write a note in place of whatever is there. Never waits; tried again if it fails."""
        ...

    def delete_record(self, name: str, text: str) -> None:
        """Remove a note if it says this. Never waits, so that it works in a cancelled task."""
        ...


def keeps_records(store: object) -> TypeGuard[SharedRecords]:
    """Whether a store keeps notes; one of the user's own need not."""
    names = ("get_record", "add_record", "set_record", "delete_record")
    return all(callable(getattr(store, name, None)) for name in names)
