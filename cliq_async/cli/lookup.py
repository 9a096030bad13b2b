"""Bots and functions by their id or their name, whichever a command is given.

Some endpoints take the id of a bot, others its unique name. A command sends what it was given if
that can fit. Else the bots are listed once, and the list is kept, so that later commands need no
request for it. An old list does no harm: before anything is changed or sent by it, the bot is read,
and must still have both the id and the name; else they are listed again.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from operator import attrgetter
from typing import Any, Final, TypeVar

import attrs

from cliq_async.cli.errors import USAGE, CliError, describe, exit_status_of
from cliq_async.cli.known_names import KnownNames, Names, closest_name, with_either
from cliq_async.cli.settings.connection import ConnectionOptions
from cliq_async.cli.text import clean
from cliq_async.client import CliqClient
from cliq_async.errors import (
    ApiError,
    AuthenticationError,
    CliqError,
    PermissionDeniedError,
)
from cliq_async.models.identifiers import path_segment

__all__ = ["Lookup", "bot_lookup", "function_lookup"]

T = TypeVar("T")

_ID: Final = re.compile(r"(b-)?[0-9]+")
_NOT_FOUND: Final = 404
_DENIED: Final = (PermissionDeniedError, AuthenticationError)


@attrs.frozen
class _Kind:
    """A kind of thing that has an id and a name of its own."""

    noun: str
    field: str
    name: str
    listing: Callable[[CliqClient], AsyncIterator[Any]]
    read: Callable[..., Awaitable[Any]]
    name_of: Callable[[Any], str]


_BOT: Final = _Kind(
    "bot",
    "bot_id",
    "unique name",
    lambda client: client.bots.iter(),
    lambda client, bot_id, **options: client.bots.get(bot_id, **options),
    attrgetter("unique_name"),
)
_FUNCTION: Final = _Kind(
    "function",
    "function_id",
    "name",
    lambda client: client.functions.iter(),
    lambda client, function_id: client.functions.get(function_id),
    attrgetter("name"),
)


@attrs.frozen
class Lookup:
    """Sends the requests of a command for a thing that it was given by its id or its name.

    Args:
        connection: The options of the command.
        kind: The kind of thing.
        max_wait_s: The longest wait for the quota; None for no limit.
    """

    connection: ConnectionOptions
    kind: _Kind
    max_wait_s: float | None

    def read(self, given: str, **options: Any) -> Any:
        """Return the thing.

        Args:
            given: Its id or name.
            **options: Those of the client's method `get`.

        Raises:
            CliError: Nothing has this id or name.
            CliqError: It cannot be read.
        """
        return self._run(lambda finder: finder.read(given, **options))

    def by_id(self, given: str, request: Callable[[CliqClient, str], Awaitable[T]]) -> T:
        """Send a request that takes the id.

        Args:
            given: An id or a name.
            request: Sends the request for an id.

        Raises:
            CliError: Nothing has this id or name.
            CliqError: The request failed.
        """
        return self._run(
            lambda finder: finder.by_id(given, lambda ident: request(finder.client, ident))
        )

    def by_name(self, given: str, request: Callable[[CliqClient, str], Awaitable[T]]) -> T:
        """Send a request that takes the name.

        Args:
            given: An id or a name.
            request: Sends the request for a name.

        Raises:
            CliError: Nothing has this id or name, or two things have it.
            CliqError: The request failed.
        """
        return self._run(
            lambda finder: finder.by_name(given, lambda name: request(finder.client, name))
        )

    def name(self, given: str) -> str:
        """Return the name of what was given, sure enough to message people by it.

        Raises:
            CliError: Nothing has this id, or two things have it as id or name, or it is a title.
            CliqError: It cannot be read.
        """
        if _is_title(given):
            raise self._run(lambda finder: finder.unknown(given))
        return self._run(lambda finder: finder.name(given)) if _is_id(given) else given

    async def explain(self, client: CliqClient, given: str, refusal: object) -> CliError | None:
        """Return an error with the likely name, if a refusal may say that nothing has this one."""
        if not isinstance(refusal, ApiError) or not _is_missing(refusal):
            return None
        return await _Finder(self.connection, client, self.kind).unknown(given, refusal=refusal)

    def _run(self, work: Callable[["_Finder"], Awaitable[T]]) -> T:
        return self.connection.run(
            lambda client: work(_Finder(self.connection, client, self.kind)),
            max_wait_s=self.max_wait_s,
        )


def bot_lookup(connection: ConnectionOptions, max_wait_s: float | None = None) -> Lookup:
    """Return what finds bots by their ids or unique names."""
    return Lookup(connection, _BOT, max_wait_s)


def function_lookup(connection: ConnectionOptions, max_wait_s: float | None = None) -> Lookup:
    """Return what finds functions by their ids or names."""
    return Lookup(connection, _FUNCTION, max_wait_s)


class _Finder:
    """Finds things with an open client, with as few requests as possible."""

    def __init__(self, connection: ConnectionOptions, client: CliqClient, kind: _Kind) -> None:
        self.client = client
        self._kind = kind
        self._known = KnownNames(connection, kind.noun)

    async def read(self, given: str, **options: Any) -> Any:
        """See `Lookup.read`."""
        self._check(given)
        read = self._read if _is_id(given) else self._read_known
        found = await read(given, **options)
        if found is not None:
            return found
        return await self._kind.read(self.client, (await self._named(given)).id, **options)

    async def by_id(self, given: str, request: Callable[[str], Awaitable[T]]) -> T:
        """See `Lookup.by_id`."""
        self._check(given)
        if not _is_id(given):
            known = await self._read_known(given) or await self._named(given)
            return await request(known.id)
        try:
            return await request(given)
        except ApiError as error:
            if not _is_missing(error):
                raise
            return await request((await self._named(given, refusal=error)).id)

    async def by_name(self, given: str, request: Callable[[str], Awaitable[T]]) -> T:
        """See `Lookup.by_name`."""
        if _is_title(given):
            raise await self.unknown(given)
        name = await self.name(given) if _is_id(given) else given
        try:
            return await request(name)
        except ApiError as error:
            if not _is_missing(error):
                raise
            raise await self.unknown(given, refusal=error) from None

    async def name(self, given: str) -> str:
        """See `Lookup.name`."""
        known = with_either(await self._known.load(), given)
        found = await self._read_again(known)
        return await self._current_name(given) if found is None else known[0].name

    async def unknown(self, given: str, *, refusal: ApiError | None = None) -> CliError:
        """Return the error for what nothing has as its id or name, with the likely one."""
        entries: list[Names] = []
        with suppress(CliqError):  # without a wait: it is only for the hint
            entries = await self._list(self.client.with_options(max_wait_s=0))
        if refusal is not None and any(each.name == given for each in entries):
            return CliError(f"{refusal}; the {self._kind.noun} exists, so something else does not")
        if refusal is not None and not entries and not _says_so(refusal):
            return CliError(str(refusal))  # which may have another reason
        return self._no_such(given, entries)

    def _check(self, given: str) -> None:
        if not _is_title(given):
            path_segment(self._kind.field, given)

    async def _read(self, ident: str, **options: Any) -> Any | None:
        try:
            return await self._kind.read(self.client, ident, **options)
        except ApiError as error:
            if not _is_missing(error):
                raise
            return None

    async def _read_known(self, name: str, **options: Any) -> Any | None:
        """Return what has a name by the list that is known, if it has it still."""
        known = [each for each in await self._known.load() if each.name == name]
        return await self._read_again(known, **options)

    async def _read_again(self, known: list[Names], **options: Any) -> Any | None:
        """Read what is known, if it is one thing and still has both its id and its name."""
        if len(known) != 1:
            return None
        found = await self._read(known[0].id, **options)
        same = found is not None and self._kind.name_of(found) == known[0].name
        return found if same else None

    async def _named(self, name: str, *, refusal: ApiError | None = None) -> Names:
        """Return what has a name, from a new list.

        Raises:
            CliError: Nothing has it, or several have it.
        """
        try:
            entries = await self._list()
        except _DENIED as error:
            if refusal is not None:
                raise refusal from None
            raise CliError(
                f"give the id of {name!r}, since it cannot be looked up: {describe(error)}",
                exit_status_of(error),
            ) from None
        found = [each for each in entries if each.name == name]
        if len(found) > 1:
            ids = ", ".join(each.id for each in found)
            raise CliError(f"several {self._kind.noun}s are called {name!r}: {ids}", USAGE)
        if not found:
            raise self._no_such(name, entries)
        return found[0]

    async def _current_name(self, given: str) -> str:
        """Look up the name of what has an id, or digits as its name."""
        try:
            entries = await self._list()
        except _DENIED:
            return given  # perhaps it is a name
        found = with_either(entries, given)
        if not found:
            raise self._no_such(given, entries)
        if len(found) > 1:
            found.sort(key=lambda each: not each.has_id(given))
            clear = (each.name if each.has_id(given) else f"the id {each.id}" for each in found)
            kind = self._kind
            raise CliError(
                f"{given} is the id of one {kind.noun} and the {kind.name} of another one: use "
                + " or ".join(clear),
                USAGE,
            )
        return found[0].name

    def _no_such(self, given: str, entries: Iterable[Names]) -> CliError:
        kind = self._kind
        hint = closest_name(entries, given)
        advice = f"`cliq {kind.noun}s list` shows them" if hint is None else f"did you mean {hint}?"
        return CliError(
            f"there is no {kind.noun} with the id or {kind.name} {clean(given, 60)!r}: {advice}"
        )

    async def _list(self, client: CliqClient | None = None) -> list[Names]:
        kind = self._kind
        entries = [
            Names(each.id, kind.name_of(each), each.name)
            async for each in kind.listing(client or self.client)
        ]
        self._known.save(entries)
        return entries


def _is_id(given: str) -> bool:
    return _ID.fullmatch(given) is not None


def _is_title(given: str) -> bool:
    """Return whether this can only be a title: there are no spaces in ids and unique names."""
    return " " in given.strip()


def _is_missing(error: ApiError) -> bool:
    """Return whether a refusal may say that what the path names does not exist."""
    code = (error.code or "").lower()
    if _says_so(error) or code == "request_url_invalid":
        return True
    return error.status == _NOT_FOUND and not code.endswith("_not_found")


def _says_so(error: ApiError) -> bool:
    return (error.code or "").lower() in {"bot_not_found", "function_not_found"}
