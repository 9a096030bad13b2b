"""Lists that are read page by page, or only for what changed, while they change."""

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
    """What the cursors and sync tokens of a catalogue refer to.

    Attributes:
        revision: How many changes there were.
        changed: The revision of each record's last change, by id; none for a first record.
        removed: The revision at which each id was taken away.
    """

    revision: int = 0
    changed: dict[str, int] = attrs.field(factory=dict)
    removed: dict[str, int] = attrs.field(factory=dict)


class PaginatedCollection(Generic[R]):
    """Records by id, in the order of their ids, read page by page while they change.

    A cursor holds the last id that was given out, so records that come or go in between shift
    nothing. It also holds the revision at which the listing began, which becomes the sync token:
    what changed while the pages were read is part of the next sync.

    Args:
        name: What it lists; a cursor of another catalogue is refused.
        records: The first records by id, the ids being strings of digits.
    """

    def __init__(self, name: str, records: Iterable[tuple[str, R]]) -> None:
        self._name = name
        self._records: dict[str, R] = dict(records)
        # Ids of different lengths are ordered as numbers are.
        self._order = sorted((len(key), key) for key in self._records)
        self._changed: dict[str, int] = {}
        self._removed: dict[str, int] = {}
        self._revision = 0

    def __contains__(self, key: object) -> bool:
        return key in self._records

    def __len__(self) -> int:
        return len(self._records)

    def get(self, key: str) -> R | None:
        """The record of this id, if there is one."""
        return self._records.get(key)

    def existing(self, keys: Iterable[str]) -> list[str]:
        """Those of these ids that there are."""
        records = self._records
        return [key for key in keys if key in records]

    def keys(self) -> Iterable[str]:
        """All ids."""
        return self._records.keys()

    def all(self) -> list[R]:
        """All records."""
        return list(self._records.values())

    def put(self, key: str, record: R) -> None:
        """Add a record or replace the one of the same id."""
        if key not in self._records:
            insort(self._order, (len(key), key))
        self._records[key] = record
        self._revision += 1
        self._changed[key] = self._revision
        self._removed.pop(key, None)

    def remove(self, key: str) -> None:
        """Take a record away.

        Raises:
            KeyError: There is none of this id.
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
        """One page, with its tokens.

        Args:
            limit: How many records at most.
            next_token: Where to go on, from the page before.
            sync_token: From an earlier listing: only what changed since then.
            keep: Which records to list; all without it.

        Returns:
            `data` and `sync_token`; `next_token` if there is more; `deleted` in a sync.

        Raises:
            ApiFault: A token is not one of this catalogue's.
        """
        since, revision, last = None, self._revision, ""
        if sync_token is not None:
            since = int(self._decode_token(sync_token, 1)[0])
            if since > self._revision:  # of another run, which had come further
                raise _unknown_token()
        if next_token is not None:
            start, now, last = self._decode_token(next_token, 3)
            since, revision = int(start) if start else None, int(now)
        found: list[str] = []
        for index in range(bisect_right(self._order, (len(last), last)), len(self._order)):
            key = self._order[index][1]
            if since is not None and self._changed.get(key, 0) <= since:
                continue
            if keep is None or keep(self._records[key]):
                found.append(key)
                if len(found) > limit:  # one more than asked for: there is a next page
                    break
        page: dict[str, Any] = {}
        if len(found) > limit:
            found.pop()
            page["next_token"] = self._encode_token(
                "" if since is None else since, revision, found[-1]
            )
        page["sync_token"] = self._encode_token(revision)
        if since is not None:
            page["deleted"] = [key for key, at in self._removed.items() if at > since]
        page["data"] = [self._records[key] for key in found]
        return page

    def revisions(self) -> Revisions:
        """What its tokens refer to, for `restore`."""
        return Revisions(self._revision, dict(self._changed), dict(self._removed))

    def restore(self, revisions: Revisions) -> None:
        """Take up the revisions of an earlier catalogue of the same name and records.

        Raises:
            ValueError: They are not those of its records.
        """
        if not self._records.keys() >= revisions.changed.keys():
            raise ValueError(f"revisions of what is not in {self._name}")
        self._revision = revisions.revision
        self._changed = dict(revisions.changed)
        self._removed = dict(revisions.removed)

    def _encode_token(self, *fields: object) -> str:
        text = "|".join(map(str, (self._name, *fields))).encode()
        return urlsafe_b64encode(b"%08x|%s" % (binascii.crc32(text), text)).decode()

    def _decode_token(self, token: str, fields: int) -> list[str]:
        try:
            sealed = urlsafe_b64decode(token.encode())
        except ValueError:
            sealed = b""
        checksum, _, text = sealed.partition(b"|")
        # The decoder passes over foreign characters: only the very token that was given out counts.
        sound = (
            checksum == b"%08x" % binascii.crc32(text)
            and urlsafe_b64encode(sealed) == token.encode()
        )
        name, *rest = text.decode().split("|") if sound else [""]
        if name != self._name or len(rest) != fields:
            raise _unknown_token()
        return rest


def _unknown_token() -> ApiFault:
    return bad_request("The next_token or sync_token is not valid.")
