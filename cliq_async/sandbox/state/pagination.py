"""Pagination and incremental sync of collections that change between requests."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

import attrs

from cliq_async.sandbox.errors import ApiFault, bad_request

__all__ = ["PaginatedCollection", "Revisions"]

R = TypeVar("R", bound=Mapping[str, Any])


@attrs.frozen
class Revisions:
    """The revisions that the cursors and sync tokens of a collection refer to.

    Attributes:
        revision: The number of changes so far.
        changed: The revision of each record's last change, by id; unchanged records are absent.
        removed: The revision of each record's removal, by id.
    """

    revision: int = 0
    changed: dict[str, int] = attrs.field(factory=dict)
    removed: dict[str, int] = attrs.field(factory=dict)


class PaginatedCollection(Generic[R]):
    """Records in the order of their ids, with pages and incremental sync.

    A cursor holds the last id returned, so records added or removed between pages do not shift
    the others. It also holds the revision at which the listing began, which becomes the sync
    token: changes made while the pages were read are part of the next sync.

    Args:
        name: The collection's name; a token of another collection is refused.
        records: The initial records by id; ids are strings of digits.
    """

    def __init__(self, name: str, records: Iterable[tuple[str, R]]) -> None:
        self._name = name
        self._records: dict[str, R] = dict(records)
        # Ids of different lengths are ordered like numbers.
        self._order = sorted((len(key), key) for key in self._records)
        self._changed: dict[str, int] = {}
        self._removed: dict[str, int] = {}
        self._revision = 0

    def __contains__(self, key: object) -> bool:
        return key in self._records

    def __len__(self) -> int:
        return len(self._records)

    @property
    def revision(self) -> int:
        """The number of changes so far."""
        return self._revision

    def get(self, key: str) -> R | None:
        """Return the record with this id; None if it does not exist."""
        return self._records.get(key)

    def existing(self, keys: Iterable[str]) -> list[str]:
        """Return those of these ids that exist."""
        records = self._records
        return [key for key in keys if key in records]

    def keys(self) -> Iterable[str]:
        """Return all ids."""
        return self._records.keys()

    def all(self) -> list[R]:
        """Return all records."""
        return list(self._records.values())

    def put(self, key: str, record: R) -> None:
        """Add a record or replace the one with the same id."""
        if key not in self._records:
            insort(self._order, (len(key), key))
        self._records[key] = record
        self._revision += 1
        self._changed[key] = self._revision
        self._removed.pop(key, None)

    def remove(self, key: str) -> None:
        """Remove a record.

        Raises:
            KeyError: No record has the id.
        """
        del self._records[key]
        del self._order[bisect_left(self._order, (len(key), key))]
        self._revision += 1
        self._changed.pop(key, None)
        self._removed[key] = self._revision

    def page(
        self,
        limit: int,
        *,
        next_token: str | None = None,
        sync_token: str | None = None,
        keep: Callable[[R], bool] | None = None,
    ) -> dict[str, Any]:
        """Return one page with its tokens.

        Args:
            limit: The maximum number of records.
            next_token: The cursor from the previous page.
            sync_token: A token from an earlier listing, to list only the changes since then.
            keep: A predicate for the records to list; without it, all are listed.

        Returns:
            `data` and `sync_token`; `next_token` if there are more records; `deleted` in a sync.

        Raises:
            ApiFault: A token does not belong to this collection.
        """
        since, revision, last = None, self._revision, ""
        if sync_token is not None:
            since = int(self._decode_token(sync_token, 1)[0])
            if since > self._revision:  # from another run, with more changes
                raise _unknown_token()
        if next_token is not None:
            start, now, last = self._decode_token(next_token, 3)
            since, revision = int(start) if start else None, int(now)
        ids: list[str] = []
        for index in range(bisect_right(self._order, (len(last), last)), len(self._order)):
            key = self._order[index][1]
            if since is not None and self._changed.get(key, 0) <= since:
                continue
            if keep is None or keep(self._records[key]):
                ids.append(key)
                if len(ids) > limit:  # one above the limit: there is a next page
                    break
        page: dict[str, Any] = {}
        if len(ids) > limit:
            ids.pop()
            page["next_token"] = self._encode_token(
                "" if since is None else since, revision, ids[-1]
            )
        page["sync_token"] = self._encode_token(revision)
        if since is not None:
            page["deleted"] = [key for key, at in self._removed.items() if at > since]
        page["data"] = [self._records[key] for key in ids]
        return page

    def revisions(self) -> Revisions:
        """Return the revisions that issued tokens refer to, for `restore`."""
        return Revisions(self._revision, dict(self._changed), dict(self._removed))

    def restore(self, revisions: Revisions) -> None:
        """Restore the revisions of an earlier collection of the same name and records.

        Raises:
            ValueError: The revisions refer to records that do not exist.
        """
        if not self._records.keys() >= revisions.changed.keys():
            raise ValueError(f"revisions refer to records that are not in {self._name}")
        self._revision = revisions.revision
        self._changed = dict(revisions.changed)
        self._removed = dict(revisions.removed)

    def _encode_token(self, *fields: object) -> str:
        text = "|".join(map(str, (self._name, *fields))).encode()
        return urlsafe_b64encode(b"%08x|%s" % (binascii.crc32(text), text)).decode()

    def _decode_token(self, token: str, fields: int) -> list[str]:
        try:
            decoded = urlsafe_b64decode(token.encode())
        except ValueError:
            decoded = b""
        checksum, _, text = decoded.partition(b"|")
        # The decoder skips invalid characters, so compare with the token that was issued.
        is_valid = (
            checksum == b"%08x" % binascii.crc32(text)
            and urlsafe_b64encode(decoded) == token.encode()
        )
        name, *rest = text.decode().split("|") if is_valid else [""]
        if name != self._name or len(rest) != fields:
            raise _unknown_token()
        return rest


def _unknown_token() -> ApiFault:
    return bad_request("The next_token or sync_token is not valid.")
