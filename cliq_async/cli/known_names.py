"""The ids and names of bots or functions, kept in the quota store for a week."""

import difflib
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from typing import Final

import msgspec

from cliq_async.cli.settings.connection import ConnectionOptions
from cliq_async.cli.text import clean
from cliq_async.errors import QuotaStoreError
from cliq_async.quota.stores.base import QuotaStore
from cliq_async.quota.stores.deadlines import answer_by
from cliq_async.quota.stores.records import keeps_records
from cliq_async.quota.stores.registry import open_store

__all__ = ["KnownNames", "Names", "closest_name", "with_either"]

_KEPT_S: Final = 7 * 24 * 3600.0
_STORE_S: Final = 2.0
_PREFIX: Final = "b-"
_CLOSE: Final = 0.75


class Names(msgspec.Struct, frozen=True, array_like=True):
    """The names of one thing.

    Attributes:
        id: Its id.
        name: The name that no other one has.
        title: The name that people see.
    """

    id: str
    name: str
    title: str

    def has_id(self, given: str) -> bool:
        """Return whether this is the id, with or without `b-` before it."""
        return self.id.removeprefix(_PREFIX) == given.removeprefix(_PREFIX)


def with_either(entries: Iterable[Names], given: str) -> list[Names]:
    """Return the entries that have this id or name."""
    return [each for each in entries if each.name == given or each.has_id(given)]


def closest_name(entries: Iterable[Names], given: str) -> str | None:
    """Return the name that was probably meant, with its title; None if no name is like it."""
    words = {word.casefold(): each for each in entries for word in (each.title, each.name)}
    found = difflib.get_close_matches(given.casefold(), words, n=1, cutoff=_CLOSE)
    if not found:
        return None
    entry = words[found[0]]
    name = clean(entry.name)
    return name if entry.title == entry.name else f"{name} ({clean(entry.title)})"


class KnownNames:
    """The list that a command's quota store keeps, of one server and one account.

    Args:
        connection: The options of the command, whose client is open.
        noun: The kind of thing.
    """

    def __init__(self, connection: ConnectionOptions, noun: str) -> None:
        self._connection = connection
        self._noun = noun

    async def load(self) -> list[Names]:
        """Return the list; an empty one if none is kept, or the store fails."""
        store = self._store
        if not keeps_records(store):
            return []
        answer = store.get_record(self._record)
        with suppress(QuotaStoreError, msgspec.MsgspecError):
            record = await answer_by(self._store.clock() + _STORE_S, self._store, answer)
            if record is not None:
                return msgspec.json.decode(record.text, type=list[Names])
        return []

    def save(self, entries: list[Names]) -> None:
        """Keep a new list."""
        store, until = self._store, self._store.clock() + _KEPT_S
        if keeps_records(store):
            store.set_record(self._record, msgspec.json.encode(entries).decode(), until=until)

    @cached_property
    def _store(self) -> QuotaStore:
        return open_store(self._connection.options().get("quota"))

    @cached_property
    def _record(self) -> str:
        settings = self._connection.resolve().validated()
        return f"{self._noun}s {settings.root_url} {settings.account}"
